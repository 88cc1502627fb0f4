"""`rapsam demo`: the whole way with the weights of the package, for one iPhone and one Android phone."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rapsam.cli.bundle_facts import bundle_bytes
from rapsam.cli.console import StepLog, readable_size, say, show
from rapsam.cli.parity_tables import print_failures, print_report
from rapsam.errors import UnavailableError
from rapsam.files import check_new_folder

if TYPE_CHECKING:
    from rapsam.data.sources.annotated import AnnotatedClip
    from rapsam.tasks.arrays import Pixels

SUMMARY = "Show the whole way on a drawn scene and a photograph: export for two phones, parity, overlays."
EXAMPLE = "rapsam demo --out demo-output"
MODEL, WEIGHTS = "rapsam_nano", "nano-synth"
SIZE = (256, 256)
DEVICES = ("iphone-15-pro", "pixel-8")
SCENE_SEED, SCENE_NUMBER = 2, 14
SCENE, PHOTO = "scene", "china"
GATE_MISSED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("--out", type=Path, default=Path("demo-output"), metavar="DIR", help="new folder")


def run(options: argparse.Namespace) -> int:
    """Runs the demo."""
    from rapsam.cli.predict_one import bundle_predictor
    from rapsam.data.images import write_image
    from rapsam.export.bundle import run_plan
    from rapsam.export.plan import plan_export
    from rapsam.models.build import build_model, deployment_of

    for device in DEVICES:
        check_new_folder(options.out / device)
    log = StepLog()
    log(f"loading {MODEL} with the weights {WEIGHTS}, a drawn scene and a photograph")
    clip = _scene()
    images = {SCENE: clip.frames[0], PHOTO: _photograph()}
    for name, image in images.items():
        write_image(options.out / f"{name}.png", image)
    deployment = deployment_of(build_model(MODEL, checkpoint=WEIGHTS))
    passed, lines = True, []
    for device in DEVICES:
        plan = plan_export(device=device, size=SIZE)
        log(f"{device}: {plan.recipe.name}, {plan.size[0]}x{plan.size[1]}")
        manifest, report = run_plan(deployment, plan, options.out / device, images, log)
        print_report(device, report)
        print_failures(report)
        passed &= report.status != "failed"
        lines.append(f"{options.out / device}  {readable_size(bundle_bytes(manifest))}")
    log(f"segmenting with the exported graphs of {DEVICES[-1]}")
    predictor = bundle_predictor(options.out / DEVICES[-1])
    files = []
    for name in images:
        files += predictor.image(options.out / f"{name}.png", options.out, name, (), (), log)
    scene = options.out / f"{SCENE}.png"
    files += predictor.image(scene, options.out, f"{SCENE}.prompted", [_click(clip)], (), log)
    show("")
    show(*lines, *(f"{file}  {readable_size(file.stat().st_size)}" for file in files))
    show(f"the weights know the drawn world only: {PHOTO}.overlay.png shows that; see docs/nano-synth.md")
    bundle = options.out / DEVICES[-1]
    show(f"next: rapsam predict {scene} --bundle {bundle} --box 40,40,200,200 --out results")
    if not passed:
        say("a parity gate was missed")
    return 0 if passed else GATE_MISSED


def _scene() -> AnnotatedClip:
    """A scene of the drawn world that the weights have not seen."""
    from rapsam.data.synth.source import SynthImages

    return SynthImages(SCENE_SEED, SCENE_NUMBER + 1, SIZE).read(SCENE_NUMBER)


def _click(clip: AnnotatedClip) -> tuple[float, float]:
    """A click on the largest thing of the scene."""
    from rapsam.evaluation.image_scores import innermost_pixel
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
