"""Tables and picture of `few_bits`, from records that are made up."""

from __future__ import annotations

from rapsam.benchmarks.measuring.records import read_records, write_records
from rapsam.benchmarks.report.few_bits import NOTHING, few_bits_tables, missed
from rapsam.benchmarks.report.few_bits_plot import plot_losses
from rapsam.benchmarks.studies.few_bits_records import FewBits
from tests.benchmarks.made_up_records import few_bits_of, few_bits_row, graph_of, loss_of

ROWS = (
    few_bits_row(
        "onnx", "w8a8", losses=(loss_of("pq", 0.62, 0.2), loss_of("click", 0.5), loss_of("box", 0.1))
    ),
    few_bits_row(
        "coreml",
        "p4",
        provenance="emulated",
        runtime="Core ML, emulated",
        losses=(loss_of("pq", 1.0, None),),
        graphs=(graph_of("encoder", size=150_000, precision="p4"),),
    ),
    few_bits_row("onnx", "w8a8", "rapsam_r18", name="onnx-w8a8-r18", losses=(), images=0),
    few_bits_row("executorch", "w8da8"),
)


def test_measured_stands_beside_asked():
    table = few_bits_tables(few_bits_of(*ROWS))
    lines = {line.split(" | ")[0].removeprefix("| "): line for line in table.splitlines()}
    assert lines["onnx-w8a8"] == (
        "| onnx-w8a8 | ONNX Runtime, measured | 0.62 +- 0.20 (<= 0.5: not decided) "
        "| 0.50 +- 0.05 (<= 0.3: falls short) | 0.10 +- 0.05 (<= 0.3: holds) | 0.300 (<= 0.33: holds) "
        "| 0.400 (encoder <= 0.48: holds) |"
    )
    assert lines["coreml-p4"] == (
        "| coreml-p4 | Core ML, emulated | 1.00 +- ? (<= 1.5: not decided) | not measured (<= 1.5) "
        "| not measured (<= 1.5) | 0.150 (<= 0.17: holds) | - |"
    )
    assert lines["executorch-w8da8"].endswith(
        "| 0.10 +- 0.05 | 0.10 +- 0.05 | 0.10 +- 0.05 | 0.300 | 0.950 |"
    )
    assert "| not measured (panoptic_image <= 0.55) |" in lines["onnx-w8a8-r18"]


def test_nothing_lost_has_no_sign():
    row = few_bits_row("executorch", "w8da8", losses=(loss_of("pq", -0.001),))
    assert "| 0.00 +- 0.05 |" in few_bits_tables(few_bits_of(row))


def test_every_graph_says_its_precision_and_why():
    table = few_bits_tables(few_bits_of(ROWS[0], not_run={"onnx-w4": "no such kernel"}))
    assert "| nano 256x256 | onnx-w8a8 | encoder | w8a8 | 0.30 of 1.00 | 40 of 100 | 0.4 | - |" in table
    assert "| nano 256x256 | onnx-w8a8 | prompt | w8 | 0.30 of 1.00 | 95 of 100 | 0.95 | no gain |" in table
    assert "- onnx-w4: not measured: no such kernel" in table
    assert "300 images scored; ranges found on: drawn, 64 images." in table


def test_goals_that_are_missed_are_counted():
    assert missed(ROWS[:1]) == "1 of 5 goals, 1 not decided"
    assert missed(ROWS[3:]) == "0 of 0 goals"


def test_without_rows_it_says_so():
    assert few_bits_tables(few_bits_of()) == NOTHING


def test_the_record_survives_the_way_to_disk(tmp_path):
    records = few_bits_of(*ROWS, not_run={"a": "b"})
    write_records(tmp_path / "record.json", records)
    assert read_records(tmp_path / "record.json", FewBits) == records


def test_the_picture_is_drawn(tmp_path):
    plot_losses(ROWS, tmp_path / "few-bits.png")
    assert (tmp_path / "few-bits.png").read_bytes().startswith(b"\x89PNG")
