"""What is evaluated: a network, however it runs, with the names of its classes and its thresholds."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from rapsam.export.bundle import thresholds
from rapsam.export.load import load_bundle
from rapsam.export.manifest import PostprocessSpec
from rapsam.export.network import EagerNetwork, Network, reference_device, reference_name
from rapsam.models.build import deployment_of
from rapsam.models.rapsam.model import RapSam
from rapsam.tasks.geometry import Size
from rapsam.tasks.labels import LabelSet


class Subject(NamedTuple):
    """A network under evaluation.

    Attributes:
        name: Of the model or the bundle's folder.
        runtime: What computes, as in "ONNX Runtime" or PyTorch with its version.
        network: Runs it.
        labels: Its classes.
        postprocess: Its thresholds.
    """

    name: str
    runtime: str
    network: Network
    labels: LabelSet
    postprocess: PostprocessSpec


def model_subject(model: RapSam, limits: Size) -> Subject:
    """Takes a network in PyTorch; images are resized to fit (long side, short side) `limits`."""
    device = reference_device()
    deployment = deployment_of(model)
    return Subject(
        name=f"{model.name}, {model.weights_origin}",
        runtime=reference_name(device),
        network=EagerNetwork(deployment, device, *limits),
        labels=deployment.label_set,
        postprocess=thresholds(deployment),
    )


def bundle_subject(folder: Path, runtime: str | None) -> Subject:
    """Loads a bundle in a runtime, by name, or in the first that works.

    Raises:
        InputError: If its format has no such runtime.
        BundleError: If the bundle is damaged, or finds no objects.
        UnavailableError: If the runtime does not work here.
    """
    bundle = load_bundle(folder, runtime)
    return Subject(
        name=folder.name,
        runtime=bundle.runtime,
        network=bundle.network,
        labels=bundle.manifest.labels,
        postprocess=bundle.manifest.postprocess,
    )
