"""What a server shows: a fixed table from the path of a URL to content.

No request looks anything up on disk.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote

from rapsam.export.bundle.manifest import MANIFEST_NAME, SEAL_NAME, Manifest
from rapsam.files import atomic_folder, check_outside_bundles
from rapsam.web.node_packages import NodePackage, package_folder

PAGE = Path(__file__).with_name("page")
RUNTIMES = "runtimes"
BINARY = "application/octet-stream"
JSON = "application/json"
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".wasm": "application/wasm",
    ".json": JSON,
    ".png": "image/png",
}
_OF_PAGE = (".html", ".css", ".js")
_IMPORT_MAP = re.compile(rb'<script type="importmap">(.*?)</script>', re.DOTALL)


class Shown(NamedTuple):
    """Content behind one URL.

    Attributes:
        content: Bytes, or the plain file that holds them.
        kind: Media type.
        scripts: Sources of scripts for the content security policy, beside the server's own files.
    """

    content: bytes | Path
    kind: str
    scripts: tuple[str, ...] = ()


Table = dict[str, Shown]


def page_files() -> Table:
    """Lists the pages with their scripts and styles."""
    found = sorted(path for path in PAGE.rglob("*") if path.suffix in _OF_PAGE and path.is_file())
    return {path.relative_to(PAGE).as_posix(): _page(path) for path in found}


def runtime_files(packages: Iterable[NodePackage]) -> Table:
    """Lists the files of packages of npm, under "runtimes/NAME/"."""
    return {
        f"{RUNTIMES}/{package.name}/{name}": shown(package_folder(package) / name)
        for package in packages
        for name in package.files
    }


def bundle_files(place: str, folder: Path, manifest: Manifest) -> Table:
    """Lists the files of a bundle.

    Args:
        place: Under which they are shown, as in "bundle".
        folder: The bundle; it has been verified.
        manifest: Its manifest.
    """
    names = (MANIFEST_NAME, SEAL_NAME, *(entry.path for entry in manifest.files))
    return {_url(f"{place}/{name}"): shown(folder / name) for name in names}


def write_files(table: Table, folder: Path) -> None:
    """Writes what a table shows into a new folder, whole or not at all.

    Raises:
        InputError: If the folder has files already, lies in a bundle, or cannot be written.
    """
    check_outside_bundles(folder)
    with atomic_folder(folder) as scratch:
        for url, each in table.items():
            path = scratch / unquote(url)
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(each.content, bytes):
                path.write_bytes(each.content)
            else:
                shutil.copyfile(each.content, path)


def shown(path: Path) -> Shown:
    """Shows a file as its name says."""
    return Shown(path, _KINDS.get(path.suffix, BINARY))


def _url(path: str) -> str:
    """Writes a path as bundle.js does, with `encodeURIComponent`: what is asked for is never decoded."""
    return "/".join(quote(part, safe="!~*'()") for part in path.split("/"))


def _page(path: Path) -> Shown:
    content = path.read_bytes()
    # A map of imports can only stand in the page; its digest allows it, and no other script in there.
    digests = (hashlib.sha256(text).digest() for text in _IMPORT_MAP.findall(content))
    scripts = tuple(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return Shown(content, _KINDS[path.suffix], scripts)
