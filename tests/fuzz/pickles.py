"""Pickles by hand: code that must not run, and sizes and depths that must not be followed."""

from __future__ import annotations

import io
import random
import struct
import zipfile

_DEEP = 20_000
_BODY = bytes(64)


def pickle_file(rng: random.Random, canary: str) -> tuple[bytes, str]:
    """A pickle as it is, or as the inner file of an archive of `torch.save`."""
    name = rng.choice(sorted(_PROGRAMS))
    program = b"\x80\x02" + _PROGRAMS[name](rng, canary) + b"."
    form = rng.choice(("bare", "archive", "archive", "old"))
    if form == "bare":
        return program, f"pickle {name}"
    if form == "old":
        magic = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19." + b"\x80\x02M\xe9\x03." + b"\x80\x02}."
        return magic + program + b"\x80\x02]." + _BODY, f"old form, {name}"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", program)
        archive.writestr("archive/byteorder", "little")
        archive.writestr("archive/data/0", _BODY)
        archive.writestr("archive/version", "3\n")
    return buffer.getvalue(), f"archive, {name}"


def _text(value: str) -> bytes:
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def _number(value: int) -> bytes:
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    # As Python writes it; the longest form never reaches what reads tensors.
    if len(data) < 256:
        return b"\x8a" + bytes([len(data)]) + data
    return b"\x8b" + struct.pack("<i", len(data)) + data


def _global(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def _called(module: str, name: str, arguments: bytes) -> bytes:
    return _global(module, name) + b"(" + arguments + b"tR"


def _tensor(storage: bytes, offset: int, size: tuple[int, ...], stride: tuple[int, ...]) -> bytes:
    hooks = _called("collections", "OrderedDict", b"")
    return _called(
        "torch._utils",
        "_rebuild_tensor_v2",
        storage + _number(offset) + _sides(size) + _sides(stride) + b"\x89" + hooks,
    )


def _sides(values: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(map(_number, values)) + b"t"


def _storage(kind: str = "FloatStorage", count: int = 16, key: str = "0") -> bytes:
    inner = _text("storage") + _global("torch", kind) + _text(key) + _text("cpu") + _number(count)
    return b"(" + inner + b"tQ"


def _dict(value: bytes) -> bytes:
    return b"}" + _text("weight") + value + b"s"


def _command(rng: random.Random, canary: str) -> bytes:
    module, name = rng.choice((("os", "system"), ("posix", "system"), ("subprocess", "getoutput")))
    return _dict(_called(module, name, _text(f"touch '{canary}'")))


def _evaluated(rng: random.Random, canary: str) -> bytes:
    module, name = rng.choice((("builtins", "eval"), ("builtins", "exec"), ("torch", "_utils.eval")))
    return _called(module, name, _text(f"open({canary!r}, 'w')"))


def _lying_tensor(rng: random.Random, _: str) -> bytes:
    shapes = (
        *(((4, 4), (4, 1), 0), ((10**6, 10**6), (0, 0), 0), ((4, 4), (1000, 1), 0), ((4,), (1,), 10**9)),
        *(
            ((-1, 4), (1, 1), 0),
            ((4,), (-1,), 0),
            ((2**62, 4), (1, 1), 0),
            ((4,), (1,), -1),
            ((1,) * 300, (1,) * 300, 0),
        ),
        *(((2**2000,) * 5000, (1,) * 5000, 0), ((0, *(2**62,) * 60), (1,) * 61, 0)),
        *(((2**70,), (1,), 0), ((), (), 0), ((0,), (1,), 0), ((4, 4), (4,), 0)),
    )
    size, stride, offset = rng.choice(shapes)
    kind = rng.choice(
        ("FloatStorage", "FloatStorage", "UntypedStorage", "QInt8Storage", "ComplexFloatStorage", "Nothing")
    )
    count = rng.choice((16, 16, 0, -1, 10**12, 2**62))
    return _dict(_tensor(_storage(kind, count, rng.choice(("0", "1", "../../x"))), offset, size, stride))


def _large(rng: random.Random, _: str) -> bytes:
    big = rng.choice((6 * 10**9, 10**12, 2**62))
    choices = (
        _called("builtins", "bytearray", _number(big)),
        _called("torch", "Size", _number(big)),
        _called("torch.storage", "UntypedStorage", _number(big)),
        _called("torch", "FloatStorage", _number(big)),
        _called(
            "torch._utils",
            "_rebuild_meta_tensor_no_storage",
            _global("torch", "float32") + b"(" + _number(big) + b"tt\x89",
        ),
        b"\x8e" + struct.pack("<Q", big) + b"x",
        b"B" + struct.pack("<I", 0xFFFFFFFF) + b"x",
        b"X" + struct.pack("<I", 0xFFFFFFFF) + b"x",
    )
    return _dict(rng.choice(choices))


def _deep(rng: random.Random, _: str) -> bytes:
    kinds = (
        b"]" * _DEEP + b"a" * (_DEEP - 1),
        b")" + b"\x85" * _DEEP,
        (b"}" + _text("a")) * _DEEP + b"}" + b"s" * _DEEP,
    )
    return rng.choice(kinds)


def _doubling(rng: random.Random, _: str) -> bytes:
    """Each list holds the one before twice: small in memory, without end to whoever walks through it."""
    steps = rng.choice((12, 30, 60))
    return b"]q\x00" + b"".join(
        b"]q" + bytes([n + 1]) + b"(h" + bytes([n]) + b"h" + bytes([n]) + b"e" for n in range(steps)
    )


def _nest(rng: random.Random) -> bytes:
    """A tuple that holds the one before twice, by the memo."""
    return b")q\x00" + b"h\x00\x86q\x00" * rng.choice((12, 30, 60))


def _nested_arguments(rng: random.Random, _: str) -> bytes:
    """A nest where a name, a number or a list is expected."""
    nest = _nest(rng)
    place = rng.choice(("global", "dtype", "metadata", "class", "storage", "key", "sides", "state"))
    rebuilt = _storage() + _number(0) + _sides((4,)) + _sides((1,)) + b"\x89}"
    programs = {
        "global": rng.choice((nest + _text("x"), _text("x") + nest)) + b"\x93",
        "dtype": _called("torch._utils", "_rebuild_tensor_v3", rebuilt + nest),
        "metadata": _called("torch._utils", "_rebuild_tensor_v2", rebuilt + nest),
        "class": _called("torch._tensor", "_rebuild_from_type_v2", nest + nest + b")}"),
        "storage": b"(" + _text("storage") + nest + _text("0") + _text("cpu") + _number(16) + b"tQ",
        "key": b"(" + _text("storage") + _global("torch", "FloatStorage") + nest + _text("cpu") + b"K\x01tQ",
        "sides": _called(
            "torch._utils", "_rebuild_tensor_v2", _storage() + _number(0) + nest + nest + b"\x89}"
        ),
        "state": _called(
            "torch._utils", "_rebuild_parameter_with_state", _tensor(_storage(), 0, (4,), (1,)) + nest
        ),
    }
    return _dict(programs[place])


def _used_again(rng: random.Random, _: str) -> bytes:
    """One list, shape or reference that is given to makers many times."""
    many, long = rng.choice((1000, 20_000)), rng.choice((60, 100_000))
    pairs = b"](" + b"NN\x86" * long + b"e\x85"
    shape = b"(" + b"K\x01" * long + b"tq\x03h\x03"
    tensor = b"(" + _storage() + _number(0) + shape + b"\x89}t"
    reference = _storage()[:-2] + b"N" * long + b"t"
    programs = (
        pairs + b"q\x01" + _global("collections", "OrderedDict") + b"q\x02(" + b"h\x02h\x01R" * many + b"t",
        tensor
        + b"q\x01"
        + _global("torch._utils", "_rebuild_tensor_v2")
        + b"q\x02("
        + b"h\x02h\x01R" * many
        + b"t",
        reference + b"q\x01(" + b"h\x01Q" * many + b"t",
    )
    return b"(" + rng.choice(programs) + b"t"


def _itself(_: random.Random, __: str) -> bytes:
    return b"}q\x00" + _text("state_dict") + b"h\x00s"


def _unknown(rng: random.Random, _: str) -> bytes:
    module, name = rng.choice(
        (
            *(
                ("mmengine.logging.history_buffer", "HistoryBuffer"),
                ("numpy.core.multiarray", "_reconstruct"),
            ),
            *(("argparse", "Namespace"), ("pathlib", "PosixPath"), ("nowhere", "X"), ("\x1b[31m", "red")),
            *(("x" * 5000, "y"), ("torch.hub", "load"), ("torch.serialization", "load"), ("", "")),
        )
    )
    return (
        b"}" + _text("message_hub") + _called(module, name, _text("a")) + b"s" + _text("state_dict") + b"}s"
    )


def _allowed(rng: random.Random, _: str) -> bytes:
    """Functions that PyTorch's reader knows, with arguments that they do not."""
    name = rng.choice(
        (
            *(
                "_rebuild_tensor_v2",
                "_rebuild_parameter",
                "_rebuild_qtensor",
                "_rebuild_sparse_tensor",
                "_rebuild_tensor",
            ),
            *("_rebuild_nested_tensor", "_rebuild_wrapper_subclass", "_rebuild_device_tensor_from_numpy"),
        )
    )
    arguments = (b"", b"N", b"NN", _number(1), _text("\x1b[31m"), b"}", _storage() + _number(0) + b"))")
    return _dict(_called("torch._utils", name, rng.choice(arguments)))


def _noise(rng: random.Random, _: str) -> bytes:
    codes = b"(.0123IJKMLNQRSTUVX]abcdegh}ijlopqrstu)\x80\x81\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x93\x94\x95"
    return bytes(rng.choice(codes) for _ in range(rng.choice((1, 5, 40, 300))))


def _digits(_: random.Random, __: str) -> bytes:
    return _dict(b"I" + b"9" * 5000 + b"\n")


def _huge_number(_: random.Random, __: str) -> bytes:
    return b"}" + _number(10**6000) + _number(1) + b"s"


_PROGRAMS = {
    "command": _command,
    "eval": _evaluated,
    "lying tensor": _lying_tensor,
    "large": _large,
    "deep": _deep,
    "doubling": _doubling,
    "nested arguments": _nested_arguments,
    "used again": _used_again,
    "itself": _itself,
    "unknown class": _unknown,
    "known function": _allowed,
    "noise": _noise,
    "digits": _digits,
    "huge number": _huge_number,
}
