"""Safetensors files: tensors that are checked before they are read, and their text metadata."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import safetensors

from rapsam.errors import CheckpointError
from rapsam.models.stored_tensor import StoredTensor
from rapsam.models.weight_boundary import parsing

_DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64", "I32": "int32",
    "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool", "F8_E4M3": "float8_e4m3",
    "F8_E5M2": "float8_e5m2", "F4": "float4",
}  # fmt: skip
_MAX_METADATA = 16 * 1024**2


@contextmanager
def open_safetensors(path: Path) -> Iterator[dict[str, StoredTensor]]:
    """Opens a file and yields its tensors, not read yet.

    Raises:
        Exception: Whatever a damaged file leads to, also while its tensors are read.
    """
    with safetensors.safe_open(path, "pt") as file:
        tensors = {}
        for name in file.keys():  # noqa: SIM118 (no mapping)
            part = file.get_slice(name)
            kind = str(part.get_dtype())
            tensors[name] = StoredTensor(
                _DTYPES.get(kind, kind), tuple(part.get_shape()), None, partial(file.get_tensor, name)
            )
        yield tensors


def read_text_metadata(path: Path) -> dict[str, str]:
    """Reads the metadata.

    Raises:
        MemoryLimitError: If there is too little memory.
        CheckpointError: If the file is damaged, or its metadata are longer than 16 MiB.
    """
    with parsing(path), safetensors.safe_open(path, "pt") as file:
        metadata = file.metadata() or {}
    if sum(map(len, metadata.values())) > _MAX_METADATA:
        raise CheckpointError(f"{path} has more than {_MAX_METADATA:,} characters of metadata; make it again")
    return metadata
