"""Lint of a bundle: the operators of its files where they can be read, and what its manifest tells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from rapsam.errors import BundleError, InputError, UnavailableError
from rapsam.export.backends import BACKENDS
from rapsam.export.backends.base import Accelerator
from rapsam.export.backends.catalogue import RECIPES, find_target
from rapsam.export.backends.delegation import FallbackOp
from rapsam.export.backends.file_graph import FileGraph, ReadsGraphs
from rapsam.export.bundle.manifest import GraphEntry, Manifest
from rapsam.export.bundle.private_copy import private_graph
from rapsam.export.bundle.seal import verify_bundle
from rapsam.export.devices import Device, find_device
from rapsam.export.lint.file_checks import file_findings
from rapsam.export.lint.file_figures import file_figures, manifest_figures, moved_bytes
from rapsam.export.lint.findings import general_finding, recipe_findings
from rapsam.export.lint.footprint import (
    memory_estimate,
    memory_findings,
    roofline_ms,
    roofline_unknown,
)
from rapsam.export.lint.report import Finding, GraphFigures, LintReport, readiness_of, sorted_findings
from rapsam.export.lint.rules import find_rule, rules_for
from rapsam.export.lint.units import accelerators_of, judged_for, judged_units, unit_notes, used_by

_MODULES_SHOWN = 3
_REACH = "values are looked at in the model alone: 'rapsam lint MODEL'"
_BY_MANIFEST = "{}: by manifest only ({}): operators are unknown, memory is no less than what goes in and out"
_UNREAD = "of some graphs nobody reads what their operators move"


def lint_bundle(folder: Path, device_name: str | None, units: str | None = None) -> LintReport:
    """Examines a bundle by its files and by what it says of itself; nothing runs.

    Args:
        folder: A folder made by an export.
        device_name: Of the catalogue; None takes the bundle's own.
        units: Compute units of its format for which is judged; None for those that the catalogue advises.

    Raises:
        BundleError: If the bundle is damaged or edited.
        InputError: If there is no such device, its platform does not take the bundle's format, or its format
            has no such units.
    """
    manifest = verify_bundle(folder)
    recipe = RECIPES[manifest.recipe]
    name = manifest.device if device_name is None else device_name
    device = None if name is None else find_device(name)
    facts = find_target(recipe.backend).facts
    if device is not None and facts.platform not in (None, device.platform):
        raise InputError(
            f"{folder} is for {facts.platform}, and {device.id} an {device.platform} phone; name another"
        )
    chip = None if device is None else device.chip
    accelerators = accelerators_of(recipe.backend, device)
    findings = recipe_findings(recipe, accelerators, chip)
    read = _read_graphs(folder, manifest, accelerators, device)
    findings += read.findings
    findings += _parity_findings(manifest)
    memory = memory_estimate(read.figures, device)
    judged = judged_units(recipe.backend, device, units)
    findings = judged_for([*findings, *memory_findings(memory)], accelerators, judged)
    return LintReport(
        subject=str(folder),
        kind="bundle",
        device=name,
        target=recipe.backend,
        recipe=recipe.name,
        size=manifest.preprocess.size,
        tasks=manifest.tasks,
        compute_units=judged,
        accelerators=tuple(accelerator.name for accelerator in used_by(accelerators, judged)),
        readiness=readiness_of(findings),
        findings=sorted_findings(findings),
        graphs=tuple(read.figures),
        memory=memory,
        estimate_unknown=roofline_unknown(device) or (_UNREAD if read.unread else ""),
        calibration=None,
        calibration_images=0,
        worst=(),
        notes=(*unit_notes(recipe.backend, device, judged, units), _REACH, *_unread_notes(read.unread)),
    )


class _Graphs(NamedTuple):
    """What was found out of the graphs; `unread` has why a file was not read, by the graph's name."""

    findings: list[Finding]
    figures: list[GraphFigures]
    unread: dict[str, str]


def _read_graphs(
    folder: Path, manifest: Manifest, accelerators: Sequence[Accelerator], device: Device | None
) -> _Graphs:
    found, chip = _Graphs([], [], {}), None if device is None else device.chip
    for entry in manifest.graphs:
        name, graph = entry.contract.graph, _read(RECIPES[manifest.recipe].backend, folder, entry)
        if isinstance(graph, FileGraph):
            found.findings.extend(file_findings(graph, name, accelerators, chip))
            least_ms = roofline_ms(entry.macs_after, moved_bytes(graph), device)
            found.figures.append(file_figures(entry, graph, least_ms))
        else:
            found.unread[name] = graph
            found.findings.extend(_border_findings(entry, accelerators, chip))
            found.figures.append(manifest_figures(entry))
        found.findings.extend(_delegate_findings(entry))
    return found


def _read(target: str, folder: Path, entry: GraphEntry) -> FileGraph | str:
    """Reads the file of a graph; says why it is not read."""
    backend = BACKENDS[target]
    if not isinstance(backend, ReadsGraphs):
        return f"nothing here reads {backend.suffix}"
    with private_graph(folder, entry) as path:
        try:
            return backend.file_graph(path)
        except (BundleError, UnavailableError) as error:
            return str(error).replace(str(path), str(folder / entry.path))


def _unread_notes(unread: Mapping[str, str]) -> list[str]:
    reasons = dict.fromkeys(unread.values())
    graphs = {reason: [graph for graph, why in unread.items() if why == reason] for reason in reasons}
    return [_BY_MANIFEST.format(", ".join(names), reason) for reason, names in graphs.items()]


def _border_findings(
    entry: GraphEntry, accelerators: Iterable[Accelerator], chip: str | None
) -> list[Finding]:
    """Looks at the shapes that a contract declares, by the rules about ranks and axes."""
    found = []
    for accelerator in accelerators:
        for rule in rules_for(accelerator.name, chip):
            for spec in (*entry.contract.inputs, *entry.contract.outputs):
                measure = {"rank": len(spec.shape), "axis": max(spec.shape[-2:], default=0)}.get(rule.check)
                if measure is not None and measure > rule.bound:
                    detail = f"{rule.check} {measure:,} of {spec.name}"
                    found.append(general_finding(rule, accelerator.name, entry.contract.graph, detail))
    return found


def _delegate_findings(entry: GraphEntry) -> list[Finding]:
    if entry.delegation is None:
        return []
    rule, report = find_rule("delegate"), entry.delegation
    found = []
    for fallback in report.fallbacks:
        heavy = fallback.macs > 0 or (fallback.pixel_sized and not fallback.is_deform_gather)
        finding = general_finding(rule, None, entry.contract.graph, _told(fallback, report.delegate))
        found.append(
            msgspec.structs.replace(
                finding,
                severity="warning" if heavy else "note",
                module=fallback.modules[0] if fallback.modules else "",
                operator=fallback.op,
                macs=fallback.macs,
                mac_share=fallback.macs / report.macs if report.macs else 0.0,
            )
        )
    return found


def _told(fallback: FallbackOp, delegate: str) -> str:
    shown = ", ".join(fallback.modules[:_MODULES_SHOWN])
    more = ", ..." if len(fallback.modules) > _MODULES_SHOWN else ""
    sized = ", pixel-sized" if fallback.pixel_sized else ""
    return f"{fallback.count} outside {delegate}{sized}{f': {shown}{more}' if shown else ''}"


def _parity_findings(manifest: Manifest) -> list[Finding]:
    if manifest.parity is None or manifest.parity.status != "failed":
        return []
    rule = find_rule("parity")
    return [general_finding(rule, None, None, failure) for failure in manifest.parity.failures]
