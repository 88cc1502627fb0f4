"""The small table of the README: best, worst, and what missed its goal."""

from __future__ import annotations

from rapsam.benchmarks.measuring.records import SCHEMA_VERSION
from rapsam.benchmarks.report.summary import Measured, summary_table
from rapsam.benchmarks.studies.export_matrix import ExportRecords
from rapsam.benchmarks.studies.speed_records import SpeedRecords
from tests.benchmarks.made_up_records import (
    export_record,
    few_bits_row,
    loss_of,
    sam_format_row,
    sam_speed_run,
)

NO_SPEED = SpeedRecords(schema_version=SCHEMA_VERSION, command="y", runs=(), exports=())


def summary_of(*records):
    exports = ExportRecords(schema_version=SCHEMA_VERSION, command="x", records=records)
    return summary_table(Measured(exports, NO_SPEED)).splitlines()


def test_best_and_worst_are_named_and_misses_counted():
    made = [
        export_record(recipe="onnx-fp16", runtimes=("ONNX Runtime",), status=status, min_object_iou=iou)
        for status, iou in (("passed", 0.99), ("failed", 0.41), ("passed", 0.995))
    ]
    _, _, row, _, caption = summary_of(*made)
    assert row == (
        "| fp16 exports, in its runtime: mask IoU | 0.9950 (nano, onnx-fp16) | 0.4100 (nano, onnx-fp16) "
        "| 1 of 3 exports |"
    )
    assert caption.startswith("Measured on ")


def test_emulated_figures_stand_in_a_row_of_their_own():
    emulated = export_record(runtimes=("Core ML, emulated",), provenance="emulated", min_object_iou=0.9)
    measured = export_record(recipe="onnx-fp16", runtimes=("ONNX Runtime",), min_object_iou=0.8)
    rows = summary_of(emulated, measured)[2:4]
    assert [("emulated" in row, "0.9000" in row) for row in rows] == [(False, False), (True, True)]


def test_what_did_not_run_has_no_row_and_an_unknown_figure_is_unknown():
    rows = summary_of(
        export_record(), export_record(recipe="onnx-fp32", runtimes=("ONNX Runtime",), status="passed")
    )
    assert rows[2] == "| fp32 exports, in its runtime: mask IoU | unknown | unknown | 0 of 1 exports |"
    assert rows[3] == ""


def test_few_bits_have_a_row_for_real_runtimes_and_one_for_emulated_ones():
    rows = [
        few_bits_row("onnx", "w8", losses=(loss_of("pq", 0.1),)),
        few_bits_row("onnx", "w8a8", losses=(loss_of("pq", 0.9),)),
        few_bits_row("coreml", "p4", provenance="emulated", losses=(loss_of("pq", 1.0),)),
    ]
    exports = ExportRecords(schema_version=SCHEMA_VERSION, command="x", records=())
    measured, emulated = summary_table(Measured(exports, NO_SPEED, few_bits=rows)).splitlines()[2:4]
    assert measured == (
        "| few bits against fp32, in its runtime: points of PQ lost | 0.10 (onnx-w8) | 0.90 (onnx-w8a8) "
        "| 1 of 6 goals |"
    )
    assert "emulated: points of PQ lost | 1.00 (coreml-p4) | 1.00 (coreml-p4)" in emulated


def test_promptable_networks_have_rows_by_precision_and_by_what_was_timed():
    rows = [
        sam_format_row(least_iou=0.98),
        sam_format_row(model="mobile_sam", least_iou=0.7, status="failed", failures=("a mask",)),
        sam_format_row(recipe="coreml-fp16-ios17", provenance="emulated", least_iou=None),
        sam_format_row(recipe="executorch-vulkan-fp16", runtimes=(), least_iou=None),
    ]
    runs = [sam_speed_run("edge_sam", 0.85), sam_speed_run("mobile_sam", 0.95)]
    exports = ExportRecords(schema_version=SCHEMA_VERSION, command="x", records=())
    table = summary_table(Measured(exports, NO_SPEED, promptable=rows, promptable_speed=runs)).splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in table[2:5]]
    assert cells == [
        [
            "promptable networks in fp16, in its runtime: IoU of the mask farthest off",
            *("0.9800 (edge_sam, onnx-fp16)", "0.7000 (mobile_sam, onnx-fp16)", "1 of 2 exports"),
        ],
        [
            "promptable networks in fp16, emulated: IoU of the mask farthest off",
            *("unknown", "unknown", "0 of 1 exports"),
        ],
        [
            "promptable networks, graph encoder: time against their authors' export",
            *("0.85x (edge_sam)", "0.95x (mobile_sam)", "1 of 2 goals"),
        ],
    ]
    assert table[5] == ""


def test_without_records_it_says_so():
    assert summary_of() == ["Not measured yet: see docs/benchmarks.md."]
