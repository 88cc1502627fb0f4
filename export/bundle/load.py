"""Loading a bundle, on any runtime that works on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rapsam.errors import BundleError, RapSamError, UnavailableError, unknown_name
from rapsam.export.backends.catalogue import RECIPES, RUNTIMES
from rapsam.export.backends.runtimes import Runtime
from rapsam.export.bundle.manifest import Manifest
from rapsam.export.bundle.private_copy import load_graphs
from rapsam.export.bundle.seal import verify_runnable
from rapsam.inference.network import GraphNetwork
from rapsam.inference.runner import Runner
from rapsam.inference.segmenter import Finder, Segmenter


@dataclass(frozen=True, kw_only=True)
class Bundle(Segmenter):
    """A segmenter that runs the graphs of a verified bundle.

    Attributes:
        manifest: What the bundle holds.
    """

    manifest: Manifest

    def _lacks(self, task: str) -> RapSamError:
        wanted = " ".join(sorted({*self.tasks, task}))
        return BundleError(
            f"{self.name} was exported with the tasks {', '.join(self.tasks)}, without {task!r}; export it "
            f"again with --tasks {wanted}"
        )


def load_bundle(path: str | Path, runtime: str | None = None) -> Bundle:
    """Verifies a bundle and loads its graphs.

    Args:
        path: A folder made by `export_bundle`.
        runtime: Name of the runtime, as parity reports have it; None takes the first that works here.

    Raises:
        BundleError: If the bundle is damaged or edited, or the runtime refuses a graph.
        InputError: If no runtime of this name runs the bundle's format.
        UnavailableError: If its format cannot be run on this machine, or not by this runtime.
    """
    folder = Path(path)
    manifest = verify_runnable(folder)
    found = working_runtime(RECIPES[manifest.recipe].backend, str(folder), runtime)
    return bundle_segmenter(folder, manifest, found)


def is_emulated(bundle: Bundle) -> bool:
    """Tells whether an interpreter of ours runs a bundle, and not the runtime of its format."""
    runtimes = RUNTIMES[RECIPES[bundle.manifest.recipe].backend]
    return any(each.name == bundle.runtime and each.provenance == "emulated" for each in runtimes)


def working_runtime(backend: str, what: str, runtime: str | None = None) -> Runtime:
    """Finds what runs a format on this machine.

    Args:
        backend: Name of the format.
        what: Is to be run, for the error.
        runtime: See `load_bundle`.

    Raises:
        InputError: See `load_bundle`.
        UnavailableError: See there.
    """
    reasons = []
    for candidate in _runtimes(backend, runtime):
        reason = candidate.cannot_run()
        if reason is None:
            return candidate
        reasons.append(f"{candidate.name}: {reason}")
    raise UnavailableError(f"{what} cannot run here: {'; '.join(reasons)}")


def bundle_segmenter(folder: Path, manifest: Manifest, runtime: Runtime) -> Bundle:
    """Loads the graphs of a manifest that is known to be whole; see `load_bundle`."""
    return segmenter_of_graphs(folder, manifest, runtime, load_graphs(runtime, folder, manifest))


def segmenter_of_graphs(
    folder: Path, manifest: Manifest, runtime: Runtime, runners: Mapping[str, Runner]
) -> Bundle:
    """Makes a segmenter of graphs that are loaded.

    Args:
        folder: The bundle.
        manifest: Its manifest, known to be whole.
        runtime: What runs the graphs.
        runners: Graph name to runner, for all graphs.
    """
    images, videos = (
        GraphNetwork(runners, manifest.contracts, manifest.pipelines, manifest.preprocess, finds)
        for finds in ("panoptic", "video")
    )
    return Bundle(
        manifest=manifest,
        name=str(folder),
        runtime=runtime.name,
        input_size="x".join(map(str, manifest.preprocess.size)),
        # Not by the manifest's key: forms are chosen by the clock, and a second export may choose others.
        key=lambda: " ".join((*(entry.sha256 for entry in manifest.graphs), runtime.name)),
        network=images,
        video_network=videos,
        max_clip=videos.max_clip,
        tasks=manifest.tasks,
        finder=_finder(manifest),
        prompts=manifest.prompts,
        trained=manifest.model.weights.trained,
    )


def _finder(manifest: Manifest) -> Finder | None:
    if manifest.labels is None or manifest.postprocess is None:
        return None
    return Finder(manifest.labels, manifest.postprocess)


def _runtimes(backend: str, wanted: str | None) -> Sequence[Runtime]:
    known = {runtime.name: runtime for runtime in RUNTIMES[backend]}
    if wanted is None:
        return list(known.values())
    if wanted not in known:
        raise unknown_name("runtime", wanted, known)
    return [known[wanted]]
