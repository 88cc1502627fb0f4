"""A backbone that learns to name segments: a file that runs can start from, the same for the same seed."""

import numpy as np
import pytest
import safetensors.torch
import torch

from rapsam.data.synth.source import SynthImages
from rapsam.models.build import build_model
from rapsam.tasks.preprocess import MEAN, STD
from rapsam.training.backbone_weights import load_backbone
from rapsam.training.pretraining import SIDE, SegmentCrops, pretrain_backbone

IMAGES = SynthImages(3, 16, (96, 96))


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("backbone")
    told = []

    def progress(step, steps, note):
        told.append((step, steps, note))

    shares = [
        pretrain_backbone("rapsam_nano", IMAGES, 3, folder / f"{n}.safetensors", progress) for n in "ab"
    ]
    return folder, shares, told


def test_the_file_starts_a_run(pretrained):
    folder, shares, told = pretrained
    model = build_model("rapsam_nano")
    load_backbone(model, folder / "a.safetensors")
    wanted = safetensors.torch.load_file(folder / "a.safetensors")
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in model.backbone.state_dict().items())
    # Batch norms saw batches.
    assert float((wanted["bn1.running_var"] - 1).abs().max()) > 1e-3
    assert 0 <= shares[0] <= 1
    assert [step for step, *_ in told[:3]] == [1, 2, 3]
    assert told[0][1] == 3


def test_the_same_seed_gives_the_same_weights(pretrained):
    folder, shares, _ = pretrained
    one, other = (safetensors.torch.load_file(folder / f"{name}.safetensors") for name in "ab")
    assert all(torch.allclose(one[name], other[name], atol=1e-4) for name in one)
    assert shares[0] == pytest.approx(shares[1], abs=0.05)


def test_every_segment_gives_a_square_with_its_class():
    crops = SegmentCrops(IMAGES, seed=0)[1]
    order = np.random.default_rng([0, 0]).permutation(len(IMAGES))
    clip = IMAGES.read(int(order[1]))
    assert crops.classes.tolist() == clip.classes.tolist()
    assert crops.pixels.shape == (len(clip.classes), 3, SIDE, SIDE)
    colours = crops.pixels * torch.tensor(STD)[:, None, None] + torch.tensor(MEAN)[:, None, None]
    assert -1 <= float(colours.min()) < float(colours.max()) <= 256
