"""`rapsam web`: serving the page for photos."""

from __future__ import annotations

import json
import signal
import subprocess
import urllib.error
import urllib.request

import pytest

from rapsam.export.bundle.seal import verify_bundle
from rapsam.files import files_below
from rapsam.web.node_packages import FOLDER_VARIABLE, missing_packages
from rapsam.web.photo_page import photo_table
from tests.benchmarks.tiny_onnx_bundle import write_tiny_bundle
from tests.cli.cli_runs import assert_refused, command, rapsam
from tests.export.small_bundle import write_small_bundle
from tests.golden_files import fail_or_skip


def fetched(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read()


def test_it_serves_the_page_and_the_bundle_until_it_is_interrupted(tiny_bundle):
    missing = missing_packages()
    if missing is not None:
        fail_or_skip(missing, None)
    line = command("web", tiny_bundle)
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        try:
            url = running.stdout.readline().strip()
            assert url.startswith("http://127.0.0.1:")
            assert b"Segment photos and videos" in fetched(url)
            base = url.removesuffix("index.html")
            manifest = json.loads(fetched(f"{base}bundle/manifest.json"))
            assert fetched(f"{base}bundle/{manifest['graphs'][0]['path']}")
            token = base.rstrip("/").rpartition("/")[2]
            with pytest.raises(urllib.error.HTTPError, match="404"):
                fetched(url.replace(token, "guess"))
            running.send_signal(signal.SIGINT)
            out, err = running.communicate(timeout=60)
        finally:
            running.kill()  # where it has not ended: nobody waits for it
    assert running.returncode == 0
    assert out == ""
    assert err.splitlines() == ["open it in a browser; Ctrl-C ends it", "ended"]


def test_it_writes_what_another_server_is_to_show(tiny_bundle, tmp_path):
    missing = missing_packages()
    if missing is not None:
        fail_or_skip(missing, None)
    outcome = rapsam("web", tiny_bundle, "--out", tmp_path / "site")
    assert outcome.code == 0
    assert "Cross-Origin-Opener-Policy: same-origin" in outcome.err
    table = photo_table(tiny_bundle)
    written = {path.as_posix() for path in files_below(tmp_path / "site")}
    assert written == set(table)
    assert (tmp_path / "site" / "index.html").read_bytes() == table["index.html"].content
    assert verify_bundle(tmp_path / "site" / "bundle") == verify_bundle(tiny_bundle)
    assert_refused(rapsam("web", tiny_bundle, "--out", tmp_path / "site"), str(tmp_path / "site"))
    assert_refused(
        rapsam("web", tiny_bundle, "--out", tmp_path / "new", "--port", "8000"), "--out serves nothing"
    )
    assert not (tmp_path / "new").exists()


def test_a_bundle_that_no_browser_runs_is_refused(tmp_path):
    write_small_bundle(tmp_path / "small")
    outcome = rapsam("web", tmp_path / "small")
    assert_refused(outcome, "panoptic.mlpackage, which no browser runs", "--target onnx or --target tflite")


def test_a_bundle_that_was_edited_is_refused(tmp_path):
    write_tiny_bundle(tmp_path / "tiny")
    (tmp_path / "tiny" / "find.onnx").write_bytes(b"something else")
    assert_refused(rapsam("web", tmp_path / "tiny"), "find.onnx")


def test_without_the_runtimes_it_says_how_to_fetch_them(tiny_bundle, tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    assert_refused(rapsam("web", tiny_bundle), "run: python -m rapsam.web.node_packages")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--address", "0.0.0.0"], "0.0.0.0"),
        (["--address", ""], "is not one place"),
        (["--address", "not an address"], "not an address"),
        (["--port", "70000"], "70000"),
        (["--port", "-1"], "-1"),
        (["--address", "192.0.2.1"], "192.0.2.1"),
    ],
)
def test_a_place_where_nothing_can_be_served_is_refused(tiny_bundle, options, says):
    assert_refused(rapsam("web", tiny_bundle, *options), says)
