"""What learns in a step, at which rate, and the average that is kept of it."""

import pytest
from torch import nn

from rapsam.models.build import build_model
from rapsam.training.config import OptimiserConfig
from rapsam.training.optim import (
    make_average,
    make_optimiser,
    rate_factor,
    set_rates,
    set_training_mode,
    share_statistics,
)


def test_groups_of_the_published_recipe():
    model = build_model("rapsam_nano", classifier="synth")
    optimiser = make_optimiser(model, OptimiserConfig())
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    norms = {
        f"{place}.{name}"
        for place, module in model.named_modules()
        if isinstance(module, nn.LayerNorm | nn.BatchNorm2d)
        for name, _ in module.named_parameters(recurse=False)
    }
    seen = set()
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            name = names[id(parameter)]
            seen.add(name)
            assert group["weight_decay"] == (0.0 if name in norms else 0.05), name
            assert group["lr"] == (1e-5 if name.startswith("backbone.") else 1e-4), name
    assert seen == set(names.values())
    set_rates(optimiser, 0.5)
    assert {group["lr"] for group in optimiser.param_groups} == {5e-6, 5e-5}


def test_the_published_schedule():
    config = OptimiserConfig(schedule="step", milestones=(8 / 12, 11 / 12))
    assert rate_factor(0, 12_000, config) == pytest.approx(0.001)
    assert rate_factor(250, 12_000, config) == pytest.approx((0.001 + 1) / 2)
    assert rate_factor(500, 12_000, config) == 1
    assert rate_factor(7_999, 12_000, config) == 1
    assert rate_factor(8_000, 12_000, config) == pytest.approx(0.1)
    assert rate_factor(11_000, 12_000, config) == pytest.approx(0.01)


def test_cosine_falls_from_one_to_the_final_factor():
    config = OptimiserConfig(schedule="cosine", warmup_steps=100, final_factor=0.05)
    factors = [rate_factor(step, 1_000, config) for step in range(100, 1_000)]
    assert factors[0] == 1
    assert factors == sorted(factors, reverse=True)
    assert rate_factor(1_000, 1_000, config) == pytest.approx(0.05)


def test_no_warm_up():
    assert rate_factor(0, 10, OptimiserConfig(warmup_steps=0)) == 1


@pytest.mark.parametrize(
    ("learning", "backbone", "neck"), [("all", True, True), ("neck", False, True), ("none", False, False)]
)
def test_batch_norms_learn_where_the_recipe_says(learning, backbone, neck):
    model = build_model("rapsam_nano")
    set_training_mode(model, learning)
    assert model.training
    for part, learns in ((model.backbone, backbone), (model.neck, neck)):
        norms = [module for module in part.modules() if isinstance(module, nn.BatchNorm2d)]
        assert norms
        assert all(module.training == learns for module in norms)


def test_shared_statistics_keep_the_names_of_weights():
    model = build_model("rapsam_nano")
    names = list(model.state_dict())
    share_statistics(model, "neck")
    assert not any(isinstance(module, nn.SyncBatchNorm) for module in model.backbone.modules())
    assert any(isinstance(module, nn.SyncBatchNorm) for module in model.neck.modules())
    share_statistics(model, "all")
    assert any(isinstance(module, nn.SyncBatchNorm) for module in model.backbone.modules())
    assert list(model.state_dict()) == names


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
