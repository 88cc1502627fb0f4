"""WebKitGTK's small browser, of the family of Safari, driven through WebDriver on a display of its own."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

PROGRAMS = ("WebKitWebDriver", "Xvfb", "dbus-run-session")
BROWSERS = "/usr/lib/*/webkit2gtk-4.1/MiniBrowser"
STARTS, TIMEOUT_S = 5, 120
START_S, END_S = 30, 10
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class WebKitPage:
    """A window of the browser.

    Args:
        session: Address of the session of its driver.
    """

    def __init__(self, session: str) -> None:
        self.session = session

    def open(self, url: str) -> None:
        """Opens an address, and waits until it is loaded."""
        called("POST", f"{self.session}/url", {"url": url})

    def evaluate(self, function: str, argument: object = None) -> object:
        """Calls a function of JavaScript, and waits for what it promises."""
        script = (
            "const done = arguments[1];"
            f"Promise.resolve(({function})(arguments[0]))"
            ".then((value) => done({ value }), (error) => done({ error: String(error) }));"
        )
        found = called("POST", f"{self.session}/execute/async", {"script": script, "args": [argument]})
        assert "error" not in found, found["error"]
        return found.get("value")

    def wait_for(self, function: str) -> object:
        """Calls a function until it returns something."""
        end = time.monotonic() + TIMEOUT_S
        while time.monotonic() < end:
            if found := self.evaluate(function):
                return found
            time.sleep(0.1)
        raise AssertionError(f"waited in vain for {function}")

    def click(self, x: float, y: float) -> None:
        """Clicks a place of the window."""
        move = {"type": "pointerMove", "duration": 0, "x": round(x), "y": round(y)}
        press = [{"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp")]
        mouse = {"type": "pointer", "id": "mouse", "actions": [move, *press]}
        called("POST", f"{self.session}/actions", {"actions": [mouse]})


@contextlib.contextmanager
def started_webkit(home: Path):
    """Starts the browser for a while; without it the test skips.

    Args:
        home: An empty folder for what it writes.
    """
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    browser = next(Path("/").glob(BROWSERS[1:]), None)
    if missing or browser is None:
        pytest.skip(f"no {', '.join(missing) or 'MiniBrowser'} is installed; run make webkit")
    with display() as number:
        own = {"HOME": str(home), "XDG_RUNTIME_DIR": str(home), "DISPLAY": f":{number}"}
        quiet = {"GDK_BACKEND": "x11", "LIBGL_ALWAYS_SOFTWARE": "1", "NO_AT_BRIDGE": "1"}
        with driver(os.environ | own | quiet) as address:
            wanted = {"webkitgtk:browserOptions": {"binary": str(browser), "args": ["--automation"]}}
            made = called("POST", f"{address}/session", {"capabilities": {"alwaysMatch": wanted}})
            session = f"{address}/session/{made['sessionId']}"
            try:
                called("POST", f"{session}/timeouts", {"script": 1000 * TIMEOUT_S})
                yield WebKitPage(session)
            finally:
                called("DELETE", session)


@contextlib.contextmanager
def display():
    """Starts a display that nobody sees, and yields its number."""
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1000x1400x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=(write,), stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(read) as told:
            ready, _, _ = select.select([told], [], [], START_S)
            number = told.readline().strip() if ready else ""
        assert number, f"Xvfb told no display within {START_S} s"
        yield int(number)
    finally:
        end(server, server.send_signal)


@contextlib.contextmanager
def driver(environment):
    """Starts the driver, which does not always start at once, and yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["dbus-run-session", "--", "WebKitWebDriver", f"--port={port}", "--host=127.0.0.1"]
    address = f"http://127.0.0.1:{port}"
    silent = subprocess.DEVNULL
    process = subprocess.Popen(command, env=environment, start_new_session=True, stdout=silent, stderr=silent)
    try:
        for start in range(STARTS):
            time.sleep(1 + start)
            with contextlib.suppress(OSError):
                called("GET", f"{address}/status")
                break
        yield address
    finally:
        end(process, lambda number: os.killpg(process.pid, number))


def end(process: subprocess.Popen, send: Callable[[int], None]) -> None:
    """Asks a program to end, and ends it if it does not."""
    send(signal.SIGTERM)
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        send(signal.SIGKILL)
        process.wait(END_S)


def called(method: str, url: str, body: object = None) -> dict:
    """Sends a command of WebDriver and returns its value."""
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, content, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S + 10) as answer:
            return json.loads(answer.read())["value"]
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{method} {url}: {error.read().decode()[:400]}") from error
