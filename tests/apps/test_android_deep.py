"""The run of an app that has been built says what is wrong."""

from __future__ import annotations

from apps.android.toolchain.jvm import JvmApp
from tests.apps.android_agreement import Agreement
from tests.apps.android_deep import IOU, findings, is_right

GOOD = Agreement(True, 1.0, 0.0, (1.0, 1.0), 0.0)


def test_an_app_whose_process_ends_is_no_success(tmp_path):
    app = JvmApp(tmp_path, (), ("sh", "-c", "echo broken >&2; exit 134"))
    line, right = next(findings(app, "ONNX Runtime", tmp_path))
    assert not right
    assert "broken" in line


def test_outputs_that_are_wrong_are_no_success(tmp_path):
    app = JvmApp(tmp_path, (), ("echo", "2 of 12 outputs are wrong\n"))
    assert not next(findings(app, "ONNX Runtime", tmp_path))[1]


def test_results_that_are_not_those_of_python_are_no_success():
    assert is_right(GOOD)
    for change in (
        {"same_segments": False},
        {"segment_iou": IOU - 1e-3},
        {"region_ious": (1.0, IOU - 1e-3)},
        {"score_error": 1e-3},
        {"iou_error": 1e-3},
    ):
        assert not is_right(GOOD._replace(**change))
