"""What taps and boxes mean for the regions of a photo on the page, whatever the network answers."""

from __future__ import annotations

import pytest
from playwright.sync_api import Error

SAM = {"max_points": 3, "negative_points": True, "boxes": True, "masks": True}
TAP, BOX = {"points": [[5, 6]]}, {"box": [1, 2, 8, 9]}
# Answers are numbered; a mask that is made of logits has as many pixels as their number.
IN_PAGE = """async ({ spec, doings }) => {
  const { Regions } = await import(new URL("photo/regions.js", document.baseURI).href);
  const regions = new Regions(spec);
  const asked = [];
  const filled = (count) => new Uint8Array(9).fill(1, 0, count);
  for (const [what, gesture] of doings) {
    if (what === "undo") regions.undo(({ data }) => filled(data[0]));
    else if (what === "choose") regions.current = gesture;
    else {
      const question = regions.asked(gesture, what);
      const { mask, ...prompt } = question.prompt;
      asked.push({ ...prompt, ...(mask && { mask: [...mask] }) });
      const number = asked.length;
      const logits = { data: [number], shape: [1, 1] };
      regions.take(question, { mask: filled(number), predictedIou: 0, logits });
    }
  }
  const { current, tools } = regions;
  return { asked, areas: regions.answers.map(({ area }) => area), current, tools };
}"""


def done(blank_page, *doings, spec=SAM):
    return blank_page.evaluate(IN_PAGE, {"spec": spec, "doings": doings})


@pytest.mark.parametrize(
    ("changes", "tools"),
    [
        ({}, {"point", "box", "more", "less"}),
        ({"negative_points": False}, {"point", "box", "more"}),
        ({"max_points": 1}, {"point", "box"}),
        ({"max_points": 0}, {"box"}),
        ({"boxes": False, "max_points": 1}, {"point"}),
    ],
)
def test_tools_are_those_that_the_model_takes(blank_page, changes, tools):
    found = done(blank_page, spec={**SAM, **changes})["tools"]
    assert {name for name, is_there in found.items() if is_there} == tools


def test_taps_go_on_from_where_the_region_is(blank_page):
    found = done(blank_page, ("point", TAP), ("less", {"points": [[1, 1]]}), ("more", {"points": [[2, 2]]}))
    assert found["asked"] == [
        TAP,
        {"points": [[5, 6], [1, 1]], "positive": [True, False], "mask": [1]},
        {"points": [[5, 6], [1, 1], [2, 2]], "positive": [True, False, True], "mask": [2]},
    ]
    assert (found["areas"], found["current"]) == ([3], 0)


def test_a_box_keeps_its_box_and_no_mask_goes_to_who_takes_none(blank_page):
    found = done(blank_page, ("box", BOX), ("more", TAP), spec={**SAM, "masks": False})
    assert found["asked"][1] == {**BOX, "points": [[5, 6]], "positive": [True]}


def test_the_region_that_was_chosen_is_changed(blank_page):
    found = done(blank_page, ("point", TAP), ("box", BOX), ("choose", 0), ("less", TAP))
    assert (found["areas"], found["current"]) == ([3, 2], 0)
    assert found["asked"][2]["mask"] == [1]


def test_more_of_nothing_is_a_region_and_less_of_nothing_is_refused(blank_page):
    found = done(blank_page, ("more", TAP))
    assert (found["asked"], found["areas"], found["current"]) == ([TAP], [1], 0)
    with pytest.raises(Error, match="there is no region yet"):
        done(blank_page, ("less", TAP))


def test_undoing_makes_the_mask_before_again_and_ends_with_nothing(blank_page):
    doings = [("point", TAP), ("box", BOX), ("more", TAP), ("undo", None)]
    assert done(blank_page, *doings)["areas"] == [1, 2]
    assert done(blank_page, *doings, ("undo", None))["areas"] == [1]
    found = done(blank_page, *doings, ("undo", None), ("undo", None), ("undo", None))
    assert (found["areas"], found["current"]) == ([], -1)
