import json
import re

import numpy as np
import pytest
import torch

import rapsam.evaluation.run as evaluation
from rapsam.data.sources.kinds import open_source
from rapsam.data.synth.source import SynthImages, SynthVideos
from rapsam.errors import InputError
from rapsam.evaluation.prompt_scores import innermost_pixel
from rapsam.evaluation.report import report_of, write_report
from rapsam.evaluation.run import evaluate
from rapsam.inference.segmenter import model_segmenter
from rapsam.models.build import build_model
from tests.data.sources.tiny_sets import edit_json, write_coco_panoptic, write_vipseg
from tests.evaluation.oracle import oracle_segmenter

IMAGES = SynthImages(3, 6, (64, 64))
VIDEOS = SynthVideos(3, 3, (64, 64), num_frames=7)


def _states(outcome):
    return json.dumps({name: repr(result) for name, result in outcome.results.items()})


def test_an_oracle_is_perfect_on_images():
    found = evaluate(oracle_segmenter(IMAGES), IMAGES, "panoptic").results
    assert found["panoptic"].pq == found["panoptic"].pq_stuff == found["panoptic"].pq_things == 1
    assert found["mask_ap"].ap == pytest.approx(1)
    assert found["semantic"].mean_iou == 1
    assert evaluate(oracle_segmenter(IMAGES), IMAGES, "instances").results["mask_ap"].ap == pytest.approx(1)


def test_a_class_that_is_not_seen_is_missed_and_no_other():
    classes = np.concatenate([IMAGES.read(index).classes for index in range(len(IMAGES))])
    missed = int(np.bincount(classes).argmax())
    found = evaluate(oracle_segmenter(IMAGES, blind_to=missed), IMAGES, "panoptic").results["panoptic"]
    quality = {entry.class_index: entry.pq for entry in found.per_class}
    assert quality.pop(missed) == 0
    assert set(quality.values()) == {1.0}


def test_an_oracle_is_perfect_with_boxes_and_nearly_with_clicks():
    found = evaluate(oracle_segmenter(IMAGES), IMAGES, "prompts").results
    # The middle of a box may lie on another segment than the one that it surrounds.
    assert found["clicks"].mean_iou == 1
    assert found["clicks"].clicks[-1].mean_clicks == 1
    assert found["boxes"].prompts == found["clicks"].prompts > 0
    assert found["boxes"].mean_iou < 1


def test_an_oracle_follows_objects_although_its_queries_change_places():
    segmenter = oracle_segmenter(VIDEOS)
    found = evaluate(segmenter, VIDEOS, "tracks").results["tube_ap"]
    assert found.ap == pytest.approx(1)
    assert segmenter.network.passes > len(VIDEOS)  # several clips a video


def test_an_oracle_is_perfect_on_panoptic_videos(tmp_path):
    write_vipseg(tmp_path)
    source = open_source("vipseg", tmp_path, "val")
    found = evaluate(oracle_segmenter(source), source, "video-panoptic").results
    assert found["vpq"].vpq == 1
    assert found["stq"].stq == pytest.approx(1)


def test_the_innermost_pixel_is_far_from_every_border():
    mask = np.zeros((9, 12), bool)
    mask[0:9, 0:7] = True
    assert innermost_pixel(mask) == (3, 3)
    mask[:, 2:4] = False  # what is left on the right is 3 wide, on the left 2
    x, y = innermost_pixel(mask)
    assert x == 5
    assert mask[int(y), int(x)]


def test_an_interrupted_evaluation_goes_on_where_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation, "SAVE_SECONDS", 0.0)
    unfinished = tmp_path / "eval.unfinished.json"
    straight = evaluate(oracle_segmenter(IMAGES, blind_to=2), IMAGES, "panoptic")

    def stop_after_four(done, total):
        assert total == 6
        if done == 4:
            raise KeyboardInterrupt

    segmenter = oracle_segmenter(IMAGES, blind_to=2)
    with pytest.raises(KeyboardInterrupt):
        evaluate(segmenter, IMAGES, "panoptic", unfinished=unfinished, progress=stop_after_four)
    seen = []
    again = oracle_segmenter(IMAGES, blind_to=2)
    outcome = evaluate(
        again, IMAGES, "panoptic", unfinished=unfinished, progress=lambda done, _total: seen.append(done)
    )
    assert seen == [3, 4, 5, 6]  # the fourth was counted, but not saved
    assert again.network.passes == 3
    assert _states(outcome) == _states(straight)
    # What was counted stays until its owner has written the report; asked again, nothing is computed.
    finished = oracle_segmenter(IMAGES, blind_to=2)
    assert _states(evaluate(finished, IMAGES, "panoptic", unfinished=unfinished)) == _states(straight)
    assert finished.network.passes == 0


def test_what_was_counted_on_other_data_is_not_taken_over(tmp_path):
    unfinished = tmp_path / "eval.unfinished.json"
    evaluate(oracle_segmenter(IMAGES), IMAGES, "panoptic", unfinished=unfinished, data_key="here")
    again = oracle_segmenter(IMAGES)
    evaluate(again, IMAGES, "panoptic", unfinished=unfinished, data_key="there")
    assert again.network.passes == len(IMAGES)


def test_prompts_need_no_common_class():
    prototypes = torch.eye(3, 768)[:, None]
    model = build_model("rapsam_nano", checkpoint="formula", classifier=prototypes)
    found = evaluate(model_segmenter(model, (64, 64)), IMAGES, "prompts", limit=1)
    assert found.results["clicks"].prompts > 0
    assert not found.unknown_classes


def test_what_was_counted_of_another_network_is_not_taken_over(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation, "SAVE_SECONDS", 0.0)
    unfinished = tmp_path / "eval.unfinished.json"

    def stop(done, total):
        if done == total - 1:
            raise KeyboardInterrupt

    blind = oracle_segmenter(IMAGES, blind_to=2)
    with pytest.raises(KeyboardInterrupt):
        evaluate(blind, IMAGES, "panoptic", unfinished=unfinished, progress=stop)
    assert unfinished.exists()
    outcome = evaluate(oracle_segmenter(IMAGES), IMAGES, "panoptic", unfinished=unfinished)
    assert outcome.results["panoptic"].pq == 1


@pytest.mark.parametrize("damage", [b'{"question": 3', b'{"question": "\xff"}'])
def test_a_damaged_file_of_counts_is_an_error_that_names_it(damage, tmp_path):
    unfinished = tmp_path / "eval.unfinished.json"
    unfinished.write_bytes(damage)
    with pytest.raises(InputError, match="is damaged"):
        evaluate(oracle_segmenter(IMAGES), IMAGES, "panoptic", unfinished=unfinished)


def test_a_network_that_answers_no_numbers_is_an_error_that_names_the_image():
    segmenter = oracle_segmenter(IMAGES)
    sees = segmenter.network.detect

    def detect(frames):
        found = sees(frames)
        return found._replace(mask_logits=np.full_like(found.mask_logits, np.nan))

    segmenter.network.detect = detect
    with pytest.raises(InputError, match=re.escape(IMAGES.read(0).name)):
        evaluate(segmenter, IMAGES, "panoptic")


def test_a_bundle_without_the_graphs_of_a_task_is_refused():
    segmenter = oracle_segmenter(IMAGES, prompts=None)
    evaluate(segmenter, IMAGES, "panoptic", limit=1)
    with pytest.raises(
        InputError,
        match="no graph for 'prompts'; score it with another --task, or export it with --tasks prompt",
    ):
        evaluate(segmenter, IMAGES, "prompts")
    with pytest.raises(InputError, match="--tasks panoptic"):
        evaluate(oracle_segmenter(IMAGES, finder=None), IMAGES, "panoptic")


def test_broken_images_are_left_out_and_named(tmp_path):
    write_coco_panoptic(tmp_path)
    source = open_source("coco_panoptic", tmp_path, "val")
    segmenter = oracle_segmenter(source)
    first = sorted((tmp_path / "val2017").iterdir())[0]
    first.write_bytes(first.read_bytes()[:200])
    outcome = evaluate(segmenter, source, "panoptic")
    assert outcome.clips == 3
    assert len(outcome.left_out) == 1
    assert first.name in outcome.left_out[0]
    assert outcome.results["panoptic"].pq == 1


def test_classes_that_the_network_does_not_have_are_void_and_named(tmp_path):
    write_coco_panoptic(tmp_path)
    annotation = tmp_path / "annotations" / "panoptic_val2017.json"
    edit_json(annotation, lambda content: content["categories"][0].update(name="heaven"))
    source = open_source("coco_panoptic", tmp_path, "val")
    model = build_model("rapsam_nano", checkpoint="formula", classifier="coco_panoptic")
    outcome = evaluate(model_segmenter(model, (64, 64)), source, "panoptic")
    assert outcome.unknown_classes == ("heaven",)
    judged = sum(
        entry.true_positives + entry.false_negatives for entry in outcome.results["panoptic"].per_class
    )
    assert judged == sum(len(_known_segments(source, index)) for index in range(len(source)))


def _known_segments(source, index):
    """Segments that must be found: no crowd, and not of the class that the network does not have."""
    clip = source.read(index)
    names = [source.label_set.labels[place].name for place in clip.classes]
    return [name for name, crowd in zip(names, clip.crowd, strict=True) if not crowd and name != "heaven"]


def test_a_data_set_of_other_classes_is_refused():
    prototypes = torch.eye(3, 768)[:, None]
    model = build_model("rapsam_nano", checkpoint="formula", classifier=prototypes)
    with pytest.raises(InputError, match="no class of 'synth'"):
        evaluate(model_segmenter(model, (64, 64)), IMAGES, "panoptic")


def test_the_report_is_json_with_null_where_nothing_was_compared(tmp_path):
    outcome = evaluate(oracle_segmenter(VIDEOS), VIDEOS, "tracks", limit=1)
    report = report_of(oracle_segmenter(VIDEOS), VIDEOS.name, outcome)
    write_report(tmp_path / "eval.json", report)
    content = json.loads((tmp_path / "eval.json").read_text())
    assert content["clips"] == 1
    assert content["task"] == "tracks"
    assert content["figures"]["tube_ap"]["ap"] == pytest.approx(1)
    assert len(content["classes"]) == 20
    assert dict(report.rows())["tube_ap.ap"] == "1.0000"
