"""The network with its losses: what a batch loses, however it is computed."""

import pytest
import torch

from rapsam.data.synth.source import SynthImages
from rapsam.export.backends.catalogue import RECIPES
from rapsam.models.build import build_model
from rapsam.training.batch import Batch, ObjectSample
from rapsam.training.config import LossConfig
from rapsam.training.losses.network import LossNetwork
from rapsam.training.optim import set_training_mode

CONFIG = LossConfig(num_points=64)


def _batch(count=2):
    samples = []
    for number in range(count):
        clip = SynthImages(3, count, (64, 64)).read(number)
        frames = torch.from_numpy(clip.frames.transpose(0, 3, 1, 2).astype("float32")) / 128 - 1
        samples.append(
            ObjectSample(
                number,
                clip.name,
                frames,
                torch.from_numpy(clip.masks),
                torch.from_numpy(clip.classes),
                torch.ones(20, dtype=torch.bool),
            )
        )
    return Batch(samples)


def _network(**settings):
    torch.manual_seed(0)
    model = build_model("rapsam_nano", classifier="synth")
    set_training_mode(model, "all")
    return LossNetwork(model, CONFIG, 0, **settings)


def _step(network, batch):
    losses = network(batch, network.counts(batch))
    torch.stack(list(losses.values())).sum().backward()
    return {name: float(value.detach()) for name, value in losses.items()}


@pytest.mark.parametrize("recipe", [None, "onnx-w8a8"])
def test_saving_memory_changes_neither_losses_nor_gradients_nor_statistics(recipe):
    scheme = RECIPES[recipe].quantisation if recipe else None
    plain, saving = (_network(checkpoint_activations=flag, scheme=scheme) for flag in (False, True))
    assert _step(plain, _batch()) == pytest.approx(_step(saving, _batch()))
    for (name, one), other in zip(plain.named_parameters(), saving.parameters(), strict=True):
        if one.grad is not None:
            assert torch.allclose(one.grad, other.grad, rtol=1e-3, atol=1e-5), name
    for (name, one), other in zip(plain.named_buffers(), saving.buffers(), strict=True):
        assert torch.allclose(one.float(), other.float()), name
    assert int(saving.model.backbone.bn1.num_batches_tracked) == 1


def test_clips_of_different_lengths_in_one_batch_lose_what_they_lose():
    one = _batch(2)
    still, second = one.samples
    clip = ObjectSample(
        second.number,
        second.name,
        second.frames.repeat(2, 1, 1, 1),
        second.masks.repeat(1, 2, 1, 1),
        second.classes,
        second.taught,
    )
    network = _network(checkpoint_activations=False)
    set_training_mode(network.model, "none")
    mixed = Batch([clip, still])
    together = network(mixed, counts := network.counts(mixed))
    parts = [network(Batch([sample]), counts) for sample in (clip, still)]
    for name, value in together.items():
        apart = sum(float(part[name].detach()) for part in parts)
        assert float(value.detach()) == pytest.approx(apart, rel=1e-3), name
