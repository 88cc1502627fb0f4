"""Weights that come with the package."""

from __future__ import annotations

from pathlib import Path

from rapsam.errors import unknown_name

SHIPPED = {"nano-synth": "rapsam_nano"}
"""Names for `--checkpoint`, each with the variant that it fits; no family is loaded to know them."""
_FOLDER = Path(__file__).parent / "weights"


def weights_path(checkpoint: str | Path) -> Path:
    """Returns the file that a user names: weights of the package by their name, any other file by its path.

    Raises:
        InputError: If it can only be a name (no suffix, no folder), and no weights are called so.
    """
    if isinstance(checkpoint, str) and checkpoint in SHIPPED:
        return _FOLDER / f"{checkpoint}.safetensors"
    path = Path(checkpoint)
    if isinstance(checkpoint, str) and path.name == checkpoint and not path.suffix and not _exists(path):
        raise unknown_name("checkpoint", checkpoint, SHIPPED, "or name a .safetensors or .pth file")
    return path


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def shipped_name(origin: str) -> str | None:
    """Returns the name of the package's weights whose file a bundle names as its origin; None for others.

    Another file may have that name: compare digests.
    """
    return next((name for name in SHIPPED if weights_path(name).name == origin), None)
