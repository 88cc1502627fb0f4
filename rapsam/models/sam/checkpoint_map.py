"""Names of the published checkpoints, and ours, one to one."""

from __future__ import annotations

import re

_INDEX = r"\.(\d+)"
# Ours on the left, the published name on the right. All rules that fit a name are applied, in this order.
_RULES = [
    # Everywhere: a convolution with its norm.
    (r"\.conv\.", r".c."),
    (r"\.batch_norm\.", r".bn."),
    # Small networks count their linear layers, or name them.
    (r"(kernel_mlps\.\d+|iou_head)\.0\.", r"\1.layers.0."),
    (r"(kernel_mlps\.\d+|iou_head)\.2\.", r"\1.layers.1."),
    (r"(kernel_mlps\.\d+|iou_head)\.4\.", r"\1.layers.2."),
    (rf"^(image_encoder\.blocks|mask_decoder\.layers){_INDEX}\.mlp\.0\.", r"\1.\2.mlp.lin1."),
    (rf"^(image_encoder\.blocks|mask_decoder\.layers){_INDEX}\.mlp\.2\.", r"\1.\2.mlp.lin2."),
    (r"\.mlp\.0\.", r".mlp.fc1."),
    (r"\.mlp\.2\.", r".mlp.fc2."),
    # Prompts.
    (r"\.position\.frequencies$", r".pe_layer.positional_encoding_gaussian_matrix"),
    (rf"\.point_embeddings{_INDEX}$", r".point_embeddings.\1.weight"),
    (r"\.padding_point$", r".not_a_point_embed.weight"),
    (r"\.no_mask$", r".no_mask_embed.weight"),
    # The decoder.
    (r"\.(iou_token|mask_tokens)$", r".\1.weight"),
    (r"\.(q|k|v)[a-z]+_proj\.", r".\1_proj."),
    (r"\.self_attention\.", r".self_attn."),
    (r"\.self_norm\.", r".norm1."),
    (r"\.token_attention\.", r".cross_attn_token_to_image."),
    (r"\.token_norm\.", r".norm2."),
    (r"^(mask_decoder\..*)\.mlp_norm\.", r"\1.norm3."),
    (r"\.image_attention\.", r".cross_attn_image_to_token."),
    (r"\.image_norm\.", r".norm4."),
    (r"^mask_decoder\.layers\.", r"mask_decoder.transformer.layers."),
    (r"\.final_attention\.", r".transformer.final_attn_token_to_image."),
    (r"\.final_norm\.", r".transformer.norm_final_attn."),
    (r"\.upscaling\.", r".output_upscaling."),
    (r"\.kernel_mlps\.", r".output_hypernetworks_mlps."),
    (r"\.iou_head\.", r".iou_prediction_head."),
    # The transformer of SAM.
    (r"^image_encoder\.position$", r"image_encoder.pos_embed"),
    (r"\.patch_embed\.(weight|bias)$", r".patch_embed.proj.\1"),
    # TinyViT.
    (rf"\.patch_embed{_INDEX}\.", r".patch_embed.seq.\1."),
    (r"\.transition\.", r".downsample."),
    (r"^(image_encoder\.stages\..*)\.expand\.", r"\1.conv1."),
    (r"^(image_encoder\.stages\..*)\.depthwise\.", r"\1.conv2."),
    (r"^(image_encoder\.stages\..*)\.project\.", r"\1.conv3."),
    (r"\.attention\.biases$", r".attention.attention_biases"),
    (r"\.mlp_norm\.", r".mlp.norm."),
    (r"^image_encoder\.stages\.", r"image_encoder.layers."),
    (r"\.unused_norm\.", r".norm_head."),
    (r"\.unused_head\.", r".head."),
    (r"^(image_encoder\..*)\.attention\.", r"\1.attn."),
    # RepViT.
    (r"\.stem\.", r".features.0."),
    (r"\.depthwise\.point\.", r".depthwise.conv1."),
    (r"\.depthwise\.square\.", r".depthwise.conv."),
    (r"\.middle_proj\.", r".fuse_stage2."),
    (r"\.deep_proj\.", r".fuse_stage3.op_list.0."),
]
_REPVIT_BLOCK = re.compile(rf"^image_encoder\.blocks{_INDEX}\.(depthwise|gate|pointwise|mixer)\.")
_REPVIT_PARTS = {
    "depthwise": "token_mixer.0",
    "gate": "token_mixer.1",
    "pointwise": "token_mixer.2",
    "mixer": "channel_mixer.m",
}


def to_published(name: str) -> str:
    """Translates one of our names of tensors to the published one."""
    for ours, published in _RULES:
        name = re.sub(ours, published, name)
    return _REPVIT_BLOCK.sub(_repvit_block, name)


def _repvit_block(match: re.Match[str]) -> str:
    # The stem is their first block.
    return f"image_encoder.features.{int(match[1]) + 1}.{_REPVIT_PARTS[match[2]]}."
