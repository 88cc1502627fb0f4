"""What people save around a state dict, and files whose name or content misleads."""

from __future__ import annotations

import gzip
import io
import sys
import types
from collections import OrderedDict

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from rapsam.errors import CheckpointError, InputError
from rapsam.models.build import build_model, load_checkpoint
from rapsam.models.checkpoint import load_strictly, read_tensors

STATE = {"neck.weight": torch.tensor([1.0, 2.0]), "neck.bias": torch.tensor([3.0])}
AVERAGE = {name: tensor + 100 for name, tensor in STATE.items()}
BESIDE = {"epoch": 3, "optimizer": {"state": {0: {"step": torch.tensor(1)}}}, "args": None}


def prefixed(prefix, state=STATE):
    return {prefix + name: tensor for name, tensor in state.items()}


def read(content, path):
    torch.save(content, path)
    notes = []
    return read_tensors(path, notes.append), notes


def same(found, wanted):
    return found.keys() == wanted.keys() and all(torch.equal(found[name], wanted[name]) for name in found)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (STATE, None),
        ({"state_dict": STATE}, None),
        ({"meta": {}, "state_dict": prefixed("module.")}, None),
        ({"model": STATE, **BESIDE}, "took the weights 'model'"),
        ({"model": {"state_dict": STATE}}, "took the weights 'model.state_dict'"),
        ({"model_state_dict": prefixed("_orig_mod.")}, "without '_orig_mod.'"),
        (prefixed("module._orig_mod."), "without 'module._orig_mod.'"),
        (prefixed("_orig_mod.module."), "without '_orig_mod.module.'"),
        ({"state_dict": prefixed("model."), "pytorch-lightning_version": "2"}, "without 'model.'"),
        ({"neck._orig_mod.weight": STATE["neck.weight"], "neck.bias": STATE["neck.bias"]}, "'_orig_mod.'"),
        ({"module.": 0, "module": STATE}, "took the weights 'module'"),
        ({**prefixed("module."), "n_averaged": torch.tensor(3)}, None),
        (OrderedDict(STATE), None),
    ],
)
def test_known_wrappers_are_taken_off(content, says, tmp_path):
    found, notes = read(content, tmp_path / "a.pth")
    assert same(found, STATE)
    assert says in notes[-1] if says else not notes


@pytest.mark.parametrize("key", ["state_dict_ema", "model_ema", "ema"])
def test_averaged_weights_are_preferred_and_said(key, tmp_path):
    content = {"state_dict": STATE, key: {"module": AVERAGE} if key == "ema" else AVERAGE, **BESIDE}
    found, notes = read(content, tmp_path / "a.pth")
    assert same(found, AVERAGE)
    assert notes == [f"a.pth: took the averaged weights {key!r}, not 'state_dict'"]


def test_the_average_of_mmengine_is_its_state_dict(tmp_path):
    """Its hook exchanges the two when it saves."""
    found, notes = read({"state_dict": AVERAGE, "ema_state_dict": STATE}, tmp_path / "a.pth")
    assert same(found, AVERAGE)
    assert not notes


def test_an_unknown_prefix_is_named(tmp_path):
    module = torch.nn.ModuleDict({"neck": torch.nn.Linear(2, 1)})
    state = {name: torch.zeros_like(tensor) for name, tensor in module.state_dict().items()}
    with pytest.raises(CheckpointError, match=r"all names begin with 'net\.student\.': save them without it"):
        load_strictly(module, prefixed("net.student.", state), tmp_path / "a.pth", str)


@pytest.fixture
def history_buffer(monkeypatch):
    """A class as mmengine pickles it, which is gone when the file is read."""

    class HistoryBuffer:
        def __init__(self):
            self._log_history = np.arange(5.0)
            self._count_history = np.arange(5)
            self._max_length = 1_000_000

    module = types.ModuleType("mmengine.logging.history_buffer")
    HistoryBuffer.__module__ = module.__name__
    HistoryBuffer.__qualname__ = "HistoryBuffer"
    module.HistoryBuffer = HistoryBuffer
    for name in ("mmengine", "mmengine.logging"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return HistoryBuffer


@pytest.mark.parametrize("legacy", [False, True])
def test_a_training_checkpoint_of_mmengine_is_read(history_buffer, legacy, tmp_path, monkeypatch):
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.ones(2))])
    content = {
        "meta": {
            "cfg": "model = dict()",
            "seed": np.int64(3),
            "time": "today",
            "dataset_meta": {"a": (1, 2)},
        },
        "state_dict": OrderedDict(STATE),
        "message_hub": {
            "log_scalars": OrderedDict({"train/loss": history_buffer()}),
            "runtime_info": OrderedDict(iter=3, lr=np.float64(0.1), shape=torch.Size([1, 2])),
            "resumed_keys": {"train/loss": True},
        },
        "optimizer": optimizer.state_dict(),
        "param_schedulers": [{"last_step": 1, "milestones": {8: 1}, "base_values": [1e-4]}],
    }
    content["state_dict"]._metadata = OrderedDict({"": {"version": 1}})
    path = tmp_path / "epoch_12.pth"
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    monkeypatch.delitem(sys.modules, "mmengine.logging.history_buffer")
    assert same(read_tensors(path), STATE)
    assert "mmengine.logging.history_buffer" not in sys.modules


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n"


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (LFS, r"Git LFS pointer.*'git lfs pull'"),
        (b"\n<!DOCTYPE html><html>", "a web page"),
        (b"<html><head>", "a web page"),
        (gzip.compress(b"x", mtime=0), "packed with gzip"),
        (b"BZh91AY", "packed with bzip2"),
        (b"a" * 257 + b"ustar\x00", "a tar archive"),
        (b"\x89HDF\r\n", "HDF5"),
        (b"PK\x03\x04" + bytes(30), "damaged"),
        (b"just text", "damaged"),
    ],
)
def test_files_of_another_format_are_recognised(suffix, content, says, tmp_path):
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=says) as caught:
        build_model("rapsam_nano", checkpoint=path)
    assert str(path) in str(caught.value)


def test_a_zip_of_anything_is_no_weights(tmp_path):
    np.savez(tmp_path / "a.npz", np.zeros(3))
    path = (tmp_path / "a.npz").rename(tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match=r"none of torch\.save"):
        read_tensors(path)


def test_the_content_decides_and_is_told_where_the_name_says_otherwise(tmp_path):
    notes = []
    save_file(STATE, tmp_path / "a.pth")
    assert same(read_tensors(tmp_path / "a.pth", notes.append), STATE)
    buffer = io.BytesIO()
    torch.save(STATE, buffer)
    (tmp_path / "b.safetensors").write_bytes(buffer.getvalue())
    assert same(read_tensors(tmp_path / "b.safetensors", notes.append), STATE)
    assert "a.pth is a safetensors file" in notes[0]
    assert "b.safetensors is a torch zip file" in notes[1]
    with pytest.raises(InputError, match="suffix"):
        read_tensors(tmp_path / "a.bin")


def test_a_checkpoint_of_lightning_is_read(tmp_path):
    found, _ = read({"state_dict": prefixed("model."), "epoch": 1}, tmp_path / "last.ckpt")
    assert same(found, STATE)


def test_a_whole_network_loads_with_a_note(tmp_path):
    model = build_model("rapsam_nano", checkpoint="formula")
    torch.save({"model": prefixed("module._orig_mod.", model.state_dict())}, tmp_path / "a.pth")
    notes = []
    loaded = load_checkpoint(build_model("rapsam_nano"), tmp_path / "a.pth", notes.append)
    assert same(loaded.state_dict(), model.state_dict())
    assert "took the weights 'model'" in notes[0]


def test_settings_of_an_average_are_no_weights(tmp_path):
    content = {"ema": {"decay": 0.999, "updates": 10}, "state_dict": STATE}
    found, notes = read(content, tmp_path / "a.pth")
    assert same(found, STATE)
    assert not notes


def test_a_nested_average_is_still_found(tmp_path):
    content = {"ema": {"decay": {"at": 0.999}, "module": AVERAGE}, "state_dict": STATE}
    found, _ = read(content, tmp_path / "a.pth")
    assert same(found, AVERAGE)


@pytest.mark.parametrize("prefix", ["model.", "module.model."])
def test_a_known_prefix_is_named_where_something_lies_beside_it(prefix, tmp_path):
    """As Lightning saves a loss with weights beside the network."""
    module = torch.nn.ModuleDict({"neck": torch.nn.Linear(2, 1)})
    state = {**prefixed(prefix, module.state_dict()), "criterion.weight": torch.ones(2)}
    with pytest.raises(CheckpointError) as caught:
        load_strictly(module, state, tmp_path / "a.pth", str)
    assert str(caught.value).endswith(
        f"most names fit without {prefix!r}: save those alone, without it; 1 left over (criterion.weight)"
    )


def test_a_prefix_before_the_published_names_is_named(tmp_path):
    module = torch.nn.ModuleDict({"neck": torch.nn.Linear(2, 1)})
    state = {f"net.pub.{name}": tensor for name, tensor in module.state_dict().items()}
    with pytest.raises(CheckpointError, match=r"all names begin with 'net\.': save them without it"):
        load_strictly(module, state, tmp_path / "a.pth", lambda name: f"pub.{name}")


def test_integers_sets_and_byte_arrays_beside_the_weights_are_passed_over(tmp_path):
    beside = {"a": 1 << 5000, "b": frozenset({1}), "c": bytearray(300), "d": {"e"}, "f": 1 << 100}
    short, long = [], []  # Tuples that hold themselves: pickled with POP and with POP_MARK.
    short.append((short,))
    long.append((long, 1, 2, 3))
    path = tmp_path / "a.pth"
    torch.save(
        {"state_dict": STATE, "beside": beside, "deep": short[0], "wide": long[0]}, path, pickle_protocol=5
    )
    assert same(read_tensors(path), STATE)


def test_the_reason_of_a_refusal_is_told(tmp_path):
    torch.save({"state_dict": STATE, "beside": {"a": [1, 2]}}, tmp_path / "a.pth", pickle_protocol=0)
    with pytest.raises(CheckpointError, match=r"the instruction \w+, .*save its state dict alone"):
        read_tensors(tmp_path / "a.pth")
