"""Entry point of `rapsam`: finds the verb, runs it, and turns errors into one line and an exit code."""

from __future__ import annotations

import io
import os
import re
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

import rapsam
from rapsam.cli import (
    convert,
    data,
    demo,
    devices,
    doctor,
    export,
    models,
    parity,
    plot,
    predict,
    train,
    verify,
)
from rapsam.cli import eval as evaluation
from rapsam.cli.console import say
from rapsam.cli.live_line import hide_live_line
from rapsam.cli.verbs import Parser
from rapsam.errors import InputError, RapSamError

VERBS = (
    *(export, parity, verify, predict, evaluation, convert),
    *(data, train, plot, models, devices, doctor, demo),
)
BAD_INPUT = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the command line and exits: 0 good, 1 a gate missed, 2 bad input."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # File names may hold what the terminal's encoding lacks.
        sys.stdout.reconfigure(errors="backslashreplace")
    # A polite kill is like Ctrl-C: what is unfinished is removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = _run(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
    except RapSamError as error:
        say(f"error: {error}")
        code = BAD_INPUT
    except KeyboardInterrupt:
        say("interrupted; nothing half-written is left")
        code = INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe went away, as `head` does; Python would complain at exit otherwise.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except OSError as error:
        where, reason = error.filename or "a file", error.strerror or error
        say(f"error: cannot use {where}: {reason}; mend that, or name another")
        code = BAD_INPUT
    sys.exit(code)


def _run(arguments: Sequence[str]) -> int:
    parser = _parser()
    if not arguments:
        parser.print_help(sys.stderr)
        raise InputError("no verb given; expected one of the verbs above, as in 'rapsam devices'")
    parser.check(arguments)
    options, rest = parser.parse_known_args(_negatives_joined(arguments))
    if rest:
        verb = next(argument for argument in arguments if not argument.startswith("-"))
        raise InputError(f"unexpected {rest[0]!r}; see 'rapsam {verb} --help'")
    try:
        return int(options.run(options))
    finally:
        hide_live_line()


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
