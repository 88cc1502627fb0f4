"""The page on which people segment photographs with a bundle: what a server has to show for it."""

from __future__ import annotations

from pathlib import Path

from rapsam.errors import InputError, UnavailableError
from rapsam.export.bundle.manifest import Manifest
from rapsam.export.bundle.seal import verify_bundle
from rapsam.web.files import Table, bundle_files, page_files, runtime_files
from rapsam.web.node_packages import PACKAGES, missing_packages

PAGE = "index.html"
BUNDLE = "bundle"
SUFFIXES = (".onnx", ".tflite")
"""Of files that a browser runs; `ENGINES` of apps/web/engines.js has what runs them."""


def photo_table(folder: Path) -> Table:
    """Lists the page, the runtimes and a bundle's files.

    Args:
        folder: The bundle; it is verified.

    Raises:
        BundleError: If it is damaged or edited.
        InputError: If no browser runs its graphs.
        UnavailableError: If the runtimes have not been fetched.
    """
    manifest = verify_bundle(folder)
    _check_runnable(folder, manifest)
    missing = missing_packages()
    if missing is not None:
        raise UnavailableError(missing)
    return {**page_files(), **runtime_files(PACKAGES), **bundle_files(BUNDLE, folder, manifest)}


def _check_runnable(folder: Path, manifest: Manifest) -> None:
    other = [entry.path for entry in manifest.graphs if not entry.path.endswith(SUFFIXES)]
    if other:
        raise InputError(
            f"{folder} has the graph {other[0]}, which no browser runs; expected a bundle of "
            f"{' or '.join(SUFFIXES)} files: export it with --target onnx or --target tflite"
        )
