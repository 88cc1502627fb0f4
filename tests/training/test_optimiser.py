from torch import nn

from rapsam.models.build import build_model
from rapsam.training.config import OptimiserConfig
from rapsam.training.optimiser import make_optimiser, set_rates


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
