"""A small network with every kind of operation that the real graphs are made of."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from rapsam.contract import GraphContract, TensorSpec

IMAGE_SIZE = 64
STRIDE = 4
CHANNELS = 16
HEADS = 4
QUERIES = 6
BOXES = 3
CLASSES = 5
MAP_SIZE = IMAGE_SIZE // STRIDE


def probe_contract() -> GraphContract:
    """Describes two inputs (an image, some boxes) and four outputs."""
    box_logits_shape = (1, BOXES, MAP_SIZE, MAP_SIZE)
    return GraphContract(
        graph="probe",
        inputs=(
            _spec("image", (1, 3, IMAGE_SIZE, IMAGE_SIZE), "NCHW", (0.0, 255.0), "RGB pixels"),
            _spec("boxes", (1, BOXES, 4), "NQD", (0.0, 1.0), "Boxes as fractions of the image"),
        ),
        outputs=(
            _spec("features", (1, CHANNELS, MAP_SIZE, MAP_SIZE), "NCHW", None, "Mask features"),
            _spec("mask_logits", (1, QUERIES, MAP_SIZE, MAP_SIZE), "NQHW", None, "Mask logits"),
            _spec("class_logits", (1, QUERIES, CLASSES), "NQK", None, "Class logits"),
            _spec("box_mask_logits", box_logits_shape, "NQHW", None, "Mask logits of the boxes"),
        ),
        image_size=(IMAGE_SIZE, IMAGE_SIZE),
    )


def probe_network(seed: int = 0) -> nn.Module:
    """Makes the network with random weights, in training mode, so that capture must switch it."""
    torch.manual_seed(seed)
    network = ProbeNetwork()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return network.train()


class ProbeNetwork(nn.Module):
    """Convolutions, deformable sampling, mask products and one decoder stage."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([123.675, 116.28, 103.53]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([58.395, 57.12, 57.375]).view(1, 3, 1, 1))
        self.stem = nn.Sequential(
            _conv_bn_relu(3, CHANNELS, 2),
            _conv_bn_relu(CHANNELS, CHANNELS, 2),
            _conv_bn_relu(CHANNELS, CHANNELS, 2),
        )
        self.sampling = DeformableSampling(CHANNELS, IMAGE_SIZE // 8, IMAGE_SIZE // 8)
        self.up = nn.ConvTranspose2d(CHANNELS, CHANNELS, 4, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(CHANNELS)
        self.queries = nn.Parameter(torch.randn(QUERIES, CHANNELS))
        self.stage = DecoderStage(CHANNELS)
        self.classifier = nn.Linear(CHANNELS, CLASSES)
        self.box_embedding = nn.Linear(4 * CHANNELS, CHANNELS)
        self.register_buffer("frequencies", 2 * math.pi * 2.0 ** -torch.arange(CHANNELS / 2))

    def forward(self, image: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Runs the probe."""
        features = self.sampling(self.stem((image - self.mean) / self.std))
        features = functional.relu(self.norm(self.up(features)))
        pixels = features.flatten(2).squeeze(0)
        queries = self.stage(self.queries, pixels)
        mask_logits = (queries @ pixels).view(1, QUERIES, MAP_SIZE, MAP_SIZE)
        box_logits = (self._embed(boxes.squeeze(0)) @ pixels).view(1, BOXES, MAP_SIZE, MAP_SIZE)
        return features, mask_logits, self.classifier(queries).unsqueeze(0), box_logits

    def _embed(self, boxes: Tensor) -> Tensor:
        angles = boxes.unsqueeze(-1) * self.frequencies
        waves = torch.cat([torch.sin(angles), torch.cos(angles)], dim=-1)
        return self.box_embedding(waves.view(BOXES, 4 * CHANNELS))


class DeformableSampling(nn.Module):
    """3x3 modulated deformable convolution by four gathers of rows, indices in int32."""

    def __init__(self, channels: int, height: int, width: int) -> None:
        super().__init__()
        self.height, self.width = height, width
        self.offset = nn.Conv2d(channels, 27, 3, padding=1)
        self.project = nn.Linear(9 * channels, channels)
        tap = torch.arange(9, dtype=torch.int32).view(9, 1, 1)
        rows = torch.arange(height, dtype=torch.int32).view(1, height, 1)
        columns = torch.arange(width, dtype=torch.int32).view(1, 1, width)
        self.register_buffer("base_y", (rows - 1 + tap // 3).expand(9, height, width).clone())
        self.register_buffer("base_x", (columns - 1 + tap % 3).expand(9, height, width).clone())

    def forward(self, x: Tensor) -> Tensor:
        """Samples nine positions a pixel and mixes them, (1, C, H, W) to (1, C, H, W)."""
        offset = 3.0 * self.offset(x)
        dy, dx, gain = offset[0, 0:18:2], offset[0, 1:18:2], torch.sigmoid(offset[0, 18:])
        floor_y, floor_x = torch.floor(dy), torch.floor(dx)
        top, left = self.base_y + floor_y.to(torch.int32), self.base_x + floor_x.to(torch.int32)
        part_y, part_x = dy - floor_y, dx - floor_x
        pixels = x.permute(0, 2, 3, 1).reshape(self.height * self.width, -1)
        sampled = self._corner(pixels, top, left, gain * (1 - part_y) * (1 - part_x))
        sampled = sampled + self._corner(pixels, top, left + 1, gain * (1 - part_y) * part_x)
        sampled = sampled + self._corner(pixels, top + 1, left, gain * part_y * (1 - part_x))
        sampled = sampled + self._corner(pixels, top + 1, left + 1, gain * part_y * part_x)
        taps = sampled.view(9, self.height * self.width, -1).permute(1, 0, 2)
        mixed = self.project(taps.reshape(self.height * self.width, -1))
        return mixed.view(1, self.height, self.width, -1).permute(0, 3, 1, 2)

    def _corner(self, pixels: Tensor, y: Tensor, x: Tensor, weight: Tensor) -> Tensor:
        inside = (y >= 0) & (y < self.height) & (x >= 0) & (x < self.width)
        index = y.clamp(0, self.height - 1) * self.width + x.clamp(0, self.width - 1)
        gathered = torch.index_select(pixels, 0, index.view(-1))
        return gathered * (weight * inside.to(weight.dtype)).view(-1, 1)


class DecoderStage(nn.Module):
    """Hard-mask pooling, gated update, self-attention, feed-forward network."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dynamic, self.static = nn.Linear(channels, channels), nn.Linear(channels, channels)
        self.gate = nn.Linear(channels, channels)
        self.gate_norm, self.norm = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.query_key_value = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)
        self.feed_forward = nn.Sequential(nn.Linear(channels, 64), nn.ReLU(), nn.Linear(64, channels))

    def forward(self, queries: Tensor, pixels: Tensor) -> Tensor:
        """Updates queries (Q, C) with the pixels (C, P) under their masks."""
        hard_masks = (queries @ pixels > 0).to(pixels.dtype)
        pooled = hard_masks @ (pixels.t() / pixels.shape[1])
        gate = torch.sigmoid(self.gate_norm(self.gate(self.static(queries) * pooled)))
        queries = torch.relu(gate * self.dynamic(pooled) + (1 - gate) * queries)
        queries = self.norm(queries + self._attend(queries))
        return queries + self.feed_forward(queries)

    def _attend(self, queries: Tensor) -> Tensor:
        split = self.query_key_value(queries).view(-1, 3, HEADS, CHANNELS // HEADS)
        query, key, value = split.permute(1, 2, 0, 3).unbind(0)
        scores = torch.softmax(query @ key.transpose(1, 2) / math.sqrt(CHANNELS // HEADS), dim=-1)
        return self.out((scores @ value).transpose(0, 1).reshape(-1, CHANNELS))


def _conv_bn_relu(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


def _spec(
    name: str, shape: tuple[int, ...], layout: str, value_range: tuple[float, float] | None, meaning: str
) -> TensorSpec:
    return TensorSpec(
        name=name, shape=shape, dtype="float32", layout=layout, value_range=value_range, meaning=meaning
    )
