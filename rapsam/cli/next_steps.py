"""The command that comes next, ready to be copied."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rapsam.export.bundle.manifest import Manifest


def command_line(*words: str | Path) -> str:
    """Returns a command of this tool, quoted for a shell."""
    return f"rapsam {shlex.join(map(str, words))}"


def next_step(*words: str | Path) -> str:
    """Returns a line with the command that comes next."""
    return f"next: {command_line(*words)}"


def parity_step(
    bundle: Path,
    manifest: Manifest,
    *options: str,
    checkpoint: str | None = None,
    classifier: str | None = None,
) -> str:
    """Returns the line with the command that compares a bundle with its network.

    Args:
        bundle: Its folder.
        manifest: Its manifest; says whether the network needs a checkpoint.
        options: More words of the command.
        checkpoint: File or name that was given, if it is known.
        classifier: File or name that was given, if it is known.
    """
    from rapsam.models.shipped import shipped_name

    # Formula weights and those of the package are found without being named.
    found = not manifest.model.weights.trained or shipped_name(manifest.model.weights.name) is not None
    if checkpoint is None and not found:
        checkpoint = manifest.model.weights.name
    named = ["--checkpoint", checkpoint] if checkpoint and not found else []
    named += ["--classifier", classifier] if classifier else []
    return next_step("parity", bundle, *options, *named)
