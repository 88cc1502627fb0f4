"""Writes the tables of README.md and docs from the records, so that no figure is typed by hand.

python -m rapsam.benchmarks.report.tables
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rapsam.benchmarks.measuring.records import read_records
from rapsam.benchmarks.report.arm64 import arm64_table, known_self_tests
from rapsam.benchmarks.report.distillation import PLOT as DISTILLATION_PLOT
from rapsam.benchmarks.report.distillation import distillation_table
from rapsam.benchmarks.report.distillation_plot import plot_distillation
from rapsam.benchmarks.report.few_bits import PLOT, few_bits_tables
from rapsam.benchmarks.report.few_bits_plot import plot_losses
from rapsam.benchmarks.report.harness import harness_table
from rapsam.benchmarks.report.lint_rules import lint_rules_table
from rapsam.benchmarks.report.markdown import replace_table, short_name, table, where_and_when
from rapsam.benchmarks.report.sam_formats import sam_formats_table
from rapsam.benchmarks.report.sam_speed import sam_speed_table
from rapsam.benchmarks.report.speed import speed_tables
from rapsam.benchmarks.report.summary import Measured, summary_table
from rapsam.benchmarks.report.training import sampling_table, training_table, weights_table
from rapsam.benchmarks.studies import export_matrix, few_bits, runtime_speed, sampling_forms
from rapsam.benchmarks.studies.distillation_records import known_distillation
from rapsam.benchmarks.studies.export_matrix import ExportRecord, ExportRecords
from rapsam.benchmarks.studies.harness_records import known_harness
from rapsam.benchmarks.studies.sam_format_records import known_sam_formats
from rapsam.benchmarks.studies.sam_speed_records import known_sam_speed
from rapsam.benchmarks.studies.shipped_weights import known_weights
from rapsam.benchmarks.studies.training_speed import known_speeds
from rapsam.files import write_atomic

SUMMARY, MATRIX, SPEED, FEW_BITS = "summary", "export matrix", "runtime speed", "few bits"
WEIGHTS, TRAINING, SAMPLING = "shipped weights", "training speed", "sampling forms"
RULES, HARNESS, ARM64 = "lint rules", "harness", "arm64 self-tests"
SAM_SPEED, SAM_FORMATS, DISTILLATION = "promptable speed", "promptable formats", "sam distillation"
HEADER = (
    *("model", "size", "recipe", "MB", "run by", "parity"),
    *("object IoU", "prompt IoU", "PQ", "export s", "peak MB"),
)


def main() -> None:
    """Replaces the tables between the markers of the Markdown files, and the pictures beside them."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    for name, tables in all_tables().items():
        path = Path(name)
        text = path.read_text()
        for marker, content in tables.items():
            text = replace_table(text, marker, content)
        write_atomic(path, text.encode())
    if rows := few_bits.known_records().rows:
        plot_losses(rows, Path("docs") / PLOT)
    if record := known_distillation():
        plot_distillation(record, Path("docs") / DISTILLATION_PLOT)


def all_tables() -> dict[str, dict[str, str]]:
    """Returns the tables of each Markdown file by the name in their markers."""
    exports, speeds, weights = export_matrix.known_records(), runtime_speed.known_records(), known_weights()
    sampling = read_records(sampling_forms.FILE, sampling_forms.SamplingRecords)
    bits, promptable, promptable_speed = few_bits.known_records(), known_sam_formats(), known_sam_speed()
    measured = Measured(exports, speeds, weights, bits.rows, promptable.rows, promptable_speed.runs)
    return {
        "README.md": {SUMMARY: summary_table(measured)},
        "docs/benchmarks.md": {
            MATRIX: export_table(exports),
            FEW_BITS: few_bits_tables(bits),
            SPEED: speed_tables(speeds),
        },
        "docs/latency.md": {
            HARNESS: harness_table(known_harness()),
            ARM64: arm64_table(known_self_tests()),
        },
        "docs/lint.md": {RULES: lint_rules_table()},
        "docs/nano-synth.md": {WEIGHTS: weights_table(weights)},
        "docs/rewrites.md": {SAMPLING: sampling_table(sampling)},
        "docs/sam.md": {
            SAM_SPEED: sam_speed_table(promptable_speed),
            SAM_FORMATS: sam_formats_table(promptable),
        },
        "docs/training.md": {
            TRAINING: training_table(known_speeds()),
            DISTILLATION: distillation_table(known_distillation()),
        },
    }


def export_table(records: ExportRecords) -> str:
    """Writes records as a Markdown table, with where and when they were measured."""
    if not records.records:
        return f"Not measured yet: run `{records.command}`."
    rows = sorted(records.records, key=lambda r: (r.model, -r.size[0], r.recipe))
    where = where_and_when((record.machine, record.created_utc) for record in rows)
    caption = f"Measured on {where}, with `{records.command}`."
    return "\n".join([table(HEADER, map(_cells, rows)), "", caption])


def _cells(record: ExportRecord) -> tuple[str, ...]:
    return (
        short_name(record.model),
        f"{record.size[0]}x{record.size[1]}",
        record.recipe,
        f"{sum(record.graphs_mb.values()):.1f}",
        ", ".join(record.runtimes) or "-",
        record.status + (f", {len(record.benign)} benign" if record.benign else ""),
        _figure(record.min_object_iou),
        _figure(record.min_prompt_iou),
        _figure(record.min_pq),
        f"{record.export_s:.0f}",
        str(record.peak_rss_mb),
    )


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


if __name__ == "__main__":
    main()
