"""What the page for photos says of bundles and browsers that it cannot work with."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from tests.apps.photo_pages import (
    encoded,
    give,
    opened,
    page_table,
    problem,
    status,
    with_file,
    with_manifest,
)
from tests.benchmarks import tiny_onnx_bundle
from tests.benchmarks.tiny_onnx_bundle import CONTRACTS, write_onnx, write_tiny_bundle


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles") / "tiny"
    write_tiny_bundle(folder)
    return page_table(folder)


def newer(manifest):
    manifest["schema_version"] += 1


def other_task(manifest):
    manifest["pipelines"] = [{**manifest["pipelines"][0], "task": "depth"}]


def other_format(manifest):
    for entry in manifest["graphs"]:
        entry["path"] = entry["path"].replace(".onnx", ".mlpackage")


def other_fit(manifest):
    manifest["preprocess"]["fit"] = "stretch"


def fewer_labels(manifest):
    del manifest["labels"]["labels"][-1]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (newer, "schema version"),
        (other_task, "the bundle does depth; this page needs one that finds objects or takes prompts"),
        (other_format, "nothing in a browser runs see.mlpackage"),
    ],
)
def test_a_bundle_that_this_page_cannot_work_with_is_refused(browser, table, change, says):
    with opened(browser, with_manifest(table, change)) as (page, complaints):
        assert says in problem(page)
        assert page.locator("#file").is_disabled()
        assert complaints.errors == []


def test_an_altered_file_is_refused_by_name(browser, table):
    altered = with_file(table, "find.onnx", b"something else", is_known=False)
    with opened(browser, altered) as (page, complaints):
        assert "find.onnx is not the file that the manifest names" in problem(page)
        assert complaints.errors == []


def test_an_altered_manifest_is_refused(browser, table):
    changed = with_manifest(table, newer)
    mixed = {**table, "bundle/manifest.json": changed["bundle/manifest.json"]}
    with opened(browser, mixed) as (page, _):
        assert "manifest.json is not what was sealed" in problem(page)


def test_a_runtime_that_this_browser_has_not_is_named(browser, table):
    with opened(browser, table, query="?unit=webgpu") as (page, complaints):
        assert "WebGPU" in problem(page)
        assert complaints.errors == []


@pytest.mark.parametrize(
    ("change", "says"),
    [(other_fit, 'asks for the fit "stretch"'), (fewer_labels, "knows 40 classes, the bundle names 39")],
)
def test_a_bundle_that_asks_for_something_else_is_refused_with_the_photo(browser, table, change, says):
    with opened(browser, with_manifest(table, change)) as (page, _):
        status(page, "Ready")
        give(page, "photo.png", encoded(np.full((20, 30, 3), 90, np.uint8)))
        assert says in problem(page)


def test_results_that_are_no_numbers_are_not_shown(browser, table, monkeypatch, tmp_path):
    def no_numbers(name, *shape, seed=0):
        del seed
        return onnx.numpy_helper.from_array(np.full(shape, np.nan, np.float32), name)

    monkeypatch.setattr(tiny_onnx_bundle, "weights", no_numbers)
    write_onnx(tmp_path / "find.onnx", CONTRACTS[1])
    content = (tmp_path / "find.onnx").read_bytes()
    with opened(browser, with_file(table, "find.onnx", content, is_known=True)) as (page, complaints):
        status(page, "Ready")
        give(page, "photo.png", encoded(np.full((20, 30, 3), 90, np.uint8)))
        assert "NaN or infinite values" in problem(page)
        assert page.locator("#legend li").count() == 0
        assert complaints.errors == []


def test_a_bundle_that_takes_prompts_only_offers_nothing_else(browser, table):
    def prompts_only(manifest):
        manifest["pipelines"] = [each for each in manifest["pipelines"] if each["task"] == "prompt"]
        manifest["labels"] = None
        manifest["prompts"]["boxes"] = False

    with opened(browser, with_manifest(table, prompts_only)) as (page, complaints):
        status(page, "Ready")
        give(page, "photo.png", encoded(np.full((20, 30, 3), 90, np.uint8)))
        status(page, "30 x 20 pixels")
        assert page.get_by_role("radio", name="Objects").is_disabled()
        assert page.locator("#tools").is_hidden()
        page.locator("#photo").click()
        assert "Region 1 has" in status(page, "Region 1 has")
        assert complaints.errors == []
