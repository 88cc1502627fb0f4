"""The seam of families: a network that is defined here is trained by the same losses and optimiser."""

import numpy as np
import pytest
import torch
from torch import nn

from rapsam.data.synth.source import SynthImages
from rapsam.models.backbones.resnet import ResNetConfig
from rapsam.models.classifier_file import find_classifier
from rapsam.models.trainable import StageOutput, Trainable
from rapsam.training.batch import Batch
from rapsam.training.config import DataConfig, DistillConfig, LossConfig, OptimiserConfig, SourceConfig
from rapsam.training.losses.distillation import Distillation
from rapsam.training.losses.network import LossNetwork
from rapsam.training.optim import make_optimiser, set_training_mode
from rapsam.training.samples import MixedSamples, MixedSource, collate

QUERIES = 12
LOSSES = LossConfig(num_points=64, first_mask_factor=1.0, name_weight=1.0, place_weight=1.0)
SIZE = (64, 64)


class OneStage(Trainable):
    """Queries are mask kernels; one linear layer refines them."""

    def __init__(self, width: int) -> None:
        super().__init__("one_stage")
        self.text_classifier = find_classifier("synth", 768)
        self.backbone_config = ResNetConfig(bottleneck=False, blocks=(1, 1, 1, 1), width=8)
        self.backbone = self.backbone_config.build()
        self.neck = nn.Sequential(
            nn.Conv2d(self.backbone_config.channels[0], width, 1), nn.BatchNorm2d(width)
        )
        self.queries = nn.Embedding(QUERIES, width)
        self.of_boxes = nn.Linear(4, width)
        self.refine = nn.Linear(width, width)
        self.embed, self.iou = nn.Linear(width, 768), nn.Linear(width, 1)

    @property
    def num_queries(self):
        return self.queries.num_embeddings

    @property
    def feature_width(self):
        return self.queries.embedding_dim

    def encode(self, images):
        return self.neck(self.backbone(images)[0])

    def detect(self, features, num_frames=None):
        clips = features.unflatten(0, (-1, num_frames or 1))
        return self._stages(self.queries.weight.expand(len(clips), -1, -1), clips, num_frames is None)

    def segment(self, features, boxes):
        return self._stages(self.of_boxes(boxes), features[:, None], True)

    def first_prompt_masks(self, features, boxes):
        return torch.einsum("bqc,bchw->bqhw", self.of_boxes(boxes), features)

    def test_sides(self, *, video):
        del video
        return SIZE

    def separate_prompts(self):
        nn.init.normal_(self.of_boxes.weight)

    def _stages(self, queries, clips, still):
        outputs = []
        for kernels in (queries, queries + self.refine(queries)):
            masks = torch.einsum("bqc,btchw->bqthw", kernels, clips)
            scores = self.text_classifier(self.embed(kernels))
            iou = self.iou(kernels)[..., 0]
            outputs.append(StageOutput(scores, masks[:, :, 0] if still else masks, iou, kernels))
        return tuple(outputs)


@pytest.fixture(scope="module")
def batch() -> Batch:
    """Three images with objects or prompts, and a clip made of an image."""
    sources = [
        SourceConfig(task=task, kind="coco_panoptic", folder=".", frames=frames)
        for task, frames in (("panoptic", 1), ("panoptic", 2), ("prompt", 1))
    ]
    data = DataConfig(
        label_set="synth", height=64, width=64, prompts=3, min_prompt_area=8, sources=tuple(sources)
    )
    mixed = [MixedSource(SynthImages(3, 2, SIZE), source, np.arange(20), 20) for source in sources]
    samples = MixedSamples(mixed, data, seed=0)
    return collate([samples[number] for number in range(samples.epoch_length)])


def test_a_network_of_another_family_learns(batch):
    torch.manual_seed(0)
    model, teacher = OneStage(16), OneStage(24)
    model.separate_prompts()
    distillation = Distillation(teacher, model, DistillConfig(model="one_stage", checkpoint="x"))
    network = LossNetwork(model, LOSSES, 0, checkpoint_activations=True, distillation=distillation)
    set_training_mode(model, "neck")
    optimiser = make_optimiser(network, OptimiserConfig(lr=1e-3))
    assert {group["lr"] for group in optimiser.param_groups} == {1e-3, 1e-4}
    sums = []
    for _ in range(12):
        losses = network(batch, network.counts(batch))
        assert set(losses) == set(network.names)
        total = torch.stack(list(losses.values())).sum()
        total.backward()
        optimiser.step()
        optimiser.zero_grad()
        sums.append(float(total.detach()))
    assert sums[-1] < 0.9 * sums[0]
