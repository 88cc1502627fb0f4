"""`rapsam convert`: weight files between the published format and ours."""

from __future__ import annotations

import argparse
from pathlib import Path

from rapsam.cli.arguments import check_kept, model_name
from rapsam.cli.console import readable_size, show, show_json
from rapsam.files import check_output_file

SUMMARY = (
    "Convert a checkpoint between the published .pth and our .safetensors, or a text-classifier file to ours."
)
EXAMPLE = "rapsam convert rapsam_r50.pth rapsam_r50.safetensors --model rapsam_r50"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("source", type=Path, metavar="FILE", help="weights to read")
    parser.add_argument("destination", type=Path, metavar="NEW", help="file to write; its suffix decides")
    parser.add_argument(
        "--model",
        type=model_name,
        metavar="NAME",
        help="variant of a checkpoint; 'rapsam models' lists them",
    )
    parser.add_argument("--half", action="store_true", help="round a checkpoint to 16 bits: half the size")
    parser.add_argument("--overwrite", action="store_true", help="replace NEW if it exists")
    parser.add_argument("--json", action="store_true", help="print what was written as JSON")


def run(options: argparse.Namespace) -> int:
    """Converts one file."""
    from rapsam.models.convert import convert_weights

    check_output_file(options.destination, [options.source])
    check_kept(options.destination, overwrite=options.overwrite, otherwise="name another file")
    content = convert_weights(options.source, options.destination, options.model, half=options.half)
    size = options.destination.stat().st_size
    if options.json:
        written = {"path": str(options.destination), "content": content, "size_bytes": size}
        show_json(written)
    else:
        show(f"{options.destination}: {content}, {readable_size(size)}")
    return 0
