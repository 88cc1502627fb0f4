"""What a model takes as a prompt: everything else is refused by name, and nothing is changed silently."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from rapsam.errors import InputError
from rapsam.models.rapsam.deployment import PROMPT_SPEC
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.prompt import normalised_boxes, prompt_boxes
from rapsam.tasks.prompt_encoding import encode_prompts
from rapsam.tasks.prompt_set import MOST_POINTS, Prompt, PromptSet, PromptSpec, check_prompts

GEOMETRY = ImageGeometry(padded_size=(64, 96), content_size=(60, 80), original_size=(120, 160))
MASK = np.zeros((16, 24), np.float32)


def point(x: float, y: float, positive: bool = True) -> Prompt:
    return Prompt(points=((x, y),), positive=(positive,))


def test_points_come_first_and_become_boxes_of_three_pixels():
    prompts = PromptSet.of([(40, 60), (0, 0)], [(10, 20, 30, 60)])
    encoded = encode_prompts(prompts, PROMPT_SPEC, GEOMETRY)
    expected = normalised_boxes(prompt_boxes([(40, 60), (0, 0)], [(10, 20, 30, 60)], GEOMETRY), GEOMETRY)
    assert encoded.keys() == {"boxes"}
    np.testing.assert_array_equal(encoded["boxes"], expected)


def test_prompts_keep_their_order():
    prompts = PromptSet((Prompt(box=(10, 20, 30, 60)), point(40, 60)))
    backwards = encode_prompts(PromptSet(prompts.prompts[::-1]), PROMPT_SPEC, GEOMETRY)["boxes"]
    np.testing.assert_array_equal(encode_prompts(prompts, PROMPT_SPEC, GEOMETRY)["boxes"], backwards[:, ::-1])


def test_the_radius_of_a_point_is_the_models():
    wide = msgspec.structs.replace(PROMPT_SPEC, point_radius=6.0)
    one, other = (encode_prompts(PromptSet((point(80, 60),)), spec, GEOMETRY) for spec in (PROMPT_SPEC, wide))
    sizes = [float(found["boxes"][0, 0, 2] - found["boxes"][0, 0, 0]) * 80 for found in (one, other)]
    assert sizes == pytest.approx([6, 12])


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        (Prompt(), "prompt 2 is empty"),
        (point(3, 4, positive=False), "prompt 2 has the negative point 3,4"),
        (Prompt(points=((1, 2), (3, 4)), positive=(True, True)), "prompt 2 has 2 points"),
        (Prompt(points=((1, 2),), positive=()), "prompt 2 has 0 labels for 1 points"),
        (Prompt(points=((1, 2),), positive=(True,), box=(1, 2, 3, 4)), "prompt 2 has a box beside a point"),
        (Prompt(mask=MASK), "prompt 2 has a mask"),
    ],
)
def test_what_a_model_does_not_take_is_refused_by_name(prompt, says):
    with pytest.raises(InputError, match=says) as caught:
        check_prompts(PromptSet((point(1, 2), prompt)), PROMPT_SPEC)
    assert "this model takes one point or one box per prompt, no negative points" in str(caught.value)
    assert str(caught.value).endswith("change it, or take another model")


def test_more_points_than_slots_are_refused_with_how_to_get_as_many():
    spec = msgspec.structs.replace(
        PROMPT_SPEC, encoding="points", max_points=2, negative_points=True, point_radius=None
    )
    more = MOST_POINTS + 1
    most = Prompt(points=((1, 2),) * more, positive=(True,) * more)
    with pytest.raises(InputError, match=r"prompt 1 has 65 points; .*, or take another model$"):
        check_prompts(PromptSet((most,)), spec)
    many = Prompt(points=((1, 2), (3, 4), (5, 6)), positive=(True, False, True))
    with pytest.raises(InputError, match=r"prompt 1 has 3 points; .*, or export the model with --points 3$"):
        check_prompts(PromptSet((many,)), spec)


@pytest.mark.parametrize(
    "changes",
    [
        {"max_points": 2},
        {"negative_points": True},
        {"points_with_box": True},
        {"masks": True},
        {"point_radius": None},
        {"max_points": 0},
        {"boxes": False, "max_points": 0, "point_radius": None},
    ],
)
def test_a_model_cannot_say_that_it_takes_what_its_encoding_would_lose(changes):
    told = msgspec.to_builtins(PROMPT_SPEC) | changes
    with pytest.raises(InputError, match=r"encoded as boxes|no prompt of any kind"):
        PromptSpec(**told)


def test_no_prompt_is_an_error():
    with pytest.raises(InputError, match="no prompt given"):
        check_prompts(PromptSet(()), PROMPT_SPEC)
