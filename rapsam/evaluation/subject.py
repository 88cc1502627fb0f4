"""What is evaluated: a network, however it runs, with the names of its classes and its thresholds."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from rapsam.export.build.bundle import thresholds
from rapsam.export.build.material import weights_sha256
from rapsam.export.bundle.load import load_bundle
from rapsam.inference.network import EagerNetwork, Network, reference_device, reference_name
from rapsam.models.build import deployment_of
from rapsam.models.rapsam.model import RapSam
from rapsam.tasks.labels import LabelSet
from rapsam.tasks.postprocess import PostprocessSpec


class Subject(NamedTuple):
    """A network under evaluation.

    Attributes:
        name: Of the model and its weights, or of the bundle's folder.
        runtime: What computes, as in "ONNX Runtime", or PyTorch with its version.
        input_size: What images are resized to, in words.
        key: Changes with everything that results may depend on.
        network: Runs it.
        labels: Its classes.
        postprocess: Its thresholds.
        max_clip: Frames of a video that it sees at a time, at most.
        finds_objects: Whether it finds things and stuff.
        takes_prompts: Whether it answers clicks and boxes.
    """

    name: str
    runtime: str
    input_size: str
    key: str
    network: Network
    labels: LabelSet
    postprocess: PostprocessSpec
    max_clip: int
    finds_objects: bool
    takes_prompts: bool


def model_subject(model: RapSam, limits: tuple[int, int], max_clip: int | None = None) -> Subject:
    """Takes a network in PyTorch.

    Args:
        model: The network.
        limits: Long side and short side that images are resized to fit.
        max_clip: Frames at a time, at most; None for those of the published evaluation.
    """
    device = reference_device()
    deployment = deployment_of(model)
    runtime = reference_name(device)
    network = EagerNetwork(deployment, device, *limits)
    clip = max_clip or network.max_clip
    return Subject(
        name=f"{model.name}, {model.weights_origin}",
        runtime=runtime,
        input_size=f"at most {limits[0]}x{limits[1]}",
        key=f"{weights_sha256(deployment.state())} {limits} {runtime} {clip}",
        network=network,
        labels=deployment.label_set,
        postprocess=thresholds(deployment),
        max_clip=clip,
        finds_objects=True,
        takes_prompts=True,
    )


def bundle_subject(folder: Path, runtime: str | None = None) -> Subject:
    """Loads a bundle in a runtime, by name, or in the first that works.

    Raises:
        InputError: If its format has no such runtime.
        BundleError: If the bundle is damaged.
        UnavailableError: If the runtime does not work here.
    """
    bundle = load_bundle(folder, runtime)
    manifest = bundle.manifest
    return Subject(
        name=str(folder),
        runtime=bundle.runtime,
        input_size="x".join(map(str, manifest.preprocess.size)),
        key=f"{manifest.key} {bundle.runtime}",
        network=bundle.network,
        labels=manifest.labels,
        postprocess=manifest.postprocess,
        max_clip=bundle.network.max_clip,
        finds_objects=manifest.finds_objects,
        takes_prompts=manifest.has_graph("prompt"),
    )
