"""Runs two checkouts of the toolkit side by side and says where their results differ.

    python -m tests.compare_checkouts OTHER --work FOLDER

For a refactoring: every verb must give the same on the same inputs. In each checkout the nano network with
its shipped weights is exported to ONNX, compared with PyTorch, run on a drawn scene, on prompts and on a
drawn video, as a bundle and as a checkpoint, and evaluated on a small drawn world. Compared are the bytes of
graphs, self-test and results, the figures of evaluations, and all rows of the parity reports. Exit code 1 if
anything differs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

OURS = Path(__file__).resolve().parents[1]
SIZE = "128x128"
LEAST = 80
MODEL = ("--model", "rapsam_nano", "--checkpoint", "nano-synth")
POINT, BOX = "40,50", "10,12,90,100"


def main() -> int:
    """Runs both and prints what differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("other", type=Path, help="the other checkout")
    parser.add_argument("--work", type=Path, required=True, help="new folder")
    options = parser.parse_args()
    options.work.mkdir(parents=True)
    world = options.work / "world"
    drawn = ("--split", "val", "--seed", 7, "--images", 12, "--videos", 2, "--size", SIZE)
    run(OURS, options.work, "data", "synth", "--out", world, *drawn)
    folders = {}
    for name, checkout in (("other", options.other.resolve()), ("ours", OURS)):
        folders[name] = options.work / name
        make_results(checkout, folders[name], world)
    other, ours = (dict(facts(folders[name])) for name in ("other", "ours"))
    differing = [what for what in sorted(other | ours) if other.get(what) != ours.get(what)]
    for what in differing:
        print(f"differs: {what}: {str(other.get(what))[:120]} / {str(ours.get(what))[:120]}")
    if len(other) < LEAST:
        raise SystemExit(f"{len(other)} results found, at least {LEAST} expected: a verb has made nothing")
    print(f"{len(other | ours)} results compared, {len(differing)} differ")
    return 1 if differing else 0


def make_results(checkout: Path, folder: Path, world: Path) -> None:
    """Runs the verbs of a checkout in a new folder."""
    folder.mkdir()
    image = min((world / "val2017").iterdir())
    video = folder / "video.mp4"
    draw_video(checkout, folder, world, video)
    tasks = ("--tasks", "panoptic", "prompt", "video")
    run(checkout, folder, "export", *MODEL, "--target", "onnx", "--size", SIZE, *tasks, "--out", "bundles")
    bundle = ("--bundle", "bundles/onnx-fp32")
    for name, network in (("bundle", bundle), ("checkpoint", MODEL)):
        run(checkout, folder, "predict", image, *network, "--out", f"{name}-image")
        prompts = ("--point", POINT, "--box", BOX)
        run(checkout, folder, "predict", image, *network, *prompts, "--out", f"{name}-prompts")
        run(checkout, folder, "predict", video, *network, "--out", f"{name}-video")
        for task in ("panoptic", "prompts"):
            scored = ("--data", world, "--task", task, "--out", f"{name}-{task}.json")
            run(checkout, folder, "eval", *network, *scored)
    said = run(checkout, folder, "parity", bundle[1], *MODEL[2:], "--json")
    (folder / "parity.json").write_text(said)


def draw_video(checkout: Path, folder: Path, world: Path, path: Path) -> None:
    """Joins the frames of a drawn video to a file."""
    code = (
        "import sys; from pathlib import Path; from fractions import Fraction; "
        "from rapsam.data.images import read_image; from rapsam.data.videos import VideoWriter\n"
        "frames = sorted(Path(sys.argv[1]).iterdir())\n"
        "with VideoWriter(Path(sys.argv[2]), Fraction(8)) as writer:\n"
        "    for place, frame in enumerate(frames):\n"
        "        writer.write(read_image(frame), place / 8, 1 / 8)\n"
    )
    first = min(found for found in (world / "youtube_vis" / "valid" / "JPEGImages").iterdir())
    call(checkout, folder, "-c", code, first, path)


def run(checkout: Path, folder: Path, *arguments: object) -> str:
    """Runs a verb of a checkout and returns what it prints."""
    return call(checkout, folder, "-m", "rapsam", *arguments)


def call(checkout: Path, folder: Path, *arguments: object) -> str:
    """Runs Python with the package of a checkout."""
    words = [sys.executable, *map(str, arguments)]
    print(f"{checkout.name}: {' '.join(map(str, arguments[:4]))}"[:100], file=sys.stderr)
    environment = {
        **os.environ,
        "PYTHONPATH": str(checkout),
        "XDG_CACHE_HOME": str(folder.resolve() / "cache"),
    }
    done = subprocess.run(words, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(words)} ended with {done.returncode} in {checkout}")
    return done.stdout


def facts(folder: Path) -> Iterator[tuple[str, object]]:
    """Yields what must be the same, by name."""
    bundle = folder / "bundles" / "onnx-fp32"
    for path in (*bundle.glob("*.onnx"), *(bundle / "golden").glob("*")):
        if path.suffix != ".json":  # metadata of a graph names its contract
            yield f"bundle/{path.name}", weights_of(path)
    for result in ("image", "prompts", "video"):
        for name in ("bundle", "checkpoint"):
            for path in (folder / f"{name}-{result}").iterdir():
                yield f"{name}-{result}/{path.name}", digest(path.read_bytes())
    for path in (*folder.glob("*-panoptic.json"), *folder.glob("*-prompts.json")):
        yield path.name, json.loads(path.read_text())["figures"]
    report = json.loads((folder / "parity.json").read_text())
    for kind in ("tensors", "tasks", "decisions", "histograms", "videos"):
        for place, row in enumerate(report[kind]):
            yield f"parity {kind} {place}", row


def weights_of(path: Path) -> str:
    """Digests a file; of an ONNX graph what it computes, without the metadata that tells of its contract."""
    if path.suffix != ".onnx":
        return digest(path.read_bytes())
    import onnx

    model = onnx.load(path)
    del model.metadata_props[:]
    return digest(model.SerializeToString(deterministic=True))


def digest(content: bytes) -> str:
    """Returns a short digest."""
    return hashlib.sha256(content).hexdigest()[:16]


if __name__ == "__main__":
    sys.exit(main())
