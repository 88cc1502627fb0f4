"""`rapsam devices`: the catalogue of phones."""

from __future__ import annotations

import argparse

from rapsam.cli.console import print_table

SUMMARY = "List the phones of the catalogue, with what an export for each makes."
EXAMPLE = "rapsam devices"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("--json", action="store_true", help="print the catalogue as JSON")


def run(options: argparse.Namespace) -> int:
    """Lists the phones."""
    import msgspec

    from rapsam.export.devices import load_devices

    devices = load_devices()
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(list(devices.values())), indent=2).decode())
        return 0
    print_table(
        "Devices",
        ("id", "name", "chip", "system", "recipe", "size"),
        [
            (
                device.id,
                device.name,
                device.chip or "any",
                f"{device.platform} {device.os_minimum}",
                device.recipe().name,
                f"{device.size[0]}x{device.size[1]}",
            )
            for device in devices.values()
        ],
    )
    return 0
