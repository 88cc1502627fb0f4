"""What the command line says about a bundle as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rapsam.export.manifest import Manifest


def bundle_facts(folder: Path, manifest: Manifest) -> dict[str, Any]:
    """Gathers paths, sizes and the parity verdict of a bundle.

    Args:
        folder: The bundle.
        manifest: Its manifest.
    """
    parity = manifest.parity
    return {
        "bundle": str(folder),
        "device": manifest.device,
        "recipe": manifest.recipe,
        "model": manifest.model.name,
        "trained": manifest.model.trained,
        "size": list(manifest.preprocess.size),
        "tasks": list(manifest.tasks),
        "files": len(manifest.files),
        "size_bytes": bundle_bytes(manifest),
        "graphs": [
            {"path": str(folder / graph.path), "size_bytes": graph.size_bytes} for graph in manifest.graphs
        ],
        "parity": parity.status if parity else "not run",
        "failures": list(parity.failures) if parity else [],
        "not_run": list(parity.not_run) if parity else [],
    }


def bundle_bytes(manifest: Manifest) -> int:
    """Gives the bytes of a bundle's files, the manifest aside."""
    return sum(entry.size_bytes for entry in manifest.files)
