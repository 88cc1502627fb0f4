"""Changing a bundle as its maker could: the manifest and its digest are written anew."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from rapsam.contract import tasks_find_objects, tasks_take_prompts
from rapsam.export.bundle.manifest import GraphEntry, Manifest
from rapsam.export.bundle.manifest_file import read_manifest, write_manifest
from rapsam.export.bundle.seal import file_entries
from rapsam.files import sha256_of, size_of


def graph_entry(manifest: Manifest, name: str) -> GraphEntry:
    """Finds a graph by its name."""
    (found,) = [graph for graph in manifest.graphs if graph.contract.graph == name]
    return found


def reseal(folder: Path, **changes: object) -> None:
    """Writes the manifest with other fields, and with the digests of the files as they are now."""
    manifest = msgspec.structs.replace(read_manifest(folder), **changes)
    graphs = tuple(
        msgspec.structs.replace(
            graph, sha256=sha256_of(folder / graph.path), size_bytes=size_of(folder / graph.path)
        )
        for graph in manifest.graphs
    )
    write_manifest(folder, msgspec.structs.replace(manifest, graphs=graphs, files=file_entries(folder)))


def drop_graph(folder: Path, name: str) -> None:
    """Makes the bundle that an export without this graph would have made."""
    manifest = read_manifest(folder)
    dropped = graph_entry(manifest, name)
    (folder / dropped.path).unlink()
    (folder / dropped.contract_path).unlink()
    kept = tuple(graph for graph in manifest.graphs if graph.contract.graph != name)
    taken = {spec.name for graph in kept for spec in graph.contract.inputs}
    path = folder / "golden/index.json"
    index = json.loads(path.read_text())
    for case in index["cases"]:
        case["inputs"] = [tensor for tensor in case["inputs"] if tensor["name"] in taken]
        case["graphs"] = [graph for graph in case["graphs"] if graph["graph"] != name]
    path.write_text(json.dumps(index))
    pipelines = tuple(pipeline for pipeline in manifest.pipelines if name not in pipeline.graphs)
    without: dict[str, object] = {}
    tasks = [pipeline.task for pipeline in pipelines]
    if not tasks_find_objects(tasks):
        without = {"labels": None, "postprocess": None}
    if not tasks_take_prompts(tasks):
        without |= {"prompts": None}
    reseal(folder, graphs=kept, pipelines=pipelines, **without)
