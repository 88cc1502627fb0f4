"""Weight files that strangers made: nothing runs, little is allocated, and what is odd is named."""

from __future__ import annotations

import builtins
import io
import os
import pickle
import struct
import warnings
import zipfile

import pytest
import torch
from safetensors.torch import save_file

from rapsam.errors import CheckpointError, RapSamError
from rapsam.models.build import build_model
from rapsam.models.checkpoint import read_tensors
from rapsam.models.classifier_file import read_classifier
from tests.models.hand_pickles import PROTO, STOP, read_in_little_memory, text, torch_zip


def called(name, argument):
    """A pickle that calls a function with one text."""
    return b"c" + name.replace(" ", "\n").encode() + b"\n" + text(argument) + b"\x85R"


def built(witness):
    """A pickle that makes an object and sets a state that would run code while it is set."""
    return b"ctypes\nSimpleNamespace\n)\x81}X\x0c\0\0\0__setstate__" + called("posix mkdir", witness) + b"sb"


class _Reduced:
    def __init__(self, *what):
        self.what = what

    def __reduce__(self):
        return self.what


PAYLOADS = {
    "posix.mkdir": lambda witness: called("posix mkdir", witness),
    "os.system": lambda witness: called("os system", f"mkdir {witness}"),
    "eval": lambda witness: called("builtins eval", f"__import__('os').mkdir({witness!r})"),
    "python 2 eval": lambda witness: called("__builtin__ eval", f"__import__('os').mkdir({witness!r})"),
    "getattr of a tensor function": lambda witness: (
        b"c__builtin__\ngetattr\nctorch\nos\n" + text("mkdir") + b"\x86R" + text(witness) + b"\x85R"
    ),
    "a dotted name": lambda witness: called("torch os.mkdir", witness),
    "build": built,
    "torch.hub": lambda witness: called("torch.hub load_state_dict_from_url", f"file://{witness}"),
    "torch.load": lambda witness: called("torch.serialization load", witness),
    "load_from_bytes": lambda witness: (
        b"ctorch.storage\n_load_from_bytes\n" + text(witness) + b"\x85R"
    ),
    "subclass of tensors": lambda witness: (
        b"ctorch._tensor\n_rebuild_from_type_v2\n(cposix\nmkdir\nctorch\nTensor\n"
        + text(witness) + b"\x85}tR"
    ),
}  # fmt: skip


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("place", ["alone", "in the weights", "beside the weights"])
def test_no_payload_runs(payload, place, tmp_path):
    witness = tmp_path / "witness"
    evil = PAYLOADS[payload](str(witness))
    pickled = {
        "alone": PROTO + evil + STOP,
        "in the weights": PROTO + b"}(" + text("state_dict") + b"}" + text("w") + evil + b"su" + STOP,
        "beside the weights": PROTO + b"}(" + text("meta") + evil + text("state_dict") + b"}u" + STOP,
    }[place]
    path = torch_zip(tmp_path / "evil.pth", pickled)
    with pytest.raises(CheckpointError) as caught:
        read_tensors(path)
    assert "\n" not in str(caught.value)
    assert not witness.exists()


def test_the_payloads_are_evil(tmp_path):
    """Else the test above would prove nothing."""
    for number, name in enumerate(("posix.mkdir", "os.system", "eval", "python 2 eval")):
        pickle.loads(PROTO + PAYLOADS[name](str(tmp_path / str(number))) + STOP)
        assert (tmp_path / str(number)).exists()


@pytest.mark.parametrize("function", [builtins.eval, os.system, torch.load, torch.Tensor.to, torch.hub.load])
def test_functions_that_python_itself_pickles_do_not_run(function, tmp_path):
    torch.save({"state_dict": {"w": _Reduced(function, (str(tmp_path / "w"),))}}, tmp_path / "evil.pth")
    with pytest.raises(CheckpointError, match="never loaded"):
        read_tensors(tmp_path / "evil.pth")


def test_little_is_allocated(tmp_path):
    def long1(value):
        return b"\x8a\x08" + struct.pack("<q", value)

    storage = (
        b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + long1(2**31) + b"tQ"
    )
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\0" + long1(2**31) + b"\x85K\1\x85\x89}tR"
    files = [
        torch_zip(tmp_path / "array.pth", PROTO + b"c__builtin__\nbytearray\n" + long1(6 << 30) + b"\x85R."),
        torch_zip(tmp_path / "array8.pth", PROTO + b"\x96" + struct.pack("<Q", 6 * 10**9) + b"."),
        torch_zip(tmp_path / "text.pth", PROTO + b"X\xff\xff\xff\x7fabc."),
        torch_zip(tmp_path / "memo.pth", PROTO + b"}r\xff\xff\xff\x7f."),
        torch_zip(tmp_path / "many.pth", PROTO + b"}" * 2_100_000 + b"."),
        torch_zip(tmp_path / "storage.pth", PROTO + b"}" + text("w") + tensor + b"s.", [("data/0", b"1234")]),
        torch_zip(
            tmp_path / "bomb.pth", PROTO + b"}.", [("data/0", bytes(30_000_000))], zipfile.ZIP_DEFLATED
        ),
    ]  # fmt: skip
    done = read_in_little_memory(files)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(files), done.stdout
    assert all(line.startswith("CheckpointError") for line in lines), lines
    assert "packed entries" in lines[-1]


@pytest.mark.parametrize(
    "pickled",
    [
        PROTO + b"]" * 50_000 + b"a" * 49_999 + STOP,
        PROTO + b")" + b"\x85" * 100_000 + STOP,
        PROTO + b"}" + text("a") + b"}" * 1000 + STOP,
        PROTO + b"I" + b"9" * 5000 + b"\n" + STOP,
        PROTO + b"L" + b"9" * 5000 + b"L\n" + STOP,
        PROTO + b"\x8b" + struct.pack("<i", 5000) + b"\x7f" * 5000 + STOP,
        # A tuple of itself twice, forty times: to hash it would never end.
        PROTO + b"}" + b")q\0h\0\x86q\0" + b"h\0h\0\x86q\0" * 40 + b"K\1s" + STOP,
        PROTO + b"}q\0" + text("state_dict") + b"h\0s" + STOP,
        PROTO + b"c" + b"m" * 1000 + b"\nn\n" + STOP,
        PROTO + b"t" + STOP,
        PROTO,
        b"",
    ],
)
def test_nested_and_damaged_pickles_are_refused_in_one_line(pickled, tmp_path):
    for path in (torch_zip(tmp_path / "a.pth", pickled), tmp_path / "b.pth"):
        if not path.exists():
            path.write_bytes(pickled)
        with pytest.raises(CheckpointError) as caught:
            read_tensors(path)
        assert len(str(caught.value)) < 600
        assert "\n" not in str(caught.value)


def _nested():
    with warnings.catch_warnings(action="ignore"):
        return torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])


def _compressed():
    with warnings.catch_warnings(action="ignore"):
        return torch.eye(3).to_sparse_csr()


def _quantised():
    with warnings.catch_warnings(action="ignore"):
        return torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: torch.zeros(3).to(torch.float8_e4m3fn), "float8_e4m3fn"),
        (lambda: torch.zeros(3).to(torch.float8_e5m2), "float8_e5m2"),
        (lambda: torch.zeros(3, dtype=torch.uint8).view(torch.float4_e2m1fn_x2), "float4_e2m1fn_x2"),
        (lambda: torch.zeros(3, dtype=torch.uint16), "uint16"),
        (lambda: torch.zeros(3, dtype=torch.complex64), "complexfloat"),
        (lambda: torch.eye(3).to_sparse(), "a sparse tensor"),
        (_compressed, "a sparse tensor"),
        (_nested, "a nested tensor"),
        (_quantised, "a quantised tensor"),
        (lambda: torch.zeros(3, device="meta"), "meta device"),
    ],
)
def test_tensors_that_are_no_plain_numbers_are_named(make, says, tmp_path):
    torch.save({"w": make(), "b": torch.zeros(1)}, tmp_path / "odd.pth")
    with pytest.raises(CheckpointError, match=rf"'w' is no plain tensor.*{says}"):
        read_tensors(tmp_path / "odd.pth")


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2])
def test_eight_bit_floats_of_safetensors_are_named_too(dtype, tmp_path):
    save_file({"w": torch.zeros(4).to(dtype)}, tmp_path / "odd.safetensors")
    with pytest.raises(CheckpointError, match=r"'w' is no plain tensor.*float8_e"):
        read_tensors(tmp_path / "odd.safetensors")


def test_views_parameters_and_shared_storages_are_read(tmp_path):
    base = torch.arange(12.0)
    named = torch.zeros(2)
    named.owner = "somebody"  # an attribute: pickled in another way
    tensors = {
        "turned": base.view(3, 4).t(),
        "part": base[4:6],
        "scalar": torch.tensor(3.5),
        "empty": torch.zeros(0, 3),
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "named": named,
        "half": torch.tensor([1.5]).bfloat16(),
        "count": torch.tensor(7),
    }
    for legacy in (False, True):
        path = tmp_path / f"legacy-{legacy}.pth"
        torch.save(tensors, path, _use_new_zipfile_serialization=not legacy)
        found = read_tensors(path)
        assert found.keys() == tensors.keys()
        for name, tensor in tensors.items():
            assert found[name].dtype == tensor.dtype, name
            assert torch.equal(found[name], tensor), name


def test_a_tensor_beyond_its_storage_is_refused(tmp_path):
    torch.save({"w": torch.zeros(100)}, tmp_path / "a.pth")
    content = (tmp_path / "a.pth").read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        pickled = archive.read("a/data.pkl").replace(b"Kd\x85", b"Ke\x85")
    path = torch_zip(tmp_path / "b.pth", pickled, [("data/0", bytes(400))])
    with pytest.raises(CheckpointError, match="damaged"):
        read_tensors(path)


def test_a_large_float64_that_becomes_infinite_is_refused(tmp_path):
    given = build_model("rapsam_nano").state_dict()
    state = {
        name: tensor.double() if tensor.is_floating_point() else tensor for name, tensor in given.items()
    }
    state["backbone.bn1.bias"][0] = 1e300
    save_file(state, tmp_path / "large.safetensors")
    with pytest.raises(CheckpointError, match=r"'backbone.bn1.bias' holds .* too large for float32"):
        build_model("rapsam_nano", checkpoint=tmp_path / "large.safetensors")


def _classifier(path, labels):
    prototypes = torch.nn.functional.normalize(torch.ones(3, 2, 768), dim=-1)
    save_file({"prototypes": prototypes}, path, {"labels": labels})
    return path


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (r'["c0", "\u001b[31mX\n", "c2"]', r"the class name '\\x1b\[31mX\\n'"),
        (r'["c0", "a\nb", "c2"]', "the class name"),
        (r'["c0", "", "c2"]', "1 to 200 printable"),
        (f'["c0", "{"x" * 5000}", "c2"]', "1 to 200 printable"),
    ],
)
def test_class_names_that_cannot_be_drawn_are_refused(labels, says, tmp_path):
    names = labels.strip("[]").split(", ")
    rows = ", ".join(f'{{"name": {n}, "is_thing": true, "category_id": {i}}}' for i, n in enumerate(names))
    path = _classifier(tmp_path / "c.safetensors", f'{{"name": "x", "labels": [{rows}]}}')
    with pytest.raises(CheckpointError, match=says):
        read_classifier(path, 768)


@pytest.mark.parametrize(
    "labels",
    [
        "[" * 100_000,
        '{"name": ' * 100_000,
        "9" * 5000,
        '{"name": "x", "labels": [' + "9" * 5000 + "]}",
        "\\ud800",
    ],
)
def test_class_names_that_are_no_label_set_are_refused_in_one_line(labels, tmp_path):
    with pytest.raises(CheckpointError, match="class names cannot be read") as caught:
        read_classifier(_classifier(tmp_path / "c.safetensors", labels), 768)
    assert len(str(caught.value)) < 1500


def test_a_deep_header_is_refused(tmp_path):
    header = b'{"w":' + b"[" * 200_000
    path = tmp_path / "deep.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    with pytest.raises(RapSamError, match="damaged"):
        read_tensors(path)
