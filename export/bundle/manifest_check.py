"""What a manifest that anyone may have written must fulfil: bounds, plain paths, harmless texts."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

import msgspec

from rapsam.contract import GraphContract, TensorSpec
from rapsam.export.bundle.manifest import MAX_BUNDLE_BYTES, Manifest
from rapsam.export.bundle.manifest_fit import fit_problems
from rapsam.untrusted import MAX_FILES, is_system_file

MAX_GRAPHS = 16
MAX_ELEMENTS = 1 << 28
MAX_PATH = 400
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def manifest_problems(manifest: Manifest, own_files: Sequence[str]) -> Iterator[str]:
    """Says what is wrong with the content of a manifest, one line each.

    Args:
        manifest: Decoded, but not trusted.
        own_files: Names that are taken by the manifest itself and its digest.
    """
    yield from _text_problems(manifest)
    yield from _path_problems(manifest, own_files)
    names = [entry.contract.graph for entry in manifest.graphs]
    if not 1 <= len(names) <= MAX_GRAPHS or len(set(names)) < len(names):
        yield f"has the graphs {names[:MAX_GRAPHS]}; expected 1 to {MAX_GRAPHS}, each once: export it again"
    for entry in manifest.graphs:
        yield from _contract_problems(entry.contract)
    yield from fit_problems(manifest)


def _text_problems(manifest: Manifest) -> Iterator[str]:
    """Line breaks and escape sequences would reach the terminal of whoever looks at the bundle."""
    # Paths have a check of their own, with a better message.
    graphs = tuple(msgspec.structs.replace(graph, path="") for graph in manifest.graphs)
    for text in _texts(msgspec.to_builtins(msgspec.structs.replace(manifest, graphs=graphs, files=()))):
        if _CONTROL.search(text):
            yield f"holds the text {text[:80]!r} with control characters; export it again"
            return


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from (*_texts(key), *_texts(item))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _path_problems(manifest: Manifest, own_files: Sequence[str]) -> Iterator[str]:
    files = [entry.path for entry in manifest.files]
    if len(files) > MAX_FILES:
        yield f"names {len(files):,} files; expected at most {MAX_FILES:,}"
    if (total := sum(entry.size_bytes for entry in manifest.files)) > MAX_BUNDLE_BYTES:
        yield f"names files of {total:,} bytes; expected at most {MAX_BUNDLE_BYTES:,}"
    for name in [*files, *(entry.path for entry in manifest.graphs)]:
        if not is_plain_path(name):
            yield f"names {name[:MAX_PATH]!r}; expected plain paths inside the bundle"
        elif any(map(is_system_file, PurePosixPath(name).parts)):
            yield f"names {name!r}, a name that is left to file managers; export it again"
    for first, second in _colliding([*files, *own_files]):
        yield f"names {first!r} and {second!r}, which are one file on some systems; export it again"
    listed = set(files)
    for entry in manifest.graphs:
        below = any(name.startswith(f"{entry.path}/") for name in files)
        if entry.path not in listed and not below:
            yield f"names the graph {entry.path!r} but no file of it; export it again"
        if entry.contract_path not in listed:
            yield f"names no file {entry.contract_path!r}, the contract of a graph; export it again"


def is_plain_path(name: str) -> bool:
    """Tells whether a path stays inside its folder, and means the same on every system."""
    path = PurePosixPath(name)
    return (
        0 < len(name) <= MAX_PATH
        and not path.is_absolute()
        and name == path.as_posix()
        and not any(part in (".", "..") or part != part.rstrip(" .") for part in path.parts)
        and not set(name) & set('\\:*?"<>|')
        and not _CONTROL.search(name)
    )


def _colliding(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    seen: dict[str, str] = {}
    for name in names:
        same = unicodedata.normalize("NFC", name).casefold()
        if same in seen:
            yield seen[same], name
        seen[same] = name


def _contract_problems(contract: GraphContract) -> Iterator[str]:
    specs = (*contract.inputs, *contract.outputs)
    names = [spec.name for spec in specs]
    if not contract.inputs or not contract.outputs or len(set(names)) < len(names):
        yield f"gives the graph {contract.graph!r} the tensors {names[:MAX_GRAPHS]}; export it again"
    for spec in specs:
        if not _is_sane(spec):
            tensor = f"{spec.name!r} {spec.dtype} {list(spec.shape)}"[:120]
            yield f"gives the graph {contract.graph!r} the tensor {tensor}; export it again"


def _is_sane(spec: TensorSpec) -> bool:
    return (
        spec.dtype == "float32"
        and 2 <= len(spec.shape) <= 8  # the first is the batch
        and all(side >= 1 for side in spec.shape)
        and math.prod(spec.shape) <= MAX_ELEMENTS
        and len(spec.layout) == len(spec.shape)
    )


def one_line(error: Exception) -> str:
    """Returns the message of an error without anything that could break the line."""
    return _CONTROL.sub(" ", str(error))[:300]
