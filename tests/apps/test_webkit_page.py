"""The page for photos in WebKitGTK, the engine family of Safari: what it computes, what a click asks for."""

from __future__ import annotations

import base64

import numpy as np
import pytest

import rapsam
from rapsam.web.files import Shown
from rapsam.web.photo_page import PAGE
from rapsam.web.server import PageServer
from tests.apps.photo_pages import COMPUTE, DROP, encoded, page_table
from tests.apps.test_photo_page import iou, photo
from tests.benchmarks.tiny_onnx_bundle import write_tiny_bundle
from tests.webkit import started_webkit

IOU = 0.999
# WebDriver does not tell what the console says.
WATCH = b"""window.complaints = [];
for (const kind of ["error", "unhandledrejection"]) {
  window.addEventListener(kind, ({ message, reason }) => window.complaints.push(String(message ?? reason)));
}
console.error = (...parts) => window.complaints.push(parts.join(" "));
"""
STATUS = "() => document.getElementById('status').textContent"


def watched(table):
    """The same page, which remembers what went wrong in it."""
    content = table[PAGE].content.replace(b"<script type", b'<script src="watch.js"></script><script type', 1)
    page = Shown(content, table[PAGE].kind, table[PAGE].scripts)
    return {**table, PAGE: page, "watch.js": Shown(WATCH, "text/javascript")}


@pytest.mark.proof
def test_objects_and_a_clicked_region_are_those_of_python(tmp_path):
    write_tiny_bundle(tmp_path / "tiny")
    bundle, image = rapsam.load_bundle(tmp_path / "tiny"), photo(45, 150)
    expected, name = bundle.predict(image), "photo.png"
    file = base64.b64encode(encoded(image)).decode()
    (tmp_path / "home").mkdir(mode=0o700)
    table = watched(page_table(tmp_path / "tiny"))
    with PageServer("127.0.0.1", 0, table, {}) as server, started_webkit(tmp_path / "home") as page:
        page.open(f"{server.url}{PAGE}")
        page.wait_for(f"() => ({STATUS})().startsWith('Ready')")
        given = {"name": name, "bytes": file, "prompts": [{"points": [[30, 20]]}, {"box": [10, 5, 90, 40]}]}
        found = page.evaluate(COMPUTE, given)
        page.evaluate(DROP, {"name": name, "bytes": file})
        page.wait_for(f"() => ({STATUS})().includes('found in')")
        left, top, width, height = page.evaluate(
            "() => { const place = document.getElementById('photo').getBoundingClientRect();"
            " return [place.left, place.top, place.width, place.height]; }"
        )
        assert left >= 0
        page.click(left + width / 5, top + height * 4 / 9)
        said = page.wait_for(f"() => ({STATUS})().startsWith('Region 1 has') && ({STATUS})()")
        complaints = page.evaluate("() => window.complaints")
        agent = page.evaluate("() => navigator.userAgent")
    assert "Chrome" not in agent
    assert complaints == []
    assert [(each["id"], each["query"]) for each in found["segments"]] == [
        (each.id, each.query) for each in expected.segments
    ]
    drawn = np.array(found["map"]).reshape(found["size"])
    for segment, mine in zip(expected.segments, found["segments"], strict=True):
        assert iou(drawn == segment.id, expected.panoptic_map == segment.id) >= IOU
        assert mine["score"] == pytest.approx(segment.score, abs=1e-6)
    answered = bundle.predict(image, points=[(30, 20)], boxes=[(10, 5, 90, 40)])
    for mine, mask in zip(found["masks"], answered.masks, strict=True):
        assert iou(np.array(mine, bool).reshape(mask.shape), mask) >= IOU
    clicked = np.count_nonzero(bundle.predict(image, points=[(30, 20)]).masks)
    assert f"Region 1 has {clicked:,} pixels" in said
