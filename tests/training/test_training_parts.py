"""Parts of training that a run only shows in the end: averages, statistics, precision, scalers."""

import msgspec
import pytest
import torch
from torch import nn

from rapsam.data.synth.source import SynthImages
from rapsam.errors import InputError
from rapsam.models.build import build_model
from rapsam.models.trainable import trainable
from rapsam.training.average import make_average
from rapsam.training.batch import Batch, ObjectSample
from rapsam.training.config import LossConfig
from rapsam.training.engine import Machines, check_machines
from rapsam.training.loss_network import LossNetwork
from rapsam.training.recipe_files import load_recipe
from rapsam.training.run_state import RunState
from rapsam.training.statistics import set_training_mode, share_statistics

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


def test_saving_memory_changes_neither_losses_nor_gradients_nor_statistics():
    plain, saving = (_network(checkpoint_activations=flag) for flag in (False, True))
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


def test_the_average_forgets_its_beginnings_at_first():
    layer = nn.Linear(1, 1, bias=False)
    average = make_average(layer, 0.9)
    values = [1.0, 2.0, 5.0]
    wanted = None
    for seen, value in enumerate(values):
        nn.init.constant_(layer.weight, value)
        average.update_parameters(layer)
        decay = min(0.9, (1 + seen) / (10 + seen))
        wanted = value if wanted is None else decay * wanted + (1 - decay) * value
    assert float(average.module.weight.detach()) == pytest.approx(wanted)
    assert make_average(layer, 0.0) is None


def test_the_state_of_a_loss_scaler_survives_the_way_to_disk():
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0, growth_interval=1)
    state = RunState(step=1, epoch_length=2, scaler=scaler.state_dict())
    again = msgspec.json.decode(msgspec.json.encode(state), type=RunState)
    assert again == state
    other = torch.amp.GradScaler("cpu", init_scale=2.0)
    other.load_state_dict(again.scaler)
    parameter = nn.Parameter(torch.ones(1))
    optimiser = torch.optim.SGD([parameter], lr=0.1)
    other.scale(parameter.sum()).backward()
    other.step(optimiser)
    other.update()
    assert other.get_scale() == 16.0


def test_shared_statistics_keep_the_names_of_weights():
    model = build_model("rapsam_nano")
    names = list(model.state_dict())
    share_statistics(model, "neck")
    assert not any(isinstance(module, nn.SyncBatchNorm) for module in model.backbone.modules())
    assert any(isinstance(module, nn.SyncBatchNorm) for module in model.neck.modules())
    share_statistics(model, "all")
    assert any(isinstance(module, nn.SyncBatchNorm) for module in model.backbone.modules())
    assert list(model.state_dict()) == names


@pytest.mark.parametrize(
    ("machines", "changes", "says"),
    [
        (Machines("cpu", 0), [], "--processes 0"),
        (Machines("cpu", 1, 0), [], "--nodes 0"),
        (Machines("cuda", 99), [], "CUDA devices"),
        (Machines("mps", 2), [], "MPS"),
        (Machines("cpu", 1), ["precision=fp16"], "fp16"),
        (Machines("cpu", 4), [], "batch of 6 samples"),
    ],
)
def test_machines_that_cannot_do_it_are_refused(machines, changes, says):
    with pytest.raises(InputError, match=says):
        check_machines(machines, load_recipe("nano-synth", changes))


def test_torchrun_says_how_many_processes_there_are(monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert Machines("cpu").per_machine == 2
    check_machines(Machines("cpu"), load_recipe("nano-synth"))
    with pytest.raises(InputError, match="torchrun has started 2"):
        check_machines(Machines("cpu", 1), load_recipe("nano-synth"))


def test_a_network_that_lacks_what_training_needs_is_refused_by_name():
    with pytest.raises(InputError, match="model segment_only cannot be trained"):
        trainable(nn.Linear(1, 1), "segment_only")
