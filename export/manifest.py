"""The manifest of a bundle: everything that an app, a checker or a reader must know about its files."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Literal

import msgspec

from rapsam.contract import GraphContract
from rapsam.errors import BundleError
from rapsam.files import sha256_of, write_atomic
from rapsam.tasks.labels import LabelSet
from rapsam.tasks.preprocess import PreprocessSpec

SCHEMA_VERSION = 1
MANIFEST_NAME = "manifest.json"
SEAL_NAME = "manifest.sha256"
MAX_MANIFEST_BYTES = 8 * 1024**2


class ModelEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The network that a bundle was made from.

    Attributes:
        name: Variant.
        weights_origin: File name or formula.
        classifier_origin: File name or formula of the text prototypes that give the classes.
        weights_sha256: Digest of names, shapes and values of all weights and text prototypes.
        trained: False for random or formula weights: results are then numbers without meaning.
    """

    name: str
    weights_origin: str
    classifier_origin: str
    weights_sha256: str
    trained: bool


class GraphEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One graph of a bundle.

    Attributes:
        path: File, or package folder, relative to the bundle.
        contract: Inputs and outputs.
        sha256: Digest of the artifact; a folder's is made from its files' names and contents.
        size_bytes: Size of the artifact.
        tool_versions: Versions of the packages that lowered it.
    """

    path: str
    contract: GraphContract
    sha256: str
    size_bytes: int
    tool_versions: dict[str, str]


class PostprocessSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Thresholds of the tasks.

    Attributes:
        score_threshold: Panoptic: class probability that a query must exceed.
        overlap_threshold: Panoptic: share of its own mask that a query must win.
        top_k: Instances: candidates per image.
    """

    score_threshold: float
    overlap_threshold: float
    top_k: int = 100


# The thresholds of the published model, and lower ones at which untrained weights give segments too.
TRAINED = PostprocessSpec(score_threshold=0.8, overlap_threshold=0.8)
UNTRAINED = PostprocessSpec(score_threshold=0.4, overlap_threshold=0.25)


class ParitySummary(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the bundle compared with the reference when it was made; `parity.json` has the whole report."""

    status: Literal["passed", "emulated", "failed", "not run"]
    reference: str
    failures: tuple[str, ...]
    not_run: tuple[str, ...]


class FileEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of a bundle: its path relative to the bundle, digest and size."""

    path: str
    sha256: str
    size_bytes: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a bundle holds.

    Attributes:
        schema_version: Version of this format.
        rapsam_version: Version of the toolkit that wrote it.
        device: Device of the catalogue that it was made for, or None.
        recipe: Name of the recipe.
        tasks: What the graphs together can do.
        minimum_runtime: Oldest runtime that computes these graphs correctly.
        model: The network.
        graphs: The graphs, in the order in which an app runs them.
        labels: Class names; the class logits have one more column, void.
        preprocess: From a photograph to the first graph's input.
        postprocess: From the outputs to results.
        parity: Comparison with the reference.
        files: Every file of the bundle but the manifest itself and its digest.
    """

    schema_version: int
    rapsam_version: str
    device: str | None
    recipe: str
    tasks: tuple[str, ...]
    minimum_runtime: str
    model: ModelEntry
    graphs: tuple[GraphEntry, ...]
    labels: LabelSet
    preprocess: PreprocessSpec
    postprocess: PostprocessSpec
    parity: ParitySummary | None
    files: tuple[FileEntry, ...]

    def graph(self, name: str) -> GraphEntry:
        """Finds a graph by name.

        Raises:
            BundleError: If the bundle has no such graph.
        """
        for entry in self.graphs:
            if entry.contract.graph == name:
                return entry
        names = [entry.contract.graph for entry in self.graphs]
        raise BundleError(f"the bundle has no graph {name!r}, only {names}; export it with the task you need")

    def has_graph(self, name: str) -> bool:
        """Tells whether the bundle has this graph."""
        return any(entry.contract.graph == name for entry in self.graphs)

    @property
    def finds_objects(self) -> bool:
        """Whether the graphs find objects: in one piece, or behind the encoder."""
        return self.has_graph("panoptic_image") or self.has_graph("panoptic")


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Writes `manifest.json`, the same bytes for the same content, and its digest as `sha256sum` does."""
    content = msgspec.json.format(msgspec.json.encode(manifest, order="sorted"), indent=2) + b"\n"
    write_atomic(folder / MANIFEST_NAME, content)
    write_atomic(folder / SEAL_NAME, seal_line(folder))


def seal_line(folder: Path) -> bytes:
    """Makes the content of the manifest's digest file, in the form that `sha256sum --check` reads."""
    return f"{sha256_of(folder / MANIFEST_NAME)}  {MANIFEST_NAME}\n".encode()


def read_manifest(folder: Path) -> Manifest:
    """Reads and checks the manifest of a bundle; the files themselves are not looked at.

    Raises:
        BundleError: If it is missing, too large, damaged, of another schema, or names paths outside.
    """
    path = folder / MANIFEST_NAME
    if not folder.is_dir():
        raise BundleError(f"{folder} is no folder; expected a bundle made by 'rapsam export'")
    if path.is_symlink() or not path.is_file():
        raise BundleError(f"{folder} has no {MANIFEST_NAME}; expected a bundle made by 'rapsam export'")
    if path.stat().st_size > MAX_MANIFEST_BYTES:
        raise BundleError(
            f"{path} has {path.stat().st_size:,} bytes; expected at most {MAX_MANIFEST_BYTES:,}"
        )
    data = path.read_bytes()
    try:
        version = msgspec.json.decode(data, type=_Version).schema_version
        if version != SCHEMA_VERSION:
            raise BundleError(f"{path} has schema version {version}; this toolkit reads {SCHEMA_VERSION}")
        manifest = msgspec.json.decode(data, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError(f"{path} is damaged ({error}); export the bundle again") from error
    for name in [*(f.path for f in manifest.files), *(g.path for g in manifest.graphs)]:
        _check_relative(path, name)
    return manifest


class _Version(msgspec.Struct):
    schema_version: int


def _check_relative(manifest_path: Path, name: str) -> None:
    parts = PurePosixPath(name).parts
    plain = parts and not name.startswith("/") and "\\" not in name and "\0" not in name
    if not plain or ".." in parts or name != PurePosixPath(name).as_posix() or ":" in parts[0]:
        raise BundleError(f"{manifest_path} names {name!r}; expected plain paths inside the bundle")
