"""Which stages a bundle or a bare file has, known before anything is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from rapsam.benchmarks.latency.record import StageKind
from rapsam.contract import tasks_find_objects, tasks_take_prompts
from rapsam.errors import unknown_name
from rapsam.export.backends.file_tensors import GRAPH
from rapsam.export.bundle.manifest import Manifest
from rapsam.export.bundle.manifest_file import read_manifest


class StageName(NamedTuple):
    """What is timed by itself; see `StageTimes`.

    Attributes:
        kind: What is done.
        of: The graph or the task; None where there is one only.
    """

    kind: StageKind
    of: str | None

    @property
    def spellings(self) -> set[str]:
        """What it can be asked for by: its kind, its subject, or both."""
        return {self.kind} if self.of is None else {self.kind, self.of, f"{self.kind}:{self.of}"}

    def is_wanted(self, wanted: Sequence[str]) -> bool:
        """Tells whether one of some spellings means it; all are wanted where there are none."""
        return not wanted or not self.spellings.isdisjoint(wanted)


VIDEO = "video"
FILM = StageName("end_to_end", VIDEO)
"""A frame of a film: from the frame to its tracked objects."""


def known_stages(path: Path) -> tuple[StageName, ...]:
    """Lists the stages of a bundle or a bare file, in the order in which they are timed.

    Raises:
        BundleError: If a bundle's manifest is damaged.
    """
    if not path.is_dir():
        return (StageName("graph", GRAPH),)
    return tuple(bundle_stages(read_manifest(path)))


def local_stages(path: Path) -> tuple[StageName, ...]:
    """Lists them on this machine, where films are timed too: the task "video" is one frame after another.

    Raises:
        BundleError: If a bundle's manifest is damaged.
    """
    stages = known_stages(path)
    if not path.is_dir() or VIDEO not in read_manifest(path).tasks:
        return stages
    return (*(stage for stage in stages if stage.kind == "graph" or stage.of != VIDEO), FILM)


def graph_stages(path: Path) -> tuple[StageName, ...]:
    """Lists them where nothing but graphs runs: each by itself, and those of a task one after another.

    Raises:
        BundleError: If a bundle's manifest is damaged.
    """
    graphs = [stage for stage in known_stages(path) if stage.kind == "graph"]
    tasks = image_tasks(read_manifest(path)) if path.is_dir() else ()
    return (*graphs, *(StageName("pipeline", task) for task in tasks))


def image_tasks(manifest: Manifest) -> tuple[str, ...]:
    """Lists the tasks that differ for a single image: of those that find objects, the one it is asked by."""
    finding = [task for task in manifest.tasks if tasks_find_objects((task,))]
    asked = "panoptic" if "panoptic" in finding else next(iter(finding), None)
    return tuple(task for task in manifest.tasks if task not in finding or task == asked)


def check_stages(subject: str, stages: Sequence[StageName], wanted: Sequence[str]) -> None:
    """Checks that there are the stages that are asked for.

    Args:
        subject: What has them, for the message.
        stages: All of them; none where nothing is timed, and anything may be asked for.
        wanted: Spellings of stages.

    Raises:
        InputError: If no stage has one of the spellings.
    """
    known = set[str]().union(*(stage.spellings for stage in stages))
    for name in wanted:
        if known and name not in known:
            raise unknown_name(f"stage of {subject}", name, known)


def bundle_stages(manifest: Manifest) -> Iterator[StageName]:
    """Lists the stages of a bundle, in the order in which they are timed."""
    yield StageName("preprocess", None)
    for contract in manifest.contracts:
        yield StageName("graph", contract.graph)
    for task in image_tasks(manifest):
        yield StageName("postprocess", task)
        if tasks_take_prompts((task,)):
            yield StageName("click", task)
        yield StageName("end_to_end", task)
