"""The page in a real browser, and what it says to whom."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from rapsam.benchmarks.latency.record import LatencyRecord
from rapsam.benchmarks.report.page.document import MAX_PAGE_BYTES, page_of
from rapsam.errors import InputError
from tests.benchmarks.latency.made_up_latency import fidelity, record, stage
from tests.chromium import Complaints

EVIL = "<script>document.title='caught'</script>\"'><img src=x onerror=alert(1)>"
_PHONE = {"width": 360, "height": 780}


def opened(browser, path: Path, **settings):
    """Opens a page and returns it with what it complains of."""
    page = browser.new_context(**settings).new_page()
    complaints = Complaints(page)
    page.goto(path.as_uri())
    return page, complaints


@pytest.fixture(scope="module")
def file(page, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page)
    return path


def test_the_charts_are_drawn_and_nothing_is_asked_of_the_network(browser, file):
    page, complaints = opened(browser, file)
    assert complaints.errors == []
    assert [url for url in complaints.requested if not url.startswith("data:")] == [file.as_uri()]
    marks = page.locator(".scatter .mark")
    assert marks.count() == 8, "one for every run with times"
    assert len({mark.get_attribute("data-run") for mark in marks.all()}) == 8
    assert page.locator(".bars .bar").count() == 16, "two stages each"
    assert page.locator(".sustained .curve").count() == 2
    assert all(mark.bounding_box()["width"] > 3 for mark in marks.all())


_OUTSIDE = """
() => [...document.querySelectorAll(".chart")].flatMap(chart => {
  const frame = chart.getBoundingClientRect()
  return [...chart.querySelectorAll("text, circle, rect, path")].filter(part => {
    const box = part.getBoundingClientRect()
    return box.left < frame.left - 1 || box.right > frame.right + 1
      || box.top < frame.top - 1 || box.bottom > frame.bottom + 1
  }).map(part => part.outerHTML)
})
"""
_OVERLAPPING = """
() => [...document.querySelectorAll(".scatter .chart")].flatMap(chart => {
  const boxes = [...chart.querySelectorAll(".label")].map(label => label.getBoundingClientRect())
  return boxes.flatMap((a, i) => boxes.slice(i + 1).filter(b =>
    a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 4 && b.top < a.bottom - 4).length)
}).reduce((sum, count) => sum + count, 0)
"""


def test_nothing_sticks_out_of_a_chart_and_labels_do_not_overlap(browser, file):
    page, _ = opened(browser, file)
    assert page.evaluate(_OUTSIDE) == []
    assert page.evaluate(_OVERLAPPING) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_needs_no_scrolling_sideways(browser, file, scheme):
    page, complaints = opened(browser, file, viewport=_PHONE, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert complaints.errors == []
    ink, paper = page.evaluate("(s => [s.color, s.backgroundColor])(getComputedStyle(document.body))")
    dark = [sum(map(int, re.findall(r"\d+", colour)[:3])) < 300 for colour in (ink, paper)]
    assert dark == ([True, False] if scheme == "light" else [False, True])


def test_on_paper_everything_is_unfolded(browser, file):
    page, _ = opened(browser, file)
    dates = page.get_by_text("2026-11-28T00:00:00+00:00")
    assert not dates.first.is_visible()
    page.emulate_media(media="print")
    assert dates.first.is_visible()
    assert page.pdf().startswith(b"%PDF")


def test_pictures_are_there_the_worst_first(browser, file):
    page, _ = opened(browser, file)
    images = page.locator(".masks img")
    assert images.count() == 3 * 4, "two tasks of two bundles"
    assert all(image.evaluate("image => image.complete && image.naturalWidth > 0") for image in images.all())
    wrong = page.locator(".bundle").nth(1).locator(".masks figcaption").all_text_contents()
    assert wrong == ["panoptic on scene: 99.46% of the pixels differ", "prompt on scene: no pixel differs"]


def test_kinds_of_figures_are_never_in_one_chart(page):
    charts = re.findall(r'<figure class="(?:scatter|bars|sustained)">.*?</figure>', page)
    kinds = [re.findall(r'class="badge (\w+)"', chart) for chart in charts]
    assert all(len(kind) == 1 for kind in kinds)
    assert sorted({kind for (kind,) in kinds}) == ["estimated", "measured"]


def test_an_older_runtime_is_named(page):
    assert "measured with ONNX Runtime 1<" in page
    assert "measured with ONNX Runtime, version unknown" in page


def test_what_is_not_known_is_called_unknown(page):
    assert "unknown" in page
    assert "None" not in page
    assert ">null<" not in page
    assert "0 MiB" not in page.replace("200 MiB", "").replace("1,000 MiB", "")


def test_every_run_shows_its_command_and_what_speaks_against_it(page):
    assert page.count("<code>rapsam bench onnx-tiny</code>") == 2 * 9
    for words in (
        "failed: wrong on this device",
        "too few samples",
        "not steady",
        "not compared",
        "no times",
    ):
        assert words in page


def _hostile(value: object) -> object:
    """Puts markup into every text of a record that takes any."""
    if isinstance(value, dict):
        return {key: _hostile(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_hostile(item) for item in value]
    return EVIL if isinstance(value, str) else value


def hostile_record() -> LatencyRecord:
    failed = record(status="failed", error="x", notes=("x",), stages=(stage(1.0, of="see"),))
    good = msgspec.json.decode(msgspec.json.encode(failed))
    bad = _hostile(good)
    for part in ("run_id", "status", "provenance"):
        bad[part] = good[part]
    bad["model"] |= {"kind": "bundle", "sha256": good["model"]["sha256"]}
    bad["conditions"]["input_sha256"] = None
    bad["graphs"][0] |= {"sha256": good["graphs"][0]["sha256"], "delegate_provenance": "measured"}
    bad["graphs"][0]["delegate"] = EVIL
    bad["stages"][0] |= {"kind": "graph", "mode": "burst"}
    bad["fidelity"]["status"] = bad["fidelity"]["rows"][0]["status"] = "failed"
    bad["device"] |= dict.fromkeys(("id", "model", "marketing_name", "os_build"), EVIL)
    bad["runtime"] |= {"versions": {EVIL: EVIL}, "binary_sha256": None}
    return msgspec.convert(bad, LatencyRecord)


def test_texts_of_records_are_only_texts(browser, tmp_path):
    path = tmp_path / "hostile.html"
    path.write_bytes(page_of([hostile_record()], []))
    text = path.read_text()
    assert "<script" not in text
    assert "<img" not in text
    assert text.count("&lt;script&gt;") > 10
    page, complaints = opened(browser, path, viewport=_PHONE)
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true })")
    assert page.title() == "Latency and fidelity"
    assert complaints.errors == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_page_forbids_scripts_itself(browser, page, tmp_path):
    path = tmp_path / "edited.html"
    path.write_text(page.replace("<main>", "<main><script>document.title='caught'</script>"))
    edited, complaints = opened(browser, path)
    assert edited.title() == "Latency and fidelity"
    assert any("Content Security Policy" in error for error in complaints.errors)


def test_a_page_is_small_or_refused():
    many = [record() for _ in range(200)]
    assert len(page_of(many, [])) < MAX_PAGE_BYTES
    with pytest.raises(InputError, match="201 runs; expected at most 200"):
        page_of([*many, record()], [])
    long = record(notes=("x" * 999,) * 40)
    with pytest.raises(InputError, match="MB; expected at most 2"):
        page_of([long] * 200, [])


@pytest.mark.parametrize("ratio", [-1e308, 1e308, 0.0])
def test_extreme_ratios_have_a_place(ratio):
    far = msgspec.structs.replace(fidelity(), worst_sqnr_db=ratio)
    page = page_of([record(fidelity=far), record()], [])
    assert page.count(b'class="mark') == 2
    assert not re.search(rb"\b(nan|inf)\b", page)


@pytest.mark.parametrize("ms", [0.0, 1e-6, 1e9])
def test_extreme_times_have_a_place(ms):
    assert page_of([record(stages=(stage(ms, ms),)), record()], []).count(b'class="mark') == 2
