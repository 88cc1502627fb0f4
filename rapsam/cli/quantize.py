"""`rapsam quantize`: what there is to do with numbers of few bits, beside exporting them."""

from __future__ import annotations

import argparse

from rapsam.cli import quantize_inspect
from rapsam.cli.verbs import Parser

SUMMARY = "Show what few bits cost a bundle, and what stays float."
EXAMPLE = "rapsam quantize inspect bundles/onnx-w8a8"
TASKS = {"inspect": quantize_inspect}


def add_arguments(parser: Parser) -> None:
    """Declares the tasks, each with its options."""
    parser.add_verbs(TASKS, kind="task", run="run_task")


def run(options: argparse.Namespace) -> int:
    """Does the task."""
    return int(options.run_task(options))
