import torch

from rapsam.models.rapsam.prompt_encoder import PromptEncoder


@torch.no_grad()
def test_random_prompts_differ_by_their_place():
    torch.manual_seed(0)
    encoder = PromptEncoder(64)
    centres = torch.rand(1, 200, 2)
    clicks = torch.cat([centres - 0.01, centres + 0.01], dim=-1)

    def shares():
        queries = encoder(clicks)[0]
        return float(queries.mean(0).norm()), float((queries - queries.mean(0)).norm(dim=-1).mean())

    common, own = shares()
    assert common > 5 * own
    encoder.separate_prompts()
    common, own = shares()
    assert own > 2 * common
    assert own == torch.tensor(own).clamp(0.5 * 64**0.5, 1.5 * 64**0.5)
