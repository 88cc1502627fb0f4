"""Reading and writing a connection within a time: a peer that is slow on purpose is left alone in the end."""

from __future__ import annotations

import http.client
import io
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHUNK = 1 << 16


class PacedReader(io.RawIOBase):
    """What a peer sends, until a deadline, and no more than is allowed.

    Args:
        connection: A connected socket.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._deadline = 0.0
        self._left = 0

    def allow(self, count: int, seconds: float) -> None:
        """Sets how many bytes may come from now on, and within what time all of them."""
        self._left, self._deadline = count, time.monotonic() + seconds

    def readable(self) -> bool:
        """See `io.IOBase.readable`."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """See `io.RawIOBase.readinto`.

        Raises:
            TimeoutError: If the time is over.
            HTTPException: If more bytes came than are allowed.
        """
        if self._left <= 0:
            raise http.client.HTTPException("too many bytes")
        pace(self._connection, self._deadline)
        with memoryview(buffer) as view:
            count = self._connection.recv_into(view[: min(len(view), self._left)])
        self._left -= count
        return count


def send_paced(connection: socket.socket, data: bytes, deadline: float) -> None:
    """Sends bytes, all of them before the deadline.

    Raises:
        TimeoutError: If the time is over.
        OSError: If the peer has gone.
    """
    with memoryview(data) as view:
        for start in range(0, len(view), CHUNK):
            pace(connection, deadline)
            connection.sendall(view[start : start + CHUNK])


def pace(connection: socket.socket, deadline: float) -> None:
    """Lets the next call on a socket take the time that is left.

    Raises:
        TimeoutError: If there is none.
    """
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the peer is too slow")
    connection.settimeout(left)
