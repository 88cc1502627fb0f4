"""The search for what must stay float, on losses that are known exactly."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rapsam.errors import BudgetError, InputError
from rapsam.export.budget.limits import check_limits, excess, harm, holds, told
from rapsam.export.budget.looks import LOOKS, T_FIRST, T_NEXT, Looks
from rapsam.export.budget.search import Scored, search
from rapsam.export.build.plan import plan_export
from rapsam.export.bundle.quantisation import FigureDrop
from rapsam.quantize.units import Unit

ERROR = 0.1


def unit(name, *macs):
    modules = tuple(f"{name}.{number}" for number in range(len(macs)))
    return Unit(name=name, graph="graph", modules=modules, macs=macs)


def drop(points, figure="pq", error=ERROR):
    return FigureDrop(figure=figure, points=points, standard_error=error)


class Losses:
    """What modules lose; all that have few bits add up."""

    def __init__(self, units, losses) -> None:
        self.units, self.losses, self.asked = units, losses, 0

    def everything(self):
        return self.whole(())

    def whole(self, kept):
        self.asked += 1
        high = {module for each in kept for module in each.modules}
        return Scored(200, (drop(sum(loss for module, loss in self.losses.items() if module not in high)),))

    def noise(self, unit):
        del unit
        return 30.0

    def alone(self, unit):
        return Scored(100, (drop(sum(self.losses[module] for module in unit.modules)),))


class Quiet(Losses):
    """One unit hardly changes the tensors."""

    def noise(self, unit):
        return 60.0 if unit.name == "quiet" else 30.0


def found(units, losses, limit):
    measure = Losses(units, losses)
    return searched(units, limit, measure), measure


def searched(units, limit, measure):
    return search(units, {"pq": limit}, measure, Looks({"pq": limit}), lambda _step: None)


@st.composite
def networks(draw):
    sizes = draw(st.lists(st.lists(st.integers(1, 100), min_size=1, max_size=4), min_size=2, max_size=8))
    units = [unit(f"u{number}", *macs) for number, macs in enumerate(sizes)]
    amounts = st.sampled_from([0.0, 0.0, 0.0, 0.05, 0.3, 2.0])
    return units, {module: draw(amounts) for each in units for module in each.modules}


@settings(max_examples=200, deadline=None)
@given(networks(), st.sampled_from([0.2, 0.5, 1.0, 3.0]))
def test_the_budget_holds_and_nothing_is_float_in_vain(network, limit) -> None:
    units, losses = network
    outcome, measure = found(units, losses, limit)
    asked = measure.asked
    assert asked <= LOOKS
    assert outcome.met == holds(outcome.found.drops, {"pq": limit}, outcome.t)
    assert outcome.t == (T_FIRST if asked == 1 else T_NEXT)
    assert outcome.found == measure.whole(outcome.kept)
    if outcome.met and len(outcome.kept) < LOOKS // 4:  # there were looks enough to give each back
        for one in outcome.kept:
            rest = [each for each in outcome.kept if each is not one]
            assert not holds(measure.whole(rest).drops, {"pq": limit}, T_NEXT)
    if not outcome.met:
        for one in units:
            rest = [each for each in units if each is not one]
            assert not holds(measure.whole(rest).drops, {"pq": limit}, T_NEXT), "one part would do"
    high = {module for each in outcome.kept for module in each.modules}
    assert high != set(losses), "a bundle that is float altogether is none of few bits"


def test_nothing_stays_float_if_everything_may_go() -> None:
    units = [unit("a", 5), unit("b", 5)]
    outcome, measure = found(units, {"a.0": 0.1, "b.0": 0.1}, 1.0)
    assert (outcome.met, outcome.kept, outcome.costs, measure.asked) == (True, (), (), 1)


def test_of_a_part_only_the_module_that_costs_stays_float() -> None:
    units = [unit("backbone", 50, 60), unit("head", 3, 4, 5), unit("neck", 20)]
    losses = {"backbone.0": 0, "backbone.1": 0, "head.0": 0, "head.1": 4.0, "head.2": 0, "neck.0": 0.1}
    outcome, _ = found(units, losses, 0.5)
    assert outcome.met
    assert [each.modules for each in outcome.kept] == [("head.1",)]
    assert outcome.costs[0][0].modules == ("head.1",)


def test_of_two_that_cost_the_same_the_smaller_stays_float() -> None:
    units = [unit("large", 1000), unit("small", 1), unit("other", 5)]
    outcome, _ = found(units, {"large.0": 0.6, "small.0": 0.6, "other.0": 0.0}, 1.0)
    assert [each.name for each in outcome.kept] == ["small"]


def test_a_large_part_that_costs_most_stays_float_if_that_is_the_only_way() -> None:
    units = [unit("small", 1), unit("big", 1000)]
    outcome, _ = found(units, {"small.0": 0.6, "big.0": 3.0}, 1.0)
    assert outcome.met
    assert [each.name for each in outcome.kept] == ["big"]


def test_a_budget_that_cannot_be_held_says_the_best_that_was_reached() -> None:
    """With an error of 0.1 no loss can be shown to be below 0.1."""
    units = [unit("a", 5), unit("b", 9)]
    outcome, measure = found(units, {"a.0": 2.0, "b.0": 0.0}, 0.1)
    assert not outcome.met
    assert [each.name for each in outcome.kept] == ["a"]
    assert outcome.found.drops == (drop(0.0),)
    assert measure.asked == 2, "if nearly everything in float does not help, less does not either"


def test_with_other_forms_what_was_kept_is_tried_first() -> None:
    units = [unit("a", 5), unit("b", 9)]
    measure = Losses(units, {"a.0": 2.0, "b.0": 0.0})
    looks = Looks({"pq": 1.0})
    before = search(units, {"pq": 1.0}, measure, looks, lambda _step: None)
    asked = measure.asked
    again = search(units, {"pq": 1.0}, measure, looks, lambda _step: None, before.without([]))
    assert (again.kept, again.costs, measure.asked) == (before.kept, before.costs, asked + 1)
    assert before.without(["graph"]).kept == ()


def test_parts_whose_tensors_show_nothing_rank_last() -> None:
    units = [unit("quiet", 1), unit("loud", 500)]
    outcome = searched(units, 1.0, Quiet(units, {"quiet.0": 0.0, "loud.0": 2.0}))
    assert [each.name for each, _ in outcome.costs] == ["loud", "quiet"]
    assert [cost.images for _, cost in outcome.costs] == [100, 0]
    assert [each.name for each in outcome.kept] == ["loud"]


def test_quiet_parts_are_scored_if_the_budget_does_not_hold_without_them() -> None:
    units = [unit("quiet", 500), unit("loud", 1)]
    outcome = searched(units, 1.0, Quiet(units, {"quiet.0": 1.5, "loud.0": 0.1}))
    assert outcome.met
    assert [each.name for each in outcome.kept] == ["quiet"]
    assert [cost.images for _, cost in outcome.costs] == [100, 100]


def test_intervals_decide_not_the_loss_alone() -> None:
    assert drop(0.8).upper(1.5) == pytest.approx(0.8 + 1.5 * ERROR)
    assert holds([drop(0.8)], {"pq": 1.0}, 1.5)
    assert not holds([drop(0.9)], {"pq": 1.0}, 1.5)
    assert not holds([drop(0.0, error=None)], {"pq": 100.0}, 1.5), "an unknown error proves nothing"
    both = [drop(0.2), drop(0.9, "click")]
    assert excess(both, {"pq": 1.0, "click": 0.5}, 1.5) == pytest.approx(0.4 + 1.5 * ERROR)


def test_each_look_after_the_first_must_be_surer_and_their_number_is_limited() -> None:
    looks = Looks({"pq": 1.0})
    looks.take()
    assert looks.hold((drop(1 - 2.1 * ERROR),))
    looks.take()
    assert not looks.hold((drop(1 - 3.4 * ERROR),))
    assert looks.hold((drop(1 - 3.5 * ERROR),))
    for _ in range(LOOKS - 2):
        looks.take()
    with pytest.raises(BudgetError, match="the search has looked at 20 bundles"):
        looks.take()


def test_so_many_bundles_are_right_together_with_95_percent() -> None:
    errors = stats.t.sf(T_FIRST, 19) + (LOOKS - 1) * stats.t.sf(T_NEXT, 19)
    assert errors == pytest.approx(0.05, rel=1e-3)


def test_harm_is_what_stands_out_of_the_noise_in_shares_of_the_limit() -> None:
    assert harm([drop(0.05)], {"pq": 1.0}) == 0
    assert harm([drop(1.1), drop(0.3, "click")], {"pq": 2.0, "click": 0.1}) == pytest.approx(2.0)
    assert harm([drop(-1.0)], {"pq": 1.0}) == 0
    assert harm([drop(1.1)], {"pq": 0.0}) == pytest.approx(20.0)
    assert harm([], {"pq": 1.0}) == 0


def test_losses_are_told_beside_their_limits() -> None:
    assert told([drop(0.8)], {"pq": 1.0}, 1.7) == "PQ +0.80, at most +0.97 with 95 % (limit 1)"
    worst = drop(12.0, "image-pq", 0.0)
    assert told([worst], {"image-pq": 9}, 1.7) == "PQ of the worst image +12.00, on these images (limit 9)"


@pytest.mark.parametrize(
    ("limits", "tasks", "message"),
    [
        ({"pq": -0.1}, ["panoptic"], r"--max-pq-drop -0\.1; expected points of 100"),
        ({"box": 101}, ["prompt"], "--max-box-drop 101; expected points of 100"),
        ({}, ["panoptic"], "a budget without a limit"),
        ({"iou": 1}, ["panoptic"], "unknown figure of a budget 'iou'"),
        ({"pq": float("nan")}, ["panoptic"], "--max-pq-drop nan; expected points"),
        (
            {"click": 1},
            ["panoptic"],
            "--max-click-drop for a bundle without the task 'prompt'; add it to --tasks, if the model",
        ),
    ],
)
def test_limits_that_say_nothing_are_refused(limits, tasks, message) -> None:
    with pytest.raises(InputError, match=message):
        check_limits(limits, plan_export(target="onnx", precision="w8", tasks=tasks))
