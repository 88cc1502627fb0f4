"""The decoder: three shared stages, then an adapter for learned objects or for prompts."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from rapsam.models.rapsam.attention import Attention
from rapsam.models.rapsam.config import RapSamConfig
from rapsam.models.rapsam.query_update import HardMaskPool, QueryUpdate
from rapsam.models.text_classifier import TextClassifier
from rapsam.models.trainable import StageOutput

# Legend: B batch, Q queries, C hidden channels, P pixels (of all frames of a clip), K classes.

# The stages divide their class logits by this temperature; the object adapter does not.
STAGE_TEMPERATURE = 0.1


def mask_product(kernels: Tensor, features_BCP: Tensor) -> Tensor:
    """Mask logits (B, Q, P): the dot product of each kernel (B, Q, C) with each pixel."""
    return kernels @ features_BCP


class DecoderStage(nn.Module):
    """Pooling, gated update, self-attention and feed-forward; heads for class, mask and IoU."""

    def __init__(self, config: RapSamConfig) -> None:
        super().__init__()
        width = config.hidden_width
        self.pool = HardMaskPool()
        self.update = QueryUpdate(width)
        self.attention = Attention(width, config.num_heads)
        self.attention_norm = nn.LayerNorm(width)
        self.ffn = nn.Sequential(
            nn.Linear(width, config.ffn_width), nn.ReLU(), nn.Linear(config.ffn_width, width)
        )
        self.ffn_norm = nn.LayerNorm(width)
        self.class_fc = _normed_layer(width)
        self.class_embed = _mlp(width, config.embedding_width)
        self.mask_fc = _normed_layer(width)
        self.mask_kernel = nn.Linear(width, width)
        self.iou_embed = _mlp(width, 1)

    def refine(
        self, queries: Tensor, features_BCP: Tensor, mask_logits_BQP: Tensor, visible: Tensor | None
    ) -> Tensor:
        """Updates the queries (B, Q, C) from the previous masks; `visible` limits who sees whom."""
        queries = self.update(queries, self.pool(features_BCP, mask_logits_BQP))
        queries = self.attention_norm(queries + self.attention(queries, queries, visible=visible))
        return self.ffn_norm(queries + self.ffn(queries))  # type: ignore[no-any-return]

    def mask_logits(self, queries: Tensor, features_BCP: Tensor) -> Tensor:
        """Predicts mask logits (B, Q, P)."""
        return mask_product(self.mask_kernel(self.mask_fc(queries)), features_BCP)

    def class_logits(self, queries: Tensor, classifier: TextClassifier) -> Tensor:
        """Predicts class logits (B, Q, K + 1)."""
        logits: Tensor = classifier(self.class_embed(self.class_fc(queries)))
        return logits / STAGE_TEMPERATURE

    def iou(self, queries: Tensor) -> Tensor:
        """Predicts the IoU (B, Q) of the stage's masks."""
        return self.iou_embed(self.mask_fc(queries)).squeeze(-1)  # type: ignore[no-any-return]


class ObjectAdapter(nn.Module):
    """Last step in object mode: one more gated update; the query itself is the mask kernel."""

    def __init__(self, config: RapSamConfig) -> None:
        super().__init__()
        self.pool = HardMaskPool()
        self.update = QueryUpdate(config.hidden_width)
        self.class_embed = nn.Linear(config.hidden_width, config.embedding_width)

    def refine(self, queries: Tensor, features_BCP: Tensor, mask_logits_BQP: Tensor) -> Tensor:
        """Updates the queries (B, Q, C) from the last stage's masks."""
        return self.update(queries, self.pool(features_BCP, mask_logits_BQP))  # type: ignore[no-any-return]

    def class_logits(self, queries: Tensor, classifier: TextClassifier) -> Tensor:
        """Predicts class logits (B, Q, K + 1)."""
        return classifier(self.class_embed(queries))  # type: ignore[no-any-return]


class PromptAdapter(nn.Module):
    """Last step in prompt mode: cross-attention to all pixels; the query itself is the mask kernel."""

    def __init__(self, config: RapSamConfig) -> None:
        super().__init__()
        self.attention = Attention(config.hidden_width, config.num_heads)
        self.norm = nn.LayerNorm(config.hidden_width)
        self.iou_proj = nn.Linear(config.hidden_width, 1)

    def refine(self, queries: Tensor, features_BCP: Tensor) -> Tensor:
        """Updates the queries (B, Q, C) from the mask features."""
        return self.norm(queries + self.attention(queries, features_BCP.transpose(1, 2)))  # type: ignore[no-any-return]

    def iou(self, queries: Tensor) -> Tensor:
        """Predicts the IoU (B, Q) of the prompt masks."""
        return self.iou_proj(queries).squeeze(-1)  # type: ignore[no-any-return]


class Decoder(nn.Module):
    """Refines object queries or prompt queries; never both in one pass."""

    def __init__(self, config: RapSamConfig) -> None:
        super().__init__()
        self.object_queries = nn.Embedding(config.num_queries, config.hidden_width)
        self.stages = nn.ModuleList(DecoderStage(config) for _ in range(config.num_stages))
        self.object_adapter = ObjectAdapter(config)
        self.prompt_adapter = PromptAdapter(config)
        _initialise(self)
        nn.init.normal_(self.object_queries.weight)

    @property
    def ordered_stages(self) -> tuple[DecoderStage, ...]:
        """The stages in the order in which they run."""
        return cast("tuple[DecoderStage, ...]", tuple(self.stages))

    def detect(self, features_BCP: Tensor, classifier: TextClassifier) -> list[StageOutput]:
        """Object mode: all stages and the object adapter, mask logits flat as (B, Q, P)."""
        start = self.object_queries.weight.expand(features_BCP.shape[0], -1, -1)
        outputs = self._run_stages(start, features_BCP, classifier, visible=None)
        last = outputs[-1]
        queries = self.object_adapter.refine(last.queries, features_BCP, last.mask_logits)
        final = StageOutput(
            class_logits=self.object_adapter.class_logits(queries, classifier),
            mask_logits=mask_product(queries, features_BCP),
            iou=last.iou,
            queries=queries,
        )
        return [*outputs, final]

    def segment_prompts(
        self, prompts: Tensor, features_BCP: Tensor, classifier: TextClassifier
    ) -> list[StageOutput]:
        """Prompt mode: all stages and the prompt adapter; no prompt (B, Q, C) sees another."""
        visible = prompt_visibility(prompts)
        outputs = self._run_stages(prompts, features_BCP, classifier, visible)
        queries = self.prompt_adapter.refine(outputs[-1].queries, features_BCP)
        final = StageOutput(
            class_logits=outputs[-1].class_logits,
            mask_logits=mask_product(queries, features_BCP),
            iou=self.prompt_adapter.iou(queries),
            queries=queries,
        )
        return [*outputs, final]

    def _run_stages(
        self, queries: Tensor, features_BCP: Tensor, classifier: TextClassifier, visible: Tensor | None
    ) -> list[StageOutput]:
        mask_logits = mask_product(queries, features_BCP)
        outputs = []
        for stage in self.ordered_stages:
            queries = stage.refine(queries, features_BCP, mask_logits, visible)
            mask_logits = stage.mask_logits(queries, features_BCP)
            output = StageOutput(
                class_logits=stage.class_logits(queries, classifier),
                mask_logits=mask_logits,
                iou=stage.iou(queries),
                queries=queries,
            )
            outputs.append(output)
        return outputs


def prompt_visibility(prompts: Tensor) -> Tensor:
    """Boolean (K, K) for prompts (B, K, C): each sees itself alone."""
    return torch.eye(prompts.shape[1], dtype=torch.bool, device=prompts.device)


def _normed_layer(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, width, bias=False), nn.LayerNorm(width), nn.ReLU())


def _mlp(width: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, outputs)
    )


def _initialise(decoder: nn.Module) -> None:
    for module in decoder.modules():
        if isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
