"""`rapsam data`: what there is to do with data sets."""

from __future__ import annotations

import argparse

from rapsam.cli import data_check, data_synth
from rapsam.cli.verbs import Parser

SUMMARY = "Check the data sets in a folder, or draw one."
EXAMPLE = "rapsam data check datasets"
TASKS = {"check": data_check, "synth": data_synth}


def add_arguments(parser: Parser) -> None:
    """Declares the tasks, each with its options."""
    parser.add_verbs(TASKS, kind="task", run="run_task")


def run(options: argparse.Namespace) -> int:
    """Does the task."""
    return int(options.run_task(options))
