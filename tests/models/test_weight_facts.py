"""Weights that say how they want to be used: vocabulary and image sides, kept through conversions."""

import pytest
import torch

import rapsam
from rapsam.errors import CheckpointError, InputError
from rapsam.models.checkpoint import write_safetensors
from rapsam.models.convert import convert_weights
from rapsam.models.weight_facts import WeightFacts, read_facts
from rapsam.tasks.preprocess import COCO_TEST_SIZE, VIDEO_TEST_SIZE

FACTS = WeightFacts(model="rapsam_nano", vocabulary="synth", sides=(320, 256))


@pytest.fixture(scope="module")
def state():
    return rapsam.build_model("rapsam_nano", checkpoint="formula").state_dict()


@pytest.fixture
def weights(tmp_path, state):
    path = tmp_path / "trained.safetensors"
    write_safetensors(path, state, FACTS.as_metadata())
    return path


def test_weights_bring_their_vocabulary_and_sides(weights):
    model = rapsam.build_model("rapsam_nano", checkpoint=weights)
    assert model.text_classifier.label_set.name == "synth"
    assert "trained" in str(model.text_classifier.origin)
    assert model.test_sides(video=False) == model.test_sides(video=True) == (320, 256)
    other = rapsam.build_model("rapsam_nano", checkpoint=weights, classifier="ytvis_2019")
    assert other.text_classifier.label_set.name == "ytvis_2019"
    assert "mean nothing" in str(other.text_classifier.origin)


def test_weights_without_facts_are_used_as_published(tmp_path, state):
    write_safetensors(tmp_path / "plain.safetensors", state, {})
    model = rapsam.build_model("rapsam_nano", checkpoint=tmp_path / "plain.safetensors")
    assert model.text_classifier.label_set.name == "coco_panoptic"
    assert model.test_sides(video=False) == COCO_TEST_SIZE
    assert model.test_sides(video=True) == VIDEO_TEST_SIZE
    assert read_facts(tmp_path / "plain.safetensors") is None
    assert read_facts(tmp_path / "any.pth") is None


def test_half_the_size_keeps_the_facts_and_nearly_the_values(weights, tmp_path, state):
    half = tmp_path / "half.safetensors"
    convert_weights(weights, half, half=True)
    assert half.stat().st_size < 0.55 * weights.stat().st_size
    assert read_facts(half) == FACTS
    loaded = rapsam.build_model("rapsam_nano", checkpoint=half).state_dict()
    for name, tensor in state.items():
        assert loaded[name].dtype == tensor.dtype
        assert torch.allclose(loaded[name], tensor, rtol=1e-3, atol=1e-6), name


def test_values_too_large_for_16_bits_are_refused(tmp_path, state):
    path = tmp_path / "large.safetensors"
    write_safetensors(path, {**state, "neck.smooth_conv.bias": state["neck.smooth_conv.bias"] + 1e6}, {})
    with pytest.raises(CheckpointError, match=r"smooth_conv.bias.*65504"):
        convert_weights(path, tmp_path / "half.safetensors", "rapsam_nano", half=True)
    assert not (tmp_path / "half.safetensors").exists()


@pytest.mark.parametrize("text", ["", "{", '{"model": "rapsam_nano", "vocabulary": 3, "sides": [1, 2]}'])
def test_damaged_facts_are_refused(tmp_path, state, text):
    path = tmp_path / "damaged.safetensors"
    write_safetensors(path, state, {"rapsam": text})
    with pytest.raises(CheckpointError, match="metadata cannot be read"):
        rapsam.build_model("rapsam_nano", checkpoint=path)


def test_a_vocabulary_that_nobody_knows_is_refused(tmp_path, state):
    path = tmp_path / "strange.safetensors"
    strange = WeightFacts(model="rapsam_nano", vocabulary="klingon", sides=(256, 256))
    write_safetensors(path, state, strange.as_metadata())
    with pytest.raises(InputError, match="klingon"):
        rapsam.build_model("rapsam_nano", checkpoint=path)
