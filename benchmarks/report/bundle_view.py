"""What is shown of a bundle: its manifest, its parity report, and its results beside the reference's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from rapsam.benchmarks.report.golden_pictures import GoldenPictures, golden_pictures
from rapsam.errors import UnavailableError
from rapsam.export.backends.catalogue import RECIPES
from rapsam.export.backends.packages import installed_versions
from rapsam.export.build.finished import read_report
from rapsam.export.bundle.load import working_runtime
from rapsam.export.bundle.manifest import Manifest
from rapsam.export.bundle.seal import verify_runnable
from rapsam.export.parity.report import ParityReport

Progress = Callable[[str], None]


class BundleView(NamedTuple):
    """A bundle, verified and run.

    Attributes:
        name: Of its folder.
        manifest: What it holds.
        report: The parity report that was made with it; None if there was none.
        shown: Its results beside the reference's.
        runtime: What ran it here, with its version; why nothing did.
        provenance: "measured" in a real runtime, "emulated" in an interpreter; None if nothing ran it.
    """

    name: str
    manifest: Manifest
    report: ParityReport | None
    shown: GoldenPictures
    runtime: str
    provenance: str | None


def view_bundle(folder: Path, progress: Progress) -> BundleView:
    """Verifies a bundle and runs it on its golden images, if something here can.

    Args:
        folder: The bundle.
        progress: Told what begins.

    Raises:
        BundleError: If it is damaged, or a runtime refuses a graph.
    """
    progress(f"{folder.name}: verifying")
    manifest = verify_runnable(folder)
    report = None if manifest.parity is None else read_report(folder)
    name = folder.absolute().name
    try:
        runtime = working_runtime(RECIPES[manifest.recipe].backend, str(folder))
    except UnavailableError as error:
        return BundleView(name, manifest, report, GoldenPictures((), (str(error),)), "nothing here", None)
    progress(f"{folder.name}: running its self-test in {runtime.name}")
    shown = golden_pictures(folder, manifest, runtime)
    versions = " ".join(list(installed_versions(runtime.packages).values())[:1])
    return BundleView(name, manifest, report, shown, f"{runtime.name} {versions}".strip(), runtime.provenance)
