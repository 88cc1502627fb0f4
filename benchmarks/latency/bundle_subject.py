"""The stages of a bundle, as its manifest has them: graphs, tasks, and a click once an image is known."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from rapsam.benchmarks.latency.film import Film, described_clip, timed_clip
from rapsam.benchmarks.latency.sampling import timed
from rapsam.benchmarks.latency.stage_names import FILM, VIDEO, image_tasks
from rapsam.benchmarks.latency.subject import LoadedGraph, Stage, Subject, TimedLoads, has_times
from rapsam.contract import GraphContract, Role, tasks_take_prompts
from rapsam.export.backends.runtimes import Runtime, prepared_call
from rapsam.export.bundle.load import segmenter_of_graphs
from rapsam.export.bundle.manifest import Manifest
from rapsam.export.bundle.private_copy import load_graph
from rapsam.export.bundle.seal import verify_runnable
from rapsam.export.parity.sample_images import draw_scene, sample_prompts
from rapsam.export.parity.self_test import run_self_test
from rapsam.inference.chain import Step, run_chain
from rapsam.inference.runner import Arrays, Runner
from rapsam.inference.segmenter import Segmenter
from rapsam.tasks.arrays import Floats, Pixels
from rapsam.tasks.prompt_encoding import encode_prompts
from rapsam.tasks.prompt_set import PromptSet, PromptSpec

PHOTO_SIZE = (960, 1280)
"""Height and width of the image that tasks are timed on, about what a camera shows while one looks."""


_SEED = 1
INPUT = f"a drawn scene of {PHOTO_SIZE[0]}x{PHOTO_SIZE[1]}, and prompts on it"
"""What bundles are timed on, in words."""


def timed_scene() -> Pixels:
    """Draws the image that bundles are timed on, wherever they run."""
    return draw_scene(_SEED, PHOTO_SIZE)


def bundle_subject(folder: Path, runtime: Runtime, threads: int) -> Subject:
    """Verifies and loads a bundle, and runs every graph once.

    Args:
        folder: The bundle.
        runtime: What runs it.
        threads: CPU threads.

    Raises:
        BundleError: If it is damaged, or the runtime refuses a graph.
        UnavailableError: If the runtime does not work here.
    """
    manifest = verify_runnable(folder)
    loads = TimedLoads(runtime)
    runners, load_ns = dict[str, Runner](), dict[str, int]()
    for entry in manifest.graphs:
        graph = entry.contract.graph
        runners[graph] = load_graph(loads.runtime, folder, entry, threads)
        load_ns[graph] = loads.last_ns
    # Drawn and fitted without a network: what is timed first must not have run before.
    scene, clip = timed_scene(), timed_clip(manifest)
    steps, first_ns = _first_runs(folder, manifest, runtime, runners, scene)
    graphs = tuple(
        LoadedGraph(
            contract=entry.contract,
            file=entry.path,
            sha256=entry.sha256,
            size_bytes=entry.size_bytes,
            delegation=entry.delegation,
            runner=runners[entry.contract.graph],
            inputs=steps[entry.contract.graph].inputs,
            load_ns=load_ns[entry.contract.graph],
            first_ns=first_ns[entry.contract.graph],
        )
        for entry in manifest.graphs
    )
    stages = list[Stage]()
    if has_times(runtime):
        stages += _stages(folder, manifest, runtime, runners, steps, scene)
    if has_times(runtime) and clip:
        film = Film(segmenter_of_graphs(folder, manifest, runtime, runners), clip)
        stages.append(Stage(*FILM, film.next_frame))
    return Subject(
        runtime=runtime,
        graphs=graphs,
        stages=tuple(stages),
        self_test=partial(run_self_test, folder, manifest, runtime, runners),
        input=f"{INPUT}{described_clip(clip)}",
        input_sha256=hashlib.sha256(b"".join(image.tobytes() for image in (scene, *clip))).hexdigest(),
        input_shape=(1, 3, *manifest.preprocess.size),
    )


def _first_runs(
    folder: Path, manifest: Manifest, runtime: Runtime, runners: Mapping[str, Runner], scene: Pixels
) -> tuple[dict[str, Step], dict[str, int]]:
    """Runs all graphs on the scene: what flows between them, and the nanoseconds of each first run."""
    network = segmenter_of_graphs(folder, manifest, runtime, runners).network
    pixels, geometry = network.fit(scene)
    given: dict[Role, Floats] = {
        "image": pixels,
        **sample_prompts(manifest.prompts, manifest.num_prompts, geometry),
    }
    first_ns: dict[str, int] = {}

    def run(contract: GraphContract, inputs: Arrays) -> Arrays:
        made: list[Arrays] = []
        first_ns[contract.graph] = timed(lambda: made.append(runners[contract.graph].run(inputs)))
        return made[0]

    steps = {step.contract.graph: step for step in run_chain(manifest.contracts, given, run)}
    return steps, first_ns


def _stages(
    folder: Path,
    manifest: Manifest,
    runtime: Runtime,
    runners: Mapping[str, Runner],
    steps: Mapping[str, Step],
    scene: Pixels,
) -> Iterator[Stage]:
    segmenter = segmenter_of_graphs(folder, manifest, runtime, runners)
    yield Stage("preprocess", None, partial(segmenter.network.fit, scene))
    for graph, step in steps.items():
        yield Stage("graph", graph, prepared_call(runners[graph], step.inputs))
    for task in image_tasks(manifest):
        if tasks_take_prompts((task,)):
            yield from _prompt_stages(task, segmenter, scene)
        elif task != VIDEO:  # which is timed on a clip
            yield from _object_stages(task, segmenter, scene)


def _object_stages(task: str, segmenter: Segmenter, scene: Pixels) -> Iterator[Stage]:
    pixels, geometry = segmenter.network.fit(scene)
    found = segmenter.network.detect(pixels)
    yield Stage("postprocess", task, partial(segmenter.panoptic_of, found, geometry))
    yield Stage("end_to_end", task, partial(segmenter.panoptic, scene))


def _prompt_stages(task: str, segmenter: Segmenter, scene: Pixels) -> Iterator[Stage]:
    """Times an image with its first prompt, and every further one: that needs the image's graphs no more."""
    prompt, known = _one_prompt(segmenter.prompt_spec()), segmenter.embed(scene)
    logits = known.embedded.answer(encode_prompts(prompt, segmenter.prompt_spec(), known.geometry))
    yield Stage("postprocess", task, partial(segmenter.masks_of, logits, known.geometry))
    yield Stage("click", task, partial(known.segment, prompt))
    yield Stage("end_to_end", task, partial(segmenter.segment, scene, prompt))


def _one_prompt(spec: PromptSpec) -> PromptSet:
    """Asks for the middle of the scene by a point, or by a box where points are not taken."""
    height, width = PHOTO_SIZE
    if spec.max_points:
        return PromptSet.of(points=[(width / 2, height / 2)])
    return PromptSet.of(boxes=[(width / 4, height / 4, 3 * width / 4, 3 * height / 4)])
