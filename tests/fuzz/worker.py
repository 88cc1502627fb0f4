"""Runs one command line in a forked process with limits: what is imported is shared, and a crash is not."""

from __future__ import annotations

import gc
import io
import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import tests.fuzz.case as layout

STDOUT, STDERR, CANARY = "stdout", "stderr", "canary"
MEMORY_BYTES = 3 << 30
"""Address space beyond what the imports take."""
FILE_BYTES = 256 << 20
_FORBIDDEN = ("socket.connect", "socket.getaddrinfo", "os.system", "os.exec", "pty.spawn", "webbrowser.open")
_CRASHED = 1


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes:
        code: Exit code; negative for the signal that killed it, as in `subprocess`.
        timed_out: Whether that signal was ours.
        seconds: Time from start to end.
    """

    code: int
    timed_out: bool
    seconds: float


def preload() -> None:
    """Imports what the commands will need; ONNX Runtime is not among it, since it starts a thread."""
    import torch

    import rapsam.cli.main
    import rapsam.cli.predict_files
    import rapsam.data.sources.check
    import rapsam.evaluation.run
    import rapsam.export.bundle.load
    import rapsam.export.parity.check
    import rapsam.models.convert
    import rapsam.training.run.plot
    import rapsam.training.session  # noqa: F401

    torch.set_num_threads(1)
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads > 1:
        raise RuntimeError(f"{threads} threads are running; a fork would hang in one of their locks")
    # Objects that were made before the forks need not be looked at, and so copied, in each.
    gc.collect()
    gc.freeze()


def run_forked(
    work: Callable[[], int], folder: Path, limit_s: float, processor_s: float | None = None
) -> Ended:
    """Runs `work` in a forked process inside `folder` and waits for its exit code.

    Args:
        work: Gives the exit code.
        folder: Has a folder `work` to run in; gets the files `stdout` and `stderr`.
        limit_s: Seconds after which it is killed with all that it started.
        processor_s: Seconds of a processor that it may use; default: as many.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    start = time.monotonic()
    child = os.fork()
    if not child:
        os._exit(_guarded(work, folder, processor_s or limit_s))
    ended = _wait(child, limit_s)
    if ended is None:
        os.killpg(child, signal.SIGKILL)
        _, ended = os.waitpid(child, 0)
        timed_out = True
    else:
        timed_out = -os.waitstatus_to_exitcode(ended) == signal.SIGXCPU
        _kill_what_is_left(child)
    return Ended(os.waitstatus_to_exitcode(ended), timed_out, time.monotonic() - start)


def _wait(child: int, limit_s: float) -> int | None:
    handle = os.pidfd_open(child)
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        return os.waitpid(child, 0)[1] if poll.poll(limit_s * 1000) else None
    finally:
        os.close(handle)


def _kill_what_is_left(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def _guarded(work: Callable[[], int], folder: Path, processor_s: float) -> int:
    """In the child: sets limits and streams, and ends as the interpreter would."""
    try:
        os.setpgid(0, 0)
        _redirect(folder)
        _limit(processor_s)
        os.chdir(folder / layout.WORK)
        sys.addaudithook(_witness(folder / CANARY))
    except OSError:
        os._exit(99)
    try:
        code = work()
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else _CRASHED
    except BaseException:
        traceback.print_exc()
        code = _CRASHED
    try:
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
        code = 120
    return code


def _redirect(folder: Path) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    for number, name in ((1, STDOUT), (2, STDERR)):
        handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, number)
        os.close(handle)
    # As Python opens them where the locale is UTF-8.
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w"), encoding="utf-8", errors="strict")
    sys.stderr = io.TextIOWrapper(
        io.FileIO(2, "w"), encoding="utf-8", errors="backslashreplace", write_through=True
    )


def _limit(processor_s: float) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (int(processor_s) + 1, int(processor_s) + 2))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def _witness(canary: Path) -> Callable[[str, tuple[object, ...]], None]:
    """Leaves a mark where Python code reaches out of the process."""

    def hook(event: str, details: tuple[object, ...]) -> None:
        if event in _FORBIDDEN:
            handle = os.open(canary, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.write(handle, f"{event} {ascii(details)[:200]}\n".encode())
            os.close(handle)

    return hook
