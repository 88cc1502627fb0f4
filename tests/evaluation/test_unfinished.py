"""The file of an unfinished evaluation: sealed, plausible, and able to hold any name."""

from __future__ import annotations

import hashlib
import json

import pytest

import rapsam.evaluation.run as evaluation
from rapsam.data.sources.faults import DataSetError
from rapsam.data.synth.source import SynthImages
from rapsam.errors import InputError
from rapsam.evaluation.run import NAMED_ANNOTATIONS, evaluate
from rapsam.evaluation.unfinished import load_unfinished
from tests.evaluation.oracle import oracle_segmenter

IMAGES = SynthImages(3, 3, (64, 64))


@pytest.fixture
def unfinished(tmp_path):
    path = tmp_path / "eval.unfinished.json"
    evaluate(oracle_segmenter(IMAGES), IMAGES, "panoptic", unfinished=path)
    return path


def edited(path, change, *, sealed):
    """Changes what was counted; seals it again as one could who knows how."""
    content = json.loads(path.read_text())
    change(content["counted"])
    if sealed:
        counted = json.dumps(content["counted"])
        content["sha256"] = hashlib.sha256(counted.encode()).hexdigest()
        path.write_text(f'{{"sha256": "{content["sha256"]}", "counted": {counted}}}')
    else:
        path.write_text(json.dumps(content))


def go_on(path, **options):
    return evaluate(oracle_segmenter(IMAGES), IMAGES, "panoptic", unfinished=path, **options)


def test_what_is_sealed_is_taken(unfinished):
    edited(unfinished, lambda counted: counted.update(first_annotations=["a note"]), sealed=True)
    assert go_on(unfinished).results["panoptic"].pq == 1


def test_an_edited_file_is_refused(unfinished):
    edited(unfinished, lambda counted: counted["parts"]["panoptic"]["iou_sums"].reverse(), sealed=False)
    with pytest.raises(InputError, match=r"its digest is another.*remove it to begin anew"):
        go_on(unfinished)


@pytest.mark.parametrize(
    "change",
    [
        lambda counted: counted.update(done=-1),
        lambda counted: counted.update(done=4),
        lambda counted: counted.update(done=10**30),
        lambda counted: counted.update(left_out=["a"] * 4),
        lambda counted: counted.update(annotations_left_out=-1),
        lambda counted: counted["parts"].pop("panoptic"),
        lambda counted: counted["parts"]["panoptic"]["true_positives"].__setitem__(0, 10**30),
        lambda counted: counted["parts"]["panoptic"]["true_positives"].__setitem__(0, 2**62),
        lambda counted: counted["parts"]["panoptic"]["false_negatives"].__setitem__(0, -1),
        lambda counted: counted["parts"]["panoptic"]["iou_sums"].__setitem__(0, None),
        lambda counted: counted["parts"]["panoptic"]["iou_sums"].__setitem__(0, float("nan")),
        lambda counted: counted["parts"]["panoptic"]["iou_sums"].__setitem__(0, -0.5),
        lambda counted: counted["parts"]["semantic"]["pixels"][0].__setitem__(0, -3),
        lambda counted: counted["parts"]["mask_ap"]["classes"][0]["references"].__setitem__(0, 10**20),
        lambda counted: counted["parts"]["mask_ap"]["classes"][0].update(scores=[1e300]),
    ],
)
def test_counts_that_cannot_be_are_refused(unfinished, change):
    edited(unfinished, change, sealed=True)
    with pytest.raises(InputError, match=rf"{unfinished.name}.*remove it to begin anew"):
        go_on(unfinished)


def test_names_that_are_no_text_are_kept_escaped(tmp_path):
    path = tmp_path / "eval.unfinished.json"
    segmenter = oracle_segmenter(IMAGES, name="bundle-\udcff")
    evaluate(segmenter, IMAGES, "panoptic", unfinished=path, data_key="/data-\udcfe")
    assert load_unfinished(path).question.startswith(r"panoptic: bundle-\udcff")
    again = oracle_segmenter(IMAGES, name="bundle-\udcff")
    evaluate(again, IMAGES, "panoptic", unfinished=path, data_key="/data-\udcfe")
    assert again.network.passes == 0


class Flawed:
    """The images, with annotations that were left out and one image that cannot be read."""

    name, label_set = IMAGES.name, IMAGES.label_set

    def __len__(self):
        return len(IMAGES)

    def read(self, index):
        if index == 2:
            raise DataSetError("damaged file", "image 2 is broken \udcff")
        fault = DataSetError("invalid outline", f"an outline of image {index} is none")
        return IMAGES.read(index)._replace(faults=(fault,) * 15)


def test_what_is_left_out_is_counted_through_an_interruption(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation, "SAVE_SECONDS", 0.0)
    path = tmp_path / "eval.unfinished.json"
    strays = [DataSetError("stray annotation", "annotation 7 belongs to nothing")]

    def stop_after_one(done, _):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(
            oracle_segmenter(IMAGES),
            Flawed(),
            "panoptic",
            unfinished=path,
            strays=strays,
            progress=stop_after_one,
        )
    outcome = evaluate(oracle_segmenter(IMAGES), Flawed(), "panoptic", unfinished=path, strays=strays)
    assert outcome.annotations_left_out == 31
    assert outcome.first_annotations[0] == "annotation 7 belongs to nothing"
    assert len(outcome.first_annotations) == NAMED_ANNOTATIONS
    assert outcome.left_out == ("image 2 is broken \\udcff",)
    with pytest.raises(InputError, match="without --strict"):
        evaluate(oracle_segmenter(IMAGES), Flawed(), "panoptic", unfinished=path, strict=True)


@pytest.mark.parametrize(
    ("strays", "says"), [(["annotation 7"], "annotation 7"), ([], "an outline of image 0 is none")]
)
def test_strict_ends_at_the_first_fault(strays, says):
    faults = [DataSetError("stray annotation", line) for line in strays]
    with pytest.raises(InputError, match=f"{says}; without --strict this is left out and counted"):
        evaluate(oracle_segmenter(IMAGES), Flawed(), "panoptic", strays=faults, strict=True)
