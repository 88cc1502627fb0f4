"""Entry point of `rapsam`: finds the verb, runs it, and turns errors into one line and an exit code."""

from __future__ import annotations

import re
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import NoReturn

import rapsam
from rapsam.cli import (
    bench,
    compare,
    convert,
    data,
    demo,
    devices,
    doctor,
    export,
    lint,
    models,
    parity,
    plot,
    predict,
    quantize,
    report,
    train,
    verify,
)
from rapsam.cli import eval as evaluation
from rapsam.cli.console import say
from rapsam.cli.terminal import ReaderGoneError, hide_live_line, prepare_streams, settle_streams
from rapsam.cli.verbs import Parser
from rapsam.errors import InputError, MemoryLimitError, RapSamError, is_out_of_memory, quoted, reason_of

VERBS = (
    *(export, lint, parity, verify, bench, report, compare, quantize, predict, evaluation, convert),
    *(data, train, plot, models, devices, doctor, demo),
)
BAD_INPUT = 2
OUT_OF_MEMORY = 3
INTERNAL = 70
INTERRUPTED = 130
READER_GONE = 141
_MAX_ARGUMENT = 4096


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the command line and exits with one of the codes that docs/formats.md lists."""
    prepare_streams()
    # A polite kill is like Ctrl-C: what is unfinished is removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    code = _code_of(lambda: _run(sys.argv[1:] if arguments is None else arguments))
    # Results that cannot be written turn good into bad, and leave any other code as it is.
    settled = _code_of(_settle)
    sys.exit(code or settled)


def _code_of(work: Callable[[], int]) -> int:
    """Runs something and turns whatever it raises into one line and an exit code."""
    try:
        return work()
    except SystemExit as stop:  # of argparse, behind --help and --version
        return int(stop.code or 0)
    except ReaderGoneError:
        return READER_GONE
    except KeyboardInterrupt:
        say("interrupted; nothing half-written is left")
        return INTERRUPTED
    except Exception as error:
        code, message = _explained(error)
        if code == INTERNAL:
            say(*"".join(traceback.format_exception(error)).splitlines())
        say(f"error: {message}")
        return code


def _explained(error: Exception) -> tuple[int, str]:
    """Returns the exit code and the line for an error."""
    if isinstance(error, MemoryLimitError):
        return OUT_OF_MEMORY, str(error)
    if isinstance(error, RapSamError):
        return BAD_INPUT, str(error)
    if is_out_of_memory(error):
        return OUT_OF_MEMORY, "this needs more memory than there is; take smaller inputs, sizes or numbers"
    if isinstance(error, OSError):
        where, reason = error.filename or "a file", error.strerror or error
        return BAD_INPUT, f"cannot use {where}: {reason}; mend that, or name another"
    if isinstance(error, RecursionError | OverflowError | UnicodeError):
        what = f"an input is nested too deep, too large or no text ({reason_of(error)})"
        return BAD_INPUT, f"{what}; mend or replace it"
    return INTERNAL, f"a fault of this tool, not of its input: {reason_of(error)}; report the lines above"


def _settle() -> int:
    settle_streams()
    return 0


def _run(arguments: Sequence[str]) -> int:
    parser = _parser()
    if not arguments:
        parser.print_help(sys.stderr)
        raise InputError("no verb given; expected one of the verbs above, as in 'rapsam devices'")
    for argument in arguments:
        _check_text(argument)
    parser.check(arguments)
    options, rest = parser.parse_known_args(_negatives_joined(arguments))
    if rest:
        verb = next(argument for argument in arguments if not argument.startswith("-"))
        raise InputError(f"unexpected {rest[0]!r}; see 'rapsam {verb} --help'")
    try:
        return int(options.run(options))
    finally:
        hide_live_line()


def _check_text(argument: str) -> None:
    """No option of any verb needs more than a path does, and no path holds these."""
    if len(argument) > _MAX_ARGUMENT:
        raise InputError(f"an argument has {len(argument):,} characters; expected at most {_MAX_ARGUMENT:,}")
    if "\0" in argument:
        raise InputError(f"argument {quoted(argument)} holds a NUL byte; expected text: write it without")


def _parser() -> Parser:
    parser = Parser(
        prog="rapsam",
        description="RAP-SAM from a PyTorch checkpoint to a phone.",
        epilog="example: rapsam demo",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"rapsam {rapsam.__version__}")
    parser.add_verbs({verb.__name__.rpartition(".")[2]: verb for verb in VERBS}, kind="verb", run="run")
    return parser


def _negatives_joined(arguments: Sequence[str]) -> list[str]:
    """Writes `--point -5,20` as `--point=-5,20`: argparse would take the value for an option."""
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1].startswith("--") and re.match(r"-[\d.]", argument):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined
