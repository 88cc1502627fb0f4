"""Errors that are meant for people.

Every error that bad input can cause is a `RapSamError`. Its message is one line that names the bad
value, what was expected and what to do. The command line prints that line and exits with code 2.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import msgspec

JSON_ERRORS = (msgspec.MsgspecError, ValueError, RecursionError)
"""What msgspec raises for bytes that are not the JSON that was expected; bad UTF-8 is a `ValueError`."""
_SHOWN = 3
_SIMILAR = 0.4


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


class UnavailableError(RapSamError):
    """A runtime or a converter that cannot work on this machine."""


def printable(text: str) -> str:
    """Gives a text that may quote foreign files without what could end a line or command a terminal."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def unknown_name(kind: str, name: str, valid: Iterable[str]) -> InputError:
    """Makes the error for a name that is not in a table.

    Args:
        kind: What the name stands for, as in "model" or "device".
        name: The name as the user wrote it.
        valid: Every name that would have been accepted.

    Returns:
        An `InputError` that lists the three nearest valid names, or all of them if none is near.
    """
    names = sorted(valid)
    near = _nearest(name, names)[:_SHOWN]
    hint = f"did you mean {_either(near)}?" if near else f"valid names: {', '.join(names)}"
    return InputError(f"unknown {kind} {name!r}; {hint}")


def _nearest(name: str, names: list[str]) -> list[str]:
    """Ranks names that begin with what was typed, then those that contain it, then similar ones."""
    typed = name.lower()
    starting = [valid for valid in names if typed and valid.lower().startswith(typed)]
    containing = [valid for valid in names if typed and typed in valid.lower()]
    similar = difflib.get_close_matches(typed, names, n=_SHOWN, cutoff=_SIMILAR)
    return list(dict.fromkeys([*starting, *containing, *similar]))


def _either(names: list[str]) -> str:
    return " or ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)
