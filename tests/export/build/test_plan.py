"""Choices of a user, completed and checked."""

from __future__ import annotations

import pytest

from rapsam.errors import InputError
from rapsam.export.build.plan import plan_export, plan_matrix


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
    assert plan_export(device="iphone-16", target="executorch-coreml").recipe.deployment_target == "iOS18"
    assert plan_export(device="iphone-15-pro", target="executorch").recipe.name == "executorch-fp16"


@pytest.mark.parametrize(
    ("choices", "says"),
    [
        ({}, "--device pixel-8"),
        ({"device": "pixle-8"}, "pixel-8"),
        ({"target": "coreml2"}, "coreml"),
        ({"target": "onnx", "precision": "fp8"}, "fp16"),
        ({"target": "onnx", "precision": "int8"}, "w8a8 (weights and activations), w8a16"),
        ({"target": "onnx", "tasks": ["panoptik"]}, "panoptic"),
        ({"target": "onnx", "tasks": []}, "no task"),
        ({"target": "coreml", "ios": 12}, "[16, 17, 18]"),
        ({"target": "onnx", "ios": 17}, "coreml and executorch-coreml have an iOS version: leave it out"),
        ({"device": "pixel-8", "target": "coreml"}, "an android phone"),
        (
            {"target": "onnx", "size": (16384, 16384)},
            "too large; expected sides of at most 2048",
        ),
        ({"target": "onnx", "size": (100, 64)}, "must be multiples of 32"),
        ({"target": "onnx", "size": (0, 64)}, "must be multiples of 32"),
        ({"target": "onnx", "num_prompts": 1_000_000}, "1000000 prompts per pass; expected 1 to 64"),
        ({"target": "onnx", "num_prompts": 0}, "0 prompts per pass; expected 1 to 64"),
        ({"device": "pixel-8", "ios": 17}, "coreml and executorch-coreml have an iOS version: leave it out"),
    ],
)
def test_wrong_choices_are_named(choices, says):
    with pytest.raises(InputError) as caught:
        plan_export(**choices)
    assert says in str(caught.value)


def test_a_matrix_has_every_device_at_every_size_those_of_one_size_together():
    plans = plan_matrix(devices=["pixel-8", "iphone-12"], sizes=[(640, 640), (512, 384)])
    assert [plan.name for plan in plans] == [
        "pixel-8-512x384",
        "iphone-12-512x384",
        "pixel-8-640x640",
        "iphone-12-640x640",
    ]
    assert [plan.size for plan in plans] == [(512, 384), (512, 384), (640, 640), (640, 640)]


def test_one_size_or_none_is_no_part_of_the_name():
    assert [plan.name for plan in plan_matrix(devices=["pixel-8"], sizes=[(64, 64)])] == ["pixel-8"]
    plans = plan_matrix(devices=["pixel-8", "iphone-12"])
    assert {plan.name: plan.size for plan in plans} == {"pixel-8": (640, 640), "iphone-12": (512, 512)}


def test_what_is_named_twice_is_made_once():
    plans = plan_matrix(devices=["pixel-8", "pixel-8"], sizes=[(64, 64), (64, 64)])
    assert [plan.name for plan in plans] == ["pixel-8"]


def test_a_target_has_a_matrix_of_sizes_too():
    plans = plan_matrix(target="onnx", sizes=[(64, 64), (32, 64)])
    assert [plan.name for plan in plans] == ["onnx-fp32-32x64", "onnx-fp32-64x64"]


def test_one_wrong_name_stops_the_whole_matrix():
    with pytest.raises(InputError, match="unknown device 'pixle-8'"):
        plan_matrix(devices=["pixel-8", "pixle-8"])


@pytest.mark.parametrize("choices", [{"device": "iphone-12"}, {"device": "pixel-8"}, {"target": "onnx"}])
def test_a_family_says_where_an_export_of_it_starts(choices):
    plan = plan_export(variant="repvit_sam", **choices)
    assert (plan.tasks, plan.size) == (("prompt",), (1024, 1024))


def test_a_family_says_it_for_each_of_its_networks():
    assert plan_export(variant="edge_sam_nano", device="pixel-8").size == (128, 128)


def test_a_family_that_says_nothing_leaves_it_to_the_device():
    plan = plan_export(variant="rapsam_nano", device="iphone-12")
    assert plan == plan_export(device="iphone-12")
    assert (plan.tasks, plan.size) == (("panoptic", "prompt"), (512, 512))


def test_what_is_named_wins_over_the_family():
    plan = plan_export(variant="repvit_sam", target="onnx", tasks=["panoptic"], size=(512, 384))
    assert (plan.tasks, plan.size) == (("panoptic",), (512, 384))


def test_every_phone_gets_the_size_of_the_family():
    plans = plan_matrix(variant="edge_sam", devices=["pixel-8", "iphone-12"])
    assert [plan.size for plan in plans] == [(1024, 1024)] * 2
    plans = plan_matrix(variant="edge_sam", devices=["pixel-8"], sizes=[(512, 512)])
    assert [plan.size for plan in plans] == [(512, 512)]


def test_a_plan_for_a_network_that_there_is_not_is_refused():
    with pytest.raises(InputError, match="unknown model 'edge_sim'"):
        plan_export(variant="edge_sim", target="onnx")
