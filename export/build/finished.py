"""Is the bundle of a plan there already; and if another is, in what does it differ."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from rapsam import __version__
from rapsam.errors import BundleError, InputError, quoted
from rapsam.export.backends import find_backend
from rapsam.export.build.inputs import BuildInputs, bundle_key, prototypes_of
from rapsam.export.build.plan import Budget, ExportPlan
from rapsam.export.bundle.manifest import MANIFEST_NAME, PARITY_NAME, Manifest
from rapsam.export.bundle.manifest_check import one_line
from rapsam.export.bundle.quantisation import QUANTISATION_NAME, read_quantisation
from rapsam.export.bundle.seal import verify_bundle
from rapsam.export.parity.report import ParityReport
from rapsam.files import check_new_folder
from rapsam.inference.reference import reference_device, reference_name
from rapsam.models.deployment import finds_objects
from rapsam.untrusted import read_limited

MAX_REPORT_BYTES = 256 * 1024**2
OTHER_CONDITIONS = "made under other conditions: another processor, other runtimes or package versions"


def check_out_folder(out: Path) -> None:
    """Tells before long work whether a bundle can be written, as far as one sees without the network.

    Raises:
        InputError: If the folder holds anything but a bundle, or cannot be written.
    """
    if not _has_manifest(out):
        check_new_folder(out)


def finished_bundle(inputs: BuildInputs, plan: ExportPlan, out: Path) -> Manifest | None:
    """Looks for the bundle of a plan.

    Args:
        inputs: What it would be made from.
        plan: The bundle.
        out: Its folder.

    Returns:
        The manifest of the very bundle that would be made, verified; None if there is no bundle yet.

    Raises:
        InputError: If the folder holds another bundle, a damaged one, or anything else, or the network cannot
            do a task of the plan, or was trained for other bits.
    """
    _check_tasks(inputs, plan)
    _check_calibration(inputs, plan)
    _check_trained_for(inputs, plan)
    check_out_folder(out)
    if not _has_manifest(out):
        return None
    try:
        manifest = verify_bundle(out)
    except BundleError as error:
        raise InputError(
            f"{out} exists already, with no bundle to go on from ({error}); remove it"
        ) from error
    if manifest.key == bundle_key(inputs, plan):
        return manifest
    differences = "; ".join(_differences(manifest, inputs, plan, out)) or OTHER_CONDITIONS
    raise InputError(
        f"{out} exists already and holds another bundle ({differences}): remove it, or choose another --out"
    )


def _check_tasks(inputs: BuildInputs, plan: ExportPlan) -> None:
    able = inputs.deployment.tasks
    for task in plan.tasks:
        if task not in able:
            raise InputError(
                f"{inputs.deployment.name} does not do the task {task!r}, only {', '.join(able)}; "
                f"name these: --tasks {' '.join(able)}"
            )


def _check_calibration(inputs: BuildInputs, plan: ExportPlan) -> None:
    if plan.recipe.calibrated and inputs.calibration is None:
        raise InputError(
            f"no calibration images for precision {plan.recipe.precision}; name a folder of images, a COCO "
            "annotation file, or drawn: --calibration DIR"
        )


def _check_trained_for(inputs: BuildInputs, plan: ExportPlan) -> None:
    trained_for, recipe = inputs.deployment.weights.trained_for, plan.recipe
    if recipe.quantisation is not None and trained_for not in (None, recipe.name):
        raise InputError(
            f"weights that were trained for {quoted(trained_for)}, exported as {recipe.name}; export as "
            f"that or at a float precision, or train for this: rapsam train --qat {recipe.name}"
        )


def _has_manifest(out: Path) -> bool:
    try:
        return (out / MANIFEST_NAME).is_file()
    except OSError:  # a name that is too long, or a folder that may not be read: there is none to go on from
        return False


def read_report(folder: Path) -> ParityReport:
    """Reads the parity report of a verified bundle.

    Raises:
        BundleError: If it cannot be read.
    """
    path = folder / PARITY_NAME
    try:
        return msgspec.json.decode(read_limited(path, MAX_REPORT_BYTES), type=ParityReport)
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError) as error:
        reason = one_line(error)
        raise BundleError(f"{path} is no parity report ({reason}); export the bundle again") from error


def _differences(manifest: Manifest, inputs: BuildInputs, plan: ExportPlan, out: Path) -> Iterator[str]:
    yield from _named_differences(manifest, inputs, plan)
    if manifest.images_sha256 != inputs.images_sha256:
        yield "other images for self-test and parity"
    if _budget_of(out, manifest) != plan.budget:
        yield "another budget"
    if (manifest.rapsam_version, manifest.source_sha256) != (__version__, inputs.source_sha256):
        yield "made by another version of this toolkit"
    reference = reference_name(reference_device())
    if manifest.parity and manifest.parity.reference != reference:
        yield f"compared with {manifest.parity.reference}, not {reference}"
    tools = find_backend(plan.recipe.backend).tool_versions()
    if manifest.recipe == plan.recipe.name and manifest.graphs[0].tool_versions != tools:
        yield "made by other versions of the converters"


def _named_differences(manifest: Manifest, inputs: BuildInputs, plan: ExportPlan) -> Iterator[str]:
    wanted: dict[str, tuple[object, object]] = {
        "model": (manifest.model.name, inputs.deployment.name),
        "weights": (str(manifest.model.weights), str(inputs.deployment.weights)),
        "classifier": (
            str(manifest.model.prototypes or "none"),
            str(prototypes_of(inputs.deployment) or "none"),
        ),
        "device": (manifest.device, plan.device),
        "recipe": (manifest.recipe, plan.recipe.name),
        "size": (_by(manifest.preprocess.size), _by(plan.size)),
        "tasks": (" + ".join(manifest.tasks), " + ".join(plan.tasks)),
    }
    if manifest.prompts is not None:
        wanted["prompts per pass"] = (manifest.num_prompts, plan.num_prompts)
    for what, (found, expected) in wanted.items():
        if found != expected:
            yield f"{what} {found}, not {expected}"
    if manifest.model.weights_sha256 != inputs.weights_sha256:
        yield "weights or text prototypes with other values"
    if finds_objects(inputs.deployment) and manifest.labels not in (None, inputs.deployment.labels):
        yield "other class names"


def _budget_of(out: Path, manifest: Manifest) -> Budget | None:
    if all(entry.path != QUANTISATION_NAME for entry in manifest.files):
        return None
    try:
        found = read_quantisation(out).budget
    except BundleError:  # of another version of this toolkit, which is a difference of its own
        return None
    return None if found is None else Budget(limits=found.limits, data=found.data_sha256)


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
