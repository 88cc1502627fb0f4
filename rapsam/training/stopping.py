"""How a run ends before its last step: at the end of a step when asked to, or because it cannot go on."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self

from rapsam.errors import RapSamError

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_KILLED = ("is killed by signal", "exited unexpectedly")
"""What PyTorch says of a loading process that died."""
_GONE = ("Connection closed by peer", "Connection reset by peer")
"""What gloo says when another training process is gone."""


class TrainingStoppedError(RapSamError):
    """A run that cannot go on: its loss is NaN or infinite, or a process is gone."""


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


class StopRequest:
    """While it is open, Ctrl-C and SIGTERM set `made`; a second one interrupts at once.

    Outside the main thread, where Python allows no signal handlers, it does nothing.
    """

    def __init__(self) -> None:
        self.made = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        """Takes the signals over."""
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Restores the handlers."""
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self.made:
            raise KeyboardInterrupt
        self.made = True
