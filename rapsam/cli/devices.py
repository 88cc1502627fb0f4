"""`rapsam devices`: the catalogue of phones."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from rapsam.cli.console import print_table, show_json

if TYPE_CHECKING:
    from rapsam.export.devices import Device

SUMMARY = "List the phones of the catalogue, and the recipe and image size of an export for each."
EXAMPLE = "rapsam devices pixel"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument(
        "words", nargs="*", metavar="WORD", help="show phones with all these words in name, chip or system"
    )
    parser.add_argument("--json", action="store_true", help="print the catalogue as JSON")


def run(options: argparse.Namespace) -> int:
    """Lists the phones."""
    from rapsam.export.devices import search_devices

    devices = search_devices(options.words)
    if options.json:
        show_json(devices)
        return 0
    print_table(
        "Devices",
        ("id", "name", "chip", "system", "recipe", "size"),
        [_row(device) for device in devices],
    )
    return 0


def _row(device: Device) -> tuple[str, ...]:
    return (
        device.id,
        device.name,
        device.chip or "any",
        f"{device.platform} {device.os_minimum}",
        device.recipe().name,
        f"{device.size[0]}x{device.size[1]}",
    )
