"""`rapsam models`: the variants."""

from __future__ import annotations

import argparse

from rapsam.cli.console import print_table, show_json

SUMMARY = "List the network variants, from the largest to the smallest."
EXAMPLE = "rapsam models"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("--json", action="store_true", help="print the list as JSON")


def run(options: argparse.Namespace) -> int:
    """Lists the variants with what they hold."""
    from rapsam.models.build import describe_models

    found = describe_models()
    if options.json:
        show_json(found)
        return 0
    print_table(
        "Models",
        ("name", "parameters", "object queries", "hidden width"),
        [
            (name, f"{m['parameters'] / 1e6:.2f} M", str(m["num_queries"]), str(m["hidden_width"]))
            for name, m in found.items()
        ],
    )
    return 0
