"""`rapsam plot`: the curves of a training run."""

from __future__ import annotations

import argparse
from pathlib import Path

from rapsam.cli.console import show

SUMMARY = "Draw losses, learning rate, gradient norm and speed of a training run."
EXAMPLE = "rapsam plot runs/nano"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("folder", type=Path, metavar="RUN", help="folder of the run")


def run(options: argparse.Namespace) -> int:
    """Draws one run."""
    from rapsam.training.run.plot import plot_run

    show(str(plot_run(options.folder)))
    return 0
