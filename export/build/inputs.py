"""What bundles are made from, and the digests that name it."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from rapsam import __version__
from rapsam.contract import graphs_of
from rapsam.export.backends import find_backend
from rapsam.export.backends.catalogue import RUNTIMES
from rapsam.export.backends.packages import installed_versions
from rapsam.export.build.golden import check_images
from rapsam.export.build.plan import ExportPlan, Found
from rapsam.export.build.source import source_sha256
from rapsam.export.parity.memory import RunMemory
from rapsam.inference.reference import reference_device, reference_name
from rapsam.models.deployment import Deployment, enlarges_masks, finds_objects, takes_prompts
from rapsam.models.origins import Prototypes, weights_sha256
from rapsam.quantize.calibration import CalibrationSet
from rapsam.tasks.arrays import Pixels


class BuildInputs(NamedTuple):
    """The network and the images that one or more bundles are made from.

    Attributes:
        deployment: The network, on the CPU.
        memory: Outputs of its reference: self-test, parity and bundles of other formats ask for the same.
        images: Name to RGB image (h, w, 3), uint8, for self-test and parity.
        calibration: Images to find ranges on; None for bundles that need none.
        weights_sha256: Digest of the network's tensors.
        images_sha256: Digest of names, shapes and pixels.
        source_sha256: Digest of the toolkit's source.
    """

    deployment: Deployment
    memory: RunMemory
    images: Mapping[str, Pixels]
    calibration: CalibrationSet | None
    weights_sha256: str
    images_sha256: str
    source_sha256: str


def gather_inputs(
    deployment: Deployment, images: Mapping[str, Pixels], calibration: CalibrationSet | None = None
) -> BuildInputs:
    """Checks the images, and digests all that bundles are made from.

    Raises:
        InputError: If an image or its name cannot be used.
    """
    check_images(images)
    return BuildInputs(
        deployment=deployment.to("cpu"),
        memory=RunMemory(),
        images=images,
        calibration=calibration,
        weights_sha256=weights_sha256(deployment.state()),
        images_sha256=images_sha256(images),
        source_sha256=source_sha256(),
    )


def images_sha256(images: Mapping[str, Pixels]) -> str:
    """Hashes names, shapes and pixels of images, in their order."""
    digest = hashlib.sha256()
    for name, image in images.items():
        digest.update(f"{name} {image.dtype} {list(image.shape)}\n".encode(errors="surrogateescape"))
        digest.update(image.tobytes())
    return digest.hexdigest()


def graph_key(inputs: BuildInputs, plan: ExportPlan, graph: str) -> str:
    """Digests all that decides a lowered graph: weights, place in the network, recipe, code and tools."""
    return digest_of(
        {
            "stage": "graph",
            "weights": inputs.weights_sha256,
            "graph": graph,
            "size": plan.size,
            "prompts": plan.num_prompts,
            "taken": inputs.deployment.prompts if takes_prompts(inputs.deployment) else None,
            "enlarged": enlarges_masks(inputs.deployment),
            "recipe": plan.recipe,
            "kept": plan.choice(graph).kept if plan.recipe.quantisation else (),
            "calibration": _ranges_from(inputs, plan),
            "source": inputs.source_sha256,
            "tools": find_backend(plan.recipe.backend).tool_versions(),
            "metadata": metadata(inputs.deployment),
        }
    )


def bundle_key(inputs: BuildInputs, plan: ExportPlan) -> str:
    """Digests all that decides a bundle: its graphs, its images, and what compares them on this machine."""
    graphs = graphs_of(inputs.deployment.pipelines(plan.tasks))
    # What a search has found follows from what it was asked: the key is known before it.
    plan = msgspec.structs.replace(plan, found=Found())
    return digest_of(
        {
            "stage": "bundle",
            "device": plan.device,
            "tasks": plan.tasks,
            "budget": plan.budget,
            "graphs": [graph_key(inputs, plan, graph) for graph in graphs],
            "model": [inputs.deployment.weights, prototypes_of(inputs.deployment)],
            "calibration": _ranges_from(inputs, plan),
            "version": __version__,
            "images": inputs.images_sha256,
            "judges": judges(plan),
        }
    )


def _ranges_from(inputs: BuildInputs, plan: ExportPlan) -> str | None:
    """Digests what decides a quantised graph, or the comparison that is kept beside it."""
    if plan.recipe.quantisation is None:
        return None
    return inputs.images_sha256 if inputs.calibration is None else inputs.calibration.sha256


def referees() -> list[object]:
    """Says what computes the reference here, and makes and stores its inputs."""
    versions = installed_versions(("numpy", "pillow", "scipy"))
    return [platform.machine(), reference_name(reference_device()), versions]


def judges(plan: ExportPlan) -> list[object]:
    """Says what compares graphs of this format here: the reference, and each runtime or why it cannot run."""
    runtimes = {found.name: found.cannot_run() or "runs" for found in RUNTIMES[plan.recipe.backend]}
    # Core ML is part of macOS; the other runtimes are packages.
    versions = find_backend(plan.recipe.backend).tool_versions() | {"macOS": platform.mac_ver()[0]}
    return [*referees(), runtimes, versions]


def metadata(deployment: Deployment) -> dict[str, str]:
    """Returns what formats that have a place for it keep inside each graph."""
    entries = {"model": deployment.name, "weights": str(deployment.weights)}
    if finds_objects(deployment):
        entries["labels"] = msgspec.json.encode(deployment.labels).decode()
    return entries


def prototypes_of(deployment: Deployment) -> Prototypes | None:
    """Returns where the text prototypes come from that name the classes; None without any."""
    return deployment.prototypes if finds_objects(deployment) else None


def digest_of(value: object) -> str:
    """Hashes the JSON of a value, keys sorted."""
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()
