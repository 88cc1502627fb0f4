"""Weights of a backbone alone, as torchvision and timm publish them."""

import pytest
import torch

from rapsam.errors import CheckpointError
from rapsam.models.backbones.published_weights import load_backbone
from rapsam.models.build import build_model


def _load(model, path):
    load_backbone(model.backbone, model.backbone_config.weight_layout, path)


@pytest.mark.parametrize("counted", [True, False])
def test_backbones_as_torchvision_publishes_them(counted, tmp_path):
    model, other = build_model("rapsam_nano"), build_model("rapsam_nano")
    state = {name: tensor + 1 for name, tensor in model.backbone.state_dict().items()}
    if not counted:  # files from before PyTorch counted batches
        state = {name: t for name, t in state.items() if not name.endswith("num_batches_tracked")}
    width = model.backbone_config.channels[-1]
    torch.save(
        {**state, "fc.weight": torch.zeros(1000, width), "fc.bias": torch.zeros(1000)}, tmp_path / "r.pth"
    )
    _load(other, tmp_path / "r.pth")
    assert torch.equal(other.backbone.conv1.weight, model.backbone.conv1.weight + 1)


def test_another_backbone_is_refused(tmp_path):
    state = build_model("rapsam_r18").backbone.state_dict()
    torch.save(state, tmp_path / "r18.pth")
    with pytest.raises(CheckpointError, match="another shape"):
        _load(build_model("rapsam_nano"), tmp_path / "r18.pth")
    torch.save({"features.weight": torch.zeros(1)}, tmp_path / "vgg.pth")
    with pytest.raises(CheckpointError, match="expected a ResNet"):
        _load(build_model("rapsam_nano"), tmp_path / "vgg.pth")
