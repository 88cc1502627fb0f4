"""A family that takes points, boxes and masks goes the whole way; see `tests.point_family`."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

import rapsam
from rapsam.errors import InputError
from rapsam.export.bundle.manifest_fit import fit_problems
from rapsam.export.localise.search import localise
from rapsam.export.parity.sample_images import draw_scene
from rapsam.export.parity.sample_points import every_kind_of_prompt
from rapsam.models.build import deployment_of
from rapsam.tasks.preprocess import letterbox
from rapsam.tasks.prompt_encoding import encode_prompts
from rapsam.tasks.prompt_set import Prompt, PromptSet
from tests.point_family import CANDIDATES, COLOURS, SPEC

IMAGE = draw_scene(3, (48, 64))
CLICK = Prompt(points=((20, 24),), positive=(True,))
BOX = Prompt(box=(10, 8, 40, 40))
SEVERAL = Prompt(points=((20, 24), (30, 24), (50, 40)), positive=(True, True, False))


def test_it_is_exported_and_proven(clicker, clicker_bundle):
    found = rapsam.load_bundle(clicker_bundle)
    manifest = found.manifest
    assert manifest.parity.status == "passed"
    assert (manifest.prompts, manifest.num_prompts) == (SPEC, 2)
    assert (manifest.preprocess.fit, manifest.preprocess.pad_colour) == ("longest side", COLOURS.mean)
    shapes = {spec.role: spec.shape for spec in manifest.contracts[1].inputs}
    assert shapes["points"] == (1, 2, SPEC.slots, 2)
    assert shapes["mask_prompt"] == (1, 2, 1, 16, 16)
    report = localise(deployment_of(clicker), clicker_bundle, manifest, ("scene", IMAGE), str)
    assert [graph.graph for graph in report.graphs] == ["see", "decide"]


@pytest.mark.parametrize("shape", [(64, 64), (48, 64), (36, 64), (64, 27), (3, 90)])
def test_bundle_and_checkpoint_answer_alike(clicker, clicker_bundle, shape):
    """Square, 4:3, 16:9, tall: a fault in the way back to the image shows where sides differ."""
    image, (height, width) = draw_scene(3, shape), shape
    prompts = PromptSet(
        (
            Prompt(points=((width / 3, height / 2),), positive=(True,)),
            Prompt(box=(width / 4, height / 4, width * 0.9, height)),
            Prompt(points=((width / 3, height / 2), (width / 2, 0)), positive=(True, False)),
        )
    )
    ours = rapsam.load_bundle(clicker_bundle).segment(image, prompts)
    theirs = rapsam.model_segmenter(clicker).segment(image, prompts)
    assert ours.candidates.shape == theirs.candidates.shape == (3, CANDIDATES, *shape)
    np.testing.assert_allclose(ours.mask_logits, theirs.mask_logits, atol=1e-4)
    np.testing.assert_allclose(ours.candidate_iou, theirs.candidate_iou, atol=1e-5)
    assert np.mean(ours.candidates == theirs.candidates) > 0.998
    np.testing.assert_array_equal(ours.chosen, theirs.chosen)


def test_a_single_point_means_one_of_several_candidates_and_all_else_a_certain_one(clicker):
    found = rapsam.model_segmenter(clicker).segment(IMAGE, PromptSet((CLICK, BOX, SEVERAL)))
    assert found.offered == (1, 2, 3)
    best = 1 + int(found.candidate_iou[0, 1:].argmax())
    assert found.chosen.tolist() == [best, 0, 0]
    np.testing.assert_array_equal(found.masks[0], found.candidates[0, best])
    np.testing.assert_array_equal(found.masks[1], found.candidates[1, 0])
    assert found.predicted_iou.tolist() == [found.candidate_iou[0, best], *found.candidate_iou[1:, 0]]
    np.testing.assert_array_equal(found.logits[0], found.mask_logits[0, best])


def test_who_asks_for_all_candidates_or_for_one_gets_that(clicker):
    segmenter = rapsam.model_segmenter(clicker)
    several = segmenter.segment(IMAGE, PromptSet((CLICK, BOX)), multimask=True)
    assert set(several.chosen) <= {1, 2, 3}
    assert segmenter.segment(IMAGE, PromptSet((CLICK, BOX)), multimask=False).chosen.tolist() == [0, 0]


def test_the_most_stable_candidate_is_the_largest_disc(clicker):
    """The border of a large disc is a smaller part of it."""
    found = rapsam.model_segmenter(clicker).segment(IMAGE, PromptSet((CLICK,)), choose="stability")
    assert found.chosen.tolist() == [3]
    assert found.stability[0].argmax() == 3
    assert (np.diff(found.stability[0, 1:]) > 0).all()


def test_an_answer_is_the_next_prompt(clicker, clicker_bundle):
    for segmenter in (rapsam.model_segmenter(clicker), rapsam.load_bundle(clicker_bundle)):
        first = segmenter.segment(IMAGE, PromptSet((CLICK,)))
        second = segmenter.segment(IMAGE, PromptSet((CLICK._replace(mask=first.logits[0]), CLICK)))
        assert second.chosen[0] == 0
        changed = second.mask_logits[0] - second.mask_logits[1]
        np.testing.assert_allclose(changed, np.broadcast_to(0.5 * first.logits[0], changed.shape), atol=1e-4)
        with pytest.raises(InputError, match=r"mask of prompt 1 is float32 \[8, 8\]; .* of \[16, 16\]"):
            segmenter.segment(IMAGE, PromptSet((Prompt(mask=np.zeros((8, 8), np.float32)),)))


def test_each_click_pays_only_for_what_it_changes(clicker_bundle, monkeypatch):
    segmenter = rapsam.load_bundle(clicker_bundle)
    runs = []
    for graph, runner in segmenter.network.runners.items():
        monkeypatch.setattr(
            runner, "run", lambda inputs, graph=graph, run=runner.run: (runs.append(graph), run(inputs))[1]
        )
    known = segmenter.embed(IMAGE)
    assert runs == ["see"]
    for _ in range(3):
        known.segment(PromptSet((CLICK,)))
    assert runs == ["see", "decide", "decide", "decide"]
    known.predict(points=[(3, 4)] * 3)
    assert runs[4:] == ["decide", "decide"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"max_points": 2}, "gives 'clicks' of graph 'decide' the shape [1, 2, 5, 2]"),
        ({"mask_stride": 8}, "gives 'before' of graph 'decide' the shape [1, 2, 1, 16, 16]"),
        ({"candidates": 3}, "gives 'discs' of graph 'decide' the shape"),
        ({"masks": False, "mask_stride": None}, "expected the image and points, point_labels: export"),
    ],
)
def test_a_spec_that_does_not_fit_the_graphs_is_found(clicker_bundle, changes, says):
    manifest = rapsam.load_bundle(clicker_bundle).manifest
    told = msgspec.structs.replace(manifest, prompts=msgspec.structs.replace(SPEC, **changes))
    problems = list(fit_problems(told))
    assert any(says in problem for problem in problems), problems


def test_all_kinds_of_prompts_are_compared():
    prompts = every_kind_of_prompt(SPEC, 6, fitted_geometry()).prompts
    assert [len(prompt.points) for prompt in prompts] == [1, 0, 3, 1, 1, 0]
    assert [prompt.box is not None for prompt in prompts] == [False, True, False, True, False, False]
    assert [prompt.mask is not None for prompt in prompts] == [False, False, False, False, True, True]
    assert not all(prompts[2].positive)


def test_prompts_are_compared_on_the_smallest_images_too():
    encode_prompts(every_kind_of_prompt(SPEC, 64, fitted_geometry((2, 3))), SPEC, fitted_geometry((2, 3)))


def fitted_geometry(size=(48, 64)):
    return letterbox(np.zeros((*size, 3), np.uint8), (64, 64), fit="longest side").geometry


def test_whoever_exports_says_how_many_points_a_prompt_may_have(clicker, tmp_path):
    """More slots than points change no answer; the number is in the manifest, and tells bundles apart."""
    folder = tmp_path / "five"
    choices = {"target": "onnx", "size": (64, 64), "tasks": ("prompt",), "max_points": 5}
    assert rapsam.export_bundle(clicker, folder, **choices).report.status == "passed"
    manifest = rapsam.load_bundle(folder).manifest
    assert manifest.prompts == msgspec.structs.replace(SPEC, max_points=5)
    shapes = {spec.role: spec.shape for spec in manifest.contracts[1].inputs}
    assert shapes["points"] == (1, 1, 7, 2)
    ours = rapsam.load_bundle(folder).segment(IMAGE, PromptSet((SEVERAL,)))
    theirs = rapsam.model_segmenter(clicker).segment(IMAGE, PromptSet((SEVERAL,)))
    np.testing.assert_allclose(ours.mask_logits, theirs.mask_logits, atol=1e-4)
    with pytest.raises(InputError):
        rapsam.export_bundle(clicker, folder, **choices | {"max_points": 4})


@pytest.mark.parametrize("count", [0, -1, 65])
def test_numbers_of_points_that_no_graph_has_are_refused(clicker, count):
    with pytest.raises(InputError, match=f"^{count} points per prompt; expected 1 to 64$"):
        deployment_of(clicker, count)


def test_a_network_without_slots_for_points_says_so():
    model = rapsam.build_model("rapsam_nano", checkpoint="nano-synth")
    with pytest.raises(InputError, match=r"^3 points per prompt for rapsam_nano, whose graphs have no slots"):
        deployment_of(model, 3)
