"""Loading a bundle and predicting with it, on any runtime that works on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from rapsam.data.images import read_image, rgb_pixels
from rapsam.errors import UnavailableError, unknown_name
from rapsam.export.backends.catalogue import RECIPES, RUNTIMES
from rapsam.export.backends.runtimes import Runtime
from rapsam.export.bundle.manifest import Manifest
from rapsam.export.bundle.manifest_fit import check_format
from rapsam.export.bundle.private_copy import load_graphs
from rapsam.export.bundle.seal import verify_bundle
from rapsam.inference.network import GraphNetwork
from rapsam.inference.predict import PromptResult, predict_panoptic, predict_prompts
from rapsam.tasks.arrays import Pixels
from rapsam.tasks.panoptic import PanopticResult


class Bundle:
    """A verified bundle with its graphs loaded.

    Attributes:
        manifest: What the bundle holds.
        network: Its graphs as one network.
        runtime: What runs them, as in "ONNX Runtime".
    """

    def __init__(self, manifest: Manifest, network: GraphNetwork, runtime: str) -> None:
        self.manifest = manifest
        self.network = network
        self.runtime = runtime

    def predict(
        self,
        image: Pixels | Image.Image | str | Path,
        *,
        points: Sequence[tuple[float, float]] = (),
        boxes: Sequence[tuple[float, float, float, float]] = (),
    ) -> PanopticResult | PromptResult:
        """Segments an image, or the prompted regions of it.

        Args:
            image: (h, w, 3) uint8 RGB, any size, a Pillow image of any mode (turned upright, put on white),
                or the path of an image file.
            points: Pairs x, y in pixels of the image.
            boxes: x1, y1, x2, y2 in pixels of the image.

        Returns:
            A panoptic result without prompts; with prompts one mask each, points first.

        Raises:
            InputError: If the image or a prompt cannot be used.
            BundleError: If the bundle has no graph for the task.
        """
        pixels = _pixels(image)
        if len(points) or len(boxes):
            self.manifest.graph("prompt")
            return predict_prompts(self.network, pixels, points, boxes)
        if not self.manifest.finds_objects:
            self.manifest.graph("panoptic")
        return predict_panoptic(
            self.network, pixels, self.manifest.labels.num_things, self.manifest.postprocess
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
    manifest = verify_bundle(folder)
    check_format(folder, manifest)
    reasons = []
    for candidate in _runtimes(RECIPES[manifest.recipe].backend, runtime):
        reason = candidate.cannot_run()
        if reason is None:
            runners = load_graphs(candidate, folder, manifest)
            network = GraphNetwork(runners, manifest.preprocess.size, manifest.num_prompts)
            return Bundle(manifest, network, candidate.name)
        reasons.append(f"{candidate.name}: {reason}")
    raise UnavailableError(f"{folder} cannot run here: {'; '.join(reasons)}")


def _pixels(image: Pixels | Image.Image | str | Path) -> Pixels:
    if isinstance(image, str | Path):
        return read_image(image)
    return rgb_pixels(image) if isinstance(image, Image.Image) else image


def _runtimes(backend: str, wanted: str | None) -> Sequence[Runtime]:
    known = {runtime.name: runtime for runtime in RUNTIMES[backend]}
    if wanted is None:
        return list(known.values())
    if wanted not in known:
        raise unknown_name("runtime", wanted, known)
    return [known[wanted]]
