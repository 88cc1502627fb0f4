"""Weight files whose few bytes mean much: parts that are used again and again, shapes and views that lie."""

from __future__ import annotations

import struct

import pytest
import safetensors
import torch
from safetensors.torch import save_file

from rapsam.errors import CheckpointError, MemoryLimitError
from rapsam.models.checkpoint import read_metadata, read_tensors
from rapsam.models.classifier_file import read_classifier
from tests.models.hand_pickles import (
    PROTO,
    read_in_little_memory,
    rebuilt,
    sides,
    storage,
    text,
    torch_zip,
)

# A tuple of itself twice, sixty times: to print, compare or hash it would never end.
NEST = b")q\0" + b"h\0\x86q\0" * 60
ORDERED_DICT = b"ccollections\nOrderedDict\nq\2"
REBUILT = b"ctorch._utils\n_rebuild_tensor_v2\nq\2"
OF_A_CLASS = b"ctorch._tensor\n_rebuild_from_type_v2\nq\2ctorch\nTensor\nq\3"
ONES = b"(" + b"K\1" * 100_000 + b"t"
STORAGE = storage().removesuffix(b"tQ")


def many(count, before):
    """A tuple of what is before, and of many results of the function 2 with the arguments 1."""
    return b"(" + before + b"h\2h\1R" * count + b"t"


ENDLESS = {
    "a module that is a nest": NEST + text("name") + b"\x93",
    "a name that is a nest": text("module") + NEST + b"\x93",
    "a dtype that is a nest": rebuilt(sides(4), sides(1), NEST, version=3),
    "a tensor of a class that is a nest": OF_A_CLASS[:-16] + b"(ctorch\nSize\n" + NEST + b")}tR",
    "a tensor by a function that is a nest": OF_A_CLASS[:-16] + b"(" + NEST + b"ctorch\nTensor\n)}tR",
    "metadata that are a nest": rebuilt(sides(4), sides(1), NEST),
    "many dimensions": rebuilt(sides(*[2**2000] * 20_000), sides(*[1] * 20_000)),
    "many dimensions of few bits": rebuilt(sides(*[2**62] * 200_000), sides(*[1] * 200_000)),
    "65 dimensions": rebuilt(sides(*[1] * 65), sides(*[1] * 65)),
    "a large size": rebuilt(sides(2**63), sides(1)),
    "one list for many dicts": many(
        2000, text("a") + b"N\x86q\5](" + b"h\5" * 100_000 + b"e\x85q\1" + ORDERED_DICT
    ),
    "one shape for many tensors": many(
        4000, b"(" + storage() + b"K\0" + ONES + b"q\4h\4\x89}tq\1" + REBUILT
    ),
    "one reference for many storages": (
        b"(" + STORAGE + b"N" * 500_000 + b"tq\1" + b"h\1Q" * 50_000 + b"t"
    ),
    "a nest of classes": many(
        100_000, OF_A_CLASS + b"(ctorch\nSize\nh\3N\x85tq\1" + b"(h\2h\3h\1tq\1" * 800
    ),
}  # fmt: skip


def test_nothing_that_a_pickle_shares_is_followed_without_end(tmp_path):
    files = [
        torch_zip(
            tmp_path / f"{number}.pth", PROTO + b"}" + text("w") + pickled + b"s.", [("data/0", bytes(16))]
        )
        for number, pickled in enumerate(ENDLESS.values())
    ]
    legacy = tmp_path / "legacy.pth"
    torch.save({}, legacy, _use_new_zipfile_serialization=False)
    start = legacy.read_bytes().removesuffix(b"\x80\x02}q\x00.\x80\x02]q\x00.")
    assert len(start) < len(legacy.read_bytes())
    tree = PROTO + b"}" + text("w") + rebuilt(sides(4), sides(1)) + b"s."
    legacy.write_bytes(start + tree + PROTO + b"]" + NEST + b"a." + bytes(24))
    done = read_in_little_memory([*files, legacy])
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(files) + 1, done.stdout
    assert all(line.startswith("CheckpointError") and len(line) < 900 for line in lines), lines


def test_a_negated_view_is_named(tmp_path):
    for legacy in (False, True):
        path = tmp_path / f"{legacy}.pth"
        tensor = torch._neg_view(torch.arange(3.0))
        torch.save({"w": tensor, "b": torch.zeros(1)}, path, _use_new_zipfile_serialization=not legacy)
        with pytest.raises(CheckpointError, match=r"'w' is no plain tensor.*a negated or conjugated view"):
            read_tensors(path)


def test_expanded_tensors_are_named_and_never_unfolded(tmp_path):
    torch.save({"w": torch.zeros(1).half().expand(30, 40)}, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match=r"'w' is no plain tensor.*an expanded tensor"):
        read_tensors(tmp_path / "a.pth")
    torch.save(torch.zeros(1).half().expand(2**20, 1, 768), tmp_path / "b.pth")
    with pytest.raises(CheckpointError, match="an expanded tensor"):
        read_classifier(tmp_path / "b.pth", 768)


def test_the_shape_of_a_classifier_is_checked_before_it_is_read(tmp_path, monkeypatch):
    torch.save(torch.zeros(30, 768), tmp_path / "a.pth")
    monkeypatch.setattr(torch, "frombuffer", lambda *_, **__: pytest.fail("it was read"))
    with pytest.raises(CheckpointError, match=r"has shape \[30, 768\]"):
        read_classifier(tmp_path / "a.pth", 768)


def test_a_storage_is_read_once_for_tensors_of_several_dtypes(tmp_path):
    kinds = ("float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")
    count = 120_000_000
    pickled = PROTO + b"}"
    for kind in kinds:
        tensor = rebuilt(
            sides(1), sides(1), f"ctorch\n{kind}\n".encode(), 3, storage(count, "UntypedStorage")
        )
        pickled += text(kind) + tensor + b"s"
    done = read_in_little_memory([torch_zip(tmp_path / "a.pth", pickled + b".", [("data/0", bytes(count))])])
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_shapes_of_safetensors_are_bounded_too(tmp_path):
    header = b'{"w":{"dtype":"F32","shape":[0' + b",18446744073709551615" * 3000 + b'],"data_offsets":[0,0]}}'
    path = tmp_path / "a.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    with pytest.raises(CheckpointError, match=r"a shape that no tensor has|damaged"):
        read_tensors(path)


def test_the_table_of_contents_is_the_one_that_is_read(tmp_path):
    """Behind a small end of the archive, in its own numbers, lies the signature of another."""
    path = tmp_path / "a.pth"
    torch_zip(path, PROTO + b"}.")
    content = bytearray(path.read_bytes())
    end = content.rfind(b"PK\5\6")
    content[end + 8 : end + 16] = b"PK\5\6" + struct.pack("<I", 17 << 20)
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="a table of contents of"):
        read_tensors(path)


def test_metadata_for_which_memory_runs_out_are_not_called_damaged(tmp_path, monkeypatch):
    save_file({"w": torch.zeros(1)}, tmp_path / "a.safetensors")

    def full(*_):
        raise MemoryError

    monkeypatch.setattr(safetensors, "safe_open", full)
    with pytest.raises(MemoryLimitError, match="more memory"):
        read_metadata(tmp_path / "a.safetensors")
