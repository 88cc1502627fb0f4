"""Reading and writing weight files without running any code that they may hold.

Our own format is safetensors. Published `.pth` files are read as data: see `rapsam.models.pickle_tree`.
"""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from rapsam.errors import CheckpointError, quoted
from rapsam.files import write_atomic
from rapsam.models.misfit import advice, listed
from rapsam.models.pickle_tree import Inert
from rapsam.models.safetensors_file import open_safetensors, read_text_metadata
from rapsam.models.stored_tensor import PLAIN_DTYPES, StoredTensor, check_plain
from rapsam.models.torch_file import open_legacy, open_pickle, open_zip
from rapsam.models.weight_boundary import parsing
from rapsam.models.weight_file import SAFETENSORS_SUFFIX, content_of
from rapsam.models.wrappers import unwrap

_OPENERS = {
    "safetensors": open_safetensors,
    "torch zip": open_zip,
    "torch legacy": open_legacy,
    "pickle": open_pickle,
}

Note = Callable[[str], None]
"""Is told what a reader decided, in one line."""


def read_tensors(path: Path, note: Note | None = None) -> dict[str, Tensor]:
    """Reads a state dict, ours or published, with the names as they are in the file.

    Known wrappers ({"state_dict": ...} and the like) and prefixes ("module.") are taken off: see
    `rapsam.models.wrappers`.

    Args:
        path: A `.safetensors`, `.pth`, `.pt` or `.ckpt` file of at most 4 GiB; its content
            decides, not its name.
        note: Is told what was taken off.

    Raises:
        CheckpointError: If the file is missing, truncated, unsafe, or holds anything but named tensors.
    """
    with _opened(path, "a weight file", note) as loaded:
        content, notes = unwrap(loaded)
        tensors = _named_tensors(path, content)
        check_plain(path, tensors)
        for line in notes if note else ():
            note(f"{path.name}: {line}")  # type: ignore[misc]
        return {name: tensor.read() for name, tensor in tensors.items()}


def read_tensor(
    path: Path, expected: str, check_shape: Callable[[tuple[int, ...]], None]
) -> tuple[Tensor, dict[str, str]]:
    """Reads a file that holds one tensor (a published text classifier, or ours with its metadata).

    Args:
        path: The file.
        expected: What it should be, for messages.
        check_shape: Is called with the shape before anything is read; raises what it likes.

    Returns:
        The tensor as float32, and the text metadata of the file.

    Raises:
        CheckpointError: As `read_tensors`, or if the file holds anything but one tensor of floats.
    """
    with _opened(path, expected) as loaded:
        stored = _only_tensor(loaded)
        if isinstance(loaded, Inert):
            raise _objects(path, None, loaded)
        if stored is not None:
            check_plain(path, {"the tensor": stored})
        if stored is None or not PLAIN_DTYPES[stored.dtype].is_floating_point:
            raise CheckpointError(f"{path} holds something else; expected one tensor of floats")
        check_shape(stored.shape)
        tensor = stored.read().float()
    return tensor, read_metadata(path)


def read_metadata(path: Path) -> dict[str, str]:
    """Reads the text metadata of a safetensors file; other files have none.

    Raises:
        CheckpointError: If the file is missing or damaged.
    """
    if path.suffix != SAFETENSORS_SUFFIX and not path.is_file():
        return {}
    return read_text_metadata(path) if content_of(path) == "safetensors" else {}


def is_single_tensor(path: Path) -> bool:
    """Tells a text-classifier file from a checkpoint."""
    with _opened(path, "a weight file") as loaded:
        if isinstance(loaded, Inert):
            raise _objects(path, None, loaded)
        return _only_tensor(loaded) is not None


def write_safetensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Writes tensors and text metadata in our own format, atomically."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_atomic(path, safetensors.torch.save(plain, dict(metadata)))


def write_published(path: Path, tensors: Mapping[str, Tensor], *, bare: bool = False) -> None:
    """Writes a `.pth` that the published implementation loads, atomically.

    Args:
        path: The file.
        tensors: Under the published names.
        bare: Whether the file is to hold the state dict alone.

    The head of RAP-SAM renames `panoptic_cls` while loading, unless the state dict says that it has a
    version; a state dict without one would leave that layer random without a word.
    """
    state: OrderedDict[str, Tensor] = OrderedDict(
        (name, tensor.detach().cpu().contiguous()) for name, tensor in tensors.items()
    )
    content: object = state
    if not bare:
        state._metadata = OrderedDict(panoptic_head={"version": 1})  # type: ignore[attr-defined]
        content = {"meta": {}, "state_dict": state}
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_atomic(path, buffer.getvalue())


def load_strictly(
    module: nn.Module,
    tensors: Mapping[str, Tensor],
    source: Path,
    rename: Callable[[str], str],
    recognise: Callable[[Mapping[str, Tensor]], str | None] = lambda _tensors: None,
) -> None:
    """Loads a state dict, ours or published, into a module; nothing may be missing or left over.

    Args:
        module: The network; unchanged if an error is raised. One on the meta device is given memory, tensor
            by tensor, while those of the state dict are let go.
        tensors: Tensors under our names or the published ones; any float dtype.
        source: The file, for messages.
        rename: Translates our names to the published ones.
        recognise: Is asked of which model tensors are that do not fit; None if unknown.

    Raises:
        CheckpointError: Naming what is missing, unexpected or of another shape, or whose weights these are.
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
        *listed("missing", wanted.keys() - tensors.keys()),
        *listed("unexpected", tensors.keys() - wanted.keys()),
        *listed("of another shape", misshapen),
        *listed(
            "of another kind",
            {f"{n} {tensors[n].dtype}" for n in shared if _is_float(tensors[n]) != _is_float(wanted[n])},
        ),
    ]
    if problems:
        if (model := recognise(tensors)) is not None:
            raise CheckpointError(
                f"{source} holds weights of {model} and does not fit the model; take the one that they "
                "belong to, or other weights"
            )
        what_to_do = advice(own.keys() | theirs.keys(), tensors.keys())
        raise CheckpointError(f"{source} does not fit the model: {'; '.join(problems)}; {what_to_do}")
    # Cast first: a large float64 becomes infinite in float32.
    cast = {name: tensors[name].to(wanted[name].dtype) for name in shared}
    for name in sorted(shared):
        if not bool(torch.isfinite(cast[name]).all()):
            raise CheckpointError(
                f"{source}: {name!r} holds NaN or infinite values, or some too large for "
                f"{_dtype_name(wanted[name])}; expected finite weights"
            )
    named = {theirs[name] if in_published else name: cast.pop(name) for name in list(cast)}
    if any(tensor.is_meta for tensor in own.values()):
        del tensors, cast
        _give_memory(module, named)
    else:
        module.load_state_dict(named)


def _give_memory(module: nn.Module, state: dict[str, Tensor]) -> None:
    """Gives a module on the meta device copies of tensors, each of which is let go as soon as it is copied.

    What was read may lie in a file, which can change, or share its memory with another tensor.
    """
    for name in list(state):
        state[name] = state[name].clone()
    module.load_state_dict(state, assign=True)


def _dtype_name(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


@contextmanager
def _opened(path: Path, expected: str, note: Note | None = None) -> Iterator[object]:
    """Opens a weight file and yields what was saved; whatever its bytes lead to becomes a refusal."""
    content = content_of(path, expected)
    if note and (content == "safetensors") != (path.suffix == SAFETENSORS_SUFFIX):
        note(f"{path.name} is a {content} file, whatever its name says; it is read as one")
    with parsing(path), _OPENERS[content](path) as loaded:
        yield loaded


def _named_tensors(path: Path, content: object) -> dict[str, StoredTensor]:
    if isinstance(content, Inert):
        raise _objects(path, None, content)
    if not isinstance(content, dict) or not content:
        raise CheckpointError(f"{path} holds {_kind(content)}; expected a state dict of named tensors")
    tensors = {}
    for name, value in content.items():
        if isinstance(value, Inert):
            raise _objects(path, name, value)
        if not isinstance(name, str) or not isinstance(value, StoredTensor):
            under = quoted(name) if isinstance(name, str) else "a key that is no text"
            raise CheckpointError(f"{path} holds {_kind(value)} under {under}; expected named tensors only")
        tensors[name] = value
    return tensors


def _objects(path: Path, name: object, value: Inert) -> CheckpointError:
    where = f" under {quoted(name)}" if isinstance(name, str) else ""
    return CheckpointError(
        f"cannot read {path}: it holds Python objects, which are never loaded ({quoted(value.kind)}{where}): "
        "save its state dict alone, with torch.save"
    )


def _only_tensor(loaded: object) -> StoredTensor | None:
    if isinstance(loaded, dict) and len(loaded) == 1:
        (loaded,) = loaded.values()
    return loaded if isinstance(loaded, StoredTensor) else None


def _is_float(tensor: Tensor) -> bool:
    return tensor.is_floating_point()


def _kind(value: object) -> str:
    if isinstance(value, StoredTensor):
        return "a single tensor"
    return "an empty dict" if isinstance(value, dict) and not value else f"a {type(value).__name__}"
