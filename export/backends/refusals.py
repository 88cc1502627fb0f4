"""Precisions of few bits by name, and why targets refuse them where several have the same reason."""

from __future__ import annotations

FEW_BITS = ("w4", "w8", "w8a8", "w8a16", "w8da8", "p4", "p6", "p8")
"""All that users ask for by name: a target has them, or says why not."""
PALETTES = ("p4", "p6", "p8")

COARSE_4_BITS = "one scale per channel is too coarse for 4 bits; take w8, or p4 of target coreml"
LINEAR_ONLY = "scales found at every run are for linear layers, a small part of the networks; take w8a8"
NO_PALETTES = "palettes of weights are Core ML's; take w8, or target coreml"
NEVER_RUN = "what was never run is not exported"
"""The end of a reason."""
