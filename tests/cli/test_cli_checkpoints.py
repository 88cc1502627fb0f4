"""Weight and classifier files that are damaged, unsafe or of another kind, through `rapsam predict`."""

from __future__ import annotations

import os
import pickle
import shutil

import pytest
import safetensors.torch
import torch

from rapsam.models.rapsam.config import VARIANTS
from tests.cli.cli_runs import assert_refused, rapsam

WIDTH = VARIANTS["rapsam_nano"].embedding_width


class Evil:
    """Whoever unpickles it runs a command."""

    def __init__(self, witness):
        self.witness = witness

    def __reduce__(self):
        return os.system, (f"touch {self.witness}",)


def prototypes(classes=5, width=WIDTH):
    return torch.nn.functional.normalize(torch.ones(classes, 2, width), dim=-1)


def directory(path, _):
    path.mkdir()


def missing(path, _):
    pass


def text(path, _):
    path.write_text("hello")


def nothing(path, _):
    path.write_bytes(b"")


def a_list(path, _):
    torch.save([1, 2], path)


def empty_dict(path, _):
    torch.save({}, path)


def truncated(path, checkpoint):
    torch.save(safetensors.torch.load_file(checkpoint), path)
    os.truncate(path, path.stat().st_size // 2)


def incomplete(path, checkpoint):
    torch.save(dict(list(safetensors.torch.load_file(checkpoint).items())[:-3]), path)


def evil(path, _):
    torch.save({"state_dict": {"weight": Evil(path.with_name("witness"))}}, path)


def evil_pickle(path, _):
    path.write_bytes(pickle.dumps(Evil(path.with_name("witness"))))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (directory, "is a folder; expected a weight file"),
        (missing, "does not exist"),
        (text, "damaged, truncated or of another format"),
        (nothing, "damaged, truncated or of another format"),
        (truncated, "damaged, truncated or of another format"),
        (a_list, "holds a list; expected a state dict"),
        (empty_dict, "holds an empty dict"),
        (incomplete, "does not fit the model: 3 missing (prompt_encoder."),
        (evil, "holds Python objects, which are never loaded"),
        (evil_pickle, "holds Python objects, which are never loaded"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_bad_checkpoints_are_refused(make, says, photo, checkpoint, tmp_path):
    path = tmp_path / "weights.pth"
    make(path, checkpoint)
    outcome = rapsam(
        *("predict", photo, "--model", "rapsam_nano", "--checkpoint", path, "--out", tmp_path / "out")
    )
    assert_refused(outcome, path, says)
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "witness").exists()


def test_the_evil_file_is_evil(tmp_path):
    """Else the tests above would prove nothing."""
    evil_pickle(tmp_path / "weights.pth", None)
    pickle.loads((tmp_path / "weights.pth").read_bytes())
    assert (tmp_path / "witness").exists()


def test_nan_and_truncation_of_our_own_format(photo, checkpoint, tmp_path):
    weights = safetensors.torch.load_file(checkpoint)
    weights["backbone.conv1.weight"].view(-1)[7] = float("nan")
    safetensors.torch.save_file(weights, tmp_path / "nan.safetensors")
    shutil.copy(checkpoint, tmp_path / "cut.safetensors")
    os.truncate(tmp_path / "cut.safetensors", 1_000_000)
    for name, says in {
        "nan.safetensors": "'backbone.conv1.weight' holds NaN",
        "cut.safetensors": "damaged, truncated or of another format",
        "photo.png": "has the suffix '.png'; expected .safetensors, .pth or .pt",
    }.items():
        outcome = rapsam("predict", photo, "--model", "rapsam_nano", "--checkpoint", tmp_path / name)
        assert_refused(outcome, tmp_path / name, says)


def test_weights_of_another_variant_are_refused(photo, checkpoint):
    outcome = rapsam("predict", photo, "--model", "rapsam_r18", "--checkpoint", checkpoint)
    assert_refused(outcome, "holds weights of rapsam_nano and does not fit the model")


@pytest.mark.parametrize(
    ("classifier", "says"),
    [
        ("ytvis", "did you mean ytvis_2019?"),
        (
            "none.pth",
            "none.pth does not exist; expected a text classifier file, or a vocabulary: coco_panoptic",
        ),
        ("narrow.pth", f"has shape [5, 2, 512]; expected [classes, synonyms, {WIDTH}]"),
        ("long.pth", "expected 1"),
        ("checkpoint", "expected one tensor of floats"),
        ("evil.pth", "holds Python objects, which are never loaded"),
    ],
)
def test_bad_classifiers_are_refused(classifier, says, photo, checkpoint, tmp_path):
    torch.save(prototypes(width=512), tmp_path / "narrow.pth")
    torch.save(prototypes() * 3, tmp_path / "long.pth")
    evil_pickle(tmp_path / "evil.pth", None)
    name = {"checkpoint": checkpoint, "ytvis": "ytvis"}.get(classifier, tmp_path / classifier)
    outcome = rapsam(
        *("predict", photo, "--model", "rapsam_nano", "--checkpoint", checkpoint, "--classifier", name)
    )
    assert_refused(outcome, says)
    assert not (tmp_path / "witness").exists()


def test_a_good_classifier_file_is_taken(photo, checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr("rapsam.models.rapsam.model.COCO_TEST_SIZE", (160, 128))
    torch.save(prototypes(), tmp_path / "five.pth")
    outcome = rapsam(
        *("predict", photo, "--model", "rapsam_nano", "--checkpoint", checkpoint, "--box", "1,1,50,50"),
        *("--classifier", tmp_path / "five.pth", "--out", tmp_path / "out"),
    )
    assert outcome.code == 0, outcome.err
    assert "will mean nothing" not in outcome.err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("rapsam_nano", "nano-synht"), "unknown checkpoint 'nano-synht'; did you mean nano-synth?"),
        (("rapsam_nano", "xyz"), "valid names: nano-synth or name a .safetensors or .pth file"),
        (("rapsam_nano", "folder/none"), "has the suffix ''; expected .safetensors"),
        (
            ("rapsam_r18", "nano-synth"),
            "holds weights of 'rapsam_nano' and does not fit the model rapsam_r18",
        ),
    ],
)
def test_near_misses_say_what_was_meant(options, says, photo):
    model, checkpoint = options
    assert_refused(rapsam("predict", photo, "--model", model, "--checkpoint", checkpoint), says)


def test_what_was_taken_is_said(photo, checkpoint, tmp_path):
    """By every verb that loads weights, and in the line of `convert`."""
    weights = {f"_orig_mod.{name}": t for name, t in safetensors.torch.load_file(checkpoint).items()}
    torch.save({"model": weights, "state_dict_ema": weights}, tmp_path / "a.pth")
    outcome = rapsam("convert", tmp_path / "a.pth", tmp_path / "b.safetensors", "--model", "rapsam_nano")
    assert outcome.code == 0, outcome.err
    assert "took the averaged weights 'state_dict_ema', not 'model'" in outcome.out
    assert "names are read without '_orig_mod.'" in outcome.out
    outcome = rapsam(
        *("predict", photo, "--model", "rapsam_nano", "--checkpoint", tmp_path / "a.pth"),
        *("--classifier", tmp_path / "none.pth"),
    )
    assert_refused(outcome, "text classifier file")
