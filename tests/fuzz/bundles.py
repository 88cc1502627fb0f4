"""Hostile bundles: edited, under a broken seal or a new one, with files damaged, missing, added or linked."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
from pathlib import Path
from typing import Any

from rapsam.export.bundle.manifest import MANIFEST_NAME, SEAL_NAME
from rapsam.export.bundle.manifest_file import seal_line
from tests.fuzz.case import INPUTS, OUT, Case, Material
from tests.fuzz.mutations import damaged, odd_stem, shown
from tests.fuzz.trees import changed, encoded, hostile_values

_LITTER = (".DS_Store", "Thumbs.db", "._encoder.onnx", "desktop.ini", "x.txt", "\x1b[31mred", "golden/x.bin")
_DEEP = 30
_TENSOR_FIELDS = ("name", "shape", "dtype", "layout", "value_range", "meaning")


def make(rng: random.Random, folder: Path, material: Material) -> Case:
    """One bundle, for `verify`, `predict`, `eval` or `parity`."""
    bundle = folder / INPUTS / odd_stem(rng)
    shutil.copytree(material.bundle, bundle)
    edits = (
        _manifest,
        _manifest,
        _manifest,
        _contract,
        _contract,
        _flip,
        _graph,
        _graph,
        _golden,
        _file,
        _litter,
    )
    note = rng.choice(edits)(rng, bundle)
    sealed = rng.random() < 0.7 and _reseal(bundle)
    note = shown(f"{note}{', sealed anew' if sealed else ''} in {bundle.name}")
    out = folder / OUT
    use = rng.random()
    if use < 0.3:
        as_json = ["--json"] if rng.random() < 0.4 else []
        return Case(arguments=("verify", str(bundle), *as_json), note=note)
    if use < 0.8:
        prompts = rng.choice(
            ([], [], ["--point", "3,3"], ["--box", "1,1,9,9", "--point", "60,40", "--point", "2,2"])
        )
        results = ("--out", str(out / "results"))
        arguments = ("predict", str(material.photo), "--bundle", str(bundle), *prompts, *results)
        return Case(arguments=arguments, note=note)
    if use < 0.95:
        data = ("--data", str(material.folder / "sets" / "coco_panoptic"), "--limit", "1")
        arguments = ("eval", "--bundle", str(bundle), *data, "--out", str(out / "eval.json"))
        return Case(arguments=arguments, note=note)
    return Case(arguments=("parity", str(bundle)), note=note, may_miss=True, may_work=True)


def _read(path: Path) -> Any:
    return json.loads(path.read_bytes())


def _manifest(rng: random.Random, bundle: Path) -> str:
    path = bundle / MANIFEST_NAME
    tree = _read(path)
    if rng.random() < 0.6:
        return _plausible(rng, path, tree)
    tree, note = changed(rng, tree)
    data, form = encoded(rng, tree)
    path.write_bytes(data)
    return f"manifest {note} {form}"


def _plausible(rng: random.Random, path: Path, tree: Any) -> str:
    """A value of the right type that does not agree with the rest."""
    edits: dict[str, Any] = {
        "preprocess.size": rng.choice(
            ([64, 128], [32, 32], [2**31, 2**31], [63, 95], [0, 0], [-64, 96], [99_968, 99_968])
        ),
        "recipe": rng.choice(
            ("tflite-fp32", "executorch-xnnpack-fp32", "coreml-fp16-ios17", "onnx-fp16", "none")
        ),
        "labels.labels": tree["labels"]["labels"][: rng.choice((1, 5, 14))] * rng.choice((1, 1, 30)),
        "pipelines": rng.choice(([], tree["pipelines"][:1], tree["pipelines"] * 50, tree["pipelines"][::-1])),
        "prompts": rng.choice((None, {**tree["prompts"], "candidates": 3})),
        "postprocess.top_k": rng.choice((1, 10_000)),
        "postprocess.score_threshold": rng.choice((0, 1)),
        "model.name": rng.choice(("rapsam_r50", "none", "\u202ex")),
        "model.weights.trained": True,
        "graphs": tree["graphs"][:: rng.choice((-1, 2))],
        "schema_version": rng.choice((1, 2, 2**63)),
        "minimum_runtime": "x" * 10_000,
    }
    name = rng.choice(sorted(edits))
    *outer, last = name.split(".")
    place = tree
    for key in outer:
        place = place[key]
    place[last] = edits[name]
    if name == "labels.labels":
        place[last] = [{**label, "category_id": number} for number, label in enumerate(place[last], start=1)]
    path.write_bytes(json.dumps(tree).encode())
    return f"manifest {name} {ascii(edits[name])[:40]}"


def _contract(rng: random.Random, bundle: Path) -> str:
    """A tensor of another name, shape or range, in the manifest and in the contract's own file."""
    path = bundle / MANIFEST_NAME
    tree = _read(path)
    graph = rng.choice(tree["graphs"])
    tensor = rng.choice(graph["contract"]["inputs"] + graph["contract"]["outputs"])
    field = rng.choice(_TENSOR_FIELDS)
    shapes = (
        [1, 3, 64, 64],
        [2, 3, 64, 96],
        [1],
        [],
        [0, 3],
        [1, 2**28],
        [1, 2**31, 2**31],
        [1, -3, 4, 4],
        [1, 6, 16, 23],
    )
    alike = [value for value in hostile_values() if type(value) is type(tensor[field])]
    value = rng.choice(alike or hostile_values())
    if field == "shape" and rng.random() < 0.8:
        value = rng.choice(shapes)
    tensor[field] = value
    if field == "shape":
        tensor["layout"] = "NCHWQKDX"[: len(value)] if isinstance(value, list) else "N"
    path.write_text(json.dumps(tree))
    text = json.dumps(graph["contract"], indent=2, sort_keys=True) + "\n"
    (bundle / f"{graph['contract']['graph']}.contract.json").write_text(text, errors="replace")
    return f"tensor {tensor.get('name')!r} {field} {ascii(value)[:50]}"


def _files(bundle: Path) -> list[Path]:
    return sorted(path for path in bundle.rglob("*") if path.is_file())


def _flip(rng: random.Random, bundle: Path) -> str:
    path = rng.choice(_files(bundle))
    data, note = damaged(rng, path.read_bytes())
    path.write_bytes(data)
    return f"{path.name} {note}"


def _graph(rng: random.Random, bundle: Path) -> str:
    """A program that is damaged, or another one."""
    path = rng.choice(sorted(bundle.glob("*.onnx")))
    if rng.random() < 0.3:
        other = rng.choice(sorted(bundle.glob("*.onnx")))
        path.write_bytes(other.read_bytes())
        return f"{other.name} as {path.name}"
    data, note = damaged(rng, path.read_bytes(), most=2)
    path.write_bytes(data)
    return f"{path.name} {note}"


def _golden(rng: random.Random, bundle: Path) -> str:
    path = bundle / "golden" / "index.json"
    tree, note = changed(rng, _read(path))
    data, form = encoded(rng, tree)
    path.write_bytes(data)
    return f"golden index {note} {form}"


def _file(rng: random.Random, bundle: Path) -> str:
    """Something else in the place of a file."""
    path = rng.choice(_files(bundle))
    action = rng.choice(("missing", "link out", "link", "hard link", "fifo", "folder", "empty", "forbidden"))
    if action == "forbidden":
        path.chmod(0)
        return f"{path.name} forbidden"
    data = path.read_bytes()
    path.unlink()
    if action == "link out":
        path.symlink_to("/etc/passwd")
    elif action == "link":
        path.with_name("other").write_bytes(data)
        path.symlink_to("other")
    elif action == "hard link":
        path.with_name("other").write_bytes(data)
        os.link(path.with_name("other"), path)
    elif action == "fifo":
        os.mkfifo(path)
    elif action == "folder":
        path.mkdir()
    elif action == "empty":
        path.touch()
    return f"{path.name} {action}"


def _litter(rng: random.Random, bundle: Path) -> str:
    """Files that nobody has named, or too many or too deep folders."""
    action = rng.choice(("file", "file", "file", "deep", "many", "link to itself"))
    if action == "file":
        name = rng.choice(_LITTER)
        (bundle / name).write_bytes(rng.choice((b"", b"x", b"\0" * 100)))
        return f"added {name!r}"
    if action == "deep":
        bundle.joinpath(*"d" * _DEEP).mkdir(parents=True)
    elif action == "many":
        for number in range(2100):
            (bundle / f"empty-{number}").touch()
    else:
        (bundle / "again").symlink_to(bundle)
    return f"added {action}"


def _reseal(bundle: Path) -> bool:
    """Writes the digests of the files as they are now, as far as the manifest can still be read."""
    path = bundle / MANIFEST_NAME
    try:
        tree = _read(path)
        for entry in tree["files"]:
            data = (bundle / entry["path"]).read_bytes()
            entry |= {"sha256": hashlib.sha256(data).hexdigest(), "size_bytes": len(data)}
        for graph in tree["graphs"]:
            data = (bundle / graph["path"]).read_bytes()
            graph |= {"sha256": hashlib.sha256(data).hexdigest(), "size_bytes": len(data)}
        path.write_bytes(json.dumps(tree).encode())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass  # what cannot be read is sealed as it is
    try:
        (bundle / SEAL_NAME).write_bytes(seal_line(path.read_bytes()))
    except OSError:
        return False
    return True
