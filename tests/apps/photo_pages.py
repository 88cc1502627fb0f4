"""The page for photos in a real browser: served, opened, given photos, and asked what it computed."""

from __future__ import annotations

import hashlib
import io
import json
from contextlib import contextmanager

import numpy as np
from PIL import Image
from playwright.sync_api import Page

from rapsam.web.files import Shown
from rapsam.web.node_packages import missing_packages
from rapsam.web.photo_page import BUNDLE, PAGE, photo_table
from rapsam.web.server import PageServer
from tests.chromium import Complaints
from tests.golden_files import fail_or_skip

MANIFEST, SEAL = f"{BUNDLE}/manifest.json", f"{BUNDLE}/manifest.sha256"
TIMEOUT_MS = 60_000

# What the page does, with what it computes returned as lists.
COMPUTE = """async ({ name, bytes, prompts }) => {
  const at = (path) => new URL(path, document.baseURI).href;
  const { readPhoto } = await import(at("photo/decode.js"));
  const segmenter = await (await import(at("photo.js"))).segmenter;
  const binary = Uint8Array.from(atob(bytes), (char) => char.charCodeAt(0));
  const { picture } = await readPhoto(new File([binary], name));
  segmenter.take(picture);
  const found = await segmenter.panoptic();
  const regions = await segmenter.segment(prompts);
  return {
    map: Array.from(found.panopticMap), size: found.size, segments: found.segments,
    masks: regions.map(({ mask }) => Array.from(mask)), iou: regions.map((region) => region.predictedIou),
  };
}"""
ASK = """async ({ name, bytes, prompts }) => {
  const at = (path) => new URL(path, document.baseURI).href;
  const { readPhoto } = await import(at("photo/decode.js"));
  const segmenter = await (await import(at("photo.js"))).segmenter;
  const binary = Uint8Array.from(atob(bytes), (char) => char.charCodeAt(0));
  segmenter.take((await readPhoto(new File([binary], name))).picture);
  const regions = await segmenter.segment(prompts);
  return { masks: regions.map(({ mask }) => [...mask]), iou: regions.map((each) => each.predictedIou) };
}"""
DECODE = """async ({ name, bytes, isShort }) => {
  const { readPhoto } = await import(new URL("photo/decode.js", document.baseURI).href);
  const binary = Uint8Array.from(atob(bytes), (char) => char.charCodeAt(0));
  const { picture, note } = await readPhoto(new File([binary], name));
  return { data: isShort ? [] : Array.from(picture.data), size: [picture.height, picture.width, 4], note };
}"""
DROP = """({ name, bytes }) => {
  const binary = Uint8Array.from(atob(bytes), (char) => char.charCodeAt(0));
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([binary], name));
  const options = { bubbles: true, cancelable: true, dataTransfer };
  document.getElementById("drop").dispatchEvent(new DragEvent("drop", options));
}"""
SHOWN = """() => {
  const canvas = document.getElementById("photo");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return { data: Array.from(data), size: [canvas.height, canvas.width, 4] };
}"""


def page_table(folder):
    """What is served for a bundle; without the runtimes the test fails or skips."""
    missing = missing_packages()
    if missing is not None:
        fail_or_skip(missing, None)
    return photo_table(folder)


@contextmanager
def opened(browser, table, *, query="", **context):
    """Serves the page and opens it; yields the page and all that went wrong in it."""
    with PageServer("127.0.0.1", 0, table, {}) as server:
        made = browser.new_context(**context)
        page = made.new_page()
        complaints = Complaints(page)
        page.goto(f"{server.url}{PAGE}{query}")
        try:
            yield page, complaints
        finally:
            made.close()


def status(page: Page, says: str) -> str:
    """Waits for what the page says of its work; a problem, if there is one instead, is returned."""
    said = page.locator("#status", has_text=says)
    problem = page.locator("#problem:not([hidden])")
    said.or_(problem).first.wait_for(timeout=TIMEOUT_MS)
    return (problem if problem.is_visible() else said).first.inner_text()


def problem(page: Page) -> str:
    """Waits for the page to say what is wrong."""
    shown = page.locator("#problem:not([hidden])")
    shown.wait_for(timeout=TIMEOUT_MS)
    return shown.inner_text()


def give(page: Page, name: str, content: bytes) -> None:
    """Gives a photo to the file picker."""
    page.set_input_files("#file", {"name": name, "mimeType": "image/png", "buffer": content})


def encoded(pixels, kind="PNG", **options) -> bytes:
    """Writes an image file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def pixels_of(answer):
    """The pixels (h, w, 3) that a script returned."""
    return np.array(answer["data"], np.uint8).reshape(answer["size"])[..., :3]


def with_manifest(table, change):
    """The same with another manifest, and a seal that fits it."""
    manifest = json.loads(_content(table[MANIFEST]))
    change(manifest)
    content = json.dumps(manifest).encode()
    seal = f"{hashlib.sha256(content).hexdigest()}  manifest.json\n".encode()
    return {**table, MANIFEST: _shown(content), SEAL: _shown(seal)}


def with_file(table, path, content, *, is_known):
    """The same with another file of the bundle, which the manifest knows or not."""
    changed = {**table, f"{BUNDLE}/{path}": _shown(content)}
    if not is_known:
        return changed

    def change(manifest):
        for entry in (*manifest["files"], *manifest["graphs"]):
            if entry["path"] == path:
                entry["sha256"] = hashlib.sha256(content).hexdigest()
                entry["size_bytes"] = len(content)

    return with_manifest(changed, change)


def _shown(content):
    return Shown(content, "application/octet-stream")


def _content(entry):
    return entry.content if isinstance(entry.content, bytes) else entry.content.read_bytes()
