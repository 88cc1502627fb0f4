"""`rapsam models`: the variants."""

from __future__ import annotations

import argparse

from rapsam.cli.console import print_table, show_json

SUMMARY = "List the network variants, from the largest to the smallest."
EXAMPLE = "rapsam models"
_HEADINGS = {"num_queries": "object queries"}


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
    facts = dict.fromkeys(fact for model in found.values() for fact in model if fact != "parameters")
    print_table(
        "Models",
        ("name", "parameters", *(_HEADINGS.get(fact, fact.replace("_", " ")) for fact in facts)),
        [
            (name, f"{m['parameters'] / 1e6:.2f} M", *(str(m.get(fact, "-")) for fact in facts))
            for name, m in found.items()
        ],
    )
    return 0
