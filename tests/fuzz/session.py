"""Makes, runs and judges the inputs of a session, one after another."""

from __future__ import annotations

import json
import os
import pickle
import random
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz import annotations, arguments, bundles, checkpoints, images, videos
from tests.fuzz.case import INPUTS, OUT, WORK, Case, Maker, Material, case_random
from tests.fuzz.judge import Fault, changed_inputs, faults_of, snapshot
from tests.fuzz.material import write_material
from tests.fuzz.worker import STDERR, Ended, preload, run_forked

KINDS: dict[str, Maker] = {
    "images": images.make,
    "videos": videos.make,
    "checkpoints": checkpoints.make,
    "annotations": annotations.make,
    "bundles": bundles.make,
    "arguments": arguments.make,
}
_MAKING_S = 60
_WORK_S = 5
"""For commands that may rightly work for long: a refusal comes sooner."""
_BUSY = 4
"""On a busy machine seconds of a processor take longer: what counts are those, what waits gets more."""
_ATTEMPTS = 3


@dataclass
class Found:
    """A fault and the input that showed it."""

    number: int
    note: str
    command: tuple[str, ...]
    fault: Fault


@dataclass
class Tally:
    """What the inputs of one kind came to.

    Attributes:
        kind: Of the inputs.
        codes: How often each exit code was seen.
        worked: Inputs whose work went on beyond the limit, rightly.
        slowest: The longest time in seconds, and the number of that input.
        seconds: Time of all.
        found: The faults.
    """

    kind: str
    count: int = 0
    codes: dict[int, int] = field(default_factory=dict)
    worked: int = 0
    slowest: tuple[float, int] = (0.0, 0)
    seconds: float = 0.0
    found: list[Found] = field(default_factory=list)

    def add(self, number: int, case: Case, ended: Ended, faults: Iterable[Fault]) -> None:
        self.count += 1
        if ended.timed_out:
            self.worked += case.may_work
        else:
            self.codes[ended.code] = self.codes.get(ended.code, 0) + 1
        self.slowest = max(self.slowest, (ended.seconds, number))
        self.found += [Found(number, case.note, case.arguments, fault) for fault in faults]


def fuzz(
    kinds: Sequence[str],
    numbers: Sequence[int],
    seed: int,
    limit_s: float,
    keep: Path | None = None,
    tell: Callable[[str], object] | None = None,
) -> list[Tally]:
    """Runs inputs of some kinds.

    Args:
        kinds: Names in `KINDS`.
        numbers: Which inputs of each kind.
        seed: Of all random numbers.
        limit_s: Seconds that each input may take.
        keep: Where the folders of failing inputs are moved.
        tell: Is given a line for every input.
    """
    preload()
    with (
        tempfile.TemporaryDirectory(prefix="rapsam-fuzz-") as name,
        socket.create_server(("127.0.0.1", 0)) as trap,
    ):
        trap.setblocking(False)
        root = Path(name).resolve()
        os.environ.update(
            HOME=str(root), RAPSAM_CACHE=str(root / "cache"), XDG_CACHE_HOME=str(root / "cache")
        )
        material = Material(root / "material", trap.getsockname()[1])
        _make_material(root, material)
        shutil.copytree(material.folder, root / "pristine")
        session = _Session(root, material, trap, seed, limit_s, keep, tell)
        return [session.run(kind, numbers) for kind in kinds]


def _make_material(root: Path, material: Material) -> None:
    """In a process of its own, since ONNX Runtime starts threads."""
    place = _scratch(root, "making")

    def work() -> int:
        write_material(material.folder)
        return 0

    if run_forked(work, place, _MAKING_S).code:
        raise RuntimeError((place / "stderr").read_text())


@dataclass
class _Session:
    root: Path
    material: Material
    trap: socket.socket
    seed: int
    limit_s: float
    keep: Path | None
    tell: Callable[[str], object] | None

    def run(self, kind: str, numbers: Sequence[int]) -> Tally:
        tally, start = Tally(kind), time.monotonic()
        for number in numbers:
            self._run_one(tally, number)
            if sys.stderr.isatty():
                print(
                    f"\r{kind}: {tally.count} of {len(numbers)}, {len(tally.found)} faults",
                    end="",
                    file=sys.stderr,
                )
        tally.seconds = time.monotonic() - start
        if sys.stderr.isatty():
            print(file=sys.stderr)
        return tally

    def _run_one(self, tally: Tally, number: int) -> None:
        folder = self.root / f"{tally.kind}-{self.seed}-{number}"
        case = self._made(tally.kind, number, folder)
        before, shared = snapshot(folder), snapshot(self.material.folder)
        limit_s = min(self.limit_s, _WORK_S) if case.may_work else _BUSY * self.limit_s
        ended = run_forked(lambda: _command(case), folder, limit_s, self.limit_s)
        faults = faults_of(case, folder, ended, before, self.trap)
        if changes := changed_inputs(shared, snapshot(self.material.folder)):
            faults += changes
            _remove(self.material.folder)
            shutil.copytree(self.root / "pristine", self.material.folder)
        tally.add(number, case, ended, faults)
        if self.tell:
            self.tell(f"{tally.kind} {number}: {_outcome(folder, ended)} <- {case.note[:160]}")
        if faults and self.keep:
            self._keep(folder, case, faults)
        _remove(folder)

    def _made(self, kind: str, number: int, folder: Path) -> Case:
        """Makes a case in a process of its own: encoders start threads, and odd settings upset some."""
        for attempt in range(_ATTEMPTS):
            for name in (INPUTS, OUT, WORK):
                _remove(folder / name)
                (folder / name).mkdir(parents=True)
            place, told = _scratch(folder, f"maker-{attempt}"), folder / f"maker-{attempt}" / "case"
            chance = case_random(kind, self.seed, number, attempt)

            def work(told: Path = told, chance: random.Random = chance) -> int:
                told.write_bytes(pickle.dumps(KINDS[kind](chance, folder, self.material)))
                return 0

            if not run_forked(work, place, _MAKING_S).code:
                return pickle.loads(told.read_bytes())
        raise RuntimeError(f"{kind} {number} cannot be made: {(place / 'stderr').read_text()}")

    def _keep(self, folder: Path, case: Case, faults: list[Fault]) -> None:
        content = {
            "command": [ascii(argument)[1:-1] for argument in case.arguments],
            "note": case.note,
            "faults": [fault.detail for fault in faults],
        }
        (folder / "command.json").write_text(json.dumps(content, indent=1))
        target = self.keep / folder.name
        _remove(target)
        self.keep.mkdir(parents=True, exist_ok=True)
        shutil.copytree(folder, target, symlinks=True, ignore=_no_plain_files)


def _no_plain_files(folder: str, names: list[str]) -> list[str]:
    """Pipes would make a copy wait for ever."""
    return [name for name in names if Path(folder, name).is_fifo()]


def _scratch(folder: Path, name: str) -> Path:
    """A place for a process that works for the fuzzer itself."""
    (folder / name / WORK).mkdir(parents=True)
    return folder / name


def _outcome(folder: Path, ended: Ended) -> str:
    lines = (folder / STDERR).read_bytes()[-500:].decode(errors="replace").splitlines()
    said = ascii(lines[-1])[1:-1][:200] if lines else ""
    return f"exit {'over time' if ended.timed_out else ended.code}, {ended.seconds:.1f} s, {said!r}"


def _command(case: Case) -> int:
    from rapsam.cli.main import main

    main(case.arguments)


def _remove(folder: Path) -> None:
    """Removes a folder, also where a case has taken the right to write from a part of it."""
    for root, folders, _ in os.walk(folder):
        for path in (Path(root, name) for name in folders):
            if not path.is_symlink():
                path.chmod(0o755)
    shutil.rmtree(folder, ignore_errors=True)
