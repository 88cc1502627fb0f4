"""What is judged: the compute units that an app is to choose; what others do wrong is a note."""

from __future__ import annotations

import pytest

from rapsam.errors import InputError
from rapsam.export.devices import find_device
from rapsam.export.lint.findings import general_finding
from rapsam.export.lint.report import readiness_of
from rapsam.export.lint.rules import find_rule, load_rules
from rapsam.export.lint.units import accelerators_of, judged_for, judged_units, unit_notes, used_by

PIXEL, IPHONE = find_device("pixel-8"), find_device("iphone-15-pro")
GPU_RULE = next(rule for rule in load_rules() if rule.name == "litert-gpu-batched-product")


def names(accelerators) -> list[str]:
    return [each.name for each in accelerators]


def test_an_accelerator_of_other_phones_is_not_judged():
    assert names(accelerators_of("tflite", IPHONE)) == ["LiteRT GPU"]
    assert names(accelerators_of("tflite", PIXEL)) == ["LiteRT GPU", "NNAPI"]
    assert names(accelerators_of("tflite", None)) == ["LiteRT GPU", "NNAPI"]


@pytest.mark.parametrize(
    ("target", "device", "named", "judged"),
    [
        ("tflite", PIXEL, None, "cpu"),
        ("tflite", PIXEL, "gpu", "gpu"),
        ("tflite", None, None, None),
        ("tflite", None, "gpu", "gpu"),
        ("tflite", IPHONE, None, None),  # whose advice is about Core ML
        ("executorch-vulkan", PIXEL, None, None),
        ("coreml", IPHONE, None, "all"),
        ("coreml", IPHONE, "cpuOnly", "cpuOnly"),
    ],
)
def test_what_the_user_names_comes_first_then_what_the_catalogue_advises(target, device, named, judged):
    assert judged_units(target, device, named) == judged


def test_units_that_a_target_has_not_are_refused():
    with pytest.raises(
        InputError, match="unknown compute unit of the target tflite 'gpuu'; did you mean gpu"
    ):
        judged_units("tflite", PIXEL, "gpuu")


@pytest.mark.parametrize(
    ("target", "units", "used"),
    [
        ("tflite", "cpu", []),
        ("tflite", "gpu", ["LiteRT GPU"]),
        ("tflite", None, ["LiteRT GPU", "NNAPI"]),
        ("coreml", "all", ["Neural Engine"]),
        ("coreml", "cpuAndNeuralEngine", ["Neural Engine"]),
        ("coreml", "cpuAndGPU", []),
    ],
)
def test_units_name_the_accelerators_that_take_part(target, units, used):
    assert names(used_by(accelerators_of(target, None), units)) == used


def test_an_error_of_an_accelerator_that_takes_no_part_is_a_note_about_its_units():
    accelerators = accelerators_of("tflite", PIXEL)
    error = general_finding(GPU_RULE, "LiteRT GPU", "small", "4x8x8 by 4x8x8")
    (found,) = judged_for([error], accelerators, "cpu")
    assert (found.severity, found.units, readiness_of([found])) == ("note", "gpu", "ready")
    assert found.detail == f"{error.severity} if an app chooses 'gpu': 4x8x8 by 4x8x8"
    for units in ("gpu", None):
        assert judged_for([error], accelerators, units) == [error]


def test_what_is_wrong_on_any_phone_stays_an_error_whatever_computes():
    error = general_finding(find_rule("memory"), None, None, "too much")
    assert judged_for([error], accelerators_of("tflite", PIXEL), "cpu") == [error]


def test_notes_say_who_chose_and_that_nothing_is_known_of_the_cpu():
    by_advice = unit_notes("tflite", PIXEL, "cpu", None)
    assert "judged for 'cpu', as the catalogue advises for pixel-8" in by_advice[0]
    assert by_advice[1:] == ["of 'cpu' no rule is known"]
    assert unit_notes("tflite", PIXEL, "gpu", "gpu") == []
    (nobody,) = unit_notes("tflite", None, None, None)
    assert nobody.startswith("nobody said which compute units an app chooses: all accelerators of tflite are")
    assert nobody.endswith("judged; --units names one of cpu, gpu, nnapi")
    other, nobody_either = unit_notes("tflite", IPHONE, None, None)
    assert other == (
        "exports for iphone-15-pro are coreml unless told otherwise: an app there needs a runtime for tflite"
    )
    assert nobody_either == nobody
    assert "declares no accelerator" in unit_notes("onnx", None, "cpu", "cpu")[0]
