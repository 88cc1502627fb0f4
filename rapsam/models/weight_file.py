"""What a weight file is, told from its first bytes: its name may say something else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from rapsam.errors import CheckpointError, InputError

Content = Literal["safetensors", "torch zip", "torch legacy", "pickle"]
MAX_BYTES = 4 * 1024**3
DAMAGED = "it is damaged, truncated or of another format: copy or download it again"
SAFETENSORS_SUFFIX = ".safetensors"
_TORCH_SUFFIXES = (".pth", ".pt")
_READ_SUFFIXES = (SAFETENSORS_SUFFIX, *_TORCH_SUFFIXES, ".ckpt")
_HEAD = 512
_MAX_HEADER = 100_000_000
_LEGACY_MAGIC = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""How `torch.save` began before version 1.6: one integer as a pickle, behind the pickle's protocol."""
_TAR_MARK = slice(257, 262)
_PACKED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"7z\xbc\xaf": "7-Zip",
}
_FOREIGN = {
    b"version https://git-lfs": "is a Git LFS pointer, not the weights; fetch them with 'git lfs pull'",
    b"\x89HDF": "is an HDF5 file, as Keras writes it; expected the weights of PyTorch",
    b"GGUF": "is a GGUF file; expected the weights of PyTorch",
    b"\x89PNG": "is a picture; expected a weight file",
}
_PAGES = (b"<!doctype", b"<html", b"<head", b"<?xml")


def written_format(path: Path) -> Literal["safetensors", "torch"]:
    """Returns the format in which a file is written, by its suffix.

    Raises:
        InputError: If the suffix is of neither.
    """
    if path.suffix == SAFETENSORS_SUFFIX:
        return "safetensors"
    if path.suffix in _TORCH_SUFFIXES:
        return "torch"
    raise InputError(f"{path} has the suffix {path.suffix!r}; expected .safetensors, .pth or .pt")


def content_of(path: Path, expected: str = "a weight file") -> Content:
    """Tells what a weight file holds, from its first bytes.

    Args:
        path: A file with the suffix of a weight file, at most 4 GiB.
        expected: What it should be, for messages.

    Raises:
        InputError: If it has another suffix.
        CheckpointError: If it is missing, may not be read, is too large, or is of another format.
    """
    if path.suffix not in _READ_SUFFIXES:
        raise InputError(
            f"{path} has the suffix {path.suffix!r}; expected .safetensors, .pth or .pt, or Lightning's .ckpt"
        )
    head = _head(path, expected)
    _check_foreign(path, head)
    if head.startswith(b"PK\x03\x04"):
        return "torch zip"
    if head[:1] == b"\x80" and head[2:].startswith(_LEGACY_MAGIC):
        return "torch legacy"
    # Before pickles: the length of the header may begin with the same byte.
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= _MAX_HEADER:
        return "safetensors"
    if head[:1] == b"\x80":
        return "pickle"
    raise CheckpointError(f"cannot read {path}: {DAMAGED}")


def _check_foreign(path: Path, head: bytes) -> None:
    for start, what in _FOREIGN.items():
        if head.startswith(start):
            raise CheckpointError(f"{path} {what}")
    if head.lstrip().lower().startswith(_PAGES):
        raise CheckpointError(
            f"{path} is a web page (HTML or XML), not the weights; download the file itself"
        )
    for start, packer in _PACKED.items():
        if head.startswith(start):
            raise CheckpointError(f"{path} is packed with {packer}; unpack it first")
    if head[_TAR_MARK] == b"ustar":
        raise CheckpointError(f"{path} is a tar archive; unpack it, or save its state dict again")


def _head(path: Path, expected: str) -> bytes:
    try:
        if not path.is_file():
            what = (
                "is a folder" if path.is_dir() else "is no plain file" if path.exists() else "does not exist"
            )
            raise CheckpointError(f"{path} {what}; expected {expected}")
        if not os.access(path, os.R_OK):
            raise CheckpointError(f"{path} may not be read; change its permissions, or name another file")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise CheckpointError(f"{path} has {size:,} bytes; expected at most {MAX_BYTES:,}")
        with path.open("rb") as stream:
            return stream.read(_HEAD)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CheckpointError(f"cannot read {path}: {reason}; expected {expected}") from error
