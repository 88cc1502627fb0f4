"""A backbone that learns to name segments: a file that runs can start from, the same for the same seed."""

import numpy as np
import pytest
import safetensors.torch
import torch

from rapsam.data.synth.source import SynthImages
from rapsam.errors import InputError
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

    share = pretrain_backbone("rapsam_nano", IMAGES, 60, folder / "a.safetensors", progress)
    return folder / "a.safetensors", share, told


def test_segments_are_named_better_than_by_chance(pretrained):
    _, share, told = pretrained
    assert [step for step, *_ in told] == list(range(1, 61))
    first = float(told[0][2].partition("%")[0]) / 100
    # Twenty classes; the mean over the last fifty of sixty steps.
    assert share > 0.2
    assert share > first


def test_the_file_starts_a_run(pretrained):
    path, *_ = pretrained
    model = build_model("rapsam_nano")
    load_backbone(model, path)
    wanted = safetensors.torch.load_file(path)
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in model.backbone.state_dict().items())
    # Batch norms saw batches.
    assert float((wanted["bn1.running_var"] - 1).abs().max()) > 1e-3


def test_what_has_no_segments_teaches_nothing(tmp_path):
    class Bare:
        name, label_set = IMAGES.name, IMAGES.label_set

        def __len__(self):
            return 16

        def read(self, index):
            clip = IMAGES.read(index)
            return clip._replace(masks=clip.masks[:0], classes=clip.classes[:0], crowd=clip.crowd[:0])

    with pytest.raises(InputError, match="no image with segments"):
        pretrain_backbone("rapsam_nano", Bare(), 1, tmp_path / "a.safetensors", lambda *_: None)
    assert not (tmp_path / "a.safetensors").exists()


def test_every_segment_gives_a_square_with_its_class():
    crops = SegmentCrops(IMAGES, seed=0)[1]
    order = np.random.default_rng([0, 0]).permutation(len(IMAGES))
    clip = IMAGES.read(int(order[1]))
    assert crops.classes.tolist() == clip.classes.tolist()
    assert crops.pixels.shape == (len(clip.classes), 3, SIDE, SIDE)
    colours = crops.pixels * torch.tensor(STD)[:, None, None] + torch.tensor(MEAN)[:, None, None]
    assert -1 <= float(colours.min()) < float(colours.max()) <= 256
