"""`rapsam convert`: published .pth to our .safetensors and back, without a change of any value."""

from __future__ import annotations

import json

import pytest
import torch

import rapsam as api
from rapsam.models.checkpoint import write_published
from rapsam.models.rapsam.checkpoint_map import to_published
from tests.cli.cli_runs import assert_refused, rapsam
from tests.models.golden_models import golden_model


@pytest.fixture
def published(tmp_path):
    """Formula weights under the names of the published implementation."""
    state = golden_model("rapsam_nano").state_dict()
    write_published(tmp_path / "published.pth", {to_published(name): t for name, t in state.items()})
    return tmp_path / "published.pth"


def test_there_and_back(published, tmp_path):
    ours, back = tmp_path / "ours.safetensors", tmp_path / "back.pth"
    there = rapsam("convert", published, ours, "--model", "rapsam_nano")
    assert (there.code, there.err) == (0, "")
    assert there.out == f"{ours}: rapsam_nano, 370 tensors, {ours.stat().st_size / 1e6:.1f} MB\n"
    again = rapsam("convert", ours, back, "--model", "rapsam_nano", "--json")
    assert json.loads(again.out) == {
        "path": str(back),
        "content": "rapsam_nano, 370 tensors",
        "size_bytes": back.stat().st_size,
    }
    wanted = golden_model("rapsam_nano").state_dict()
    for path in (ours, back):
        state = api.build_model("rapsam_nano", checkpoint=path).state_dict()
        assert all(torch.equal(state[name], tensor) for name, tensor in wanted.items())
    first, last = (torch.load(path, weights_only=True)["state_dict"] for path in (published, back))
    assert list(first) == list(last)


def test_a_classifier_gets_its_class_names(tmp_path):
    prototypes = torch.nn.functional.normalize(torch.ones(133, 2, 768), dim=-1)
    torch.save(prototypes, tmp_path / "published.pth")
    outcome = rapsam("convert", tmp_path / "published.pth", tmp_path / "ours.safetensors")
    assert outcome.code == 0, outcome.err
    assert "text classifier, 133 classes (coco_panoptic)" in outcome.out


@pytest.mark.parametrize(
    ("destination", "options", "says"),
    [
        ("new.safetensors", [], "name it: --model rapsam_r50 | rapsam_r18 | rapsam_nano"),
        (
            "new.safetensors",
            ["--model", "nano"],
            "did you mean edge_sam_nano, rapsam_nano or repvit_sam_nano?",
        ),
        ("new.safetensors", ["--model", "rapsam_r18"], "does not fit the model"),
        ("new.onnx", ["--model", "rapsam_nano"], "has the suffix '.onnx'; expected .safetensors"),
        ("published.pth/new.pth", ["--model", "rapsam_nano"], "cannot write"),
        ("folder.pth", ["--model", "rapsam_nano"], "cannot write"),
    ],
)
def test_what_cannot_be_converted_is_refused(destination, options, says, published, tmp_path):
    (tmp_path / "folder.pth").mkdir()
    before = sorted(tmp_path.rglob("*"))
    assert_refused(rapsam("convert", published, tmp_path / destination, *options), says)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_damaged_source_is_refused(published, tmp_path):
    published.write_bytes(published.read_bytes()[:100_000])
    new = tmp_path / "new.safetensors"
    assert_refused(rapsam("convert", published, new, "--model", "rapsam_nano"), "damaged, truncated")
    assert not new.exists()
