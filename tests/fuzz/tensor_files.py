"""Weight files with tensors that no network expects, in PyTorch's formats and in safetensors."""

from __future__ import annotations

import io
import json
import random
import struct
import warnings
import zipfile
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from rapsam.models.rapsam.config import VARIANTS
from tests.fuzz.mutations import HUGE
from tests.fuzz.trees import changed

WIDTH = VARIANTS["rapsam_nano"].embedding_width
DTYPES = sorted({value for value in vars(torch).values() if isinstance(value, torch.dtype)}, key=str)
SMALL = [dtype for dtype in DTYPES if "float8" in str(dtype) or "float4" in str(dtype)]
PLAIN = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
WRAPPERS = (
    *("state_dict", "model", "state_dict_ema", "ema", "module", "teacher", "params", "\x1b[31m"),
    *("_orig_mod", "x" * 3000),
)
PREFIXES = ("module.", "_orig_mod.", "module._orig_mod.", "model.", "net.", "\x1b[1m", "")
_NAMES = (
    "backbone.conv1.weight",
    "weight",
    "",
    "a.b",
    "\x1b[31mred",
    "x" * 5000,
    "line\nbreak",
    "é",
    "\ud800",
)
_DEEP = 100_000
_NAMED_DTYPES = ("F8_E5M2", "F8_E4M3", "F4", "F64", "I8", "BOOL", "BF16", "C64", "U16", "x", "\x1b")


def torch_file(rng: random.Random, canary: str) -> tuple[bytes, str]:
    """A file of `torch.save`: odd tensors or a whole network, wrapped, in the new form or the old one."""
    del canary
    content, note = _state(rng)
    for _ in range(rng.choice((0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 5))):
        key = rng.choice(WRAPPERS) if rng.random() < 0.3 else "state_dict"
        content = {key: content, "epoch": 3} if rng.random() < 0.7 else {key: content}
        note = f"{key[:20]}({note})"
    buffer = io.BytesIO()
    old = rng.random() < 0.25
    with warnings.catch_warnings(action="ignore"):
        try:
            torch.save(content, buffer, _use_new_zipfile_serialization=not old)
        except (RuntimeError, UnicodeEncodeError, NotImplementedError, AttributeError, TypeError):
            buffer = io.BytesIO()
            torch.save({"weight": torch.ones(2)}, buffer)
            note = "plain"
    data = buffer.getvalue()
    if not old and rng.random() < 0.15:
        return _other_archive(rng, data), f"{note}, archive"
    return data, f"{note}{', old form' if old else ''}"


def _state(rng: random.Random) -> tuple[Any, str]:
    chance = rng.random()
    if chance < 0.35:
        return _network(rng)
    if chance < 0.75:
        return odd_tensor(
            rng, (rng.choice((1, 5, 20, 133)), rng.choice((1, 2)), rng.choice((WIDTH, WIDTH, 3)))
        )
    if chance < 0.82:
        loose = (
            None,
            1,
            "text",
            [torch.ones(2)],
            (torch.ones(1), 2),
            set(),
            {1: torch.ones(1)},
            {"a": {"b": {}}},
            {},
        )
        return rng.choice(loose), "no state dict"
    tensors, notes = {}, []
    for _ in range(rng.randint(1, 4)):
        tensor, note = odd_tensor(rng, (rng.choice((0, 1, 3)), rng.choice((2, 7))))
        tensors[rng.choice(PREFIXES) + rng.choice(_NAMES)] = tensor
        notes.append(note)
    return tensors, "+".join(notes)


def _network(rng: random.Random) -> tuple[dict[str, Any], str]:
    """The state of the smallest network, with one tensor made odd or taken away."""
    from rapsam.models.build import build_model

    torch.manual_seed(1)
    state: dict[str, Any] = dict(build_model("rapsam_nano").state_dict())
    name = rng.choice(sorted(state))
    action = rng.choice(("whole", "odd", "odd", "missing", "infinite", "huge", "dtype", "prefix"))
    note = f"network {action}"
    if action == "odd":
        state[name], how = odd_tensor(rng, tuple(state[name].shape))
        note = f"network with {name} {how}"
    elif action == "missing":
        del state[name]
    elif action in ("infinite", "huge") and state[name].is_floating_point():
        state[name] = torch.full(
            state[name].shape, {"infinite": float("inf"), "huge": 1e300}[action], dtype=torch.float64
        )
    elif action == "dtype":
        dtype = rng.choice((torch.float16, torch.bfloat16, torch.float8_e5m2, torch.float8_e4m3fn))
        state = {key: value.to(dtype) if value.is_floating_point() else value for key, value in state.items()}
    elif action == "prefix":
        prefix = rng.choice(PREFIXES)
        state = {f"{prefix}{key}": value for key, value in state.items()}
    return state, note


def odd_tensor(rng: random.Random, shape: tuple[int, ...]) -> tuple[Tensor, str]:
    """A tensor of a shape, of any dtype and layout, with any values."""
    chance = rng.random()
    dtype = rng.choice((*DTYPES, *SMALL, *SMALL) if chance < 0.6 else PLAIN)
    values = torch.rand(shape, generator=torch.Generator().manual_seed(rng.randrange(1000)))
    values = torch.nn.functional.normalize(values, dim=-1)
    try:
        with warnings.catch_warnings(action="ignore"):
            if chance < 0.6:
                tensor = _of(dtype, values)
            else:
                return _of_another_layout(rng, values.to(dtype))
    except (RuntimeError, NotImplementedError, TypeError):
        return values, "float32"
    return tensor, str(dtype).removeprefix("torch.")


def _of(dtype: torch.dtype, values: Tensor) -> Tensor:
    try:
        return values.to(dtype)
    except (RuntimeError, NotImplementedError):
        return torch.empty(values.shape, dtype=dtype)


def _of_another_layout(rng: random.Random, values: Tensor) -> tuple[Tensor, str]:
    kind = rng.choice(
        ("sparse", "csr", "nested", "quantised", "expanded", "meta", "strided", "parameter", "nan", "inf")
    )
    flat = values.float().reshape(-1, 1) if values.numel() else values.float()
    makers = {
        "sparse": lambda: values.to_sparse(),
        "csr": lambda: flat.to_sparse_csr(),
        "nested": lambda: torch.nested.nested_tensor([flat[:1], flat[:2]]),
        "quantised": lambda: torch.quantize_per_tensor(values.float(), 0.1, 0, torch.qint8),
        "expanded": lambda: torch.zeros(1).expand(10**9, 10**3),
        "meta": lambda: values.to("meta"),
        "strided": lambda: values.repeat(2, *[1] * (values.dim() - 1))[::2] if values.dim() else values,
        "parameter": lambda: torch.nn.Parameter(values.float()),
        "nan": lambda: values * float("nan"),
        "inf": lambda: values.double() * 1e300,
    }
    return makers[kind](), kind


def _other_archive(rng: random.Random, data: bytes) -> bytes:
    """Entries that are missing, twice there, packed to a bomb, or elsewhere."""
    action = rng.choice(("remove", "double", "bomb", "elsewhere", "empty", "pickle", "version", "order"))
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as source,
        zipfile.ZipFile(buffer, "w") as target,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        names = source.namelist()
        chosen = rng.choice(names)
        for name in names:
            content, packing = source.read(name), zipfile.ZIP_STORED
            if name == chosen and action == "remove":
                continue
            if name == chosen and action == "bomb":
                content, packing = bytes(200_000_000), zipfile.ZIP_DEFLATED
            if name == chosen and action == "empty":
                content = b""
            if name.endswith("data.pkl") and action == "pickle":
                place = rng.randrange(len(content))
                content = content[:place] + rng.randbytes(rng.choice((1, 2, 9))) + content[place + 1 :]
            if name.endswith("version") and action == "version":
                content = b"9" * rng.choice((1, 5000))
            target.writestr(
                "../../../canary" if name == chosen and action == "elsewhere" else name, content, packing
            )
            if name == chosen and action == "double":
                target.writestr(name, content[::-1])
    return buffer.getvalue()


def safetensors_file(rng: random.Random, canary: str) -> tuple[bytes, str]:
    """A safetensors file whose header says other things than are there."""
    del canary
    data, note = _sound_safetensors(rng)
    if rng.random() < 0.45:
        return data, note
    size = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8 : 8 + size]), data[8 + size :]
    action = rng.choice(("tree", "tree", "tree", "offsets", "dtype", "shape", "size", "deep", "text"))
    entry = header[rng.choice([name for name in header if name != "__metadata__"])]
    if action == "tree":
        # Of a whole network some entries only: all else would be hundreds of places alike.
        first, others = dict(list(header.items())[:20]), dict(list(header.items())[20:])
        first, note = changed(rng, first)
        header = {**first, **others}
    elif action == "offsets":
        entry["data_offsets"] = [rng.choice(HUGE), rng.choice(HUGE)]
    elif action == "dtype":
        entry["dtype"] = rng.choice(_NAMED_DTYPES)
    elif action == "shape":
        entry["shape"] = rng.choice(([2**63], [2**32, 2**32], [-1], [0], [], [1] * 100, [1.5]))
    return _with_header(rng, header, body, action), f"{note}, {action}"


def _sound_safetensors(rng: random.Random) -> tuple[bytes, str]:
    if rng.random() < 0.3:
        state, note = _network(rng)
        plain = {
            name: tensor.contiguous() for name, tensor in state.items() if tensor.layout == torch.strided
        }
        try:
            return safetensors.torch.save(plain, _metadata(rng)), note
        except Exception:  # dtypes and tensors that the format does not know
            return safetensors.torch.save({"weight": torch.ones(2)}), "plain"
    prototypes = torch.nn.functional.normalize(torch.ones(rng.choice((1, 5, 20, 133)), 2, WIDTH), dim=-1)
    return safetensors.torch.save({"prototypes": prototypes}, _metadata(rng)), "classifier"


def _with_header(rng: random.Random, header: Any, body: bytes, action: str) -> bytes:
    text = json.dumps(header).encode("utf-8", "surrogatepass")
    if action == "deep":
        text = text[:-1] + b',"__metadata__":' + b'{"a":' * _DEEP + b"1" + b"}" * _DEEP + b"}"
    elif action == "text":
        text = rng.choice((b"[]", b"null", b"{", b'{"a"', b"\xff\xfe{}", b" " * 9))
    length = rng.choice(HUGE) if action == "size" else len(text)
    return struct.pack("<Q", length) + text + body


def _metadata(rng: random.Random) -> dict[str, str]:
    """Facts that weights tell of themselves, some of them wrong."""
    names = ("model", "vocabulary", "label_set", "labels", "sides", "name", "origin", "format")
    values = (
        *("rapsam_nano", "synth", "rapsam_r50", "", "[]", "{}", "256,256", "[256, 256]", "99999999,1", "-1"),
        *(
            "../../etc/passwd",
            "\x1b[31m",
            "[" * 50_000,
            "9" * 5000,
            "null",
            '["a\\nb", "\\u001b[1m"]',
            '{"name": 1}',
        ),
    )
    return {rng.choice(names): rng.choice(values) for _ in range(rng.choice((0, 1, 3)))}
