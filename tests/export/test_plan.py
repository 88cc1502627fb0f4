"""Choices of a user, completed and checked."""

from __future__ import annotations

import pytest

from rapsam.errors import InputError
from rapsam.export.plan import plan_export


def test_a_device_completes_the_plan():
    plan = plan_export(device="iphone-15-pro")
    assert plan.name == plan.device == "iphone-15-pro"
    assert plan.recipe.name == "coreml-fp16-ios17"
    assert plan.size == (640, 640)
    assert plan.tasks == ("panoptic", "prompt")


def test_what_is_named_wins_over_the_device():
    plan = plan_export(device="iphone-15-pro", precision="fp32", ios=18, size=(512, 384), tasks=["video"])
    assert plan.recipe.name == "coreml-fp32-ios18"
    assert plan.size == (512, 384)
    assert plan.tasks == ("video",)


@pytest.mark.parametrize(
    ("target", "recipe"),
    [
        ("coreml", "coreml-fp16-ios17"),
        ("executorch", "executorch-fp32"),
        ("onnx", "onnx-fp32"),
        ("tflite", "tflite-fp32"),
    ],
)
def test_a_target_alone_is_enough(target, recipe):
    plan = plan_export(target=target)
    assert plan.recipe.name == plan.name == recipe
    assert plan.device is None


def test_an_iphone_can_get_another_format():
    assert plan_export(device="iphone-15-pro", target="executorch").recipe.name == "executorch-fp16"


@pytest.mark.parametrize(
    ("choices", "says"),
    [
        ({}, "--device pixel-8"),
        ({"device": "pixle-8"}, "pixel-8"),
        ({"target": "coreml2"}, "coreml"),
        ({"target": "onnx", "precision": "fp8"}, "fp16"),
        ({"target": "onnx", "tasks": ["panoptik"]}, "panoptic"),
        ({"target": "onnx", "tasks": []}, "no task"),
        ({"target": "coreml", "ios": 12}, "[16, 17, 18]"),
        ({"target": "onnx", "ios": 17}, "only coreml"),
        ({"device": "pixel-8", "target": "coreml"}, "an android phone"),
        ({"device": "pixel-8", "ios": 17}, "only coreml"),
    ],
)
def test_wrong_choices_are_named(choices, says):
    with pytest.raises(InputError) as caught:
        plan_export(**choices)
    assert says in str(caught.value)
