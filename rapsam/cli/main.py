"""Entry point of `rapsam`: finds the verb, runs it, and turns errors into one line and an exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import rapsam
from rapsam.cli import convert, demo, devices, doctor, export, models, parity, predict, verify
from rapsam.errors import InputError, RapSamError

VERBS = (export, parity, verify, predict, convert, models, devices, doctor, demo)
BAD_INPUT = 2
INTERRUPTED = 130


class _Parser(argparse.ArgumentParser):
    """Reports a wrong call in one line, like every other error."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; see '{self.prog} --help'")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the command line and exits: 0 good, 1 a gate missed, 2 bad input."""
    try:
        code = _run(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
    except RapSamError as error:
        print(f"error: {error}", file=sys.stderr)
        code = BAD_INPUT
    except KeyboardInterrupt:
        print("interrupted; nothing half-written is left", file=sys.stderr)
        code = INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe went away, as `head` does; Python would complain at exit otherwise.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)


def _run(arguments: Sequence[str]) -> int:
    parser = _Parser(prog="rapsam", description="RAP-SAM from a PyTorch checkpoint to a phone.")
    parser.add_argument("--version", action="version", version=f"rapsam {rapsam.__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True, parser_class=_Parser)
    for verb in VERBS:
        verb_parser = verbs.add_parser(
            verb.__name__.rpartition(".")[2],
            help=verb.SUMMARY,
            description=verb.SUMMARY,
            epilog=f"example: {verb.EXAMPLE}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        verb.add_arguments(verb_parser)
        verb_parser.set_defaults(run=verb.run)
    options = parser.parse_args(arguments)
    return int(options.run(options))
