"""Errors that are meant for people.

Every error that bad input can cause is a `RapSamError`. Its message is one line that names the bad
value, what was expected and what to do. The command line prints that line and exits with code 2.
"""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

JSON_ERRORS = (msgspec.MsgspecError, ValueError, RecursionError)
"""What msgspec raises for bytes that are not the JSON that was expected; bad UTF-8 is a `ValueError`."""
_SHOWN = 3
_SIMILAR = 0.4
_QUOTED = 80
_LINE = 1000
_HUGE_BITS = 1024
_NO_MEMORY = (
    *("not enough memory", "can't allocate memory", "cannot allocate memory", "out of memory"),
    *("failed to allocate memory", "bad_alloc", "failed to map segment"),
)


class RapSamError(Exception):
    """Base of all errors that a user can cause and mend."""


class InputError(RapSamError):
    """An argument, an image, a video or a prompt that cannot be used."""


class CheckpointError(RapSamError):
    """A weight file that is damaged, unsafe, or does not fit the model."""


class BundleError(RapSamError):
    """A bundle that is incomplete, edited, truncated or of an unknown schema."""


class ExportError(RapSamError):
    """A graph that a converter refused."""


class BudgetError(RapSamError):
    """A bundle that cannot be made within what it may lose."""


class UnavailableError(RapSamError):
    """A runtime or a converter that cannot work on this machine."""


class MemoryLimitError(RapSamError):
    """Work that needs more memory than there is."""


def printable(text: str) -> str:
    """Returns a text that may quote foreign files without what could end a line or command a terminal."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def shortened(text: str, limit: int = _LINE) -> str:
    """Cuts what exceeds `limit` characters out of the middle of a text, where it says least."""
    if len(text) <= limit:
        return text
    end = (limit - 1) // 3
    return f"{text[: limit - 1 - end]}…{text[len(text) - end :]}"


def quoted(value: object) -> str:
    """Returns a foreign value for a message: as Python writes it, in one line of at most 80 characters."""
    # The text of a huge integer is refused by Python itself.
    is_huge = isinstance(value, int) and value.bit_length() > _HUGE_BITS
    return "an integer of very many digits" if is_huge else shortened(printable(repr(value)), _QUOTED)


def reason_of(error: BaseException) -> str:
    """Returns an error's kind and the first line of its message that says something, shortened."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return shortened(printable(f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__))


@contextmanager
def reading(path: str | Path, expected: str, kind: type[RapSamError] = InputError) -> Iterator[None]:
    """Surrounds a parser or decoder of a foreign file: whatever it raises becomes a refusal with the name.

    Args:
        path: The file.
        expected: What it should have been and what to do, as in "a PNG or JPEG: convert it first".
        kind: Class of the refusal.

    Raises:
        MemoryLimitError: If there is too little memory for the file.
        RapSamError: Of this kind, for any other error; errors that are meant for people pass unchanged.
    """
    try:
        yield
    except RapSamError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise MemoryLimitError(f"{path} needs more memory than there is; take a smaller one") from error
        raise kind(f"cannot read {path} ({reason_of(error)}); expected {expected}") from error


def is_out_of_memory(error: BaseException) -> bool:
    """Tells whether an error, of Python, NumPy, PyTorch or a runtime, says that memory has run out."""
    if isinstance(error, MemoryError | MemoryLimitError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    # Messages of ours quote names of files, which may say anything.
    text = "" if isinstance(error, RapSamError) else str(error).lower()
    return any(words in text for words in _NO_MEMORY)


def unknown_name(kind: str, name: str, valid: Iterable[str], otherwise: str = "") -> InputError:
    """Makes the error for a name that is not in a table.

    Args:
        kind: What the name stands for, as in "model" or "device".
        name: The name as the user wrote it.
        valid: Every name that would have been accepted.
        otherwise: What else would have been accepted, as in "or name a file".

    Returns:
        An `InputError` that lists the three nearest valid names, or all of them if none is near.
    """
    names = sorted(valid)
    near = _nearest(name, names)[:_SHOWN]
    hint = f"did you mean {_either(near)}?" if near else f"valid names: {', '.join(names)}"
    return InputError(f"unknown {kind} {name!r}; {hint}{otherwise and f' {otherwise}'}")


def _nearest(name: str, names: list[str]) -> list[str]:
    """Ranks names that begin with what was typed, then those that contain it, then similar ones."""
    typed = name.lower()
    starting = [valid for valid in names if typed and valid.lower().startswith(typed)]
    containing = [valid for valid in names if typed and typed in valid.lower()]
    similar = difflib.get_close_matches(typed, names, n=_SHOWN, cutoff=_SIMILAR)
    return list(dict.fromkeys([*starting, *containing, *similar]))


def _either(names: list[str]) -> str:
    return " or ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)
