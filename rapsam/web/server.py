"""A server for one page and those who were given its address.

It is Python's own `http.server`, which needs no further package, with what that lacks for a network of
strangers: a token in the path; a check of the Host and Origin headers against pages of others (DNS rebinding,
forged requests); limits of size, time and number of connections; one request a connection; and a fixed
table in place of a file system. A library would bring routes, sessions and static folders: more to check, for
a server that lives for minutes and knows a hundred addresses.
"""

from __future__ import annotations

import hmac
import io
import secrets
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from rapsam.errors import BundleError, UnavailableError, quoted
from rapsam.untrusted import open_plain
from rapsam.web.files import JSON, Shown, Table
from rapsam.web.headers import answer_headers
from rapsam.web.paced import CHUNK, PacedReader, send_paced

MAX_HEAD_BYTES = 16 * 1024
"""Of a request before its body."""
HEAD_S = 10.0
"""For a request to arrive, but for its body."""
TRANSFER_S = 30.0
MIN_BYTES_PER_S = 50_000
"""A body may take 30 s and what it takes at this pace: slower ones are given up."""
MAX_CONNECTIONS = 64
MAX_PER_ADDRESS = 24
"""Connections of one peer; browsers open six."""
GRACE_S = 5.0
"""For answers that are under way when the server stops."""
TOKEN_BYTES = 16
VISIT_HEADER = "X-Visit"
"""Tells which of the visitors sends."""
_PLAIN = "text/plain; charset=utf-8"
_LOOPBACK = ("localhost", "127.0.0.1")


class Reply(NamedTuple):
    """What is answered to a body.

    Attributes:
        status: Of HTTP.
        body: Content.
        kind: Its media type.
    """

    status: HTTPStatus
    body: bytes = b""
    kind: str = JSON


class Post(NamedTuple):
    """An address that takes a body.

    Attributes:
        kind: Media type that the body must have; none that a form of another page can send.
        max_bytes: Of the body.
        answer: Called with the body, and with what the header `VISIT_HEADER` says, in a thread of its own for
            each request.
    """

    kind: str
    max_bytes: int
    answer: Callable[[bytes, str], Reply]


class PageServer:
    """Serves until it is left.

    Args:
        address: Of this machine, a name or an IPv4 address.
        port: Where it listens; 0 for any that is free.
        table: Path below the token to content.
        posts: Path below the token to what takes a body.

    Raises:
        UnavailableError: If it cannot listen there.
    """

    def __init__(self, address: str, port: int, table: Table, posts: Mapping[str, Post]) -> None:
        self.token = secrets.token_urlsafe(TOKEN_BYTES)
        try:
            self._server = _Server((address, port), _Request)
        except OSError as error:
            where = f"{quoted(address)}, port {port or 'any'}"
            raise UnavailableError(
                f"cannot listen on {where}: {error.strerror or error}; expected an address of this machine "
                "and a free port"
            ) from error
        bound, self.port = self._server.server_address[:2]
        names = {address, str(bound), *(_LOOPBACK if str(bound).startswith("127.") else ())}
        self._server.hosts = {f"{name}:{self.port}".lower() for name in names}
        self._server.token, self._server.table, self._server.posts = self.token, table, posts
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)
        self._address = address

    @property
    def url(self) -> str:
        """What the path of a page is appended to."""
        return f"http://{self._address}:{self.port}/{self.token}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Listens no more, lets answers that are under way go out, and closes all connections."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.end_all(GRACE_S)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = MAX_CONNECTIONS

    def __init__(self, *args: Any) -> None:  # noqa: ANN401 - passed on
        self.hosts: set[str] = set()
        self.token = ""
        self.table: Table = {}
        self.posts: Mapping[str, Post] = {}
        self._open: dict[socket.socket, str] = {}
        self._busy: set[socket.socket] = set()
        self._changed = threading.Condition()
        super().__init__(*args)

    def server_bind(self) -> None:
        """Binds without asking the network for the name of this machine, as `HTTPServer` does."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ANN401 - as in the base
        """Refuses a connection where there are too many, of all peers or of this one."""
        peer = str(client_address[0])
        with self._changed:
            count = Counter(self._open.values())
            if len(self._open) >= MAX_CONNECTIONS or count[peer] >= MAX_PER_ADDRESS:
                return False
            self._open[request] = peer
        return True

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - as in the base
        """Closes a connection and counts it no more."""
        super().shutdown_request(request)
        with self._changed:
            self._open.pop(request, None)
            self._busy.discard(request)
            self._changed.notify_all()

    def begin(self, request: socket.socket) -> None:
        """Notes that a connection, of those that browsers open in advance too, has asked for something."""
        with self._changed:
            self._busy.add(request)

    def end_all(self, seconds: float) -> None:
        """Waits for what was asked for to be answered, and ends all connections."""
        with self._changed:
            self._changed.wait_for(lambda: not self._busy, seconds)
            rest = list(self._open)
        for request in rest:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as in the base
        """Says nothing: a peer that vanishes, dawdles or sends too much is none of the user's business."""


class _Request(BaseHTTPRequestHandler):
    """One request of one connection; `BaseHTTPRequestHandler` parses it."""

    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "rapsam"
    sys_version = ""

    def setup(self) -> None:
        """Makes streams that keep to limits."""
        self.connection: socket.socket = self.request
        self._reader = PacedReader(self.connection)
        self._reader.allow(MAX_HEAD_BYTES, HEAD_S)
        self.rfile = io.BufferedReader(self._reader)
        self.wfile = io.BytesIO()  # the head of an answer, until it is sent

    def finish(self) -> None:
        """Sends what is left: the answer of the parser to what is no request."""
        try:
            self._flush(time.monotonic() + HEAD_S)
        except OSError:
            return

    def do_GET(self) -> None:
        """Shows what is in the table."""
        if (name := self._name()) is None:
            return
        shown = self.server.table.get(name)
        if shown is None:
            known = name in self.server.posts
            self._refuse(HTTPStatus.METHOD_NOT_ALLOWED if known else HTTPStatus.NOT_FOUND)
            return
        if isinstance(shown.content, bytes):
            self._send(HTTPStatus.OK, shown.content, shown.kind, shown.scripts)
        else:
            self._send_file(shown, shown.content)

    def do_POST(self) -> None:
        """Takes a body for one of the addresses that want one."""
        if (name := self._name()) is None:
            return
        post = self.server.posts.get(name)
        if post is None:
            known = name in self.server.table
            self._refuse(HTTPStatus.METHOD_NOT_ALLOWED if known else HTTPStatus.NOT_FOUND)
        elif self._comes_from_us() and (body := self._body(post)) is not None:
            reply = post.answer(body, self.headers.get(VISIT_HEADER) or "")
            self._send(reply.status, reply.body, reply.kind)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuses in plain words; the parser calls this too, as for other methods."""
        del message, explain
        self._refuse(HTTPStatus(code))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: ANN401 - as in the base
        """Says nothing: progress is what the page tells."""

    def _name(self) -> str | None:
        """Returns the path below the token; None where the request was refused, with the answer sent."""
        self.server.begin(self.connection)
        # Before anything is read of the path: a page of others that points its own name here gets nothing.
        if (self.headers.get("Host") or "").lower() not in self.server.hosts:
            self._refuse(HTTPStatus.FORBIDDEN)
            return None
        empty, _, rest = self.path.partition("?")[0].partition("/")
        token, _, name = rest.partition("/")
        if empty or not hmac.compare_digest(token.encode(), self.server.token.encode()):
            self._refuse(HTTPStatus.NOT_FOUND)
            return None
        return name

    def _comes_from_us(self) -> bool:
        """Tells whether a page of this server sends; refuses if not. Browsers always name the origin."""
        origin = (self.headers.get("Origin") or "").lower()
        if origin in {f"http://{host}" for host in self.server.hosts}:
            return True
        self._refuse(HTTPStatus.FORBIDDEN)
        return False

    def _body(self, post: Post) -> bytes | None:
        """Reads a body; None where it was refused."""
        told = self.headers.get("Content-Length") or ""
        kind = (self.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
        if kind != post.kind:
            self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        elif self.headers.get("Transfer-Encoding") or not (told.isascii() and told.isdigit()):
            self._refuse(HTTPStatus.LENGTH_REQUIRED)
        elif len(told) > len(str(post.max_bytes)) or int(told) > post.max_bytes:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        else:
            length = int(told)
            # The reader never asks for more than is allowed; one byte more, so that it may ask at all.
            self._reader.allow(length + 1, _seconds(length))
            body = self.rfile.read(length)
            if len(body) == length:
                return body
            self._refuse(HTTPStatus.BAD_REQUEST)
        return None

    def _send_file(self, shown: Shown, path: Path) -> None:
        """Sends a plain file as long as it was when it was opened."""
        with ExitStack() as stack:
            try:
                stream = stack.enter_context(open_plain(path))
            except (BundleError, OSError):  # it was there when the table was made
                self._refuse(HTTPStatus.NOT_FOUND)
                return
            size = stream.seek(0, io.SEEK_END)
            stream.seek(0)
            deadline = time.monotonic() + _seconds(size)
            self._head(HTTPStatus.OK, size, shown.kind, shown.scripts)
            self._flush(deadline)
            while size and (chunk := stream.read(min(CHUNK, size))):
                send_paced(self.connection, chunk, deadline)
                size -= len(chunk)

    def _send(self, status: HTTPStatus, body: bytes, kind: str, scripts: tuple[str, ...] = ()) -> None:
        deadline = time.monotonic() + _seconds(len(body))
        self._head(status, len(body), kind, scripts)
        self._flush(deadline)
        send_paced(self.connection, body, deadline)

    def _refuse(self, status: HTTPStatus) -> None:
        self._send(status, f"{status.value} {status.phrase}\n".encode(), _PLAIN)

    def _head(self, status: HTTPStatus, size: int, kind: str, scripts: tuple[str, ...]) -> None:
        self.close_connection = True
        self.send_response(status)
        for name, value in answer_headers(size, kind, scripts).items():
            self.send_header(name, value)
        self.end_headers()

    def _flush(self, deadline: float) -> None:
        """Sends what was written of the head of an answer."""
        assert isinstance(self.wfile, io.BytesIO)
        head = self.wfile.getvalue()
        self.wfile = io.BytesIO()
        send_paced(self.connection, head, deadline)


def _seconds(size: int) -> float:
    return TRANSFER_S + size / MIN_BYTES_PER_S
