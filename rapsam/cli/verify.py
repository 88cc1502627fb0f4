"""`rapsam verify`: is a bundle complete and unchanged."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from rapsam.cli.console import megabytes

SUMMARY = "Check every file of a bundle against its manifest; exit 2 if one is missing, truncated or edited."
EXAMPLE = "rapsam verify bundles/pixel-8"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="folder made by 'rapsam export'")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(options: argparse.Namespace) -> int:
    """Verifies a bundle."""
    from rapsam.export.seal import verify_bundle

    manifest = verify_bundle(options.bundle)
    size = sum(entry.size_bytes for entry in manifest.files)
    parity = manifest.parity.status if manifest.parity else "not run"
    if options.json:
        result = {
            "bundle": str(options.bundle),
            "files": len(manifest.files),
            "size_bytes": size,
            "recipe": manifest.recipe,
            "parity": parity,
        }
        print(json.dumps(result, indent=2))
    else:
        print(f"{options.bundle}: {len(manifest.files)} files, {megabytes(size)}, complete and unchanged")
        print(f"recipe {manifest.recipe}; parity when it was made: {parity}")
        print(f"next: rapsam parity {options.bundle}")
    return 0
