"""A Core ML package on disk: written the same way every time, and checked against the contract."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from rapsam.contract import GraphContract
from rapsam.errors import BundleError
from rapsam.export.backends.tensors import check_signature
from rapsam.untrusted import list_files, read_limited

# The two items of a package, below its folder "Data".
_PROGRAM = "com.apple.CoreML/model.mlmodel"
_WEIGHTS = "com.apple.CoreML/weights"
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
_MAX_LIST_BYTES = 2**16
_NAMESPACE = uuid.UUID("5c0f7a52-6a0d-5b3e-9a51-2b1f6f3d8f10")


class _Item(msgspec.Struct, frozen=True):
    path: str


class _ItemList(msgspec.Struct, frozen=True, rename="camel"):
    """What of a package's `Manifest.json` decides which files are read."""

    item_info_entries: dict[str, _Item]
    root_model_identifier: str


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
    (path / "Data" / _PROGRAM).write_bytes(spec.SerializeToString(deterministic=True))
    (path / _DEBUG_FILE).unlink(missing_ok=True)
    _rename_items(path / "Manifest.json")


def read_program(path: Path, contract: GraphContract) -> Any:  # noqa: ANN401 - untyped package
    """Reads the program of a package, which anyone may have made, without its weights.

    Returns:
        A `Model` message of Core ML Tools.

    Raises:
        BundleError: If the package has links, or other items than a program and its weights, if the program
            is larger than `MAX_PROGRAM_BYTES`, or if its inputs and outputs are not those of the contract.
    """
    from coremltools.proto import Model_pb2

    list_files(path)  # refuses links, which could lead elsewhere
    _check_items(path / "Manifest.json")
    model = Model_pb2.Model()
    model.ParseFromString(read_limited(path / "Data" / _PROGRAM, MAX_PROGRAM_BYTES))
    inputs = {feature.name: _shape(feature, path) for feature in model.description.input}
    outputs = {feature.name: _shape(feature, path) for feature in model.description.output}
    check_signature(contract, path, inputs, outputs)
    return model


def main_function(path: Path, model: Any) -> Any:  # noqa: ANN401 - untyped package
    """Loads the weights of a package.

    Args:
        path: The package.
        model: Its program, from `read_program`.

    Returns:
        A `Function` of Core ML Tools, with `operations`.
    """
    from coremltools.converters.mil.frontend.milproto.load import load as load_program

    return load_program(model, model.specificationVersion, str(path / "Data" / _WEIGHTS)).functions["main"]


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


def _check_items(manifest: Path) -> None:
    """Core ML opens what this list names; Core ML Tools would do so wherever it lies."""
    found = msgspec.json.decode(read_limited(manifest, _MAX_LIST_BYTES), type=_ItemList)
    items = {name: item.path for name, item in found.item_info_entries.items()}
    if sorted(items.values()) != [_PROGRAM, _WEIGHTS] or items.get(found.root_model_identifier) != _PROGRAM:
        raise BundleError(
            f"{manifest} lists {sorted(items.values())}; {_PROGRAM}, its root, and {_WEIGHTS} expected: "
            "export again"
        )


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
