"""What the file of a graph says of its operators, for formats whose files can be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable


class FileTensor(NamedTuple):
    """A tensor of a file.

    Attributes:
        shape: Its shape; -1 for a side that the file does not tell.
        size_bytes: Of its content, a side that is not told counting as one; of a constant, of what is stored.
        stored: Whether it is a weight or a constant, or computed from such alone.
    """

    shape: tuple[int, ...]
    size_bytes: int
    stored: bool


class FileOperator(NamedTuple):
    """An operator of a file.

    Attributes:
        op: What it does, in the words of the format.
        place: The module that it comes from, or the name of its node; empty if the file says neither.
        inputs: Keys of the tensors that it reads.
        outputs: Keys of those that it makes.
    """

    op: str
    place: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class FileGraph(NamedTuple):
    """A graph as its file has it.

    Attributes:
        operators: In the order in which they run; what is computed from constants alone is left out.
        tensors: By key.
        inputs: Keys of what is given from outside.
        outputs: Keys of what is returned.
    """

    operators: tuple[FileOperator, ...]
    tensors: Mapping[str, FileTensor]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@runtime_checkable
class ReadsGraphs(Protocol):
    """A backend that can read the operators of its files."""

    def file_graph(self, path: Path) -> FileGraph:
        """Reads a file of this format.

        Raises:
            UnavailableError: If what reads it is not installed.
            BundleError: If it cannot be read.
        """
        ...


def file_graph_of(
    operators: Iterable[FileOperator],
    tensors: Mapping[str, FileTensor],
    inputs: Iterable[str],
    outputs: Iterable[str],
) -> FileGraph:
    """Makes the graph of what a file lists: operators that read constants alone make constants, and are none.

    Args:
        operators: All of the file, in order.
        tensors: By key; stored are those that the file holds.
        inputs: Keys of what is given from outside.
        outputs: Keys of what is returned.
    """
    known, computing = dict(tensors), []
    for listed in operators:
        ends = ([key for key in keys if key in known] for keys in (listed.inputs, listed.outputs))
        reads, makes = map(tuple, ends)
        if any(not known[key].stored for key in reads):
            computing.append(FileOperator(listed.op, listed.place, reads, makes))
            continue
        for key in makes:
            # As stored, which may be small: weights of few bits are made float on the way.
            sizes = [
                known[key].size_bytes,
                *([sum(known[each].size_bytes for each in reads)] if reads else []),
            ]
            known[key] = known[key]._replace(stored=True, size_bytes=min(sizes))
    return FileGraph(tuple(computing), known, tuple(inputs), tuple(outputs))
