from __future__ import annotations

import pytest

from rapsam.errors import BundleError, InputError
from rapsam.export.backends.catalogue import RECIPES
from tests.export.backends import probe_case

PRECISIONS = ("fp32", "fp16")


@pytest.mark.parametrize("precision", PRECISIONS)
def test_litert_computes_what_pytorch_computes(probe, lowered, precision) -> None:
    backend, artifact = lowered(f"tflite-{precision}")
    runner = backend.load(artifact.path, probe.contract)
    probe_case.assert_computes_the_probe(runner, probe, precision)


def test_a_litert_runner_keeps_runs_apart_and_refuses_wrong_inputs(probe, lowered) -> None:
    backend, artifact = lowered("tflite-fp32")
    runner = backend.load(artifact.path, probe.contract, threads=2)
    probe_case.assert_runs_are_independent(runner, probe)
    probe_case.assert_refuses_wrong_inputs(runner, probe)


def test_damaged_tflite_files_are_refused(probe, lowered, tmp_path) -> None:
    backend, artifact = lowered("tflite-fp32")
    probe_case.assert_refuses_damaged_files(backend, artifact.path, probe.contract, tmp_path)


@pytest.mark.parametrize("change", [probe_case.renamed_output, probe_case.reshaped_output])
def test_a_tflite_file_of_another_graph_is_refused(probe, lowered, change) -> None:
    backend, artifact = lowered("tflite-fp32")
    with pytest.raises(BundleError, match="outputs"):
        backend.load(artifact.path, change(probe.contract))


def test_the_signature_speaks_in_the_names_of_the_contract(lowered) -> None:
    from ai_edge_litert.interpreter import Interpreter

    _, artifact = lowered("tflite-fp16")
    signature = Interpreter(model_path=str(artifact.path)).get_signature_list()["serving_default"]
    assert set(signature["inputs"]) == {"image", "boxes"}
    assert set(signature["outputs"]) == {"features", "mask_logits", "class_logits", "box_mask_logits"}


def test_tflite_fp16_halves_the_weights(lowered) -> None:
    sizes = {precision: lowered(f"tflite-{precision}")[1].size_bytes for precision in PRECISIONS}
    assert sizes["fp16"] < 0.75 * sizes["fp32"]  # the rest is structure, large beside so few weights


def test_nothing_is_written_over_an_existing_file(probe, lowered, tmp_path) -> None:
    backend, _ = lowered("tflite-fp32")
    path = tmp_path / "old.tflite"
    path.write_bytes(b"precious")
    with pytest.raises(InputError, match="exists already"):
        backend.lower(probe.program, probe.contract, RECIPES["tflite-fp32"], path)
    assert path.read_bytes() == b"precious"
