"""`rapsam verify`: whole and unchanged, or refused."""

from __future__ import annotations

import json
import os

import msgspec
import pytest

from rapsam.export.bundle.manifest_file import read_manifest
from rapsam.models.origins import Weights
from tests.cli.cli_runs import assert_refused, rapsam
from tests.cli.resealing import reseal


def test_a_whole_bundle(bundle):
    outcome = rapsam("verify", bundle)
    assert (outcome.code, outcome.err) == (0, "")
    assert "complete and unchanged" in outcome.out
    assert outcome.out.splitlines()[-1] == f"next: rapsam parity {bundle}"


def test_the_next_command_names_the_checkpoint_that_it_needs(bundle_copy):
    model = msgspec.structs.replace(
        read_manifest(bundle_copy).model, weights=Weights(origin="file", name="my r50.pth", trained=True)
    )
    reseal(bundle_copy, model=model)
    lines = rapsam("verify", bundle_copy).out.splitlines()
    assert lines[-1] == f"next: rapsam parity {bundle_copy} --checkpoint 'my r50.pth'"


def test_for_machines_it_says_the_same_as_export(exported):
    outcome = rapsam("verify", exported.folder, "--json")
    assert [json.loads(outcome.out)] == json.loads(exported.outcome.out)


def truncate(folder):
    os.truncate(folder / "encoder.onnx", 1000)


def empty(folder):
    os.truncate(folder / "prompt.onnx", 0)


def flip_a_bit(folder):
    data = bytearray((folder / "panoptic.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "panoptic.onnx").write_bytes(data)


def swap_graphs(folder):
    encoder = (folder / "encoder.onnx").read_bytes()
    (folder / "encoder.onnx").write_bytes((folder / "prompt.onnx").read_bytes())
    (folder / "prompt.onnx").write_bytes(encoder)


def remove_a_graph(folder):
    (folder / "prompt.onnx").unlink()


def remove_a_golden_file(folder):
    (folder / "golden" / "index.json").unlink()


def add_a_file(folder):
    (folder / "more.onnx").write_bytes(b"x")


def edit_the_card(folder):
    (folder / "MODEL_CARD.md").write_text("everything is fine")


def edit_parity(folder):
    text = (folder / "parity.json").read_text()
    (folder / "parity.json").write_text(text.replace("passed", "failed", 1))


def edit_a_threshold(folder):
    """A well-formed manifest that says something else."""
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["postprocess"]["score_threshold"] = 0.123
    (folder / "manifest.json").write_text(json.dumps(manifest))


def cut_the_manifest(folder):
    os.truncate(folder / "manifest.json", 500)


def remove_the_manifest(folder):
    (folder / "manifest.json").unlink()


def remove_the_digest(folder):
    (folder / "manifest.sha256").unlink()


def edit_a_contract(folder):
    path = folder / "panoptic.contract.json"
    path.write_text(path.read_text().replace("float32", "float16"))


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (truncate, "encoder.onnx has 1,000 bytes; expected "),
        (empty, "prompt.onnx has 0 bytes"),
        (flip_a_bit, "panoptic.onnx was edited or damaged"),
        (swap_graphs, "onnx has "),
        (remove_a_graph, "lacks prompt.onnx"),
        (remove_a_golden_file, "lacks golden/index.json"),
        (add_a_file, "holds more.onnx"),
        (edit_the_card, "MODEL_CARD.md has"),
        (edit_parity, "parity.json was edited"),
        (edit_a_threshold, "manifest.json was edited"),
        (edit_a_contract, "panoptic.contract.json was edited"),
        (cut_the_manifest, "manifest.json is damaged"),
        (remove_the_manifest, "has no manifest.json"),
        (remove_the_digest, "lacks manifest.sha256"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
@pytest.mark.parametrize("verb", ["verify", "parity", "predict"])
def test_a_changed_bundle_is_refused_by_every_verb(verb, change, names, bundle_copy, photo):
    change(bundle_copy)
    extra = ["--out", photo.parent / "out"]
    arguments = [photo, "--bundle", bundle_copy, *extra] if verb == "predict" else [bundle_copy]
    assert_refused(rapsam(verb, *arguments), names)
    assert not (photo.parent / "out").exists()


def test_what_is_no_bundle_is_refused(photo, tmp_path):
    assert_refused(rapsam("verify", tmp_path / "none"), "none is no folder; expected a bundle")
    assert_refused(rapsam("verify", photo), "photo.png is no folder; expected a bundle")
    assert_refused(rapsam("verify", tmp_path), "has no manifest.json; expected a bundle")
    assert_refused(rapsam("verify", "a" * 300), "File name too long")
