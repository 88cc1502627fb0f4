"""Names of the published checkpoints, and ours, one to one."""

from __future__ import annotations

import re

# Ours on the left, the published name on the right; the first rule that fits a whole prefix wins.
# "{}" stands for an index.
_RENAMED = [
    ("neck.laterals.{}.", "neck.deconv.lateral_conv{}."),
    ("neck.upsamplers.{}.offset_conv.", "neck.deconv.deform_conv{+1}.dcn_offset."),
    ("neck.upsamplers.{}.deform_conv.", "neck.deconv.deform_conv{+1}.dcn."),
    ("neck.upsamplers.{}.deform_norm.", "neck.deconv.deform_conv{+1}.dcn_bn."),
    ("neck.upsamplers.{}.up_conv.", "neck.deconv.deform_conv{+1}.up_sample."),
    ("neck.upsamplers.{}.up_norm.", "neck.deconv.deform_conv{+1}.up_bn."),
    ("neck.aggregations.0.", "neck.deconv.conv_a5."),
    ("neck.aggregations.1.", "neck.deconv.conv_a4."),
    ("neck.aggregations.2.", "neck.deconv.conv_a3."),
    ("neck.aggregations.3.", "neck.deconv.conv_a2."),
    ("neck.aggregation_bias", "neck.deconv.bias"),
    ("neck.smooth_conv.", "neck.deconv.output_conv."),
    ("neck.feature_conv.", "neck.loc_conv."),
    ("prompt_encoder.type_embedding.", "panoptic_head.pb_embedding."),
    ("prompt_encoder.mask_token.", "panoptic_head.mask_tokens."),
    ("prompt_encoder.position_proj.", "panoptic_head.pos_linear."),
    ("decoder.object_queries.", "panoptic_head.kernels."),
    ("decoder.stages.{}.attention.in_proj.", "panoptic_head.mask_heads.{}.s_atten.in_proj_"),
    ("decoder.stages.{}.attention.out_proj.", "panoptic_head.mask_heads.{}.s_atten.out_proj."),
    ("decoder.stages.{}.attention_norm.", "panoptic_head.mask_heads.{}.s_atten_norm."),
    ("decoder.stages.{}.ffn.0.", "panoptic_head.mask_heads.{}.ffn.layers.0.0."),
    ("decoder.stages.{}.ffn.2.", "panoptic_head.mask_heads.{}.ffn.layers.1."),
    ("decoder.stages.{}.ffn_norm.", "panoptic_head.mask_heads.{}.ffn_norm."),
    ("decoder.stages.{}.class_fc.", "panoptic_head.mask_heads.{}.cls_fcs."),
    ("decoder.stages.{}.class_embed.", "panoptic_head.mask_heads.{}.cls_proj."),
    ("decoder.stages.{}.mask_fc.", "panoptic_head.mask_heads.{}.mask_fcs."),
    ("decoder.stages.{}.mask_kernel.", "panoptic_head.mask_heads.{}.fc_mask."),
    ("decoder.stages.{}.iou_embed.", "panoptic_head.mask_heads.{}.iou_embed."),
    ("decoder.object_adapter.class_embed.", "panoptic_head.panoptic_cls.0."),
    ("decoder.prompt_adapter.attention.in_proj.", "panoptic_head.prompt_attn.attn.in_proj_"),
    ("decoder.prompt_adapter.attention.out_proj.", "panoptic_head.prompt_attn.attn.out_proj."),
    ("decoder.prompt_adapter.norm.", "panoptic_head.prompt_norm."),
    ("decoder.prompt_adapter.iou_proj.", "panoptic_head.prompt_iou."),
]
_UPDATES = [
    ("decoder.stages.{}.update.", "panoptic_head.mask_heads.{}.kernel_update."),
    ("decoder.object_adapter.update.", "panoptic_head.panoptic_attn."),
]
_UPDATE_LAYERS = [
    ("pooled_proj.", "dynamic_layer."),
    ("query_proj.", "input_layer."),
    ("query_gate.", "input_gate."),
    ("pooled_gate.", "update_gate."),
    ("query_gate_norm.", "input_norm_in."),
    ("pooled_gate_norm.", "norm_in."),
    ("query_norm.", "input_norm_out."),
    ("pooled_norm.", "norm_out."),
    ("out_proj.", "fc_layer."),
    ("out_norm.", "fc_norm."),
]
_ALL = _RENAMED + [(a + x, b + y) for a, b in _UPDATES for x, y in _UPDATE_LAYERS]


def to_published(name: str) -> str:
    """Translates one of our parameter names to the published one; the backbone's are the same."""
    for ours, published in _ALL:
        match = re.match(re.escape(ours).replace(r"\{\}", r"(\d+)"), name)
        if match:
            index = int(match.group(1)) if match.groups() else 0
            prefix = published.replace("{}", str(index)).replace("{+1}", str(index + 1))
            return prefix + name[match.end() :]
    return name
