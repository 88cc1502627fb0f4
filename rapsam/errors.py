"""Errors that are meant for people.

Every error that bad input can cause is a `RapSamError`. Its message is one line that names the bad
value, what was expected and what to do. The command line prints that line and exits with code 2.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


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


def unknown_name(kind: str, name: str, valid: Iterable[str]) -> InputError:
    """Makes the error for a name that is not in a table.

    Args:
        kind: What the name stands for, as in "model" or "device".
        name: The name as the user wrote it.
        valid: Every name that would have been accepted.

    Returns:
        An `InputError` that lists the three nearest valid names first, or all of them if none is near.
    """
    names = sorted(valid)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(near)}?" if near else f"valid names: {', '.join(names)}"
    return InputError(f"unknown {kind} {name!r}; {hint}")
