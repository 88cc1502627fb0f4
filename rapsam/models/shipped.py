"""Weights that come with the package."""

from __future__ import annotations

from pathlib import Path

SHIPPED = {"nano-synth": "rapsam_nano"}
"""Names for `--checkpoint`, each with the variant that it fits; they were trained on the synthetic world."""
_FOLDER = Path(__file__).parent / "weights"


def weights_path(checkpoint: str | Path) -> Path:
    """Gives the file that a user names: weights of the package by their name, any other file by its path."""
    if isinstance(checkpoint, str) and checkpoint in SHIPPED:
        return _FOLDER / f"{checkpoint}.safetensors"
    return Path(checkpoint)


def shipped_name(origin: str) -> str | None:
    """Gives the name of the package's weights whose file a bundle names as its origin; None for others.

    Another file may have that name: compare digests.
    """
    return next((name for name in SHIPPED if weights_path(name).name == origin), None)
