"""Apple's devicectl: calling it, and what it answers as JSON."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from rapsam.benchmarks.runners.bounded_process import Finished, run_bounded
from rapsam.errors import JSON_ERRORS, BundleError, UnavailableError, printable, shortened
from rapsam.untrusted import read_limited

ANSWER_S = 60.0
"""For commands that only ask; the first connects to the phone."""
_MAX_BYTES = 8 << 20
_SHOWN = 300
_XCODE = "install Xcode 15 or later, start it once, and choose it with xcode-select"
_NOT_FOUND = "unable to find utility"

Answer = TypeVar("Answer")


class DevicectlError(UnavailableError):
    """A command that devicectl could not do; the message is its reason."""


class _Word(msgspec.Struct):
    string: str | None = None


class _Error(msgspec.Struct):
    userInfo: dict[str, Any] = {}  # noqa: N815 - as Apple writes it


class _Envelope(msgspec.Struct):
    error: _Error | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")


def devicectl_command(*words: str) -> list[str]:
    """Returns the command line of devicectl.

    Raises:
        UnavailableError: If there is no xcrun.
    """
    program = shutil.which("xcrun")
    if program is None:
        raise UnavailableError(f"there is no xcrun; {_XCODE}")
    return [program, "devicectl", *words]


def ask(kind: type[Answer], *words: str, timeout_s: float = ANSWER_S) -> Answer:
    """Asks devicectl.

    Args:
        kind: What its result is.
        words: Command and options.
        timeout_s: Seconds after which it is ended.

    Raises:
        DevicectlError: If it says why it cannot do that.
        UnavailableError: If it does not work here, does not end, or answers nonsense.
    """
    shown = f"devicectl {' '.join(words[:3])}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "answer.json")
        command = devicectl_command(*words, "--json-output", str(path))
        try:
            done = run_bounded(command, timeout_s, _MAX_BYTES)
        except UnavailableError as error:
            raise UnavailableError(f"{shown}: {error}") from error
        except OSError as error:
            raise UnavailableError(f"cannot start xcrun: {error.strerror}; {_XCODE}") from error
        answer = _envelope(path)
    if done.code != 0 or (answer is not None and answer.error is not None):
        raise _refusal(shown, done, answer)
    try:
        if answer is None:
            raise ValueError("no JSON")
        return msgspec.json.decode(answer.result, type=kind)
    except JSON_ERRORS as error:
        why = shortened(printable(str(error)), _SHOWN)
        raise UnavailableError(f"{shown} answers what is not understood ({why}); {_XCODE}") from error


def _envelope(path: Path) -> _Envelope | None:
    """Reads what devicectl wrote; it writes nothing where it never came so far."""
    try:
        return msgspec.json.decode(read_limited(path, _MAX_BYTES), type=_Envelope)
    except (OSError, BundleError, *JSON_ERRORS):
        return None


def _refusal(shown: str, done: Finished, answer: _Envelope | None) -> UnavailableError:
    if _NOT_FOUND in done.errors:
        return UnavailableError(f"this Xcode has no devicectl; {_XCODE}")
    told = "" if answer is None or answer.error is None else _description(answer.error)
    return DevicectlError(f"{shown}: {reason_of_refusal(told, done.errors)}")


def reason_of_refusal(told: str, errors: str) -> str:
    """Returns the reason that says most, in one line.

    Args:
        told: Apple's description of the error, if there is one.
        errors: What was said on standard error.
    """
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    # The details below the first line name the cause, as in "... for reason: Locked (...)".
    words: Sequence[str] = [told, *lines] if told and told not in errors else lines
    return shortened(printable(" ".join(word for word in words if word)), _SHOWN) or "no reason given"


def _description(error: _Error) -> str:
    """Returns Apple's description; its texts lie in objects of one field."""
    try:
        found = msgspec.convert(error.userInfo.get("NSLocalizedDescription"), _Word)
    except msgspec.ValidationError:
        return ""
    return found.string or ""
