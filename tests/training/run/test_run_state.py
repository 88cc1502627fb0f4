import msgspec
import torch
from torch import nn

from rapsam.training.run.state import RunState


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
