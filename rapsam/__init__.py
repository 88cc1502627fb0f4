"""RAP-SAM from a PyTorch checkpoint to a phone, with proof that it computes the same.

The names below are imported when they are first used, so that `import rapsam` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from rapsam.export.build.bundle import export_bundle
    from rapsam.export.bundle.load import load_bundle
    from rapsam.inference.segmenter import model_segmenter
    from rapsam.models.build import build_model, load_checkpoint

__all__ = ["build_model", "export_bundle", "load_bundle", "load_checkpoint", "model_segmenter"]

_HOMES = {
    "build_model": "rapsam.models.build",
    "export_bundle": "rapsam.export.build.bundle",
    "load_bundle": "rapsam.export.bundle.load",
    "load_checkpoint": "rapsam.models.build",
    "model_segmenter": "rapsam.inference.segmenter",
}


def __dir__() -> list[str]:
    """Lists the public names, imported or not."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> object:
    """Imports a public name on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'rapsam' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
