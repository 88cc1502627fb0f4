"""Weight files of the family: both ways, in one copy, and those that belong to another network."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from rapsam.errors import CheckpointError
from rapsam.models.checkpoint import load_strictly, read_tensors, write_published
from rapsam.models.sam.checkpoint_map import to_published
from tests.models.sam.small_networks import ENCODERS, small_sam, without_memory


def load(model, path):
    load_strictly(model, read_tensors(path), path, to_published)
    return model


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_published_file_into_a_network_without_memory(name, suffix, tmp_path):
    wanted, path = small_sam(name).state_dict(), tmp_path / f"weights{suffix}"
    published = {to_published(key): tensor for key, tensor in wanted.items()}
    if suffix == ".pth":
        write_published(path, published, bare=True)
        assert torch.load(path, weights_only=True).keys() == published.keys()
    else:
        save_file(published, path)
    model = load(without_memory(name), path)
    found = model.state_dict()
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[key], tensor) for key, tensor in wanted.items())
    assert all(parameter.requires_grad for parameter in model.parameters())
    # The file is not what the network computes with: it may change later.
    assert all(tensor.untyped_storage().filename is None for tensor in found.values())


def test_tensors_that_share_memory_in_a_file_do_not_in_a_network(tmp_path):
    state = small_sam("repvit").state_dict()
    state["mask_decoder.final_norm.weight"] = state["mask_decoder.final_norm.bias"] = torch.ones(256)
    torch.save(state, tmp_path / "shared.pth")
    norm = load(without_memory("repvit"), tmp_path / "shared.pth").mask_decoder.final_norm
    assert norm.weight.data_ptr() != norm.bias.data_ptr()


def test_what_does_not_fit_leaves_the_network_without_memory(tmp_path):
    state = small_sam("tiny").state_dict()
    save_file({to_published(key): tensor for key, tensor in state.items()}, tmp_path / "tiny.safetensors")
    model = without_memory("vit")
    with pytest.raises(CheckpointError, match="does not fit the model"):
        load(model, tmp_path / "tiny.safetensors")
    assert all(tensor.is_meta for tensor in model.state_dict().values())
