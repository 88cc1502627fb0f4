import pytest
import torch

from rapsam.training.config import LossConfig
from rapsam.training.losses.matcher import match

SIZE = 16


def _masks():
    """Left half, right half, and nothing."""
    masks = torch.zeros(3, SIZE, SIZE)
    masks[0, :, : SIZE // 2] = 1
    masks[1, :, SIZE // 2 :] = 1
    return masks


def _match(class_logits, mask_logits, classes, masks):
    return match(class_logits, mask_logits, classes, masks, LossConfig(num_points=200), torch.Generator())


def test_masks_decide_where_classes_are_alike():
    mask_logits = (_masks() - 0.5) * 20
    found = _match(torch.zeros(3, 5), mask_logits[[2, 1, 0]], torch.tensor([0, 0]), _masks()[:2])
    assert dict(zip(found.queries.tolist(), found.objects.tolist(), strict=True)) == {1: 1, 2: 0}


def test_classes_decide_where_masks_are_alike():
    class_logits = torch.zeros(2, 3)
    class_logits[0, 1] = class_logits[1, 0] = 5.0
    mask_logits = ((_masks() - 0.5) * 20)[[0, 0]]
    found = _match(class_logits, mask_logits, torch.tensor([0, 1]), _masks()[[0, 0]])
    assert found.objects.tolist() == [1, 0]


def _flat(*logits):
    """Masks that are the same everywhere, so large that what is read near their border hardly counts."""
    return torch.tensor(logits)[:, None, None].expand(-1, 256, 256).contiguous()


@pytest.mark.parametrize(
    ("logits", "sure", "winner"),
    [
        # Against an empty mask, cross-entropies are 0.31 and 0.13 and dice losses nearly alike: five times
        # the difference is 1.0. Twice 0.8 of class outweighs that, twice 0.3 does not.
        ((-1.0, -2.0), (0.9, 0.1), 0),
        ((-1.0, -2.0), (0.6, 0.3), 1),
        # Dice losses of 0.57 and 0.06, cross-entropies next to 0: five times 0.5 outweighs twice 0.9.
        ((-5.0, -8.0), (0.95, 0.05), 1),
    ],
)
def test_costs_are_weighted_two_five_five(logits, sure, winner):
    class_logits = torch.tensor([[p, 1 - p] for p in sure]).log()
    found = _match(class_logits, _flat(*logits), torch.tensor([0]), torch.zeros(1, 256, 256))
    assert found.queries.tolist() == [winner]


def test_an_unknown_class_is_matched_by_its_mask():
    mask_logits = (_masks() - 0.5) * 20
    found = _match(torch.zeros(3, 3), mask_logits, torch.tensor([-1]), _masks()[1:2])
    assert (found.queries.tolist(), found.objects.tolist()) == ([1], [0])


def test_no_objects_and_more_objects_than_queries():
    mask_logits = (_masks() - 0.5) * 20
    nothing = _match(torch.zeros(3, 3), mask_logits, torch.zeros(0, dtype=torch.int64), _masks()[:0])
    assert len(nothing.queries) == 0
    many = _match(torch.zeros(1, 3), mask_logits[:1], torch.tensor([0, 0, 0]), _masks())
    assert many.objects.tolist() == [0]


def test_the_matching_survives_a_network_that_diverged():
    found = _match(
        torch.full((2, 3), torch.nan), torch.full((2, 4, 4), torch.inf), torch.tensor([0]), _masks()[:1]
    )
    assert len(found.queries) == 1
