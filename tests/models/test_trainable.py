import pytest
from torch import nn

from rapsam.errors import InputError
from rapsam.models.build import build_model
from rapsam.models.trainable import trainable


def test_a_network_that_lacks_what_training_needs_is_refused_by_name():
    with pytest.raises(InputError, match="model segment_only cannot be trained"):
        trainable(nn.Linear(1, 1), "segment_only")


def test_a_network_that_can_be_trained_is_itself():
    model = build_model("rapsam_nano")
    assert trainable(model, model.name) is model
