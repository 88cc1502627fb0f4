"""What a runtime is given is what was verified, whatever happens to the bundle in between."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest

from rapsam.errors import BundleError
from rapsam.export.backends.runtimes import Runtime
from rapsam.export.bundle.private_copy import load_graphs, private_graph
from tests.export.small_bundle import write_small_bundle


class Recorder:
    """Stands for a runtime that reads the file when it is loaded and again in each run."""

    def __init__(self):
        self.paths: list[Path] = []
        self.runtime = Runtime("Recorder", lambda: None, self.load)

    def load(self, path, _contract, _threads):
        self.paths.append(path)
        return self

    def run(self, _inputs):
        return [
            sorted(file.read_bytes() for file in [path, *path.rglob("*")] if file.is_file())
            for path in self.paths
        ]


@pytest.fixture
def bundle(tmp_path):
    (tmp_path / "bundle").mkdir()
    return tmp_path / "bundle", write_small_bundle(tmp_path / "bundle")


def test_a_change_behind_the_loading_is_not_met(bundle):
    folder, manifest = bundle
    recorder = Recorder()
    runners = load_graphs(recorder.runtime, folder, manifest)
    (folder / "encoder.onnx").write_bytes(b"swapped")
    os.truncate(folder / "panoptic.mlpackage" / "Data" / "weights.bin", 0)
    assert runners["encoder"].run({}) == [[b"an encoder"], [b"weights", b"{}"]]
    assert [path.name for path in recorder.paths] == ["encoder.onnx", "panoptic.mlpackage"]
    assert not any(path.is_relative_to(folder) for path in recorder.paths)
    del runners
    gc.collect()
    assert not any(path.parent.exists() for path in recorder.paths)


def swap(folder):
    (folder / "encoder.onnx").write_bytes(b"swapped")


def swap_in_a_package(folder):
    (folder / "panoptic.mlpackage" / "Data" / "weights.bin").write_bytes(b"swapped")


def add_to_a_package(folder):
    (folder / "panoptic.mlpackage" / "more").write_bytes(b"")


def grow(folder):
    os.truncate(folder / "encoder.onnx", 1 << 40)


@pytest.mark.parametrize("change", [swap, swap_in_a_package, add_to_a_package, grow])
def test_a_change_between_verifying_and_loading_is_refused(change, bundle):
    folder, manifest = bundle
    change(folder)
    with pytest.raises(BundleError, match="was changed after it was verified"):
        load_graphs(Recorder().runtime, folder, manifest)


def test_a_graph_that_is_read_is_a_copy_too(bundle):
    folder, manifest = bundle
    with private_graph(folder, manifest.graphs[0]) as path:
        swap(folder)
        assert path.read_bytes() == b"an encoder"
        assert not path.is_relative_to(folder)
    assert not path.parent.exists()
    with (
        pytest.raises(BundleError, match="was changed after it was verified"),
        private_graph(folder, manifest.graphs[0]),
    ):
        pass


def test_a_link_that_takes_the_place_of_a_graph_is_not_followed(bundle):
    folder, manifest = bundle
    (folder / "encoder.onnx").rename(folder / "elsewhere")
    (folder / "encoder.onnx").symlink_to(folder / "elsewhere")
    with pytest.raises(BundleError, match="cannot copy"):
        load_graphs(Recorder().runtime, folder, manifest)


def test_a_refusal_names_the_bundle(bundle, monkeypatch, tmp_path):
    folder, manifest = bundle
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "private"))
    (tmp_path / "private").mkdir()

    def refuse(path, _contract, _threads):
        raise BundleError(f"no runtime loads {path}")

    with pytest.raises(BundleError) as caught:
        load_graphs(Runtime("Refuser", lambda: None, refuse), folder, manifest)
    assert str(caught.value) == f"no runtime loads {folder / 'encoder.onnx'}"
    assert list((tmp_path / "private").iterdir()) == []
    (tmp_path / "private").rmdir()
    with pytest.raises(BundleError, match=r"No such file or directory.*; name another folder as TMPDIR"):
        load_graphs(Recorder().runtime, folder, manifest)
