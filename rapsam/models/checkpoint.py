"""Reading and writing weight files without running any code that they may hold.

Our own format is safetensors. Published `.pth` files are read with `torch.load(weights_only=True)`.
"""

from __future__ import annotations

import io
import os
import warnings
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from rapsam.errors import CheckpointError, InputError
from rapsam.files import write_atomic

MAX_BYTES = 4 * 1024**3
_SAFETENSORS = ".safetensors"
_TORCH = (".pth", ".pt")
_LISTED = 12
_DAMAGED = "it is damaged, truncated or of another format: copy or download it again"


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Reads a state dict, ours or published, with the names as they are in the file.

    Wrappers ({"state_dict": ...}) and a common `module.` prefix are taken off.

    Args:
        path: A `.safetensors`, `.pth` or `.pt` file of at most 4 GiB.

    Raises:
        CheckpointError: If the file is missing, truncated, unsafe, or holds anything but named tensors.
    """
    loaded = _load(path)
    if isinstance(loaded, dict) and isinstance(loaded.get("state_dict"), dict):
        loaded = loaded["state_dict"]
    if not isinstance(loaded, dict) or not loaded:
        raise CheckpointError(f"{path} holds {_kind(loaded)}; expected a state dict of named tensors")
    for name, value in loaded.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise CheckpointError(f"{path} holds {_kind(value)} under {name!r}; expected named tensors only")
    _check_plain(path, loaded)
    if all(name.startswith("module.") for name in loaded):
        return {name.removeprefix("module."): tensor for name, tensor in loaded.items()}
    return dict(loaded)


def read_tensor(path: Path) -> tuple[Tensor, dict[str, str]]:
    """Reads a file that holds one tensor (a published text classifier, or ours with its metadata).

    Raises:
        CheckpointError: As `read_tensors`, or if the file holds more than one tensor.
    """
    loaded = _only_tensor(_load(path))
    if loaded is not None:
        _check_plain(path, {"the tensor": loaded})
    if loaded is None or not loaded.is_floating_point():
        raise CheckpointError(f"{path} holds something else; expected one tensor of floats")
    return loaded.float(), read_metadata(path)


def read_metadata(path: Path) -> dict[str, str]:
    """Reads the text metadata of a safetensors file; other files have none.

    Raises:
        CheckpointError: If the file is missing or damaged.
    """
    if path.suffix != _SAFETENSORS:
        return {}
    _check_file(path)
    try:
        with safetensors.safe_open(path, "pt") as file:
            return file.metadata() or {}
    except Exception as error:
        raise CheckpointError(f"cannot read {path}: {_DAMAGED}") from error


def is_single_tensor(path: Path) -> bool:
    """Tells a text-classifier file from a checkpoint."""
    return _only_tensor(_load(path)) is not None


def write_safetensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Writes tensors and text metadata in our own format, atomically."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_atomic(path, safetensors.torch.save(plain, dict(metadata)))


def write_published(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Writes a `.pth` that the published implementation loads, atomically.

    Its head renames `panoptic_cls` while loading, unless the state dict says that it has a version; a state
    dict without one would leave that layer random without a word.
    """
    state: OrderedDict[str, Tensor] = OrderedDict(
        (name, tensor.detach().cpu().contiguous()) for name, tensor in tensors.items()
    )
    state._metadata = OrderedDict(panoptic_head={"version": 1})  # type: ignore[attr-defined]
    buffer = io.BytesIO()
    torch.save({"meta": {}, "state_dict": state}, buffer)
    write_atomic(path, buffer.getvalue())


def load_strictly(
    module: nn.Module, tensors: Mapping[str, Tensor], source: Path, rename: Callable[[str], str]
) -> None:
    """Loads a state dict, ours or published, into a module; nothing may be missing or left over.

    Args:
        module: The network; unchanged if an error is raised.
        tensors: Tensors under our names or the published ones; any float dtype.
        source: The file, for messages.
        rename: Translates our names to the published ones.

    Raises:
        CheckpointError: Naming what is missing, unexpected or of another shape.
    """
    own = module.state_dict()
    theirs = {rename(name): name for name in own}
    in_published = len(theirs.keys() & tensors.keys()) > len(own.keys() & tensors.keys())
    # Both sides under the names that the file uses, so that the user finds them there.
    wanted = {given: own[name] for given, name in theirs.items()} if in_published else own
    shared = wanted.keys() & tensors.keys()
    misshapen = {
        f"{name} {list(tensors[name].shape)} instead of {list(wanted[name].shape)}"
        for name in shared
        if tensors[name].shape != wanted[name].shape
    }
    problems = [
        *_listed("missing", wanted.keys() - tensors.keys()),
        *_listed("unexpected", tensors.keys() - wanted.keys()),
        *_listed("of another shape", misshapen),
        *_listed(
            "of another kind",
            {f"{n} {tensors[n].dtype}" for n in shared if _is_float(tensors[n]) != _is_float(wanted[n])},
        ),
    ]
    if problems:
        raise CheckpointError(
            f"{source} does not fit the model: {'; '.join(problems)}; is it another variant?"
        )
    for name in sorted(shared):
        if not bool(torch.isfinite(tensors[name]).all()):
            raise CheckpointError(f"{source}: {name!r} holds NaN or infinite values; expected finite weights")
    module.load_state_dict({theirs[name] if in_published else name: t for name, t in tensors.items()})


def weight_format(path: Path) -> str:
    """Gives "safetensors" or "torch" by the file's suffix.

    Raises:
        InputError: If the suffix is neither.
    """
    if path.suffix == _SAFETENSORS:
        return "safetensors"
    if path.suffix in _TORCH:
        return "torch"
    raise InputError(f"{path} has the suffix {path.suffix!r}; expected .safetensors, .pth or .pt")


def _load(path: Path) -> object:
    kind = weight_format(path)
    _check_file(path)
    try:
        if kind == "safetensors":
            return safetensors.torch.load_file(path)
        with warnings.catch_warnings(action="ignore"):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # Damaged and malicious files raise whatever their bytes lead to; none of it is for users.
        unsafe = "weights_only" in str(error).lower() or "unsupported" in str(error).lower()
        reason = (
            "it holds Python objects, which are never loaded: save its state dict alone"
            if unsafe and kind == "torch"
            else _DAMAGED
        )
        raise CheckpointError(f"cannot read {path}: {reason}") from error


def _check_file(path: Path) -> None:
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise CheckpointError(f"{path} {what}; expected a weight file")
    if not os.access(path, os.R_OK):
        raise CheckpointError(f"{path} may not be read; change its permissions, or name another file")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise CheckpointError(f"{path} has {size:,} bytes; expected at most {MAX_BYTES:,}")


def _only_tensor(loaded: object) -> Tensor | None:
    if isinstance(loaded, dict) and len(loaded) == 1:
        (loaded,) = loaded.values()
    return loaded if isinstance(loaded, Tensor) else None


def _check_plain(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Refuses what would cost memory or fail later: views larger than the file, sparse or empty tensors."""
    total = 0
    for name, tensor in tensors.items():
        if tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.is_complex():
            raise CheckpointError(f"{path}: {name!r} is no plain tensor of numbers; save it as one")
        total += tensor.numel() * tensor.element_size()
    if total > MAX_BYTES:
        raise CheckpointError(f"{path} would unfold to {total:,} bytes; expected at most {MAX_BYTES:,}")


def _is_float(tensor: Tensor) -> bool:
    return tensor.is_floating_point()


def _kind(value: object) -> str:
    return "an empty dict" if value == {} else f"a {type(value).__name__}"


def _listed(what: str, names: set[str]) -> list[str]:
    if not names:
        return []
    shown = ", ".join(sorted(names)[:_LISTED])
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return [f"{len(names)} {what} ({shown}{more})"]
