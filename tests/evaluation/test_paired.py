"""Two segmenters on the same images: what is lost, and how sure that is."""

from __future__ import annotations

import json
import re

import msgspec
import numpy as np
import pytest

import rapsam.evaluation.run as evaluation
from rapsam.data.synth.source import SynthImages
from rapsam.errors import InputError
from rapsam.evaluation.figures import numbers
from rapsam.evaluation.paired import PairedScores
from rapsam.evaluation.report import Against, report_of
from rapsam.evaluation.run import evaluate
from tests.evaluation.oracle import oracle_segmenter

IMAGES = SynthImages(3, 12, (64, 64))
FEW = 6


@pytest.fixture(scope="module")
def missed():
    """The rarest class of the first images: without the one that shows it, nothing is lost."""
    classes = np.concatenate([IMAGES.read(index).classes for index in range(FEW)])
    counts = np.bincount(classes)
    return int(np.argmin(np.where(counts > 0, counts, counts.max() + 1)))


def paired(subject, reference, task="panoptic", **choices):
    scores = PairedScores(task, subject, reference)
    outcome = evaluate(subject, IMAGES, task, scores=scores, **choices)
    return scores, outcome


def test_nothing_is_lost_against_itself() -> None:
    scores, _ = paired(oracle_segmenter(IMAGES), oracle_segmenter(IMAGES))
    for drop in scores.drops():
        assert (drop.drop, drop.value) == (0, drop.reference)
        assert drop.standard_error in (0, None)


def test_figures_are_those_of_evaluations_by_themselves(missed) -> None:
    blind, seeing = oracle_segmenter(IMAGES, blind_to=missed), oracle_segmenter(IMAGES)
    scores, _ = paired(blind, seeing)
    for side, segmenter in (("subject", blind), ("reference", seeing)):
        alone = dict(numbers(evaluate(segmenter, IMAGES, "panoptic").results))
        assert dict(numbers(scores.results(side))) == pytest.approx(alone, nan_ok=True)


def test_what_is_lost_is_found_with_its_error(missed) -> None:
    blind = oracle_segmenter(IMAGES, blind_to=missed)
    scores, outcome = paired(blind, oracle_segmenter(IMAGES), limit=FEW)
    found = {drop.figure: drop for drop in scores.drops()}["panoptic.pq"]
    assert found.reference == 1
    assert found.drop > 0
    assert found.drop == pytest.approx(1 - found.value)
    # One of n groups has all of the loss: the error is (n - 1) / n of it, nearly; n is 4 here.
    assert found.standard_error == pytest.approx(0.75 * found.drop, rel=0.15)
    against = Against(subject="other", runtime="here", drops=scores.drops())
    outcome = outcome._replace(results=scores.results("subject"))
    rows = report_of(oracle_segmenter(IMAGES), "world", outcome, against).drop_rows()
    row = next(row for row in rows if row[0] == "panoptic.pq")
    assert row[1:4] == (f"{found.value:.4f}", "1.0000", f"{100 * found.drop:.2f}")
    assert re.fullmatch(r"\+- \d+\.\d\d", row[4])


def test_counts_are_no_qualities() -> None:
    scores, _ = paired(oracle_segmenter(IMAGES), oracle_segmenter(IMAGES), task="prompts")
    assert {drop.figure for drop in scores.drops()} == {"clicks.mean_iou", "boxes.mean_iou"}


def test_one_image_has_no_error() -> None:
    scores, _ = paired(oracle_segmenter(IMAGES), oracle_segmenter(IMAGES), limit=1)
    assert {drop.standard_error for drop in scores.drops()} == {None}


def test_an_interrupted_comparison_goes_on(missed, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(evaluation, "SAVE_SECONDS", 0.0)
    subject, reference = oracle_segmenter(IMAGES, blind_to=missed), oracle_segmenter(IMAGES)
    whole, _ = paired(subject, reference)

    def interrupt(done, _total):
        if done == 5:
            raise KeyboardInterrupt

    unfinished = tmp_path / "unfinished.json"
    with pytest.raises(KeyboardInterrupt):
        paired(subject, reference, unfinished=unfinished, progress=interrupt)
    steps = []
    resumed, _ = paired(
        subject, reference, unfinished=unfinished, progress=lambda done, _total: steps.append(done)
    )
    assert steps[0] == 4
    assert json.dumps([repr(drop) for drop in resumed.drops()]) == json.dumps(
        [repr(drop) for drop in whole.drops()]
    )


def test_other_classes_are_refused() -> None:
    one, other = oracle_segmenter(IMAGES), oracle_segmenter(IMAGES)
    labels = other.finder.labels
    renamed = msgspec.structs.replace(labels, name="others")
    object.__setattr__(other, "finder", other.finder._replace(labels=renamed))
    with pytest.raises(InputError, match="name different classes; compare bundles of one model"):
        PairedScores("panoptic", one, other)
