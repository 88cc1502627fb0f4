"""The rules as data: whole, with evidence, and as the documentation shows them."""

from __future__ import annotations

import datetime
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapsam.export.backends import BACKENDS
from rapsam.export.backends.coreml.neural_engine import engine_list
from rapsam.export.devices import load_devices
from rapsam.export.lint.checks import CHECKS, RECIPE_CHECKS
from rapsam.export.lint.findings import RANGE_CHECKS, general_finding
from rapsam.export.lint.rules import find_rule, load_rules, rules_for, version_key

RULES = {rule.name: rule for rule in load_rules()}
OF_ANY_PHONE = ("memory", "delegate", "parity")


@pytest.mark.parametrize("rule", load_rules(), ids=RULES)
def test_a_rule_has_a_check_and_evidence_and_a_date_that_is_one(rule):
    assert rule.check in {*CHECKS, *RECIPE_CHECKS, *RANGE_CHECKS, *OF_ANY_PHONE}
    assert rule.date is None or datetime.date.fromisoformat(rule.date)
    assert all(source.startswith(("https://", "study: ", "arithmetic: ")) for source in rule.evidence)
    assert (rule.check in OF_ANY_PHONE) == (rule.accelerators == ())
    assert (rule.check == "listed") == bool(rule.operators)


def test_every_accelerator_of_a_rule_is_one_that_a_target_declares():
    declared = {each.name for backend in BACKENDS.values() for each in backend.facts.accelerators}
    assert {name for rule in RULES.values() for name in rule.accelerators} == declared


def test_names_are_used_once_and_every_check_has_a_rule():
    assert len(RULES) == len(load_rules())
    assert {*CHECKS, *RECIPE_CHECKS, *RANGE_CHECKS, *OF_ANY_PHONE} == {rule.check for rule in RULES.values()}
    assert find_rule("memory").name == "memory"
    assert [rule.name for rule in rules_for("Vulkan")] == ["fp16-value-range", "vulkan-vendors"]


def test_the_limits_of_the_neural_engine_are_those_of_its_list():
    assert RULES["neural-engine-rank"].limit == engine_list().limits.max_rank
    assert RULES["neural-engine-axis"].limit == engine_list().limits.max_axis


def test_a_rule_about_some_chips_leaves_out_the_others():
    def axes(chip):
        return [rule.name for rule in rules_for("Neural Engine", chip) if rule.check == "axis"]

    assert axes("A15 Bionic") == ["neural-engine-axis"]
    assert axes("A17 Pro") == ["neural-engine-long-axis"]
    assert axes(None) == ["neural-engine-axis", "neural-engine-long-axis"]


def test_every_iphone_has_one_limit_of_axes():
    for device in load_devices().values():
        if device.platform == "ios" and device.chip:
            rules = [rule for rule in rules_for("Neural Engine", device.chip) if rule.check == "axis"]
            assert len(rules) == 1, device.id


@pytest.mark.parametrize(
    ("seen", "fixed", "installed", "standing"),
    [
        ("2.1.3", None, "2.1.3", "current"),
        ("2.1.3", None, "2.3.0", "stale"),
        ("2.1.3", None, "2.1.2", "current"),
        ("2.1.5", "2.1.6", "2.1.6", "fixed"),
        ("2.1.5", "2.1.6", "2.1.5", "current"),
        ("1.0.0b2", None, "1.0.0b3", "stale"),
        (None, None, "2.1.3", "unknown"),
        ("2.1.3", None, None, "unknown"),
    ],
)
def test_a_rule_says_how_it_stands_to_what_is_installed(seen, fixed, installed, standing):
    rule = msgspec.structs.replace(RULES["litert-gpu-rank"], seen_with=seen, fixed_in=fixed)
    assert rule.standing(installed) == standing


def test_a_rule_that_the_installed_runtime_has_mended_is_a_note(monkeypatch):
    monkeypatch.setattr(
        "rapsam.export.lint.rules.installed_versions", lambda _names: {"ai-edge-litert": "3.0"}
    )
    fixed = general_finding(RULES["litert-gpu-mask-on-product"], "LiteRT GPU", None, "")
    stale = general_finding(RULES["litert-gpu-batched-product"], "LiteRT GPU", None, "")
    assert (fixed.severity, fixed.standing) == ("note", "fixed")
    assert (stale.severity, stale.standing, stale.seen_with) == ("error", "stale", "ai-edge-litert 2.1.3")


def test_versions_sort_as_their_makers_mean_them():
    order = ["0.9", "1.0.0a1", "1.0.0b2", "1.0.0b3", "1.0.0rc1", "1.0", "1.9", "1.10", "2.0.0.dev5", "2.0"]
    keys = [version_key(version) for version in order]
    assert all(earlier < later for earlier, later in pairwise(keys))
    assert version_key("1.0") == version_key("1.0.0") == version_key("1.0.0+cpu")


@given(
    st.lists(st.integers(0, 99), min_size=1, max_size=4), st.lists(st.integers(0, 99), min_size=1, max_size=4)
)
def test_plain_versions_sort_as_their_numbers(left, right):
    width = max(len(left), len(right))
    padded = [side + [0] * (width - len(side)) for side in (left, right)]
    keys = [version_key(".".join(map(str, side))) for side in (left, right)]
    assert (keys[0] < keys[1]) == (padded[0] < padded[1])
