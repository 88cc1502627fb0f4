"""Whole runs: the page is served, opened in a real browser, and its records come back."""

from __future__ import annotations

import json
import re
import shutil
import threading
import time
from urllib.parse import urlsplit

import msgspec
import pytest

from rapsam.benchmarks.latency.facts import Timing
from rapsam.benchmarks.latency.record_file import read_latency_records, write_latency_records
from rapsam.benchmarks.runners import RUNNERS, find_runner
from rapsam.benchmarks.runners.base import Variant, Wanted
from rapsam.benchmarks.runners.browser.address import local_address
from rapsam.benchmarks.runners.browser.plan import SWEPT_THREADS, browser_variants
from rapsam.benchmarks.runners.browser.runner import BrowserRunner
from rapsam.errors import BundleError, InputError
from rapsam.web.node_packages import FOLDER_VARIABLE
from tests.benchmarks.runners.browser.tiny_tflite_file import write_tiny_tflite
from tests.benchmarks.runners.browser.told_devices import SESSION, device
from tests.chromium import Complaints
from tests.web.raw_requests import ask
from tests.web_runtimes import need_web_runtimes

QUICK = Timing(iters=2, min_seconds=0.0, rounds=2, pause_s=0.0, warmup_max_s=0.05)
WASM, WEBGPU, LITERT = "ONNX Runtime Web, wasm", "ONNX Runtime Web, WebGPU", "LiteRT.js, wasm"
PATIENCE_S = 60


class Measuring:
    """A measurement that runs in a thread of its own until its records are there."""

    def __init__(self, variants, timing=QUICK, place="localhost", runner=None) -> None:
        need_web_runtimes()
        self.lines: list[str] = []
        self.records = ()
        self._thread = threading.Thread(
            target=self._measure, args=(runner or BrowserRunner(), variants, timing, place), daemon=True
        )
        self._thread.start()

    def _measure(self, runner, variants, timing, place) -> None:
        self.records = runner.measure(variants, timing, place, "rapsam bench x --on browser", self._say)

    def _say(self, line, *, stays=False) -> None:
        del stays
        self.lines.append(line)

    @property
    def url(self) -> str:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            for line in self.lines:
                if found := re.match(r"open (\S+) in a browser of the device", line):
                    return found[1]
            time.sleep(0.02)
        raise AssertionError(self.lines)

    def finish(self):
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), self.lines
        return self.records


def open_page(browser, url):
    """Opens the page and waits until it says that it is done, or why not."""
    page = browser.new_page()
    complaints = Complaints(page)
    page.goto(url)
    state = page.locator("#state")
    end = time.monotonic() + PATIENCE_S
    while not re.match("Done|It did not work", said := state.inner_text()):
        assert time.monotonic() < end, said
        page.wait_for_timeout(50)
    return page, complaints, said


@pytest.fixture(scope="module")
def whole_run(tiny_bundle, wrong_bundle, browser):
    """A right and a wrong bundle in turns, with threads, and on WebGPU, which this browser lacks."""
    timing = msgspec.structs.replace(QUICK, sustained_s=0.2)
    variants = [
        Variant(tiny_bundle, WASM, 1),
        Variant(tiny_bundle, WASM, 2),
        Variant(wrong_bundle, WASM, 1),
        Variant(tiny_bundle, WEBGPU, None),
    ]
    measuring = Measuring(variants, timing)
    url = measuring.url
    page, complaints, said = open_page(browser, url)
    return measuring.finish(), page, complaints, said, url, measuring.lines


def test_a_bundle_is_measured_and_found_right_and_a_wrong_one_fails(whole_run):
    one, two, wrong = whole_run[0]
    assert [record.status for record in (one, two, wrong)] == ["done", "done", "failed"]
    assert (one.fidelity.status, two.fidelity.status, one.fidelity.worst_sqnr_db > 100) == (
        "passed",
        "passed",
        True,
    )
    assert "wrong on this device: see.seen on" in wrong.error
    stages = [(stage.kind, stage.of, stage.mode) for stage in one.stages]
    assert stages == [
        ("preprocess", None, "burst"),
        ("graph", "see", "burst"),
        ("graph", "find", "burst"),
        ("graph", "answer", "burst"),
        ("postprocess", "panoptic", "burst"),
        ("end_to_end", "panoptic", "burst"),
        ("postprocess", "prompt", "burst"),
        ("click", "prompt", "burst"),
        ("end_to_end", "prompt", "burst"),
        ("end_to_end", "panoptic", "sustained"),
    ]
    assert all(stage.ms.n >= QUICK.iters for stage in one.stages[:-1])
    assert [graph.graph for graph in one.graphs] == ["see", "find", "answer"]
    assert all(graph.load_ms > 0 and graph.first_ms > 0 for graph in one.graphs)
    assert one.sustained[-1].t_s >= 0.2


def test_threads_are_those_that_really_run(whole_run):
    one, two, _ = whole_run[0]
    assert (one.compute.threads, two.compute.threads) == (1, 2)
    assert "secure page: yes; cross-origin isolated: yes" in " ".join(one.notes)


def test_a_unit_that_is_not_there_is_left_out_with_a_note(whole_run):
    one, *_ = whole_run[0]
    (line,) = [line for line in whole_run[5] if line.startswith("not offered")]
    assert (
        line == "not offered: onnx-tiny, ONNX Runtime Web, WebGPU: this browser finds no adapter for WebGPU"
    )
    assert line in one.notes


def test_the_record_names_the_browser_and_can_be_read_back(whole_run, tmp_path, browser):
    records = whole_run[0]
    assert records[0].runtime.versions["Chromium"] == browser.version
    assert (records[0].device.platform, records[0].device.ram_mb) == ("linux", None)
    assert records[0].provenance == "measured"
    write_latency_records(tmp_path / "a.jsonl", records)
    assert read_latency_records(tmp_path / "a.jsonl") == records


def test_the_page_shows_what_came_of_it_and_asks_nobody_else(whole_run):
    _, page, complaints, said, url, _ = whole_run
    assert said == "Done: the computer has the record."
    assert complaints.errors == []
    assert {urlsplit(asked).netloc for asked in complaints.requested} == {urlsplit(url).netloc}
    shown = page.locator("#results").inner_text()
    assert shown.count("Right: the self-test passed") == 2
    assert "Wrong on this device: see.seen on scene" in shown
    assert "Not offered here: this browser finds no adapter for WebGPU" in shown
    assert page.locator("iframe").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone(whole_run, scheme):
    page = whole_run[1]
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 360, "height": 780})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    colours = page.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    )
    text, back = (sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in colours)
    assert abs(text - back) > 400
    assert (text > back) == (scheme == "dark")


def test_on_a_plain_address_threads_are_not_offered_and_the_record_says_why(tiny_bundle, browser):
    if local_address() == "127.0.0.1":
        pytest.skip("this machine has no address on a network")
    measuring = Measuring([Variant(tiny_bundle, WASM, 2)], place=None)
    page, _, _ = open_page(browser, measuring.url)
    page.close()
    (record,) = measuring.finish()
    assert (record.status, record.compute.threads) == ("failed", None)
    assert record.error == "browsers give threads to https pages and to localhost only"


def test_a_bare_file_is_timed_in_litert_and_not_called_right(tmp_path, browser):
    path = tmp_path / "tiny.tflite"
    write_tiny_tflite(path)
    measuring = Measuring([Variant(path, LITERT, 1)])
    page, complaints, _ = open_page(browser, measuring.url)
    (record,) = measuring.finish()
    assert (record.status, record.error, record.fidelity, record.is_right) == ("done", None, None, False)
    assert [(stage.kind, stage.of) for stage in record.stages] == [("graph", "graph")]
    assert (record.model.kind, record.model.input_shape) == ("file", (1, 4, 4, 2))
    assert "Not compared: a bare file has no self-test" in page.locator("#results").inner_text()
    # LiteRT calls all that it says an error, and has no other way to say it.
    assert all(re.match("INFO|WARNING", line) for line in complaints.errors), complaints.errors
    page.close()


def test_a_stage_that_is_not_there_is_a_failed_run(tiny_bundle, browser):
    timing = Timing(iters=1, min_seconds=0.0, rounds=1, stages=("graph:sea",))
    measuring = Measuring([Variant(tiny_bundle, WASM, 1)], timing)
    page, _, _ = open_page(browser, measuring.url)
    page.close()
    (record,) = measuring.finish()
    assert record.status == "failed"
    assert record.error.startswith("unknown stage graph:sea; valid names: ")


def test_a_file_that_changes_while_it_is_served_is_a_failed_run(tmp_path, tiny_bundle, browser):
    copy = shutil.copytree(tiny_bundle, tmp_path / "copy")
    measuring = Measuring([Variant(copy, WASM, 1)])
    url = measuring.url
    data = (copy / "see.onnx").read_bytes()
    (copy / "see.onnx").write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    page, _, _ = open_page(browser, url)
    page.close()
    (record,) = measuring.finish()
    assert record.error == "see.onnx is not the file that the manifest names; copy the bundle again"


def test_nobody_comes_and_the_record_says_so(tiny_bundle):
    (record,) = Measuring([Variant(tiny_bundle, WASM, 1)], runner=BrowserRunner(wait_s=0.1)).finish()
    assert (record.status, record.error) == ("failed", "nobody opened the page in 0.1 s")
    assert (record.stages, record.notes, record.device.platform) == ((), (), "browser")


def test_a_page_that_falls_silent_is_a_failed_run(tiny_bundle):
    measuring = Measuring([Variant(tiny_bundle, WASM, 1)], runner=BrowserRunner(silence_s=0.5))
    url = urlsplit(measuring.url)
    headers = {"Host": url.netloc, "Origin": f"http://{url.netloc}", "Content-Type": "application/json"}
    target = url.path.replace("bench.html", "visit")
    body = json.dumps({"session": SESSION, "device": device()}).encode()
    assert ask(url.port, "POST", target, headers, body).status == 200
    (record,) = measuring.finish()
    assert record.error == "the page gave no sign of life for 0.5 s: closed, asleep, or crashed"
    assert record.device.platform == "android"


def test_the_ways_to_run_a_bundle_in_a_browser(tiny_bundle):
    def found(**changes):
        return [(one.runtime, one.threads) for one in browser_variants(Wanted((tiny_bundle,), **changes))]

    assert found() == [(WASM, 1)]
    assert found(threads=3) == [(WASM, 3)]
    assert found(runtime=WEBGPU) == [(WEBGPU, None)]
    assert found(all_units=True) == [*((WASM, count) for count in SWEPT_THREADS), (WEBGPU, None)]
    assert found(all_units=True, threads=2) == [(WASM, 2), (WEBGPU, None)]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"threads": 0}, "--threads 0; expected 1 to 64"),
        ({"threads": 10**9}, "--threads 1000000000; expected 1 to 64"),
        ({"runtime": "ONNX Runtim"}, "did you mean .*ONNX Runtime Web, wasm"),
    ],
)
def test_what_no_browser_has_is_refused(tiny_bundle, changes, says):
    with pytest.raises(InputError, match=says):
        BrowserRunner().variants(Wanted((tiny_bundle,), **changes), None)


def test_what_no_browser_runs_is_refused_before_anything_is_served(tmp_path, tiny_bundle):
    (tmp_path / "a.pte").write_bytes(b"x")
    with pytest.raises(
        InputError, match=r"a\.pte is a \.pte file, which no browser runs; expected \.onnx or \.tflite"
    ):
        browser_variants(Wanted((tmp_path / "a.pte",)))
    with pytest.raises(InputError, match=r"none\.onnx does not exist"):
        browser_variants(Wanted((tmp_path / "none.onnx",)))
    copy = shutil.copytree(tiny_bundle, tmp_path / "copy")
    (copy / "see.onnx").write_bytes(b"x")
    with pytest.raises(BundleError, match="expected"):
        browser_variants(Wanted((copy,)))


def test_without_the_runtimes_or_an_address_the_reason_says_so(monkeypatch, tmp_path):
    assert "is no address" in RUNNERS["browser"].unavailable("a:b:c")
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    assert "python -m rapsam.web.node_packages" in RUNNERS["browser"].unavailable(None)
    assert find_runner("browser:localhost:8000") == (RUNNERS["browser"], "localhost:8000")
