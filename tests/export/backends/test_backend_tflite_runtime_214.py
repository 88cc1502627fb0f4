from __future__ import annotations

import pytest

from rapsam.errors import BundleError, UnavailableError
from rapsam.export.backends.tflite import runtime_214 as tflite_runtime_214
from tests.export.backends import probe_case

needs_environment = pytest.mark.skipif(
    tflite_runtime_214.cannot_run() is not None, reason=str(tflite_runtime_214.cannot_run())
)


@needs_environment
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_the_last_tflite_runtime_computes_what_pytorch_computes(probe, lowered, precision) -> None:
    _, artifact = lowered(f"tflite-{precision}")
    runner = tflite_runtime_214.load(artifact.path, probe.contract)
    probe_case.assert_computes_the_probe(runner, probe, precision)
    assert artifact.minimum_runtime == "tflite-runtime 2.14.0"


@needs_environment
def test_its_runner_keeps_runs_apart_and_refuses_wrong_inputs(probe, lowered) -> None:
    _, artifact = lowered("tflite-fp32")
    runner = tflite_runtime_214.load(artifact.path, probe.contract, threads=2)
    probe_case.assert_runs_are_independent(runner, probe)
    probe_case.assert_refuses_wrong_inputs(runner, probe)


@needs_environment
def test_damaged_and_foreign_files_are_refused(probe, lowered, tmp_path) -> None:
    _, artifact = lowered("tflite-fp32")
    damaged = tmp_path / "damaged.tflite"
    # This runtime crashes on some damaged files; that ends the subprocess only.
    for content in (b"", b"no graph at all" * 40, artifact.path.read_bytes()[:50_000]):
        damaged.write_bytes(content)
        with pytest.raises(BundleError, match=r"tflite-runtime 2\.14\.0 refuses .*damaged"):
            tflite_runtime_214.load(damaged, probe.contract)
    with pytest.raises(BundleError, match="outputs"):
        tflite_runtime_214.load(artifact.path, probe_case.renamed_output(probe.contract))
    with pytest.raises(BundleError, match="does not exist"):
        tflite_runtime_214.load(tmp_path / "absent.tflite", probe.contract)


def test_without_its_environment_the_reason_names_the_command_and_no_folder(
    probe, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv(tflite_runtime_214.FOLDER_VARIABLE, str(tmp_path / "nowhere"))
    reason = tflite_runtime_214.cannot_run()
    assert reason is not None
    # The reason is written into bundles, which shall hold no paths of this machine.
    assert str(tmp_path) not in reason
    assert "python -m rapsam.export.backends.tflite.runtime_214" in reason
    with pytest.raises(UnavailableError, match="no environment of its own"):
        tflite_runtime_214.load(tmp_path / "probe.tflite", probe.contract)


def test_an_environment_that_cannot_be_made_leaves_nothing(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(UnavailableError, match="cannot make an environment for tflite-runtime"):
        tflite_runtime_214.make_environment(tmp_path / "environment")
    assert not (tmp_path / "environment").exists()
