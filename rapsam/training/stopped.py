"""Why a run stops that nobody interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rapsam.errors import RapSamError

_KILLED = ("is killed by signal", "exited unexpectedly")
"""What PyTorch says of a loading process that died."""
_GONE = ("Connection closed by peer", "Connection reset by peer")
"""What gloo says when another training process is gone."""


class TrainingStoppedError(RapSamError):
    """A run that cannot go on: its loss is no number any more, or a process is gone."""


@contextmanager
def dead_processes_explained() -> Iterator[None]:
    """Turns what PyTorch raises, anywhere, when another process is gone into an error for users."""
    try:
        yield
    except RuntimeError as error:
        if any(words in str(error) for words in _GONE):
            raise TrainingStoppedError(
                "another process of this run has ended; see what it says, and go on with --resume"
            ) from error
        if any(words in str(error) for words in _KILLED):
            raise TrainingStoppedError(
                "a process that loads data was killed, perhaps for want of memory; lower data.workers, or go "
                "on with --resume"
            ) from error
        raise
