"""What the command line says about a bundle as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rapsam.export.bundle.manifest import Manifest


def bundle_facts(folder: Path, manifest: Manifest) -> dict[str, Any]:
    """Returns paths, sizes and the parity verdict of a bundle.

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
        "trained": manifest.model.weights.trained,
        "size": list(manifest.preprocess.size),
        "tasks": list(manifest.tasks),
        "files": len(manifest.files),
        "size_bytes": bundle_bytes(manifest),
        "graphs": [
            {
                "path": str(folder / graph.path),
                "size_bytes": graph.size_bytes,
                "macs_before": graph.macs_before,
                "macs_after": graph.macs_after,
                "delegated_mac_share": graph.delegation and graph.delegation.mac_share,
            }
            for graph in manifest.graphs
        ],
        "placement_problems": list(placement_problems(manifest)),
        "parity": parity.status if parity else "not run",
        "failures": list(parity.failures) if parity else [],
        "not_run": list(parity.not_run) if parity else [],
    }


def placement_problems(manifest: Manifest) -> tuple[str, ...]:
    """Says per graph what keeps the bundle from a strict export; empty if nothing does.

    A format without a delegate has nothing to be judged; the others report on theirs when they lower.
    """
    return tuple(
        f"graph {graph.contract.graph!r}: {problem}"
        for graph in manifest.graphs
        if graph.delegation is not None
        for problem in graph.delegation.problems()
    )


def bundle_bytes(manifest: Manifest) -> int:
    """Returns the bytes of a bundle's files without the manifest."""
    return sum(entry.size_bytes for entry in manifest.files)
