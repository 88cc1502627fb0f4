"""ResNet (He et al., 2016) with the stride on the 3x3 convolution; key names as in torchvision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from torch import Tensor, nn

from rapsam.models.backbones.backbone import WeightLayout


@dataclass(frozen=True, kw_only=True, slots=True)
class ResNetConfig:
    """Shape of a ResNet.

    Attributes:
        bottleneck: Whether blocks are bottlenecks (1x1, 3x3, 1x1; expansion 4) or basic (3x3, 3x3).
        blocks: Number of blocks of the four stages.
        width: Channels of the stem and of the first stage's 3x3 convolutions; doubles per stage.
    """

    bottleneck: bool
    blocks: tuple[int, int, int, int]
    width: int = 64

    @property
    def channels(self) -> tuple[int, int, int, int]:
        """Channels of the four outputs, strides 4, 8, 16, 32."""
        expansion = Bottleneck.expansion if self.bottleneck else BasicBlock.expansion
        base = self.width * expansion
        return base, base * 2, base * 4, base * 8

    @property
    def strides(self) -> tuple[int, int, int, int]:
        """Strides of the four outputs."""
        return 4, 8, 16, 32

    @property
    def weight_layout(self) -> WeightLayout:
        """Files of torchvision and timm."""
        return WeightLayout(
            description="ResNet as torchvision and timm publish it",
            first_layer="conv1",
            left_out=("fc.", "head.", "classifier."),
        )

    def build(self) -> ResNet:
        """Builds the ResNet with random weights."""
        return ResNet(self)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with a shortcut."""

    expansion = 1

    def __init__(self, inputs: int, planes: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU()
        self.downsample = _shortcut(inputs, planes * self.expansion, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, inputs, H, W) to (B, planes, H / stride, W / stride)."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.relu(y + shortcut)  # type: ignore[no-any-return]


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions with a shortcut."""

    expansion = 4

    def __init__(self, inputs: int, planes: int, stride: int) -> None:
        super().__init__()
        outputs = planes * self.expansion
        self.conv1 = nn.Conv2d(inputs, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        self.downsample = _shortcut(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (B, inputs, H, W) to (B, 4 * planes, H / stride, W / stride)."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.relu(y + shortcut)  # type: ignore[no-any-return]


class ResNet(nn.Module):
    """ResNet without the classification head.

    BatchNorm always uses the running statistics, in training too; its affine parameters are trained.
    """

    def __init__(self, config: ResNetConfig) -> None:
        super().__init__()
        width = config.width
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        block = Bottleneck if config.bottleneck else BasicBlock
        inputs = (width, *config.channels[:3])
        layers = [
            _stage(block, inputs[i], width * 2**i, config.blocks[i], stride=1 if i == 0 else 2)
            for i in range(4)
        ]
        self.layer1, self.layer2, self.layer3, self.layer4 = layers
        self._initialise()

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Maps normalised images (B, 3, H, W) to four maps at strides 4, 8, 16 and 32."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        res2 = self.layer1(x)
        res3 = self.layer2(res2)
        res4 = self.layer3(res3)
        return res2, res3, res4, self.layer4(res4)

    def train(self, mode: bool = True) -> Self:
        """Sets training mode, but leaves BatchNorm on its running statistics."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def _stage(
    block: type[BasicBlock] | type[Bottleneck], inputs: int, planes: int, count: int, stride: int
) -> nn.Sequential:
    blocks: list[nn.Module] = [block(inputs, planes, stride)]
    blocks += [block(planes * block.expansion, planes, 1) for _ in range(count - 1)]
    return nn.Sequential(*blocks)


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
