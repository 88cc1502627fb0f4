"""Embeddings of a teacher on disk, as float16: computed once for an image, read in every epoch.

One file per image, each in full or not at all, so that what was computed before an interruption stays. Every
file is sealed with the teacher's weights, the image's pixels and the side of the square that it was fitted
into.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
import safetensors
import torch
from msgspec import Meta
from torch import Tensor

from rapsam.errors import InputError, RapSamError, reading
from rapsam.files import check_writable, write_json
from rapsam.locks import one_at_a_time
from rapsam.models.checkpoint import write_safetensors
from rapsam.tasks.arrays import Pixels
from rapsam.training.config import SourceConfig

SEAL_NAME = "teacher.json"
SCHEMA_VERSION = 1
_TENSOR, _IMAGE, _SEAL = "embedding", "image", "seal"
_HEADER_BYTES = 512
"""Of a file, beside the tensor: a bit more than it takes."""
_PER_FOLDER = 1000
_NAMED_BY = 12
"""Hex digits that tell data sets apart."""
_PATIENCE_S = 60.0
_Digest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
_Length = Annotated[int, Meta(ge=1, le=1 << 20)]


class EmbeddingError(RapSamError):
    """Embeddings that are missing, altered, or of another teacher or image."""


class Seal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose embeddings a folder holds.

    Attributes:
        schema_version: Of the folder.
        teacher: Variant.
        weights_sha256: Of the teacher's weights, see `rapsam.models.origins.weights_sha256`.
        side: Of the square that images are fitted into.
        shape: Channels, height and width of an embedding.
    """

    schema_version: int = SCHEMA_VERSION
    teacher: str
    weights_sha256: _Digest
    side: _Length
    shape: tuple[_Length, _Length, _Length]

    def __str__(self) -> str:
        """Says it for messages."""
        return f"{self.teacher} ({self.weights_sha256[:12]}) at {self.side} px"


class Place(NamedTuple):
    """An image of a data set.

    Attributes:
        source: The data set.
        number: Of the image in it, from 0.
    """

    source: SourceConfig
    number: int


class EmbeddingStore:
    """The embeddings of one teacher in one folder.

    Args:
        folder: May be missing.
        seal: The teacher.
        data_root: Folder in which the data sets lie: those of another place have files of their own.
    """

    def __init__(self, folder: Path, seal: Seal, data_root: Path) -> None:
        self.folder, self.seal, self._data_root = folder, seal, data_root.resolve()

    @property
    def bytes_per_image(self) -> int:
        """Disk that an embedding takes."""
        channels, height, width = self.seal.shape
        return channels * height * width * torch.float16.itemsize + _HEADER_BYTES

    def check(self) -> None:
        """Tells whether the folder is this teacher's, or may become it.

        Raises:
            InputError: If it holds the embeddings of another one, or other files, or cannot be written.
        """
        check_writable(self.folder)
        path = self.folder / SEAL_NAME
        if path.is_file():
            with reading(path, f"what rapsam wrote about embeddings: remove {self.folder}"):
                found = msgspec.json.decode(path.read_bytes(), type=Seal)
            if found != self.seal:
                raise InputError(
                    f"{self.folder} holds embeddings of {found}; expected those of {self.seal}: take that "
                    "teacher, or another folder with --embeddings"
                )
        elif self.folder.is_dir() and any(self.folder.iterdir()):
            raise InputError(
                f"{self.folder} holds other files than embeddings; choose another folder with --embeddings"
            )

    def missing(self, places: Sequence[Place]) -> list[Place]:
        """Returns the images without an embedding.

        Raises:
            InputError: If the folder cannot be looked into.
        """
        with reading(self.folder, "a folder of embeddings that can be read: mend that, or choose another"):
            return [place for place in places if not self.path(place).is_file()]

    def begin(self, count: int) -> None:
        """Makes the folder, for so many embeddings.

        Raises:
            InputError: If the disk has too little space for them, the folder is another teacher's by now, or
                it cannot be written.
        """
        with one_at_a_time(self.folder, _PATIENCE_S):
            # Another run may have begun here since the folder was looked at.
            self.check()
            needed, free = count * self.bytes_per_image, shutil.disk_usage(self.folder).free
            if needed > free:
                raise InputError(
                    f"{count} embeddings take {in_megabytes(needed)}, the disk of {self.folder} has "
                    f"{in_megabytes(free)} free; free some space, or choose another folder with --embeddings"
                )
            write_json(self.folder / SEAL_NAME, self.seal)

    def path(self, place: Place) -> Path:
        """Returns the file of an image: data sets of one name in two places have a folder each."""
        source = place.source
        named = re.sub(r"[^\w.-]+", "_", f"{source.kind}-{source.folder}-{source.split}")
        where = f"{source.kind} {self._data_root / source.folder} {source.split}"
        digest = hashlib.sha256(where.encode()).hexdigest()[:_NAMED_BY]
        folder = self.folder / f"{named}-{digest}" / f"{place.number // _PER_FOLDER:06d}"
        return folder / f"{place.number:09d}.safetensors"

    def write(self, place: Place, image: Pixels, embedding: Tensor) -> None:
        """Keeps the embedding of an image.

        Args:
            place: Of the image.
            image: (h, w, 3) uint8, as it was read.
            embedding: (C, h, w).

        Raises:
            EmbeddingError: If it is not finite, or has numbers that float16 has not.
            InputError: If the file cannot be written, as on a full disk.
        """
        half = embedding.detach().cpu().to(torch.float16).contiguous()
        if not bool(half.isfinite().all()):
            raise EmbeddingError(
                f"the embedding of {place.source.folder}, image {place.number}, by {self.seal} is not finite "
                "in float16; take another teacher"
            )
        of_image = _image_sha256(image)
        write_safetensors(
            self.path(place), {_TENSOR: half}, {_IMAGE: of_image, _SEAL: self._sealed(of_image, half)}
        )

    def read(self, place: Place, image: Pixels) -> Tensor:
        """Reads the embedding of an image, (C, h, w) float32.

        Raises:
            EmbeddingError: If it is missing, altered, or of another image or teacher.
        """
        path = self.path(place)
        with reading(path, "an embedding: remove the file and start again", EmbeddingError):
            if not path.is_file():
                raise EmbeddingError(f"{path} does not exist; start again: what is missing is computed then")
            with safetensors.safe_open(path, "pt") as file:
                metadata, half = file.metadata() or {}, torch.as_tensor(file.get_tensor(_TENSOR))
            if half.dtype != torch.float16:
                raise ValueError(f"its numbers are {half.dtype}")
        if metadata.get(_IMAGE) != _image_sha256(image):
            raise EmbeddingError(
                f"{path} is the embedding of another image: the data have changed; remove {self.folder} and "
                "start again"
            )
        if metadata.get(_SEAL) != self._sealed(metadata[_IMAGE], half):
            raise EmbeddingError(
                f"{path} was altered, or is not of {self.seal}; remove the file and start again"
            )
        return half.float()

    def _sealed(self, image: str, half: Tensor) -> str:
        digest = hashlib.sha256(f"{self.seal.weights_sha256} {self.seal.side} {image} {half.dtype} ".encode())
        digest.update(f"{list(half.shape)} ".encode())
        digest.update(half.numpy().tobytes())
        return digest.hexdigest()


def in_megabytes(size: int) -> str:
    """Returns bytes in MB (10^6), for messages."""
    return f"{size / 1e6:,.1f} MB"


def _image_sha256(image: Pixels) -> str:
    digest = hashlib.sha256(f"{image.shape} ".encode())
    digest.update(image.tobytes())
    return digest.hexdigest()
