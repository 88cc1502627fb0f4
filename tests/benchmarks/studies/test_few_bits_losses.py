"""Each side is scored once, and what is lost is what `PairedScores` says."""

from __future__ import annotations

import numpy as np
import pytest

from rapsam.benchmarks.studies.few_bits_losses import FIGURES, Images, losses_of
from rapsam.data.synth.source import SynthImages
from rapsam.evaluation.paired import PairedScores
from rapsam.evaluation.run import evaluate
from tests.evaluation.oracle import oracle_segmenter

SOURCE = SynthImages(3, 6, (64, 64))


def subject_and_reference():
    seen = np.bincount(np.concatenate([SOURCE.read(index).classes for index in range(len(SOURCE))]))
    blind = oracle_segmenter(SOURCE, blind_to=int(np.argmax(seen)))
    object.__setattr__(blind, "name", "blind")
    return blind, oracle_segmenter(SOURCE)


def test_losses_are_those_of_a_paired_evaluation_and_nothing_is_scored_twice(tmp_path):
    subject, reference = subject_and_reference()
    images, told = Images(SOURCE, "here", tmp_path), []
    found = losses_of(subject, reference, images, lambda *step: told.append(step))
    wanted = {}
    for task, figures in FIGURES.items():
        scores = PairedScores(task, subject, reference)
        evaluate(subject, SOURCE, task, scores=scores)
        wanted |= {figures[drop.figure]: drop for drop in scores.drops() if drop.figure in figures}
    assert [loss.figure for loss in found] == list(wanted) == ["pq", "click", "box"]
    for loss in found:
        drop = wanted[loss.figure]
        assert (loss.value, loss.reference) == (drop.value, drop.reference)
        assert loss.points == pytest.approx(100 * drop.drop)
        assert loss.standard_error == pytest.approx(100 * drop.standard_error)
    assert found[0].points > 0
    assert len(told) == 2 * 2 * (len(SOURCE) + 1)

    told.clear()
    assert losses_of(subject, reference, images, lambda *step: told.append(step)) == found
    assert {done for _, done, _ in told} == {len(SOURCE)}
