"""Which part of a network does what, in the trainable one and in its graphs alike, by names of modules."""

from __future__ import annotations

from collections.abc import Mapping

from rapsam.models.parts import PartRole

PARTS: Mapping[PartRole, str] = {
    "attention": r"attention\b",
    "gate": r"\bgate\b",
    "mask product": r"\bmask_product$",
    "prompt position": r"\bposition$",
    "stem": r"\b(stem|patch_embed)(\.0)?$",
}
