import torch

from rapsam.training.points import OVERSAMPLING, UNCERTAIN_SHARE, random_points, uncertain_points, values_at


def test_a_point_at_the_centre_of_a_pixel_reads_that_pixel():
    maps = torch.arange(12.0).reshape(1, 3, 4)
    y, x = torch.meshgrid((torch.arange(3) + 0.5) / 3, (torch.arange(4) + 0.5) / 4, indexing="ij")
    points = torch.stack([x, y], dim=-1).reshape(1, -1, 2)
    torch.testing.assert_close(values_at(maps, points), maps.flatten(1))


def test_one_set_of_points_serves_all_maps():
    maps = torch.rand(5, 6, 6, generator=torch.Generator().manual_seed(0))
    points = random_points(9, 1, torch.Generator().manual_seed(1), torch.device("cpu"))
    wanted = torch.cat([values_at(part[None], points) for part in maps])
    torch.testing.assert_close(values_at(maps, points), wanted)


def test_most_points_lie_where_the_mask_is_undecided():
    # Logits rise from -8 to 8 from left to right: undecided in the middle column.
    logits = torch.linspace(-8, 8, 65).expand(2, 64, 65).contiguous()
    count = 400
    points = uncertain_points(logits, count, torch.Generator().manual_seed(2))
    assert points.shape == (2, count, 2)
    sure = values_at(logits, points).abs()
    near = (sure[:, : int(UNCERTAIN_SHARE * count)]).max()
    # A quarter of thrice as many candidates were kept: those within a quarter of the range.
    assert near < 8 * UNCERTAIN_SHARE / OVERSAMPLING * 1.3
    assert sure[:, int(UNCERTAIN_SHARE * count) :].max() > 6


def test_points_follow_from_the_generator():
    logits = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(3)) - 0.5
    first, second = (uncertain_points(logits, 20, torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(first, second)
