"""Which part of RAP-SAM does what, in the trainable network and in its graphs alike, by names of modules."""

from __future__ import annotations

from collections.abc import Mapping

from rapsam.models.parts import PartRole

PARTS: Mapping[PartRole, str] = {
    "attention": r"\battention\b",
    "class head": r"\b(class_embed|classifier)\b",
    "gate": r"\bupdate\.(query|pooled)_gate$",
    "mask product": r"\bmask_product$",
    "pooling": r"\bpool$",
    "prompt position": r"\bposition_proj$",
    "sampling": r"\bdeform_conv\b",
    "steering": r"\boffset_conv$",
    "stem": r"\bbackbone\.conv1$",
}
REWRITTEN = (
    r"^neck\.feature_conv$|\bupdate\.(pooled_proj|query_gate|pooled_gate)$|^decoder\.prompt_adapter\.attention\b"
    r"|^decoder\.stages\.\d+\.(mask_kernel|class_fc|class_embed|iou_embed)\b"
)
"""What no graph computes as it is trained.

The matrix of the mask features is merged with what makes and takes kernels (`rewrites/basis.py`) and with
the attention of prompts, the gates get means for sums (`rewrites/mean_pooling.py`), and no graph returns what
the heads of the stages say of classes and quality.
"""
