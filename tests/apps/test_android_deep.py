"""The run of an app that has been built says what is wrong."""

from __future__ import annotations

from math import nan

import pytest

from apps.android.toolchain.jvm import PATH_PROGRAM, JvmApp
from tests.apps.android_agreement import Agreement
from tests.apps.android_deep import IOU, findings, is_right
from tests.apps.asked_of_apps import RUNTIME
from tests.benchmarks.tiny_onnx_bundle import write_tiny_bundle

GOOD = Agreement(True, 1.0, 0.0, (1.0, 1.0), 0.0)


STEPS = ["self-test", "gates of parity", "what is no graph", "a photo, compared with Python"]


def app_that(folder, script):
    """An app that is a script of the shell, with the tiny bundle; its words are $1 and on."""
    write_tiny_bundle(folder / "bundle")
    # Java's own options stand before the name of the program.
    shift = f'while [ "$1" != {PATH_PROGRAM} ]; do shift; done; shift'
    return JvmApp(folder, (), ("sh", "-c", f"{shift}; {script}", "sh"))


def found(app, tmp_path, patience_s=60.0):
    (tmp_path / "scratch").mkdir()
    lines = list(findings(app, RUNTIME, tmp_path / "scratch", patience_s))
    assert [line.split(": ")[0] for line, _ in lines[: len(STEPS)]] == STEPS
    return lines


RIGHT = 'case $1 in selftest) echo all 1 right;; halve) echo "problem: no graph";; esac'


@pytest.mark.parametrize("code", [0, 134])
def test_an_app_that_says_what_is_right_must_end_as_it_should(tmp_path, code):
    (selftest, benchmark, halve, photo) = found(app_that(tmp_path, f"{RIGHT}; exit {code}"), tmp_path)
    assert (selftest[1], halve[1]) == (code == 0, code == 0)
    assert not benchmark[1]
    assert not photo[1]
    if code:
        assert selftest[0] == "self-test: selftest ended with 134: all 1 right\n"
    else:
        assert benchmark[0] == "gates of parity: the app left no result.json"
        assert photo[0].startswith("a photo, compared with Python: segment left no whole answer (IndexError")


def test_an_app_that_crashes_is_found_in_every_step(tmp_path):
    for line, right in found(app_that(tmp_path, "echo broken >&2; exit 134"), tmp_path):
        assert not right
        assert "ended with 134: broken" in line


def test_an_app_that_hangs_is_found_in_every_step(tmp_path):
    for line, right in found(app_that(tmp_path, "exec sleep 1000"), tmp_path, patience_s=0.2):
        assert not right
        assert line.endswith(" did not end in 0.2 s")


@pytest.mark.parametrize("said", ['{"photos": []}', '{"photos": [1, 2]}', "[]", '{"photos": null}', "{"])
def test_half_an_answer_is_found(tmp_path, said):
    line, right = found(app_that(tmp_path, f"echo '{said}'"), tmp_path)[-1]
    assert not right
    assert "segment left no whole answer (" in line


def test_outputs_that_are_wrong_are_no_success(tmp_path):
    assert not found(app_that(tmp_path, "echo 2 of 12 outputs are wrong"), tmp_path)[0][1]


def test_results_that_are_not_those_of_python_are_no_success():
    assert is_right(GOOD)
    for change in (
        {"same_segments": False},
        {"segment_iou": IOU - 1e-3},
        {"region_ious": (1.0, IOU - 1e-3)},
        {"score_error": 1e-3},
        {"iou_error": 1e-3},
        {"segment_iou": nan},
        {"region_ious": (1.0, nan)},
        {"score_error": nan},
        {"iou_error": nan},
    ):
        assert not is_right(GOOD._replace(**change))
