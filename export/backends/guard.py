"""What surrounds a call into a converter or a runtime: silence, and errors of one line."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from rapsam.errors import (
    BundleError,
    ExportError,
    InputError,
    MemoryLimitError,
    RapSamError,
    is_out_of_memory,
    printable,
    reason_of,
)

_KEPT_CHATTER = 2000


@contextmanager
def converting(tool: str, graph: str, path: Path) -> Iterator[None]:
    """Surrounds a conversion.

    Args:
        tool: Who converts, for the message.
        graph: Name of the graph, for the message.
        path: The file or folder to be written.

    Raises:
        InputError: If `path` exists.
        MemoryLimitError: If memory runs out.
        ExportError: For any other error of the tool.
    """
    if path.exists():
        raise InputError(f"{path} exists already; expected a new path: choose another, or remove it")
    with refusing(tool, graph):
        yield


@contextmanager
def refusing(tool: str, graph: str) -> Iterator[None]:
    """Surrounds a tool that works on a graph.

    Raises:
        MemoryLimitError: If memory runs out.
        ExportError: For any other error of the tool.
    """
    try:
        with quiet():
            yield
    except RapSamError:
        raise
    except Exception as error:  # converters raise whatever they like
        _check_memory(error, f"{tool} for graph {graph!r}", "choose a smaller --size")
        raise ExportError(f"{tool} refuses graph {graph!r}: {reason_of(error)}") from error


@contextmanager
def loading(runtime: str, path: Path) -> Iterator[None]:
    """Surrounds the loading of an artifact.

    Raises:
        MemoryLimitError: If memory runs out.
        BundleError: If there is nothing at `path`, or for any other error of the runtime.
    """
    if not path.exists():
        raise BundleError(f"{path} does not exist; expected a lowered graph: export it again")
    try:
        with quiet():
            yield
    except RapSamError:
        raise
    except Exception as error:  # runtimes raise whatever they like
        _check_memory(error, f"{runtime} for {path}", "close other programs, or export a smaller size")
        message = f"{runtime} refuses {path}: {reason_of(error)}; export it again"
        raise BundleError(message) from error


@contextmanager
def running(runtime: str, graph: str) -> Iterator[None]:
    """Surrounds a run of a loaded graph.

    Raises:
        MemoryLimitError: If memory runs out.
        BundleError: For any other error of the runtime.
    """
    try:
        yield
    except RapSamError:
        raise
    except Exception as error:  # runtimes raise whatever they like
        _check_memory(
            error, f"{runtime} for graph {graph!r}", "close other programs, or export a smaller size"
        )
        message = f"{runtime} cannot run graph {graph!r}: {reason_of(error)}; export it again"
        raise BundleError(message) from error


def _check_memory(error: Exception, who: str, remedy: str) -> None:
    if is_out_of_memory(error):
        raise MemoryLimitError(f"{who} needs more memory than there is; {remedy}") from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps what the block prints off the terminal, whether it comes from Python or from C++.

    If the block raises, the end of what it printed becomes a note of the error. Other threads are
    silenced too while the block runs.
    """
    with tempfile.TemporaryFile() as sink:
        try:
            with _into(sink), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        except Exception as error:
            error.add_note(_tail(sink))
            raise


@contextmanager
def _into(sink: BinaryIO) -> Iterator[None]:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    saved = {number: os.dup(number) for number in (1, 2) if _is_open(number)}
    # Python's streams may be something else than the two descriptors, as in a notebook or a test.
    with os.fdopen(os.dup(sink.fileno()), "w", buffering=1, errors="replace") as text:
        try:
            for number in saved:
                os.dup2(sink.fileno(), number)
            with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
                yield
        finally:
            for number, copy in saved.items():
                os.dup2(copy, number)
                os.close(copy)


def _is_open(number: int) -> bool:
    """Tells whether there is a descriptor that could be silenced: a caller may have closed it."""
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _tail(sink: BinaryIO) -> str:
    sink.seek(0, os.SEEK_END)
    sink.seek(max(0, sink.tell() - _KEPT_CHATTER))
    return "\n".join(map(printable, sink.read().decode(errors="replace").splitlines()))
