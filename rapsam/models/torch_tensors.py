"""What `torch.save` writes for tensors, and making them from a file without PyTorch's own functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from rapsam.errors import quoted
from rapsam.models.pickle_tree import Maker, Named, PickleReader, dict_key
from rapsam.models.stored_tensor import MAX_DIMENSIONS, PLAIN_DTYPES, StoredTensor

_STORAGES = {
    "Double": "float64", "Float": "float32", "Half": "float16", "BFloat16": "bfloat16", "Long": "int64",
    "Int": "int32", "Short": "int16", "Char": "int8", "Byte": "uint8", "Bool": "bool",
}  # fmt: skip
_UNTYPED = "bytes"
_LONGEST_REFERENCE = 6
_OF_A_CLASS = "torch._tensor._rebuild_from_type_v2"
_PLAIN_CLASSES = {"torch.Tensor", "torch._tensor.Tensor", "torch.nn.parameter.Parameter"}


class TorchFileError(Exception):
    """A file of `torch.save` that contradicts itself."""


class _Storage(NamedTuple):
    """Where the numbers of a tensor lie.

    Attributes:
        key: Of the storage in its file.
        dtype: Of its numbers; "bytes" if each tensor says it itself.
        length: Numbers.
    """

    key: str
    dtype: str
    length: int


class TensorMakers:
    """Makes the tensors of one file, not read yet.

    Args:
        load: Reads the bytes of a storage by its key.

    Attributes:
        widths: Bytes of a number of each storage that was met, by key.
    """

    def __init__(self, load: Callable[[str], bytearray]) -> None:
        self.widths: dict[str, int] = {}
        self._load = load
        self._loaded: dict[str, bytearray] = {}
        self._makers: Mapping[str, Maker] = {
            **_MAKERS,
            "torch._utils._rebuild_tensor": self._tensor,
            "torch._utils._rebuild_tensor_v2": self._tensor,
            "torch._utils._rebuild_tensor_v3": self._tensor_of_dtype,
            _OF_A_CLASS: self._of_a_class,
        }

    def reader(self) -> PickleReader:
        """Returns the reader of the pickles of this file."""
        return PickleReader(self._makers, self._stored)

    def forget(self) -> None:
        """Lets go of the storages that were read; tensors keep those that they are made of.

        A reader and its makers refer to each other, so that Python would not free them at once.
        """
        self._loaded.clear()

    def _stored(self, reference: object) -> _Storage:
        storage = _storage(reference)
        self.widths[storage.key] = _width(storage.dtype)
        return storage

    def _tensor(self, arguments: Sequence[object]) -> StoredTensor:
        return self._described(arguments, _storage_of(arguments).dtype, arguments[6:])

    def _tensor_of_dtype(self, arguments: Sequence[object]) -> StoredTensor:
        dtype = arguments[6]
        if not isinstance(dtype, Named):
            raise TorchFileError("a tensor whose dtype is no name")
        return self._described(arguments, str(dtype).removeprefix("torch."), arguments[7:])

    def _described(self, arguments: Sequence[object], dtype: str, metadata: Sequence[object]) -> StoredTensor:
        # PyTorch writes there that the numbers of a view have to be negated or conjugated.
        if any(item is not None and item != {} for item in metadata):
            return _view(arguments)
        storage = _storage_of(arguments)
        offset, shape, stride = _count(arguments[1]), _counts(arguments[2]), _counts(arguments[3])
        oddity = "an expanded tensor of" if _is_expanded(shape, stride) else None
        return StoredTensor(
            dtype, shape, oddity, lambda: _cut(self._numbers(storage, dtype), offset, shape, stride)
        )

    def _of_a_class(self, arguments: Sequence[object]) -> object:
        function, kind, inner = arguments[:3]
        if not isinstance(function, Named) or not isinstance(kind, Named):
            raise TorchFileError("a tensor whose class is no name")
        # Not by itself: PyTorch never nests it, and a nest may be walked through again for every use.
        maker = self._makers.get(str(function)) if str(function) != _OF_A_CLASS else None
        if str(kind) in _PLAIN_CLASSES and maker and isinstance(inner, tuple):
            return maker(inner)
        return _odd(f"a tensor of the class {kind}")(arguments)

    def _numbers(self, storage: _Storage, dtype: str) -> Tensor:
        """Reads a storage, once for all tensors that share it, whatever their dtypes."""
        if storage.key not in self._loaded:
            self._loaded[storage.key] = self._load(storage.key)
        content = self._loaded[storage.key]
        if len(content) != storage.length * _width(storage.dtype):
            raise TorchFileError(f"storage {quoted(storage.key)} has another length")
        plain = PLAIN_DTYPES[dtype]
        return torch.frombuffer(content, dtype=plain) if content else torch.empty(0, dtype=plain)


def _storage_of(arguments: Sequence[object]) -> _Storage:
    storage = arguments[0]
    if not isinstance(storage, _Storage):
        raise TorchFileError("a tensor without a storage")
    return storage


def _storage(reference: object) -> _Storage:
    if not isinstance(reference, tuple) or len(reference) > _LONGEST_REFERENCE:
        raise TorchFileError("a reference to what is no storage")
    kind, key, view = reference[1], reference[2], reference[5:]
    if not isinstance(kind, Named) or not isinstance(key, str) or any(item is not None for item in view):
        raise TorchFileError("a reference to what is no storage")
    # Files of old versions name the device in the class: torch.cuda.FloatStorage.
    name = kind.name.removesuffix("Storage")
    dtype = _UNTYPED if name == "Untyped" else _STORAGES.get(name, name.lower())
    return _Storage(key, dtype, _count(reference[4]))


def _width(dtype: str) -> int:
    """Bytes of a number; 1 for kinds that are refused later."""
    return PLAIN_DTYPES[dtype].itemsize if dtype in PLAIN_DTYPES else 1


def _is_expanded(shape: tuple[int, ...], stride: tuple[int, ...]) -> bool:
    """Tells whether a tensor has more elements than places in its storage, so that it would unfold."""
    places = 1 + sum((side - 1) * step for side, step in zip(shape, stride, strict=True))
    return all(shape) and math.prod(shape) > places


def _cut(numbers: Tensor, offset: int, shape: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
    last = offset + sum((side - 1) * step for side, step in zip(shape, stride, strict=True))
    if math.prod(shape) and last >= len(numbers):
        raise TorchFileError("a tensor reaches beyond its storage")
    return numbers.as_strided(shape, stride, offset) if math.prod(shape) else numbers.new_empty(shape)


def _count(value: object) -> int:
    if not isinstance(value, int) or value < 0:
        raise TorchFileError("a size that is no count")
    return value


def _counts(values: object) -> tuple[int, ...]:
    if not isinstance(values, tuple) or len(values) > MAX_DIMENSIONS:
        raise TorchFileError(f"sizes that are no list of at most {MAX_DIMENSIONS}")
    return tuple(map(_count, values))


def _ordered(arguments: Sequence[object]) -> object:
    """Makes a dict; very old files give its items as a list of pairs."""
    found: dict[object, object] = {}
    for pair in arguments[0] if arguments and isinstance(arguments[0], list) else ():
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise TorchFileError("a dict whose items are no pairs")
        found[dict_key(pair[0])] = pair[1]
    return found


def _first(arguments: Sequence[object]) -> object:
    return arguments[0]


def _odd(what: str) -> Callable[[Sequence[object]], StoredTensor]:
    """Makes tensors that are named in a refusal and never read."""

    def make(arguments: Sequence[object]) -> StoredTensor:
        del arguments

        def unread() -> Tensor:
            raise TorchFileError(f"a tensor {what}")

        return StoredTensor("", (), what, unread)

    return make


_view = _odd("a negated or conjugated view")
_MAKERS: Mapping[str, Maker] = {
    "collections.OrderedDict": _ordered,
    "torch.Size": _first,
    "torch._utils._rebuild_parameter": _first,
    "torch._utils._rebuild_parameter_with_state": _first,
    "torch._utils._rebuild_sparse_tensor": _odd("a sparse tensor"),
    "torch._utils._rebuild_nested_tensor": _odd("a nested tensor"),
    "torch._utils._rebuild_qtensor": _odd("a quantised tensor"),
    "torch._utils._rebuild_meta_tensor_no_storage": _odd("a tensor on the meta device, without values"),
    "torch._utils._rebuild_wrapper_subclass": _odd("a subclass of tensors"),
    "torch._utils._rebuild_device_tensor_from_numpy": _odd("a tensor of another device"),
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": _odd("a tensor of another device"),
}
