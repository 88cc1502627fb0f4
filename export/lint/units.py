"""For which compute units of a phone lint judges: what an app does not ask for cannot be wrong in it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from rapsam.errors import unknown_name
from rapsam.export.backends.base import Accelerator
from rapsam.export.backends.catalogue import find_target
from rapsam.export.devices import Device
from rapsam.export.lint.report import Finding


def accelerators_of(target: str, device: Device | None) -> tuple[Accelerator, ...]:
    """Lists the accelerators that a target declares and a phone can have; all of them without a phone."""
    declared = find_target(target).facts.accelerators
    return tuple(each for each in declared if device is None or each.platform in (None, device.platform))


def judged_units(target: str, device: Device | None, named: str | None) -> str | None:
    """Chooses the compute units for which is judged: those that the user names, else the catalogue's advice.

    Args:
        target: Whose words for compute units count.
        device: The phone; its advice is about its own target, and about others that have the same words.
        named: By the user; None for the advice.

    Returns:
        None where nobody says: all accelerators are judged.

    Raises:
        InputError: If the target declares no such compute units.
    """
    declared = find_target(target).facts.compute_units
    if named is not None and named not in declared:
        raise unknown_name(f"compute unit of the target {target}", named, declared)
    if named is None and device is not None and device.compute_units in declared:
        return device.compute_units
    return named


def used_by(accelerators: Sequence[Accelerator], units: str | None) -> tuple[Accelerator, ...]:
    """Lists the accelerators that take part with some compute units; all of them where nobody says which."""
    return tuple(each for each in accelerators if units is None or units in each.units)


def judged_for(
    findings: Sequence[Finding], accelerators: Sequence[Accelerator], units: str | None
) -> list[Finding]:
    """Makes notes of the findings about accelerators that do not take part.

    Args:
        findings: Of all accelerators.
        accelerators: All of them.
        units: From `judged_units`.
    """
    others = {each.name: each.units[0] for each in accelerators if each not in used_by(accelerators, units)}
    return [
        _as_note(each, others[each.accelerator]) if each.accelerator in others else each for each in findings
    ]


def unit_notes(target: str, device: Device | None, units: str | None, named: str | None) -> list[str]:
    """Says for which compute units was judged, who chose them, and if the format is not the phone's own.

    Args:
        target: The format.
        device: The phone, if there is one.
        units: From `judged_units`.
        named: By the user, if they were.
    """
    accelerators = accelerators_of(target, device)
    notes = []
    if device is not None and device.target != target:
        notes.append(
            f"exports for {device.id} are {device.target} unless told otherwise: an app there needs a "
            f"runtime for {target}"
        )
    if not accelerators:
        notes.append(
            f"target {target} declares no accelerator: its graphs run on the CPU, of which no rule is known"
        )
        return notes
    if units is None:
        declared = ", ".join(find_target(target).facts.compute_units)
        notes.append(
            f"nobody said which compute units an app chooses: all accelerators of {target} are judged; "
            f"--units names one of {declared}"
        )
        return notes
    if named is None and device is not None:
        notes.append(f"judged for {units!r}, as the catalogue advises for {device.id}; --units names others")
    if not used_by(accelerators, units):
        notes.append(f"of {units!r} no rule is known")
    return notes


def _as_note(finding: Finding, units: str) -> Finding:
    detail = f"{finding.severity} if an app chooses {units!r}: {finding.detail}"
    return msgspec.structs.replace(finding, severity="note", units=units, detail=detail)
