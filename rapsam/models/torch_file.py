"""Files of `torch.save`, read without PyTorch's unpickler: zip archives, and the format before version 1.6.

Only what is asked for is read, each storage once; a tensor has no more elements than its storage has numbers.
So nothing takes more memory than the file has bytes, beside a multiple of its pickle that is bounded by
the number of instructions.
"""

from __future__ import annotations

import io
import mmap
import re
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from rapsam.errors import CheckpointError, quoted
from rapsam.models.pickle_tree import Inert, PickleReader
from rapsam.models.torch_tensors import TensorMakers, TorchFileError
from rapsam.models.zip_limits import check_directory

_MAX_PICKLE = 256 * 1024**2


@contextmanager
def open_zip(path: Path) -> Iterator[object]:
    """Opens a zip archive of `torch.save` and yields what was saved, with tensors that are not read yet.

    Raises:
        CheckpointError: If the archive is packed or not of `torch.save`.
        Exception: Whatever a damaged file leads to, also while its tensors are read.
    """
    with path.open("rb") as file:
        check_directory(path, file)
        with zipfile.ZipFile(file) as archive:
            root = _root(path, archive)

            def load(key: str) -> bytearray:
                info = archive.getinfo(f"{root}/data/{key}")
                content = bytearray(info.file_size)
                with archive.open(info) as stream:
                    if cast("io.BufferedIOBase", stream).readinto(content) != len(content):
                        raise TorchFileError(f"storage {quoted(key)} ends early")
                return content

            names = archive.namelist()
            if f"{root}/byteorder" in names and archive.read(f"{root}/byteorder") != b"little":
                raise CheckpointError(f"{path} was saved on a big-endian machine; save it on a common one")
            makers = TensorMakers(load)
            yield makers.reader().read(io.BytesIO(archive.read(f"{root}/data.pkl")))
            makers.forget()


@contextmanager
def open_legacy(path: Path) -> Iterator[object]:
    """Opens a file of `torch.save` before version 1.6, like `open_zip`."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        stream = cast("IO[bytes]", content)
        places: dict[str, tuple[int, int]] = {}

        def load(key: str) -> bytearray:
            start, end = places[key]
            return bytearray(content[start:end])

        makers = TensorMakers(load)
        reader, widths = makers.reader(), makers.widths
        _magic, _protocol, machine = (reader.read(stream) for _ in range(3))
        if isinstance(machine, dict) and machine.get("little_endian") is False:
            raise CheckpointError(f"{path} was saved on a big-endian machine; save it on a common one")
        tree, keys = reader.read(stream), reader.read(stream)
        if not isinstance(keys, list) or len(keys) > len(widths):
            raise TorchFileError("its list of storages")
        for key in keys:
            if not isinstance(key, str):
                raise TorchFileError("a storage whose key is no text")
            (length,) = struct.unpack("<q", content.read(8))
            start = content.tell()
            end = start + length * widths[key]
            if not start <= end <= len(content):
                raise TorchFileError(f"storage {quoted(key)} ends early")
            places[key] = (start, end)
            content.seek(end)
        yield tree
        makers.forget()


@contextmanager
def open_pickle(path: Path) -> Iterator[object]:
    """Opens a pickle that is no file of `torch.save`: to tell what it holds, since it has no tensors."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        yield PickleReader({}, lambda _: Inert("object")).read(cast("IO[bytes]", content))


def _root(path: Path, archive: zipfile.ZipFile) -> str:
    """Finds the folder of the archive, and checks that nothing in it is packed: `torch.save` never packs."""
    entries = archive.infolist()
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise CheckpointError(
            f"{path} has packed entries, which torch.save never writes; save it with PyTorch"
        )
    total = sum(max(entry.file_size, entry.compress_size) for entry in entries)
    if total > path.stat().st_size or any(entry.file_size != entry.compress_size for entry in entries):
        raise TorchFileError("its entries are larger than the file")
    pickles = [entry for entry in entries if re.fullmatch(r"[^/]+/data\.pkl", entry.filename)]
    if len(pickles) != 1:
        raise CheckpointError(f"{path} is a zip archive, but none of torch.save; unpack it first")
    root = pickles[0].filename.partition("/")[0]
    if f"{root}/constants.pkl" in archive.namelist():
        raise CheckpointError(f"{path} is a TorchScript program; save its state dict instead")
    if pickles[0].file_size > _MAX_PICKLE:
        raise CheckpointError(
            f"{path} holds {pickles[0].file_size:,} bytes beside its tensors; save the state dict alone"
        )
    return root
