from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from rapsam.web.files import PAGE, bundle_files, page_files, runtime_files
from rapsam.web.node_packages import PACKAGES, package_folder
from tests.export.small_bundle import write_small_bundle

ROOT = Path(__file__).resolve().parents[2]


def test_the_pages_lie_in_apps_and_are_reached_by_a_symlink_that_git_keeps():
    link = ROOT / "rapsam" / "web" / "page"
    assert link.is_symlink(), f"{link} is no symbolic link; clone again with core.symlinks on"
    assert link.readlink() == Path("..") / ".." / "apps" / "web"
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: git's view of the link cannot be asked")
    listing = subprocess.run(
        ["git", "ls-files", "--stage", "rapsam/web/page"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert listing.stdout.split()[0] == "120000"


def test_pages_are_all_scripts_and_styles_and_nothing_else():
    found = page_files()
    assert {"bench.html", "bench/bench.js", "bench/bench.css", "tasks/panoptic.js", "variant.html"} <= set(
        found
    )
    assert {Path(name).suffix for name in found} == {".html", ".js", ".css"}
    assert found["bench/bench.js"].kind == "text/javascript; charset=utf-8"


def test_every_module_that_a_page_names_is_in_the_table():
    table = page_files()
    named = re.compile(rb'(?:from|import\()\s*"(\.[^"]+)"|(?:src|href)="([^":,#]+)"')
    for name, shown in table.items():
        for module, asset in named.findall(shown.content):
            place = os.path.normpath(Path(name).parent / (module or asset).decode())
            assert place in table, f"{name} names {place}"


def test_a_map_of_imports_is_allowed_by_its_digest_and_no_other_script_in_a_page():
    for name, shown in page_files().items():
        inline = re.findall(rb"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", shown.content, re.DOTALL)
        digests = {f"'sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}'" for text in inline}
        assert set(shown.scripts) == digests, name
        assert all("imports" in json.loads(text) for text in inline), name


def test_a_bundle_is_shown_file_by_file(tmp_path):
    folder = tmp_path / "bundle"
    manifest = write_small_bundle(folder)
    table = bundle_files("place", folder, manifest)
    on_disk = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {name.removeprefix("place/"): shown.content for name, shown in table.items()} == {
        name: folder / name for name in on_disk
    }


def test_runtimes_are_named_as_npm_does():
    table = runtime_files(PACKAGES)
    assert (
        table["runtimes/@litertjs/core/dist/index.js"].content
        == package_folder(PACKAGES[1]) / "dist/index.js"
    )
    assert table["runtimes/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm"].kind == "application/wasm"


def test_scripts_take_nothing_from_elsewhere_and_make_no_markup_of_text():
    for path in sorted(PAGE.rglob("*")):
        if path.suffix not in (".html", ".js", ".css"):
            continue
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"https?://(?!www\.w3\.org)", text), path
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text
        ), path
