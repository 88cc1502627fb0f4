"""The study of promptable networks beside the exports of their authors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import rapsam
from rapsam.benchmarks.measuring.records import SCHEMA_VERSION
from rapsam.benchmarks.report.sam_speed import NOTHING, sam_speed_table
from rapsam.benchmarks.studies.sam_exports import export_decoder, export_encoder
from rapsam.benchmarks.studies.sam_speed import THEIR_DECODER, THEIR_ENCODER, measure, with_run
from rapsam.benchmarks.studies.sam_speed_records import COMMAND, SamSpeedRecords
from rapsam.errors import InputError
from rapsam.models.families import FAMILIES
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.prompt import interactive_masks
from tests.benchmarks.made_up_records import sam_speed_run
from tests.models.sam.small_networks import SIDE, small_family, small_sam

GEOMETRY = ImageGeometry(padded_size=(SIDE, SIDE), content_size=(54, SIDE), original_size=(108, 192))
ENCODED, DECODED = "graph encoder", "graph decoder"


def run_file(path, *inputs):
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [node.name for node in session.get_inputs()]
    return session.run(None, dict(zip(names, inputs, strict=True)))


def operators(path):
    import onnx

    return [node.op_type for node in onnx.load(path).graph.node]


@pytest.mark.parametrize("name", ["repvit", "tiny"])
def test_their_encoder_computes_the_same_with_all_branches(name, tmp_path):
    model, path = small_sam(name), tmp_path / "encoder.onnx"
    export_encoder(model, SIDE, path)
    image = np.random.default_rng(0).normal(size=(1, 3, SIDE, SIDE)).astype(np.float32)
    with torch.no_grad():
        expected = model.image_encoder(torch.from_numpy(image)).numpy()
    np.testing.assert_allclose(run_file(path, image)[0], expected, atol=1e-4)
    convolutions = [each for each in model.image_encoder.modules() if isinstance(each, torch.nn.Conv2d)]
    assert operators(path).count("Conv") == len(convolutions)


def test_their_decoder_enlarges_its_masks_to_the_photo(tmp_path):
    model, path = small_sam("repvit"), tmp_path / "decoder.onnx"
    export_decoder(model, GEOMETRY, path)
    rng = np.random.default_rng(0)
    embedding = rng.normal(size=(1, 256, SIDE // 16, SIDE // 16)).astype(np.float32)
    points, labels = np.array([[[40, 20], [0, 0]]], np.float32), np.array([[1, -1]], np.float32)
    mask, has_mask = np.zeros((1, 1, SIDE // 4, SIDE // 4), np.float32), np.zeros(1, np.float32)
    masks, iou, logits = run_file(path, embedding, points, labels, mask, has_mask)
    with torch.no_grad():
        answer = model.answer(*map(torch.from_numpy, (embedding, points, labels)))
    np.testing.assert_allclose(logits, answer.mask_logits.numpy(), atol=1e-4)
    np.testing.assert_allclose(iou, answer.iou.numpy(), atol=1e-4)
    assert masks.shape == (1, 4, *GEOMETRY.original_size)
    expected = interactive_masks(logits[0], GEOMETRY)
    assert ((masks[0] > 0) != expected).mean() < 1e-3


@pytest.mark.slow
def test_a_bundle_takes_turns_with_their_graphs(monkeypatch, tmp_path, tiny_bundle):
    monkeypatch.setitem(FAMILIES, "small", small_family())
    rapsam.export_bundle(
        small_sam("repvit"), tmp_path / "bundle", target="onnx", precision="fp32", size=(SIDE, SIDE)
    )
    run = measure(tmp_path / "bundle", rounds=2)
    assert [(each.stage, each.beside) for each in run.stages][:2] == [
        (ENCODED, THEIR_ENCODER),
        (DECODED, THEIR_DECODER),
    ]
    assert all(each.ms > 0 and each.ratio > 0 for each in run.stages)
    assert run.macs["decoder"][0] > run.macs["decoder"][1] > 0
    monkeypatch.setattr("rapsam.benchmarks.studies.sam_speed.RECIPE", "onnx-fp16")
    with pytest.raises(InputError, match="is of the recipe 'onnx-fp32'; expected onnx-fp16"):
        measure(tmp_path / "bundle")
    monkeypatch.undo()
    with pytest.raises(InputError, match="expected a network of the kind of SAM"):
        measure(tiny_bundle)


def test_a_later_run_of_a_network_takes_the_place_of_an_earlier_one():
    records = SamSpeedRecords(schema_version=SCHEMA_VERSION, command=COMMAND)
    assert sam_speed_table(records) == NOTHING
    for run in (sam_speed_run("b", 0.95), sam_speed_run("a", 0.8), sam_speed_run("b", 0.9)):
        records = with_run(records, run)
    assert [(run.model, run.stages[0].ratio) for run in records.runs] == [("a", 0.8), ("b", 0.9)]
    text = sam_speed_table(with_run(records, sam_speed_run("c", 0.91)))
    assert "| 0.800 | <= 0.9: holds | 113.30 -> 113.20 |" in text
    assert "| 0.910 | <= 0.9: falls short |" in text
    assert "| 0.100 | - | - |" in text
    assert "2026-01-02" in text
