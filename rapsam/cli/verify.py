"""`rapsam verify`: is a bundle complete and unchanged."""

from __future__ import annotations

import argparse
from pathlib import Path

from rapsam.cli.bundle_report import bundle_facts, parity_step
from rapsam.cli.console import readable_size, show, show_json

SUMMARY = "Check every file of a bundle against its manifest; exit 2 if one is missing, truncated or edited."
EXAMPLE = "rapsam verify bundles/pixel-8"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="folder made by 'rapsam export'")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(options: argparse.Namespace) -> int:
    """Verifies a bundle."""
    from rapsam.export.bundle.seal import verify_bundle

    manifest = verify_bundle(options.bundle)
    facts = bundle_facts(options.bundle, manifest)
    if options.json:
        show_json(facts)
        return 0
    size = readable_size(facts["size_bytes"])
    show(f"{options.bundle}: {facts['files']} files, {size}, complete and unchanged")
    show(f"recipe {manifest.recipe}; parity at export: {facts['parity']}")
    show(parity_step(options.bundle, manifest))
    return 0
