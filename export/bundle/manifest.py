"""The manifest of a bundle: everything that an app, a checker or a reader must know about its files."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from rapsam.contract import GraphContract, Pipeline, prompts_per_pass
from rapsam.export.backends.delegation import DelegationReport
from rapsam.models.origins import Prototypes, Weights
from rapsam.tasks.labels import LabelSet
from rapsam.tasks.postprocess import PostprocessSpec
from rapsam.tasks.preprocess import PreprocessSpec
from rapsam.tasks.prompt_set import PromptSpec

SCHEMA_VERSION = 4
MANIFEST_NAME = "manifest.json"
SEAL_NAME = "manifest.sha256"
PARITY_NAME = "parity.json"
CONTRACT_SUFFIX = ".contract.json"
MAX_BUNDLE_BYTES = 4 * 1024**3

# "\Z" and not "$", which a line break may follow.
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
Bytes = Annotated[int, msgspec.Meta(ge=0, le=MAX_BUNDLE_BYTES)]
Macs = Annotated[int, msgspec.Meta(ge=0, le=1 << 60)]
Verdict = Literal["passed", "emulated", "undecided", "failed", "not run"]


class ModelEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The network that a bundle was made from.

    Attributes:
        name: Variant.
        weights: Where the weights come from, and whether they have learnt anything.
        prototypes: Where the text prototypes come from that name the classes; None without any.
        weights_sha256: Digest of names, shapes and values of all weights and text prototypes.
    """

    name: str
    weights: Weights
    prototypes: Prototypes | None
    weights_sha256: Sha256


class GraphEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One graph of a bundle.

    Attributes:
        path: File, or package folder, relative to the bundle.
        contract: Inputs and outputs.
        recipe: Name of the recipe that it was lowered by: the bundle's, or where that gains nothing, another.
        sha256: Digest of the artifact; a folder's is made from its files' names and contents.
        size_bytes: Size of the artifact.
        parent: Digest of what the artifact was made from; see `rapsam.export.build.inputs.graph_key`.
        macs_before: Multiply-adds of the published network in this graph's place.
        macs_after: Multiply-adds of the graph that was lowered.
        delegation: What the format's delegate takes over; None for a format that reports on none.
        tool_versions: Versions of the packages that lowered it.
    """

    path: str
    contract: GraphContract
    recipe: str
    sha256: Sha256
    size_bytes: Bytes
    parent: Sha256
    macs_before: Macs
    macs_after: Macs
    delegation: DelegationReport | None
    tool_versions: dict[str, str]

    @property
    def contract_path(self) -> str:
        """File beside the artifact that holds the contract as JSON."""
        return f"{self.path.rpartition('.')[0]}{CONTRACT_SUFFIX}"


class ParitySummary(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the bundle compared with the reference when it was made; `parity.json` has the whole report.

    Attributes:
        status: Verdict.
        reference: What computed the reference.
        failures: A line for each missed gate.
        benign: A line for each gate that is missed where rounding alone decides.
        not_run: A line for each runtime that did not run.
    """

    status: Verdict
    reference: str
    failures: tuple[str, ...]
    benign: tuple[str, ...]
    not_run: tuple[str, ...]


class FileEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of a bundle: its path relative to the bundle, digest and size."""

    path: str
    sha256: Sha256
    size_bytes: Bytes


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a bundle holds.

    Attributes:
        schema_version: Version of this format.
        rapsam_version: Version of the toolkit that wrote it.
        source_sha256: Digest of the toolkit's source; see `rapsam.export.build.source`.
        key: Digest of all that decides the content; see `rapsam.export.build.inputs.bundle_key`.
        images_sha256: Digest of the images that the self-test and parity were made with.
        device: Device of the catalogue that it was made for, or None.
        recipe: Name of the recipe.
        minimum_runtime: Oldest runtime that computes these graphs correctly.
        model: The network.
        graphs: The graphs, those that others wait for first.
        pipelines: For each task the graphs that do it, in the order in which an app runs them. What their
            tensors are, `role` says in the contracts.
        labels: Class names; the class logits have one more column, void. None where no objects are found.
        preprocess: From a photograph to the first graph's input.
        postprocess: Thresholds from outputs to objects; None where none are found.
        prompts: What the model takes as a prompt; None if it takes none.
        parity: Comparison with the reference.
        files: Every file of the bundle but the manifest itself and its digest.
    """

    schema_version: int
    rapsam_version: str
    source_sha256: Sha256
    key: Sha256
    images_sha256: Sha256
    device: str | None
    recipe: str
    minimum_runtime: str
    model: ModelEntry
    graphs: tuple[GraphEntry, ...]
    pipelines: tuple[Pipeline, ...]
    labels: LabelSet | None
    preprocess: PreprocessSpec
    postprocess: PostprocessSpec | None
    prompts: PromptSpec | None
    parity: ParitySummary | None
    files: tuple[FileEntry, ...]

    @property
    def tasks(self) -> tuple[str, ...]:
        """What the graphs together can do."""
        return tuple(pipeline.task for pipeline in self.pipelines)

    @property
    def contracts(self) -> tuple[GraphContract, ...]:
        """Contracts of the graphs, in their order."""
        return tuple(entry.contract for entry in self.graphs)

    @property
    def num_prompts(self) -> int:
        """Prompts per pass; 0 if no graph takes any."""
        return prompts_per_pass(self.contracts)
