import pytest
from torch import nn

from rapsam.models.build import build_model
from rapsam.training.statistics import set_training_mode


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
