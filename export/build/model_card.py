"""The model card of a bundle: what it is, for a reader without tools."""

from __future__ import annotations

import html
import re

from rapsam.errors import printable
from rapsam.export.bundle.manifest import Manifest
from rapsam.export.parity.report import ParityReport


def model_card(manifest: Manifest, report: ParityReport) -> str:
    """Writes the card as Markdown."""
    lines = [
        f"# {manifest.model.name} for {manifest.device or manifest.recipe}",
        "",
        _weights_sentence(manifest),
        "",
        f"- Recipe: {manifest.recipe}; minimum runtime: {manifest.minimum_runtime}",
        f"- Tasks: {', '.join(manifest.tasks)}",
        *_class_lines(manifest),
        f"- Input: RGB {_by(manifest.preprocess.size)}, 0..255; {manifest.preprocess.fit}",
        *_threshold_lines(manifest),
        "",
        "## Graphs",
        "",
        "| graph | file | MB | inputs | outputs |",
        "|---|---|---|---|---|",
    ]
    for entry in manifest.graphs:
        inputs = ", ".join(f"{spec.name} {_by(spec.shape)}" for spec in entry.contract.inputs)
        outputs = ", ".join(f"{spec.name} {_by(spec.shape)}" for spec in entry.contract.outputs)
        size = f"{entry.size_bytes / 1e6:.1f}"
        lines.append(f"| {entry.contract.graph} | `{entry.path}` | {size} | {inputs} | {outputs} |")
    lines += ["", "## Cost", "", *_cost_table(manifest)]
    lines += ["", "## Parity", "", f"Reference: {report.reference}. Verdict: **{report.status}**.", ""]
    benign = [f"benign: {line}" for line in report.lines("benign")]
    open_lines = report.undecided() if report.status == "undecided" else ()
    undecided = [f"undecided: {line}" for line in open_lines]
    lines += [f"- {_plain(line)}" for line in (*report.failures(), *undecided, *benign, *report.not_run())]
    lines += [*_task_table(report), ""]
    return "\n".join(lines)


def _class_lines(manifest: Manifest) -> list[str]:
    if manifest.labels is None:
        return ["- Classes: none; it segments what prompts ask for"]
    lines = [
        f"- Classes: {_plain(manifest.labels.name)}, {len(manifest.labels.labels)} "
        f"({manifest.labels.num_things} things), and void"
    ]
    if manifest.model.prototypes is not None:
        lines.append(f"- Text classifier: {_plain(str(manifest.model.prototypes))}")
    return lines


def _threshold_lines(manifest: Manifest) -> list[str]:
    lines = []
    if manifest.postprocess is not None:
        lines.append(
            f"- Panoptic thresholds: score {manifest.postprocess.score_threshold}, "
            f"overlap {manifest.postprocess.overlap_threshold}"
        )
    if manifest.prompts is not None:
        prompts = manifest.prompts
        lines.append(f"- A prompt: {prompts.described()}; masks per prompt: {prompts.candidates}")
    return lines


def _weights_sentence(manifest: Manifest) -> str:
    origin = _plain(str(manifest.model.weights))
    if manifest.model.weights.trained:
        return f"Weights: {origin} (sha256 {manifest.model.weights_sha256[:16]})."
    return f"Weights: {origin}. **They have learnt nothing**: use this bundle to test an app, not to segment."


def _cost_table(manifest: Manifest) -> list[str]:
    lines = [
        "Millions of multiply-adds of the published network and of the exported graph; share of them, and of "
        "the operators, in the accelerated delegate; pieces that it gets.",
        "",
        "| graph | published | exported | delegate | multiply-adds | operators | pieces |",
        "|---|---|---|---|---|---|---|",
    ]
    for entry in manifest.graphs:
        found = entry.delegation
        placed = "not known | - | - | -"
        if found is not None:
            shares = f"{found.mac_share:.1%} | {found.op_share:.1%} | {found.partitions}"
            placed = f"{found.delegate} ({found.provenance}) | {shares}"
        macs = f"{entry.macs_before / 1e6:,.1f} | {entry.macs_after / 1e6:,.1f}"
        lines.append(f"| {entry.contract.graph} | {macs} | {placed} |")
    return lines


def _task_table(report: ParityReport) -> list[str]:
    rows = [row for row in report.tasks if row.status != "not run"]
    if not rows:
        return []
    lines = ["", "| runtime | task | input | status | mask IoU | PQ |", "|---|---|---|---|---|---|"]
    for row in rows:
        figures = " | ".join("-" if value is None else f"{value:.4f}" for value in (row.mask_iou, row.pq))
        lines.append(f"| {row.runtime} | {row.task} | {_plain(row.case)} | {row.status} | {figures} |")
    return lines


def _plain(text: str) -> str:
    """Writes a text that may quote a file name so that Markdown shows it as it is.

    A name could hold HTML, a picture of another host, or the bar that ends a cell of a table.
    """
    shown = html.escape(printable(text), quote=False)
    return re.sub(r"[\\`*\[\]|!~]", lambda found: f"\\{found[0]}", shown)


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
