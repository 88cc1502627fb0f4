"""Where the page is served, and how people get there."""

from __future__ import annotations

import re
import socket
from typing import NamedTuple

from rapsam.errors import InputError, quoted
from rapsam.export.backends.packages import missing_package

_LOOPBACK = "127.0.0.1"
_SOMEWHERE_ELSE = ("192.0.2.1", 9)
"""An address that is nobody's: a datagram socket only looks up the way there, and sends nothing."""
_DEVICE = re.compile(r"(?P<address>[A-Za-z0-9.-]{0,253})(?::(?P<port>[0-9]{1,5}))?")
_ALL = "0.0.0.0"
# Of a light and a dark half, upper and lower; people's terminals are dark, so light is what is drawn.
_HALVES = {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}
_BORDER = 4


class Place(NamedTuple):
    """Where a server listens.

    Attributes:
        address: A name or an IPv4 address of this machine.
        port: 0 for any that is free.
    """

    address: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine gets there, and what is connected to it by a cable."""
        return self.address == "localhost" or self.address.startswith("127.")


def parse_place(device: str | None) -> Place:
    """Reads what stands behind "browser:", as in "192.168.0.7:8000", "localhost" or ":8000".

    Raises:
        InputError: If it is none.
    """
    match = _DEVICE.fullmatch(device or "")
    port = int(match["port"] or 0) if match else 0
    if match is None or port > 65_535 or match["address"] == _ALL:
        raise InputError(
            f"{quoted(device)} is no address to serve a page on; expected one IPv4 address or name of this "
            "machine, a port, or both, as in browser:192.168.0.7:8000, browser:localhost or browser::8000"
        )
    return Place(match["address"] or local_address(), port)


def local_address() -> str:
    """Finds the address that other devices on the network know this machine by; its own if there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_SOMEWHERE_ELSE)
            return str(probe.getsockname()[0])
        except OSError:
            return _LOOPBACK


def cannot_listen(place: Place) -> str | None:
    """Says why nothing can listen there; None if it can."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except OSError as error:
        return f"cannot listen on {place.address}, port {place.port or 'any'}: {error.strerror or error}"
    return None


def qr_lines(url: str) -> list[str]:
    """Draws an address for a phone's camera, two modules a character; nothing where segno is missing."""
    if missing_package("web", ("segno",)) is not None:
        return []
    import segno

    rows = [tuple(row) for row in segno.make(url, error="l", micro=False).matrix_iter(border=_BORDER)]
    if len(rows) % 2:
        rows.append((0,) * len(rows[0]))
    return [
        "".join(_HALVES[int(upper), int(lower)] for upper, lower in zip(*pair, strict=True))
        for pair in zip(rows[::2], rows[1::2], strict=True)
    ]
