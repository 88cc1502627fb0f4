"""A Core ML package on disk: written the same way every time, and checked against the contract."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rapsam.contract import GraphContract
from rapsam.errors import BundleError
from rapsam.export.backends.tensors import check_signature

_XCODE_FIELDS = {
    "author": "author",
    "license": "license",
    "version": "versionString",
    "short_description": "shortDescription",
}
_CHANGES_DAILY = "com.github.apple.coremltools.conversion_date"
_DEBUG_FILE = "executorch_debug_handle_mapping.json"
# A hundred times what the largest network needs: weights are in a file of their own.
MAX_PROGRAM_BYTES = 2**26
_NAMESPACE = uuid.UUID("5c0f7a52-6a0d-5b3e-9a51-2b1f6f3d8f10")


def save_package(model: Any, contract: GraphContract, metadata: Mapping[str, str], path: Path) -> None:  # noqa: ANN401
    """Describes a converted model and writes it as a package, byte for byte the same for the same model.

    Args:
        model: A `coremltools.models.MLModel`.
        contract: Gives the descriptions of inputs and outputs.
        metadata: See `CoremlBackend.lower`.
        path: The package folder.
    """
    import coremltools

    spec = model.get_spec()
    _describe(spec.description, contract, metadata)
    coremltools.models.utils.save_spec(spec, str(path), weights_dir=model.weights_dir)
    for saved in path.glob("Data/*/model.mlmodel"):
        saved.write_bytes(spec.SerializeToString(deterministic=True))
    (path / _DEBUG_FILE).unlink(missing_ok=True)
    _rename_items(path / "Manifest.json")


def check_package(path: Path, contract: GraphContract) -> None:
    """Reads a package again.

    Raises:
        BundleError: If its inputs and outputs are not those of the contract, or its program is larger than
            `MAX_PROGRAM_BYTES`.
    """
    import coremltools

    for saved in path.glob("Data/*/model.mlmodel"):
        size = saved.stat().st_size
        if size > MAX_PROGRAM_BYTES:
            raise BundleError(f"{saved} has {size} bytes; at most {MAX_PROGRAM_BYTES} expected: export again")

    description = coremltools.models.utils.load_spec(str(path)).description
    inputs = {feature.name: _shape(feature, path) for feature in description.input}
    outputs = {feature.name: _shape(feature, path) for feature in description.output}
    check_signature(contract, path, inputs, outputs)


def main_function(path: Path) -> Any:  # noqa: ANN401 - untyped package
    """Loads the program of a package with its weights: a `Function` of Core ML Tools, with `operations`."""
    import coremltools
    from coremltools.converters.mil.frontend.milproto.load import load as load_program

    spec = coremltools.models.utils.load_spec(str(path))
    weights = next(path.glob("Data/*/weights"))
    return load_program(spec, spec.specificationVersion, str(weights)).functions["main"]


def _describe(description: Any, contract: GraphContract, metadata: Mapping[str, str]) -> None:  # noqa: ANN401
    meanings = {spec.name: spec.meaning for spec in (*contract.inputs, *contract.outputs)}
    for feature in (*description.input, *description.output):
        feature.shortDescription = meanings[feature.name]
    about = description.metadata
    about.userDefined.pop(_CHANGES_DAILY, None)
    about.shortDescription = f"Graph {contract.graph!r}"
    for key, value in metadata.items():
        if key in _XCODE_FIELDS:
            setattr(about, _XCODE_FIELDS[key], value)
        else:
            about.userDefined[key] = value


def _rename_items(manifest: Path) -> None:
    """Replaces the random identifiers of a package's items by ones that follow from their paths."""
    content = json.loads(manifest.read_text())
    items = content["itemInfoEntries"]
    names = {old: str(uuid.uuid5(_NAMESPACE, item["path"])) for old, item in items.items()}
    content["itemInfoEntries"] = {names[old]: items[old] for old in sorted(items, key=names.__getitem__)}
    content["rootModelIdentifier"] = names[content["rootModelIdentifier"]]
    manifest.write_text(json.dumps(content, indent=4) + "\n")


def _shape(feature: Any, path: Path) -> tuple[int, ...]:  # noqa: ANN401 - untyped package
    from coremltools.proto import FeatureTypes_pb2 as types

    kind = feature.type.WhichOneof("Type")
    if kind == "imageType" and feature.type.imageType.colorSpace == types.ImageFeatureType.RGB:
        return (1, 3, feature.type.imageType.height, feature.type.imageType.width)
    array = feature.type.multiArrayType
    if kind == "multiArrayType" and array.dataType == types.ArrayFeatureType.FLOAT32:
        return tuple(array.shape)
    raise BundleError(f"{feature.name!r} of {path} is neither an RGB image nor a float32 array: export again")
