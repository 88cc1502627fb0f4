"""What a run keeps of what went wrong: samples that it could not use, and the batch at which it failed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import safetensors.torch

from rapsam.errors import printable
from rapsam.files import write_atomic
from rapsam.training.batch import ObjectSample, PointSample, Sample

SKIPPED_NAME = "skipped.txt"
_MOST_BYTES = 10_000_000


class SkippedFile:
    """A text file of the run, one per process, that names what could not be used; at 10 MB it is full.

    Args:
        run: Folder of the run.
        rank: Of this process.
    """

    def __init__(self, run: Path, rank: int) -> None:
        self._path = run / (SKIPPED_NAME if rank == 0 else f"skipped-{rank}.txt")
        self._named: set[str] = set()
        if self._path.is_file():
            with self._path.open(encoding="utf-8", errors="replace") as stream:
                lines = stream.read(_MOST_BYTES).splitlines()
            self._named = {line.partition(": ")[2] for line in lines}

    def note(self, step: int, faults: Sequence[str], left_out: Sequence[str]) -> None:
        """Appends lines.

        Args:
            step: In which it happened. Steps that are done again after a crash write their faults again.
            faults: Samples that could not be used, each time.
            left_out: Faulty annotations; each is named once in a run.
        """
        named = dict.fromkeys(printable(line) for line in left_out)
        new = [line for line in named if line not in self._named]
        lines = [*map(printable, faults), *new]
        if not lines:
            return
        with self._path.open("a", encoding="utf-8") as stream:
            if stream.tell() < _MOST_BYTES:
                stream.writelines(f"step {step}: {line}\n" for line in lines)
                self._named.update(new)


def save_failed_batch(run: Path, step: int, rank: int, samples: Sequence[Sample]) -> Path:
    """Writes the tensors of samples, and their names and numbers as metadata.

    Returns:
        The safetensors file.

    Raises:
        InputError: If it cannot be written.
    """
    tensors = {}
    for place, sample in enumerate(samples):
        tensors[f"{place}/frames"] = sample.frames
        tensors[f"{place}/masks"] = sample.masks
        if isinstance(sample, ObjectSample):
            tensors[f"{place}/classes"] = sample.classes
            tensors[f"{place}/taught"] = sample.taught
        elif isinstance(sample, PointSample):
            tensors[f"{place}/points"] = sample.points
            tensors[f"{place}/labels"] = sample.labels
            tensors[f"{place}/embedding"] = sample.embedding
        else:
            tensors[f"{place}/boxes"] = sample.boxes
    names = [{"number": sample.number, "name": sample.name} for sample in samples]
    path = run / f"failed-batch-step-{step:08d}-rank-{rank}.safetensors"
    plain = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
    write_atomic(path, safetensors.torch.save(plain, {"samples": msgspec.json.encode(names).decode()}))
    return path
