"""How pages read a bundle: digests, images and seals, in a real browser."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from rapsam.export.backends import BACKENDS
from rapsam.export.bundle.manifest import SCHEMA_VERSION
from rapsam.export.parity.self_test import run_self_test
from rapsam.web.files import Shown, bundle_files, page_files
from rapsam.web.server import PageServer
from tests.benchmarks.tiny_onnx_bundle import write_tiny_bundle
from tests.export.small_bundle import Constant

BLANK = Shown(b"<!doctype html><link rel=icon href='data:,'>", "text/html")
IMPORT = "const at = (name) => import(new URL(name, document.baseURI).href);"
BYTES = "const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));"
HERE = f"""async (texts) => {{ {IMPORT} const {{ sha256, sha256Here }} = await at("sha256.js");
  return Promise.all(texts.map(async (text) => {{
    {BYTES} return [sha256Here(bytes), await sha256(bytes)]; }})); }}"""
DECODE = f"""async (text) => {{ {IMPORT} {BYTES}
  const {{ decodePng }} = await at("png.js");
  const {{ data, height, width }} = await decodePng(bytes);
  return [Array.from(data), height, width]; }}"""
OPEN = f"""async (path) => {{ {IMPORT}
  const bundle = await (await at("bundle.js")).openBundle("bundle");
  return path ? (await bundle.file(path)).length : bundle.manifest.graphs.length; }}"""
GOLDEN = f"""async () => {{ {IMPORT}
  const bundle = await (await at("bundle.js")).openBundle("bundle/");
  const cases = await (await at("golden.js")).goldenCases(bundle);
  return cases.map(({{ given }}) => Object.entries(given).map(([role, {{ data, shape }}]) =>
    [role, Array.from(data), shape])); }}"""


def text_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served") / "tiny"
    return folder, write_tiny_bundle(folder)


@pytest.fixture(scope="module")
def served(bundle, browser):
    """A page that can take all modules, and the table that it is served from, which tests may change."""
    table = {**page_files(), **bundle_files("bundle", *bundle), "blank.html": BLANK}
    with PageServer("127.0.0.1", 0, table, {}) as server:
        page = browser.new_page()
        page.goto(f"{server.url}blank.html")
        yield page, table
        page.close()


@pytest.fixture
def page(served):
    return served[0]


def refused(page, script, argument=None):
    """Returns why a script failed."""
    return page.evaluate(
        f"async (argument) => {{ try {{ return await ({script})(argument), ''; }} "
        "catch (error) { return error.message; } }",
        argument,
    )


def test_digests_are_those_of_sha256_with_the_browsers_help_and_without(page):
    rng = np.random.default_rng(0)
    sizes = [*range(130), 1000, 4096, 100_003]
    datas = [rng.integers(0, 256, size, np.uint8).tobytes() for size in sizes]
    found = page.evaluate(HERE, [text_of(data) for data in datas])
    assert found == [[hashlib.sha256(data).hexdigest()] * 2 for data in datas]


def png(pixels: np.ndarray, filters: list[int]) -> bytes:
    """Writes an image whose rows have chosen filters."""
    height, width, _ = pixels.shape
    flat = pixels.reshape(height, -1).astype(np.int32)
    above = np.vstack([np.zeros((1, flat.shape[1]), np.int32), flat[:-1]])
    left, corner = (np.hstack([np.zeros((height, 3), np.int32), rows[:, :-3]]) for rows in (flat, above))
    guess = left + above - corner
    a, b, c = (abs(guess - value) for value in (left, above, corner))
    paeth = np.where((a <= b) & (a <= c), left, np.where(b <= c, above, corner))
    expected = [np.zeros_like(flat), left, above, (left + above) // 2, paeth]
    rows = [
        bytes([kind]) + ((flat[row] - expected[kind][row]) % 256).astype(np.uint8).tobytes()
        for row, kind in enumerate(filters)
    ]
    packed = zlib.compress(b"".join(rows))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    halves = (packed[: len(packed) // 2], packed[len(packed) // 2 :])
    chunks = [(b"IHDR", header), (b"tEXt", b"a\0b"), *((b"IDAT", half) for half in halves), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def test_images_are_read_value_for_value_whatever_filters_their_rows_have(page):
    pixels = np.random.default_rng(1).integers(0, 256, (15, 7, 3), np.uint8)
    data = png(pixels, [0, 1, 2, 3, 4] * 3)
    assert (np.asarray(Image.open(io.BytesIO(data))) == pixels).all()
    found, height, width = page.evaluate(DECODE, text_of(data))
    assert (height, width, found) == (15, 7, pixels.ravel().tolist())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda data: data[:30], "this is no PNG image"),
        (lambda data: b"GIF89a" + data[6:], "this is no PNG image"),
        (lambda data: data[:25] + b"\x06" + data[26:], "expected a PNG of 8-bit RGB, not interlaced"),
        (lambda data: data[:28] + b"\x01" + data[29:], "expected a PNG of 8-bit RGB, not interlaced"),
        (lambda data: data[:16] + b"\xff\xff\xff\xff" + data[20:], "a PNG of 4294967295x15"),
        (lambda data: data[:20] + b"\x00\x00\x00\x10" + data[24:], "other rows than it says"),
    ],
)
def test_images_of_another_kind_or_damaged_are_refused(page, change, says):
    pixels = np.zeros((15, 7, 3), np.uint8)
    assert says in refused(page, DECODE, text_of(change(png(pixels, [0] * 15))))


def test_a_bundle_is_opened_and_its_files_are_loaded(page, bundle):
    folder, manifest = bundle
    assert page.evaluate(OPEN) == 3
    for entry in manifest.files:
        assert page.evaluate(OPEN, entry.path) == (folder / entry.path).stat().st_size


def test_the_inputs_of_the_self_test_are_those_that_python_reads(page, bundle):
    folder, manifest = bundle
    seen = []

    class Watched(Constant):
        def run(self, inputs):
            seen.append(inputs)
            return super().run(inputs)

    runners = {contract.graph: Watched(contract) for contract in manifest.contracts}
    run_self_test(folder, manifest, BACKENDS["onnx"].runtimes[0], runners)
    found = page.evaluate(GOLDEN)
    assert len(seen) == 3 * len(found)
    for number, case in enumerate(found):
        tensors = {role: np.array(data, np.float32).reshape(shape) for role, data, shape in case}
        image, prompt = seen[3 * number]["picture"], seen[3 * number + 2]["corners"]
        assert (tensors["image"] == image).all()
        assert (tensors["boxes"] == prompt).all()


@pytest.mark.parametrize(
    ("name", "change", "path", "says"),
    [
        ("manifest.json", lambda data: data + b" ", "", "manifest.json is not what was sealed"),
        ("manifest.sha256", lambda _: b"0" * 64, "", "manifest.json is not what was sealed"),
        ("manifest.sha256", lambda _: b"0" * 1000, "", "manifest.sha256 has more than 200 bytes"),
        ("see.onnx", lambda data: data[:-1], "see.onnx", "see.onnx is not the file that the manifest names"),
        (
            "see.onnx",
            lambda data: data[:-1] + b"\0",
            "see.onnx",
            "see.onnx is not the file that the manifest",
        ),
        ("see.onnx", lambda data: data * 2, "see.onnx", "see.onnx has more than"),
        ("see.onnx", lambda data: data, "../see.onnx", "the manifest names no file ../see.onnx"),
    ],
)
def test_what_was_edited_is_refused(served, bundle, monkeypatch, name, change, path, says):
    page, table = served
    shown = table[f"bundle/{name}"]
    monkeypatch.setitem(table, f"bundle/{name}", Shown(change((bundle[0] / name).read_bytes()), shown.kind))
    assert says in refused(page, OPEN, path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda _: {"schema_version": 99}, "has schema version 99; this page reads 4"),
        (
            lambda manifest: {"prompts": {**manifest["prompts"], "max_points": 2}},
            "manifest.json says that prompts are encoded as boxes, which carry one box, or one point",
        ),
    ],
)
def test_a_manifest_of_another_schema_or_with_false_claims_is_refused(
    served, bundle, monkeypatch, change, says
):
    page, table = served
    manifest = json.loads((bundle[0] / "manifest.json").read_bytes())
    data = json.dumps({**manifest, **change(manifest)}).encode()
    seal = f"{hashlib.sha256(data).hexdigest()}  manifest.json\n".encode()
    for name, content in (("manifest.json", data), ("manifest.sha256", seal)):
        monkeypatch.setitem(table, f"bundle/{name}", Shown(content, "application/json"))
    assert says in refused(page, OPEN)


def test_a_file_that_is_missing_is_refused(served, monkeypatch):
    page, table = served
    monkeypatch.delitem(table, "bundle/see.onnx")
    assert refused(page, OPEN, "see.onnx") == "cannot load see.onnx: HTTP 404"


def test_schema_versions_are_those_that_the_toolkit_writes(page):
    script = f"async () => {{ {IMPORT} return (await at('bundle.js')).SCHEMA_VERSION; }}"
    assert page.evaluate(script) == SCHEMA_VERSION
