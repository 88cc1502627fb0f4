"""A bundle of a few kilobytes with all that one has, made without any converter, for tests of its seal."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from rapsam.contract import GraphContract, Pipeline, TensorSpec
from rapsam.export.backends.delegation import DelegationReport
from rapsam.export.build.golden import write_golden
from rapsam.export.bundle.manifest import SCHEMA_VERSION, GraphEntry, Manifest, ModelEntry, ParitySummary
from rapsam.export.bundle.manifest_file import write_contract, write_manifest
from rapsam.export.bundle.seal import file_entries
from rapsam.export.parity.report import SCHEMA_VERSION as PARITY_SCHEMA
from rapsam.export.parity.report import ParityReport
from rapsam.export.parity.sample_images import draw_scene
from rapsam.files import sha256_of, size_of
from rapsam.inference.runner import Runner
from rapsam.models.origins import FORMULA_WEIGHTS, Prototypes
from rapsam.tasks.labels import find_label_set
from rapsam.tasks.postprocess import LENIENT
from rapsam.tasks.preprocess import PreprocessSpec

SIZE = (32, 64)


def tensor(name: str, *shape: int) -> TensorSpec:
    return TensorSpec(
        name=name,
        shape=shape,
        dtype="float32",
        layout="NCHW"[: len(shape)],
        value_range=None,
        meaning="a test",
        role="flow" if name == "features" else name,
    )


CONTRACTS = (
    GraphContract(
        graph="encoder", inputs=(tensor("image", 1, 3, *SIZE),), outputs=(tensor("features", 1, 2, 8, 16),)
    ),
    GraphContract(
        graph="panoptic",
        inputs=(tensor("features", 1, 2, 8, 16),),
        outputs=(
            tensor("class_logits", 1, 5, 41),
            tensor("mask_logits", 1, 5, 8, 16),
            tensor("queries", 1, 5, 6),
        ),
    ),
)


class Constant:
    """Stands for a network that always answers the same."""

    def __init__(self, contract: GraphContract) -> None:
        self.outputs = {spec.name: np.full(spec.shape, 0.5, np.float32) for spec in contract.outputs}

    def run(self, _inputs):
        return self.outputs


def write_small_bundle(folder: Path) -> Manifest:
    """Writes a bundle with one graph in a file and one in a package folder."""
    (folder / "panoptic.mlpackage" / "Data").mkdir(parents=True)
    (folder / "encoder.onnx").write_bytes(b"an encoder")
    (folder / "panoptic.mlpackage" / "Manifest.json").write_bytes(b"{}")
    (folder / "panoptic.mlpackage" / "Data" / "weights.bin").write_bytes(b"weights")
    delegation = DelegationReport(
        delegate="XNNPACK",
        provenance="measured",
        macs=10,
        macs_delegated=10,
        ops=3,
        ops_delegated=2,
        partitions=1,
        fallbacks=(),
    )
    graphs = tuple(
        write_entry(folder / path, contract, delegation)
        for path, contract in zip(("encoder.onnx", "panoptic.mlpackage"), CONTRACTS, strict=True)
    )
    manifest = made_up_manifest(
        graphs=graphs,
        pipelines=(Pipeline(task="panoptic", graphs=("encoder", "panoptic")),),
        labels=find_label_set("ytvis_2019"),
        preprocess=PreprocessSpec(size=SIZE),
        prompts=None,
    )
    runners = {contract.graph: Constant(contract) for contract in CONTRACTS}
    return seal(folder, manifest, runners)


def write_entry(
    path: Path, contract: GraphContract, delegation: DelegationReport | None = None
) -> GraphEntry:
    """Writes the contract of a graph that is there, and returns what a manifest tells of it."""
    entry = GraphEntry(
        path=path.name,
        contract=contract,
        recipe="onnx-fp32",
        sha256=sha256_of(path),
        size_bytes=size_of(path),
        parent="ab" * 32,
        macs_before=20,
        macs_after=10,
        delegation=delegation,
        tool_versions={"onnx": "1.0"},
    )
    write_contract(path.parent, entry)
    return entry


def made_up_manifest(**facts: object) -> Manifest:
    """A manifest with these facts, and with anything for the others."""
    return Manifest(
        schema_version=SCHEMA_VERSION,
        rapsam_version="0",
        source_sha256="cd" * 32,
        key="ef" * 32,
        images_sha256="01" * 32,
        device=None,
        recipe="onnx-fp32",
        minimum_runtime="onnxruntime 1.14.0",
        model=ModelEntry(
            name="rapsam_nano",
            weights=FORMULA_WEIGHTS,
            prototypes=Prototypes(origin="formula"),
            weights_sha256="23" * 32,
        ),
        postprocess=LENIENT,
        parity=ParitySummary(status="passed", reference="a test", failures=(), benign=(), not_run=()),
        files=(),
        **facts,
    )


def seal(folder: Path, manifest: Manifest, runners: dict[str, Runner]) -> Manifest:
    """Writes all that a bundle has beside its graphs and their contracts."""
    write_golden(folder, {"scene": draw_scene(1, (20, 30))}, manifest, runners)
    report = ParityReport(
        schema_version=PARITY_SCHEMA,
        model=manifest.model.name,
        recipe=manifest.recipe,
        size=manifest.preprocess.size,
        reference="a test",
        score_threshold=None,
        overlap_threshold=None,
        tensors=(),
        tasks=(),
    )
    (folder / "parity.json").write_bytes(msgspec.json.encode(report))
    (folder / "MODEL_CARD.md").write_bytes(b"# a test\n")
    manifest = msgspec.structs.replace(manifest, files=file_entries(folder))
    write_manifest(folder, manifest)
    return manifest
