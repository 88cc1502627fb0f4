from __future__ import annotations

import socket
import threading
import time
from http import HTTPStatus

import pytest

from rapsam.errors import UnavailableError
from rapsam.web import server as server_module
from rapsam.web.files import Shown
from rapsam.web.server import (
    MAX_HEAD_BYTES,
    MAX_PER_ADDRESS,
    PageServer,
    Post,
    Reply,
)
from tests.web.raw_requests import ask, exchange, parsed, request_bytes

KIND = "application/json"
LIMIT = 1000


class Taken:
    """What a server's posts were given."""

    def __init__(self) -> None:
        self.bodies: list[tuple[bytes, str]] = []

    def answer(self, body: bytes, visit: str) -> Reply:
        self.bodies.append((body, visit))
        return Reply(HTTPStatus.OK, b'{"good": true}')


@pytest.fixture
def taken():
    return Taken()


@pytest.fixture
def running(tmp_path, taken):
    """A server of one page, one file on disk, and one post; beside the file lies one that nobody may have."""
    (tmp_path / "shown.bin").write_bytes(bytes(range(256)) * 1000)
    (tmp_path / "secret.txt").write_text("secret")
    table = {
        "page.html": Shown(b"<!doctype html>hello", "text/html; charset=utf-8", ("'sha256-abc'",)),
        "files/shown.bin": Shown(tmp_path / "shown.bin", "application/octet-stream"),
    }
    with PageServer("127.0.0.1", 0, table, {"record": Post(KIND, LIMIT, taken.answer)}) as started:
        yield started


def get(running, name, **headers):
    return ask(
        running.port, "GET", f"/{running.token}/{name}", {k.replace("_", "-"): v for k, v in headers.items()}
    )


def own(running, **changes):
    return {"Content-Type": KIND, "Origin": f"http://127.0.0.1:{running.port}", **changes}


def post(running, body=b"{}", target=None, **changes):
    headers = {k: v for k, v in own(running, **changes).items() if v is not None}
    return ask(running.port, "POST", target or f"/{running.token}/record", headers, body)


def test_pages_and_files_are_served_as_the_table_has_them(running, tmp_path):
    page = get(running, "page.html")
    assert (page.status, page.body) == (200, b"<!doctype html>hello")
    file = get(running, "files/shown.bin?a=b")
    assert (file.status, file.body) == (200, (tmp_path / "shown.bin").read_bytes())
    assert running.url == f"http://127.0.0.1:{running.port}/{running.token}/"


def test_every_answer_tells_browsers_to_be_careful(running):
    for answer in (get(running, "page.html"), get(running, "none"), ask(running.port, "GET", "/")):
        told = answer.headers
        assert told["Cross-Origin-Opener-Policy"] == "same-origin"
        assert told["Cross-Origin-Embedder-Policy"] == "require-corp"
        assert told["Cross-Origin-Resource-Policy"] == "same-origin"
        assert told["X-Content-Type-Options"] == "nosniff"
        assert told["Referrer-Policy"] == "no-referrer"
        assert told["Cache-Control"] == "no-store"
        assert "default-src 'self'" in told["Content-Security-Policy"]
        assert "unsafe-inline" not in told["Content-Security-Policy"]
        assert "Python" not in told["Server"]
    assert "'sha256-abc'" in get(running, "page.html").headers["Content-Security-Policy"]
    assert "'sha256-abc'" not in get(running, "none").headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "name",
    [
        "files/../../secret.txt",
        "files/../files/shown.bin",
        "files/%2e%2e/%2e%2e/secret.txt",
        "files/%2e%2e%2fsecret.txt",
        "files/..%5csecret.txt",
        "files//shown.bin",
        "files/shown.bin/",
        "files/",
        "",
        "secret.txt",
        "files/shown.bin%00",
        "//etc/passwd",
        "PAGE.HTML",
    ],
)
def test_nothing_but_the_table_is_there_however_it_is_asked_for(running, name):
    answer = get(running, name)
    assert answer.status == 404
    assert b"secret" not in answer.body


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/page.html",
        "/{wrong}/page.html",
        "/{upper}/page.html",
        "page.html",
        "http://127.0.0.1/page.html",
        "*",
    ],
)
def test_without_the_token_nothing_is_there(running, target):
    wrong, upper = "a" * len(running.token), running.token.swapcase()
    answer = ask(running.port, "GET", target.format(wrong=wrong, upper=upper))
    assert answer.status == 404
    assert running.token.encode() not in answer.body


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "", "[::1]:{port}"]
)
def test_a_name_of_others_that_points_here_gets_nothing(running, host):
    told = host.format(port=running.port)
    assert get(running, "page.html", Host=told).status == 403
    assert (
        parsed(exchange(running.port, request_bytes("GET", f"/{running.token}/page.html", {}))).status == 403
    )


def test_this_machine_is_also_known_as_localhost(running):
    assert get(running, "page.html", Host=f"LOCALHOST:{running.port}").status == 200


def test_a_body_is_taken_once_it_is_what_was_expected(running, taken):
    answer = post(running, b'{"a": 1}', **{"X-Visit": "key"})
    assert (answer.status, answer.body) == (200, b'{"good": true}')
    assert taken.bodies == [(b'{"a": 1}', "key")]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": None}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "multipart/form-data; boundary=a"}, 415),
        ({"Content-Type": None}, 415),
        ({"Host": "evil.example"}, 403),
    ],
)
def test_what_pages_of_others_can_send_is_refused(running, taken, changes, status):
    assert post(running, **changes).status == status
    assert taken.bodies == []


@pytest.mark.parametrize(
    ("length", "status"),
    [("1001", 413), ("9" * 30, 413), ("-1", 411), ("1e3", 411), ("٣", 411), ("", 411), (None, 411)],
)
def test_bodies_without_a_length_or_too_large_are_refused_unread(running, taken, length, status):
    headers = {"Host": f"127.0.0.1:{running.port}", **own(running)}
    if length is not None:
        headers["Content-Length"] = length
    data = request_bytes("POST", f"/{running.token}/record", headers, length=False)
    assert parsed(exchange(running.port, data)).status == status
    assert taken.bodies == []


def test_a_body_in_pieces_is_refused(running, taken):
    headers = {"Host": f"127.0.0.1:{running.port}", **own(running), "Transfer-Encoding": "chunked"}
    data = request_bytes("POST", f"/{running.token}/record", headers, length=False) + b"2\r\n{}\r\n0\r\n\r\n"
    assert parsed(exchange(running.port, data)).status == 411
    assert taken.bodies == []


def test_a_huge_body_ends_with_the_limit_whatever_is_sent(running, taken):
    headers = {"Host": f"127.0.0.1:{running.port}", **own(running), "Content-Length": "100000000"}
    data = request_bytes("POST", f"/{running.token}/record", headers, length=False) + b"x" * 5_000_000
    # The connection may break while the peer still sends: then the answer is lost.
    answer = exchange(running.port, data)
    assert answer == b"" or parsed(answer).status == 413
    assert taken.bodies == []
    assert get(running, "page.html").status == 200


@pytest.mark.parametrize(
    "head",
    [
        {"X-Huge": "x" * (MAX_HEAD_BYTES + 1)},
        {f"X-{number}": "x" * 100 for number in range(300)},
    ],
)
def test_a_huge_head_is_not_read_to_its_end(running, head):
    data = request_bytes("GET", f"/{running.token}/page.html", {"Host": f"127.0.0.1:{running.port}", **head})
    answer = exchange(running.port, data)
    assert answer == b"" or parsed(answer).status == 431
    assert get(running, "page.html").status == 200


@pytest.mark.parametrize("target", ["x" * 70_000, f"/{'x' * MAX_HEAD_BYTES}"])
def test_a_huge_address_is_not_read_to_its_end(running, target):
    answer = exchange(running.port, request_bytes("GET", target, {"Host": f"127.0.0.1:{running.port}"}))
    assert answer == b"" or parsed(answer).status in (414, 431)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "HEAD", "TRACE", "CONNECT", "PATCH", "get"])
def test_other_methods_are_refused(running, method):
    target = f"/{running.token}/page.html"
    answer = parsed(
        exchange(running.port, request_bytes(method, target, {"Host": f"127.0.0.1:{running.port}"}))
    )
    assert answer.status in (405, 501)
    assert b"hello" not in answer.body


def test_a_page_takes_no_body_and_a_post_shows_nothing(running):
    assert post(running, target=f"/{running.token}/page.html").status == 405
    assert get(running, "record").status == 405
    assert post(running, target=f"/{running.token}/none").status == 404


@pytest.mark.parametrize(
    "data", [b"\x16\x03\x01\x02\x00\x01\x00", b"hello\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\r\n" * 9]
)
def test_what_is_no_request_harms_nobody(running, data, capfd):
    exchange(running.port, data + b"\r\n\r\n")
    assert get(running, "page.html").status == 200
    assert capfd.readouterr() == ("", "")


def test_one_connection_is_one_request(running):
    one = request_bytes("GET", f"/{running.token}/page.html", {"Host": f"127.0.0.1:{running.port}"})
    assert exchange(running.port, one * 3).count(b"HTTP/1.1") == 1


def test_slow_peers_do_not_keep_others_waiting_and_are_given_up(running, monkeypatch):
    monkeypatch.setattr(server_module, "HEAD_S", 0.5)
    slow = [socket.create_connection(("127.0.0.1", running.port), timeout=10) for _ in range(10)]
    ended = threading.Event()

    def dribble():
        # A byte now and then: each by itself comes in good time.
        while not ended.is_set():
            for one in slow:
                try:
                    one.sendall(b"X")
                except OSError:
                    continue
            time.sleep(0.05)

    writer = threading.Thread(target=dribble)
    writer.start()
    try:
        assert get(running, "page.html").status == 200
        for one in slow:
            try:
                assert one.recv(1000) == b""
            except ConnectionError:
                continue
    finally:
        ended.set()
        writer.join()
        for one in slow:
            one.close()


def test_a_body_that_does_not_come_is_given_up(running, monkeypatch, taken):
    monkeypatch.setattr(server_module, "TRANSFER_S", 0.3)
    headers = {"Host": f"127.0.0.1:{running.port}", **own(running), "Content-Length": "100"}
    data = request_bytes("POST", f"/{running.token}/record", headers, length=False) + b"half"
    exchange(running.port, data, patience_s=10)
    assert taken.bodies == []


def test_too_many_connections_of_one_peer_are_closed_and_later_ones_served(running):
    held = [socket.create_connection(("127.0.0.1", running.port), timeout=10) for _ in range(MAX_PER_ADDRESS)]
    try:
        time.sleep(0.3)
        request = request_bytes("GET", f"/{running.token}/page.html", {"Host": f"127.0.0.1:{running.port}"})
        assert exchange(running.port, request) == b""
    finally:
        for one in held:
            one.close()
    end = time.monotonic() + 10
    while exchange(running.port, request) == b"":
        assert time.monotonic() < end, "the places were not given back"
        time.sleep(0.05)


def test_nothing_listens_when_the_server_has_ended():
    with PageServer("127.0.0.1", 0, {}, {}) as ended:
        port = ended.port
    with pytest.raises(ConnectionRefusedError):
        ask(port, "GET", "/")


def test_an_answer_that_is_under_way_is_sent_when_the_server_ends_and_idle_peers_do_not_delay_it():
    began = threading.Event()

    def answer(_body: bytes, _visit: str) -> Reply:
        began.set()
        time.sleep(0.3)
        return Reply(HTTPStatus.OK, b'"last"')

    answers = []
    with PageServer("127.0.0.1", 0, {}, {"record": Post(KIND, LIMIT, answer)}) as ending:
        idle = socket.create_connection(("127.0.0.1", ending.port), timeout=10)
        asking = threading.Thread(target=lambda: answers.append(post(ending)))
        asking.start()
        assert began.wait(10)
    asking.join()
    with idle:
        assert idle.recv(10) == b""
    assert [(one.status, one.body) for one in answers] == [(200, b'"last"')]


def test_a_file_that_has_gone_or_became_a_link_is_not_there(tmp_path):
    target = tmp_path / "secret.txt"
    target.write_text("secret")
    (tmp_path / "link").symlink_to(target)
    table = {name: Shown(tmp_path / name, "text/plain") for name in ("link", "gone")}
    with PageServer("127.0.0.1", 0, table, {}) as started:
        for name in table:
            answer = get(started, name)
            assert answer.status == 404
            assert b"secret" not in answer.body


def test_an_address_that_is_not_of_this_machine_is_refused_in_one_line():
    with pytest.raises(
        UnavailableError, match=r"cannot listen on '192\.0\.2\.77', port any: .*expected an address"
    ):
        PageServer("192.0.2.77", 0, {}, {})
