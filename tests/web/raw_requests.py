"""Requests as nobody's browser would send them: every byte is the test's."""

from __future__ import annotations

import socket
from typing import NamedTuple


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def exchange(port: int, data: bytes, patience_s: float = 10.0) -> bytes:
    """Sends bytes and returns all that comes until the other side closes; nothing if it just closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=patience_s) as connection:
        try:
            connection.sendall(data)
            parts = []
            while part := connection.recv(65536):
                parts.append(part)
        except ConnectionError:
            return b""
    return b"".join(parts)


def parsed(data: bytes) -> Answer:
    head, _, body = data.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return Answer(int(status.split()[1]), headers, body)


def request_bytes(
    method: str, target: str, headers: dict[str, str], body: bytes = b"", *, length: bool = True
) -> bytes:
    told = {
        **headers,
        **({"Content-Length": str(len(body))} if length and (body or method == "POST") else {}),
    }
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items()), "", ""]
    return "\r\n".join(lines).encode() + body


def ask(
    port: int, method: str, target: str, headers: dict[str, str] | None = None, body: bytes = b""
) -> Answer:
    told = {"Host": f"127.0.0.1:{port}", **(headers or {})}
    return parsed(exchange(port, request_bytes(method, target, told, body)))
