"""`rapsam web`: a page on which people segment photographs with a bundle, in their own browser."""

from __future__ import annotations

import argparse
import sys
import threading
from pathlib import Path

from rapsam.cli.console import say, show
from rapsam.errors import InputError, quoted

SUMMARY = "Serve a page that segments photos and videos with a bundle in the browser, until Ctrl-C."
EXAMPLE = "rapsam web bundles/onnx-fp32"
_HERE, _ALL = "127.0.0.1", "0.0.0.0"
_LAST_PORT = 65_535


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument(
        "bundle", type=Path, metavar="BUNDLE", help="folder made by 'rapsam export' for onnx or tflite"
    )
    parser.add_argument(
        "--address",
        default=_HERE,
        metavar="ADDRESS",
        help="IPv4 address or name of this machine, such as the one by which a phone in the same network "
        f"reaches it (default {_HERE}: only this machine itself)",
    )
    parser.add_argument("--port", type=int, default=0, metavar="N", help="port (default: any that is free)")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="serve nothing: write the page with its runtimes and the bundle, for a server of static files",
    )


def run(options: argparse.Namespace) -> int:
    """Serves until it is interrupted, which is how it ends, or writes what another server is to show."""
    if options.out is not None:
        return _write(options)
    from rapsam.benchmarks.runners.browser.address import Place, qr_lines
    from rapsam.web.photo_page import PAGE, photo_table
    from rapsam.web.server import PageServer

    _check_place(options.address, options.port)
    place = Place(options.address, options.port)
    table = photo_table(options.bundle)
    with PageServer(place.address, place.port, table, {}) as server:
        url = f"{server.url}{PAGE}"
        show(url)
        say("open it in a browser; Ctrl-C ends it")
        if not place.is_loopback and sys.stderr.isatty():
            say(*qr_lines(url))
        _wait()
    say("ended")
    return 0


def _write(options: argparse.Namespace) -> int:
    from rapsam.web.files import write_files
    from rapsam.web.headers import ISOLATION
    from rapsam.web.photo_page import PAGE, photo_table

    if options.address != _HERE or options.port:
        raise InputError("--out serves nothing; leave --address and --port out")
    write_files(photo_table(options.bundle), options.out)
    show(str(options.out / PAGE))
    say("for a server of static files, which is to send these headers, or one thread computes:")
    say(*(f"  {name}: {value}" for name, value in ISOLATION.items()))
    return 0


def _check_place(address: str, port: int) -> None:
    if not 0 <= port <= _LAST_PORT:
        raise InputError(f"--port {port}; expected 0 to {_LAST_PORT}, 0 for any that is free")
    if address in ("", _ALL):
        raise InputError(
            f"--address {quoted(address)} is not one place: the page answers to one name only; expected the "
            "address by which others reach this machine"
        )


def _wait() -> None:
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        return
