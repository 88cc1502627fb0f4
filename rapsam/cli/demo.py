"""`rapsam demo`: from weights to bundles and pictures, for one iPhone and one Android phone."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rapsam.cli.bundle_report import bundle_bytes, parity_step, print_bundle
from rapsam.cli.console import StepLog, next_step, readable_size, show
from rapsam.cli.parity_summary import print_failures
from rapsam.errors import UnavailableError
from rapsam.files import check_new_folder

if TYPE_CHECKING:
    from rapsam.data.sources.annotated import AnnotatedClip
    from rapsam.tasks.arrays import Pixels

SUMMARY = "Export a small network for two phones, compare it with PyTorch, and segment two pictures with it."
EXAMPLE = "rapsam demo --out demo-output"
MODEL, WEIGHTS = "rapsam_nano", "nano-synth"
SIZE = (256, 256)
DEVICES = ("iphone-15-pro", "pixel-8")
SCENE_SEED, SCENE_NUMBER = 2, 14
SCENE, PHOTO = "scene", "china"
PICTURES = {
    f"{SCENE}.overlay.png": "objects and surfaces of a new drawn scene",
    f"{SCENE}.prompted.overlay.png": "the one object under a click",
    f"{PHOTO}.overlay.png": "a photograph, and wrong: the weights know drawings only",
}
"""Of the demo, with what each shows; the best first."""
GATE_MISSED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("demo-output"),
        metavar="DIR",
        help="new folder; default: demo-output",
    )
    parser.add_argument(
        "--verbose", action="store_true", help="print every comparison and the cost of graphs"
    )


def run(options: argparse.Namespace) -> int:
    """Runs the demo."""
    from rapsam.cli.predict_files import Asked, predict_image, predict_prompts
    from rapsam.data.images import write_image
    from rapsam.export.build.bundle import run_plan
    from rapsam.export.build.plan import plan_export
    from rapsam.export.bundle.load import load_bundle
    from rapsam.models.build import build_model, deployment_of
    from rapsam.tasks.prompt_set import PromptSet

    check_new_folder(options.out)
    log = StepLog()
    log(f"loading {MODEL} with the weights {WEIGHTS}, a drawn scene and a photograph")
    clip = _scene()
    images = {SCENE: clip.frames[0], PHOTO: _photograph()}
    for name, image in images.items():
        write_image(options.out / f"{name}.png", image)
    deployment = deployment_of(build_model(MODEL, checkpoint=WEIGHTS))
    lines, causes = [], []
    for device in DEVICES:
        plan = plan_export(device=device, size=SIZE)
        log(f"{device}: {plan.recipe.name}, {plan.size[0]}x{plan.size[1]}")
        manifest, report = run_plan(deployment, plan, options.out / device, images, log.still)
        print_bundle(device, manifest, report, verbose=options.verbose)
        print_failures(report.failures(), verbose=options.verbose)
        if report.status == "failed":
            causes.append(parity_step(options.out / device, manifest, "--localise"))
        lines.append(f"{options.out / device}  {readable_size(bundle_bytes(manifest))}, a bundle for an app")
    android = options.out / DEVICES[-1]
    log(f"segmenting with the exported graphs of {android.name}")
    segmenter = load_bundle(android)
    for name in images:
        predict_image(segmenter, options.out / f"{name}.png", options.out, name, log)
    scene = options.out / f"{SCENE}.png"
    click = Asked(PromptSet.of(points=[_click(clip)]))
    predict_prompts(segmenter, scene, options.out, f"{SCENE}.prompted", click, log)
    first, *others = (_picture(options.out / name, shows) for name, shows in PICTURES.items())
    show(*lines, f"open first: {first}", *others)
    box, out = "40,40,200,200", options.out / "results"
    predict = next_step("predict", scene, "--bundle", android, "--box", box, "--out", out)
    show(causes[0] if causes else predict)
    return GATE_MISSED if causes else 0


def _picture(path: Path, shows: str) -> str:
    return f"{path}  {readable_size(path.stat().st_size)}, {shows}"


def _scene() -> AnnotatedClip:
    """A scene of the drawn world that the weights have not seen."""
    from rapsam.data.synth.source import SynthImages

    return SynthImages(SCENE_SEED, SCENE_NUMBER + 1, SIZE).read(SCENE_NUMBER)


def _click(clip: AnnotatedClip) -> tuple[float, float]:
    """A click on the largest thing of the scene."""
    from rapsam.evaluation.prompt_scores import innermost_pixel
    from rapsam.tasks.labels import find_label_set

    things = clip.classes < find_label_set("synth").num_things
    masks = clip.masks[things, 0]
    return innermost_pixel(masks[masks.sum(axis=(1, 2)).argmax()])


def _photograph() -> Pixels:
    """A temple in China, 427x640, shipped with scikit-learn (CC BY)."""
    try:
        from sklearn.datasets import load_sample_image
    except ImportError as error:
        raise UnavailableError(
            "the demo's photograph comes with scikit-learn; run: pip install 'rapsam[demo]'"
        ) from error
    image: Pixels = load_sample_image(f"{PHOTO}.jpg")
    return image.copy()
