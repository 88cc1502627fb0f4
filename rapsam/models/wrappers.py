"""Finding the state dict in what people save around it, and the names in what they put before them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from rapsam.models.stored_tensor import StoredTensor

AVERAGED = ("state_dict_ema", "model_ema", "ema")
"""Where averaged weights lie (timm and others). Not `ema_state_dict`: mmengine exchanges the two when it
saves, so that its `state_dict` is the average."""
PLAIN = ("state_dict", "model_state_dict", "model", "module")
PREFIXES = ("module.", "_orig_mod.", "model.")
"""Of DataParallel and DDP, of `torch.compile`, of Lightning."""
_COMPILED = "_orig_mod"
_COUNT = "n_averaged"
"""Beside the weights in the state of `torch.optim.swa_utils.AveragedModel`."""
_DEEPEST = 8


class Unwrapped(NamedTuple):
    """What was found in a weight file.

    Attributes:
        content: A dict of names, or whatever else was saved.
        notes: What was taken off or left, a line for each, unless it is what the published files have.
    """

    content: object
    notes: list[str]


def unwrap(loaded: object) -> Unwrapped:
    """Takes known wrappers off, again and again; averaged weights are taken before plain ones."""
    way: list[str] = []
    notes: list[str] = []
    content = loaded
    while isinstance(content, dict) and len(way) < _DEEPEST:
        named = [key for key in (*AVERAGED, *PLAIN) if _is_named(content.get(key))]
        # Beside the weights, `ema` may hold no more than how to average.
        found = [key for key in named if _holds_tensors(content[key])] or named
        if not found:
            break
        way.append(found[0])
        if found[0] in AVERAGED and len(found) > 1:
            notes.append(f"took the averaged weights {found[0]!r}, not {found[1]!r}")
        content = content[found[0]]
    if way not in ([], ["state_dict"]) and not notes:
        notes.append(f"took the weights {'.'.join(way)!r}")
    if isinstance(content, dict):
        content, prefix_notes = _without_prefixes(content)
        notes += prefix_notes
    return Unwrapped(content, notes)


def common_prefix(names: Iterable[str]) -> str:
    """Returns the part up to a dot with which all names begin, "" if there is none."""
    names = list(names)
    first = names[0].split(".")[:-1] if len(names) > 1 else []
    for length in range(len(first), 0, -1):
        prefix = ".".join(first[:length]) + "."
        if all(name.startswith(prefix) for name in names):
            return prefix
    return ""


def _is_named(value: object) -> bool:
    return isinstance(value, dict) and any(isinstance(key, str) for key in value)


def _holds_tensors(value: object) -> bool:
    """Looks for a tensor in a dict, and in the dicts that it holds, each of them once."""
    waiting, seen = [value], {id(value)}
    while waiting:
        content = waiting.pop()
        if isinstance(content, StoredTensor):
            return True
        for item in content.values() if isinstance(content, dict) else ():
            if isinstance(item, dict | StoredTensor) and id(item) not in seen:
                seen.add(id(item))
                waiting.append(item)
    return False


def _without_prefixes(names: Mapping[object, object]) -> tuple[dict[object, object], list[str]]:
    """Takes prefixes off that all names have, and `torch.compile`'s mark wherever it stands."""
    result = dict(names)
    taken: list[str] = []
    if any(isinstance(name, str) and name != _COUNT for name in result):
        counted = {name: value for name, value in result.items() if name != _COUNT}
        if _COUNT in result and _prefix_of(counted):
            result = counted
    while prefix := _prefix_of(result):
        result = {str(name).removeprefix(prefix): value for name, value in result.items()}
        taken.append(prefix)
    inner = {_uncompiled(name): value for name, value in result.items()}
    if len(inner) == len(result) and inner.keys() != result.keys():
        result = inner
        taken.append(f"{_COMPILED}.")
    # "module." alone is what the published files may have.
    notes = [f"names are read without {''.join(taken)!r}"] if taken not in ([], ["module."]) else []
    return result, notes


def _prefix_of(names: Iterable[object]) -> str:
    texts = list(names)
    return next(
        (
            prefix
            for prefix in PREFIXES
            if texts and all(isinstance(name, str) and name.startswith(prefix) for name in texts)
        ),
        "",
    )


def _uncompiled(name: object) -> object:
    if not isinstance(name, str):
        return name
    return ".".join(part for part in name.split(".") if part != _COMPILED)
