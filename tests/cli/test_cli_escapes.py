"""What foreign names hold reaches the terminal only escaped: no command to it, and no forged line."""

from __future__ import annotations

import os
import shutil

import msgspec
import pytest
from PIL import Image

from rapsam.export.bundle.manifest_file import read_manifest
from tests.cli.cli_runs import assert_refused, rapsam
from tests.cli.resealing import reseal
from tests.data.sources.tiny_sets import edit_json, write_coco_panoptic

TITLE = "\x1b]0;x\x07"
HOSTILE = f"{TITLE}\nerror: forged"
ESCAPED = r"\x1b]0;x\x07\nerror: forged"


@pytest.fixture
def odd_bundle(bundle, tmp_path):
    """The shared bundle in a folder with such a name."""
    return shutil.copytree(bundle, tmp_path / HOSTILE / "onnx-fp32")


@pytest.fixture
def odd_photo(pixels, tmp_path):
    path = tmp_path / f"{HOSTILE}.png"
    Image.fromarray(pixels).save(path)
    return path


def assert_escaped(outcome, code: int, escaped: str = ESCAPED) -> None:
    assert outcome.code == code, outcome
    said = outcome.out + outcome.err
    assert escaped in said
    assert all(letter.isprintable() for letter in said.replace("\n", ""))
    assert not any(line.startswith("error: forged") for line in said.splitlines())


@pytest.mark.parametrize("more", [(), ("--verbose",)])
def test_export(more, exported, odd_bundle):
    """The bundle is there already, so that nothing is made."""
    scene = exported.folder.parent.parent / "scene.png"
    choices = ("--model", "rapsam_nano", "--target", "onnx", "--size", "64x96", "--prompts", "2")
    again = rapsam("export", *choices, "--image", scene, "--out", odd_bundle.parent, *more)
    assert_escaped(again, 0)
    if not more:
        assert len(again.out.splitlines() + again.err.splitlines()) <= 16


@pytest.mark.parametrize("option", ["--device", "--target", "--precision", "--model", "--tasks", "--size"])
def test_words_that_are_refused(option, tmp_path):
    choices = {"--model": "rapsam_nano", "--target": "onnx", option: HOSTILE}
    words = [word for pair in choices.items() for word in pair]
    assert_refused(rapsam("export", *words, "--out", tmp_path / "out"), ESCAPED)


def test_parity(odd_bundle, odd_photo):
    outcome = rapsam("parity", odd_bundle, "--image", odd_photo, "--verbose")
    assert_escaped(outcome, 0)
    assert "  _]0;x__error_ forged  " in outcome.out  # the input, under a name that files can have


def test_verify(odd_bundle):
    assert_escaped(rapsam("verify", odd_bundle), 0)
    os.truncate(odd_bundle / "encoder.onnx", 10)
    assert_escaped(rapsam("verify", odd_bundle), 2)


def test_predict(odd_photo, bundle_copy, tmp_path):
    """Names of classes and devices too; with a newline, they do not even belong into a bundle."""
    manifest = read_manifest(bundle_copy)
    labels = tuple(msgspec.structs.replace(label, name=TITLE) for label in manifest.labels.labels)
    reseal(bundle_copy, labels=msgspec.structs.replace(manifest.labels, labels=labels), device=TITLE)
    outcome = rapsam("predict", odd_photo, "--bundle", bundle_copy, "--out", tmp_path / "out")
    assert TITLE not in outcome.out + outcome.err
    broken = tmp_path / f"broken {HOSTILE}.png"
    broken.write_bytes(b"none")
    good = rapsam("predict", odd_photo, broken, "--model", "rapsam_nano", "--out", tmp_path / "out")
    assert_escaped(good, 2)


def test_data_check(tmp_path):
    write_coco_panoptic(tmp_path / HOSTILE)

    def change(content):
        content["annotations"][0]["file_name"] = f"{HOSTILE}.png"

    edit_json(tmp_path / HOSTILE / "annotations/panoptic_val2017.json", change)
    assert_escaped(rapsam("data", "check", tmp_path), 1)
