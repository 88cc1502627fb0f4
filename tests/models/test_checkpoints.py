"""Weight files: ours and the published ones, good, wrong and hostile."""

from __future__ import annotations

import os
import pickle
from collections import OrderedDict

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import rapsam
from rapsam.errors import CheckpointError, InputError
from rapsam.models.convert import convert_weights
from rapsam.models.formula import formula_classifier
from rapsam.models.rapsam.checkpoint_map import to_published
from tests.models.golden_models import golden_model


@pytest.fixture(scope="module")
def published():
    """The state dict of a nano network under the published names."""
    return {to_published(name): tensor for name, tensor in golden_model("rapsam_nano").state_dict().items()}


def assert_same_weights(model):
    for name, tensor in golden_model("rapsam_nano").state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor), name


@pytest.mark.parametrize("variant", ["rapsam_nano", "rapsam_r18", "rapsam_r50"])
def test_names_map_one_to_one(variant):
    names = [to_published(name) for name in golden_model(variant).state_dict()]
    assert len(set(names)) == len(names)
    assert {name.split(".")[0] for name in names} == {"backbone", "neck", "panoptic_head"}


@pytest.mark.parametrize("form", ["bare", "wrapped", "prefixed", "wrapped and prefixed", "half"])
def test_published_files_load(tmp_path, published, form):
    state = OrderedDict(published)
    if "prefixed" in form:
        state = OrderedDict(("module." + name, tensor) for name, tensor in state.items())
    if form == "half":
        state = {name: t.half() if t.is_floating_point() else t for name, t in state.items()}
    content = {"meta": {"epoch": 12}, "state_dict": state} if "wrapped" in form else state
    torch.save(content, tmp_path / "model.pth")
    model = rapsam.build_model("rapsam_nano", checkpoint=tmp_path / "model.pth")
    if form == "half":
        reached = model.state_dict()["neck.smooth_conv.weight"]
        wanted = golden_model("rapsam_nano").state_dict()["neck.smooth_conv.weight"]
        assert reached.dtype == torch.float32
        assert torch.allclose(reached, wanted, atol=1e-3)
    else:
        assert_same_weights(model)


def test_there_and_back_again(tmp_path, published):
    torch.save(published, tmp_path / "a.pth")
    convert_weights(tmp_path / "a.pth", tmp_path / "b.safetensors", "rapsam_nano")
    convert_weights(tmp_path / "b.safetensors", tmp_path / "c.pth", "rapsam_nano")
    assert_same_weights(rapsam.build_model("rapsam_nano", checkpoint=tmp_path / "b.safetensors"))
    written = torch.load(tmp_path / "c.pth", weights_only=True)["state_dict"]
    assert written.keys() == published.keys()
    assert all(torch.equal(written[name], tensor) for name, tensor in published.items())
    # Without this version the published head renames a layer on load and leaves it random.
    assert written._metadata["panoptic_head"]["version"] >= 1


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("wrapper", ["bare", "in the state dict"])
def test_code_in_a_pickle_never_runs(tmp_path, published, wrapper):
    bomb = Bomb(str(tmp_path / "exploded"))
    content = {"bare": bomb, "in the state dict": {**published, "x": bomb}}[wrapper]
    torch.save(content, tmp_path / "evil.pth")
    with pytest.raises(CheckpointError, match="Python objects, which are never loaded"):
        rapsam.build_model("rapsam_nano", checkpoint=tmp_path / "evil.pth")
    assert not (tmp_path / "exploded").exists()


def test_code_beside_the_weights_never_runs_and_keeps_nothing_from_them(tmp_path, published):
    bomb = Bomb(str(tmp_path / "exploded"))
    torch.save({"meta": bomb, "state_dict": published}, tmp_path / "evil.pth")
    assert_same_weights(rapsam.build_model("rapsam_nano", checkpoint=tmp_path / "evil.pth"))
    assert not (tmp_path / "exploded").exists()


def test_a_plain_pickle_is_refused_too(tmp_path):
    (tmp_path / "evil.pth").write_bytes(pickle.dumps(Bomb(str(tmp_path / "exploded"))))
    with pytest.raises(CheckpointError, match="cannot read"):
        rapsam.build_model("rapsam_nano", checkpoint=tmp_path / "evil.pth")
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("keep", [0.0, 0.001, 0.5, 0.999])
def test_truncated_files_are_refused(tmp_path, published, suffix, keep):
    whole, cut = tmp_path / f"whole{suffix}", tmp_path / f"cut{suffix}"
    if suffix == ".pth":
        torch.save(published, whole)
    else:
        save_file(published, whole)
    data = whole.read_bytes()
    cut.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(CheckpointError, match=r"cut\.\w+"):
        rapsam.build_model("rapsam_nano", checkpoint=cut)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: s.pop("neck.loc_conv.bias"), "1 missing (neck.loc_conv.bias)"),
        (lambda s: s.update(surprise=torch.zeros(1)), "1 unexpected (surprise)"),
        (lambda s: s.update({"neck.loc_conv.bias": torch.zeros(3)}), "[3] instead of [128]"),
        (lambda s: s.update({"neck.loc_conv.bias": torch.full((128,), torch.nan)}), "NaN or infinite"),
        (lambda s: s.update({"neck.loc_conv.bias": torch.zeros(128).to_sparse()}), "no plain tensor"),
        (lambda s: s.update({"neck.loc_conv.bias": torch.zeros(128, dtype=torch.int8)}), "another kind"),
        (lambda s: s.update(huge=torch.zeros(1).expand(100_000, 100_000)), "would unfold to 40,0"),
        (lambda s: s.update({"neck.loc_conv.bias": 3}), "a int under 'neck.loc_conv.bias'"),
        (lambda s: s.clear(), "an empty dict"),
    ],
)
def test_misfits_are_named(tmp_path, published, change, says):
    state = dict(published)
    change(state)
    torch.save(state, tmp_path / "misfit.pth")
    model = rapsam.build_model("rapsam_nano")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(CheckpointError) as caught:
        rapsam.load_checkpoint(model, tmp_path / "misfit.pth")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in before.items())


def test_another_variant_is_refused(tmp_path, published):
    save_file(published, tmp_path / "nano.safetensors")
    with pytest.raises(CheckpointError, match=r"holds weights of rapsam_nano.*belong to"):
        rapsam.build_model("rapsam_r18", checkpoint=tmp_path / "nano.safetensors")


@pytest.mark.parametrize("path", ["missing.pth", "weights.bin", "."])
def test_paths_that_are_no_weights(tmp_path, path):
    with pytest.raises((CheckpointError, InputError), match=r"expected"):
        rapsam.build_model("rapsam_nano", checkpoint=tmp_path / path)


def test_published_classifier_file(tmp_path):
    prototypes = formula_classifier("ytvis_2019")
    torch.save(prototypes, tmp_path / "yt.pth")
    convert_weights(tmp_path / "yt.pth", tmp_path / "yt.safetensors", None)
    for file in ("yt.pth", "yt.safetensors"):
        classifier = rapsam.build_model("rapsam_nano", classifier=tmp_path / file).text_classifier
        assert torch.equal(classifier.prototypes, prototypes)
        assert classifier.label_set.labels[5].name == "sedan"
    assert load_file(tmp_path / "yt.safetensors").keys() == {"prototypes"}


def test_a_classifier_of_own_classes():
    torch.manual_seed(0)
    prototypes = torch.nn.functional.normalize(torch.randn(3, 2, 768), dim=-1)
    model = rapsam.build_model("rapsam_nano", classifier=prototypes)
    assert [label.name for label in model.text_classifier.label_set.labels] == [
        "class 0",
        "class 1",
        "class 2",
    ]
    with torch.no_grad():
        logits = model(torch.randn(1, 3, 32, 32)).stages[-1].class_logits
    assert logits.shape == (1, 100, 4)
    assert not logits[..., -1].any()


@pytest.mark.parametrize(
    ("classifier", "says"),
    [
        (torch.zeros(3, 1, 768), "length 0.000"),
        (torch.ones(3, 768), "[3, 768]"),
        (torch.ones(3, 1, 512), "[classes, synonyms, 768]"),
        ("cocoo_panoptic", "coco_panoptic"),
    ],
)
def test_wrong_classifiers_are_named(classifier, says):
    with pytest.raises(InputError) as caught:
        rapsam.build_model("rapsam_nano", classifier=classifier)
    assert says in str(caught.value)


def test_unknown_model_lists_the_nearest():
    with pytest.raises(InputError, match="rapsam_r50"):
        rapsam.build_model("rapsam_r51")


def test_formula_weights_are_reproducible():
    first = golden_model("rapsam_nano").state_dict()
    second = rapsam.build_model("rapsam_nano", checkpoint="formula").state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    checked = {
        "backbone.conv1.weight": (32, 3, 7, 7),
        "decoder.object_queries.weight": (100, 128),
    }
    assert {name: tuple(first[name].shape) for name in checked} == checked
    assert np.isclose(float(first["backbone.bn1.running_var"].min()), 1.0, atol=0.05)
