"""A backbone that learns to name segments: a file that runs can start from, the same for the same seed."""

import msgspec
import numpy as np
import pytest
import safetensors.torch
import torch

from rapsam.data.synth.source import SynthImages
from rapsam.errors import InputError
from rapsam.models.backbones.published_weights import load_backbone
from rapsam.models.build import build_model
from rapsam.training.pretraining import pretrain_backbone
from rapsam.training.recipe_files import load_recipe
from rapsam.training.samples import MixedSamples, MixedSource

IMAGES = SynthImages(3, 16, (96, 96))


def lessons(epochs, source=IMAGES):
    recipe = load_recipe("nano-synth", [])
    data = msgspec.structs.replace(
        recipe.data, sources=recipe.data.sources[:1], height=96, width=96, batch_size=8, workers=0
    )
    config = msgspec.structs.replace(recipe, data=data, epochs=epochs, precision="fp32")
    classes = np.arange(len(source.label_set.labels))
    mixed = MixedSource(source, data.sources[0], classes, len(classes))
    return config, MixedSamples([mixed], data, config.seed)


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("backbone")
    told = []

    def progress(step, steps, note):
        told.append((step, steps, note))

    share = pretrain_backbone(*lessons(40), folder / "a.safetensors", progress)
    return folder / "a.safetensors", share, told


def test_segments_are_named_better_than_by_chance(pretrained):
    _, share, told = pretrained
    assert [step for step, *_ in told] == list(range(1, 81))
    first = float(told[0][2].partition(", ")[2].partition("%")[0]) / 100
    # Twenty classes; the mean over the last fifty of eighty steps.
    assert share > 0.2
    assert share > first


def test_the_file_starts_a_run(pretrained):
    path, *_ = pretrained
    model = build_model("rapsam_nano")
    load_backbone(model.backbone, model.backbone_config.weight_layout, path)
    wanted = safetensors.torch.load_file(path)
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in model.backbone.state_dict().items())
    # Batch norms saw batches.
    assert float((wanted["bn1.running_var"] - 1).abs().max()) > 1e-3


def test_the_same_seed_gives_the_same_file(tmp_path):
    for name in ("a", "b"):
        pretrain_backbone(*lessons(1), tmp_path / f"{name}.safetensors", lambda *_: None)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_what_has_no_segments_teaches_nothing(tmp_path):
    class Bare:
        name, label_set = IMAGES.name, IMAGES.label_set

        def __len__(self):
            return 16

        def num_frames(self, index):
            return IMAGES.num_frames(index)

        def read(self, index, frames=None):
            clip = IMAGES.read(index, frames)
            return clip.with_segments(np.zeros(len(clip.classes), np.bool_))

    with pytest.raises(InputError, match="no image with segments"):
        pretrain_backbone(*lessons(1, Bare()), tmp_path / "a.safetensors", lambda *_: None)
    assert not (tmp_path / "a.safetensors").exists()


def test_no_file_is_written_when_the_loss_is_no_number(tmp_path):
    config, samples = lessons(1)

    class Broken(MixedSamples):
        def __getitem__(self, number):
            loaded = super().__getitem__(number)
            loaded.sample.frames.fill_(float("nan"))
            return loaded

    broken = Broken(samples.sources, config.data, config.seed)
    with pytest.raises(InputError, match=r"step 1: the loss is no number; the last batch holds \d+\.jpg"):
        pretrain_backbone(config, broken, tmp_path / "a.safetensors", lambda *_: None)
    assert not (tmp_path / "a.safetensors").exists()
