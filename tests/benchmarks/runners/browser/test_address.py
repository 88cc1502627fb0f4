from __future__ import annotations

import socket

import pytest

from rapsam.benchmarks.runners.browser.address import (
    Place,
    cannot_listen,
    local_address,
    parse_place,
    qr_lines,
)
from rapsam.errors import InputError

DARK, LIGHT = True, False
HALVES = {"█": (LIGHT, LIGHT), "▀": (LIGHT, DARK), "▄": (DARK, LIGHT), " ": (DARK, DARK)}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("192.168.0.7:8000", Place("192.168.0.7", 8000)),
        ("192.168.0.7", Place("192.168.0.7", 0)),
        ("localhost", Place("localhost", 0)),
        ("my-machine.local:1", Place("my-machine.local", 1)),
    ],
)
def test_an_address_may_have_a_port(text, place):
    assert parse_place(text) == place


def test_without_an_address_it_is_the_one_that_others_know():
    assert parse_place(None) == Place(local_address(), 0)
    assert parse_place(":8000") == Place(local_address(), 8000)
    socket.inet_aton(local_address())


@pytest.mark.parametrize(
    "text", ["a:b", "a:70000", "a:1:2", "[::1]:80", "0.0.0.0", "0.0.0.0:80", "a b", "a\n", "x" * 300]
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(
        InputError, match="is no address to serve a page on; expected one IPv4 address"
    ) as caught:
        parse_place(text)
    assert "\n" not in str(caught.value)


def test_a_taken_port_is_the_reason_why_nothing_can_listen():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"cannot listen on 127.0.0.1, port {port}: " in cannot_listen(Place("127.0.0.1", port))
    assert cannot_listen(Place("127.0.0.1", 0)) is None


def test_a_cable_is_known_from_a_network():
    assert [Place(name, 0).is_loopback for name in ("localhost", "127.0.0.1", "192.168.0.7")] == [
        True,
        True,
        False,
    ]


def test_the_code_is_the_one_that_segno_makes():
    segno = pytest.importorskip("segno")
    url = "http://192.168.0.7:8000/token/bench.html"
    drawn = [[HALVES[char] for char in line] for line in qr_lines(url)]
    rows = [[cell[half] for cell in line] for line in drawn for half in (0, 1)]
    expected = [
        [bool(cell) for cell in row] for row in segno.make(url, error="l", micro=False).matrix_iter(border=4)
    ]
    assert rows[: len(expected)] == expected
    assert all(not any(row) for row in rows[len(expected) :])
