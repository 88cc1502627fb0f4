"""What a bundle loses on annotated images, as a budget asks for it."""

from __future__ import annotations

import numpy as np
import pytest

from rapsam.data.sources.faults import DataSetError
from rapsam.data.synth.source import SynthImages
from rapsam.errors import InputError
from rapsam.evaluation.budget_meter import MIN_IMAGES, DropMeter
from rapsam.evaluation.paired import PairedScores
from rapsam.evaluation.run import evaluate
from rapsam.export.bundle.quantisation import T_95
from rapsam.metrics.panoptic_quality import mutual_panoptic_quality
from rapsam.quantize.calibration import pixels_sha256
from tests.evaluation.oracle import oracle_segmenter

IMAGES = SynthImages(3, 64, (64, 64))


@pytest.fixture(scope="module")
def blind():
    classes = np.concatenate([IMAGES.read(index).classes for index in range(len(IMAGES))])
    return oracle_segmenter(IMAGES, blind_to=int(np.bincount(classes).argmax()))


def test_losses_are_those_of_paired_scores_in_points(blind) -> None:
    seeing = oracle_segmenter(IMAGES)
    (found,) = DropMeter(IMAGES, "drawn", ("pq",)).drops(blind, seeing, range(len(IMAGES)))
    scores = PairedScores("panoptic", blind, seeing)
    evaluate(blind, IMAGES, "panoptic", scores=scores)
    wanted = {drop.figure: drop for drop in scores.drops()}["panoptic.pq"]
    assert found.points == pytest.approx(100 * wanted.drop) != 0
    assert found.standard_error == pytest.approx(100 * wanted.standard_error)


def test_nothing_is_lost_against_itself_and_figures_keep_their_order() -> None:
    seeing = oracle_segmenter(IMAGES)
    found = DropMeter(IMAGES, "drawn", ("box", "click", "pq")).drops(seeing, seeing, range(MIN_IMAGES))
    assert [(drop.figure, drop.points, drop.upper(T_95)) for drop in found] == [
        ("box", 0, 0),
        ("click", 0, 0),
        ("pq", 0, 0),
    ]


def test_the_reference_is_counted_once(blind) -> None:
    seeing, meter = oracle_segmenter(IMAGES), DropMeter(IMAGES, "drawn", ("pq",))
    meter.drops(blind, seeing, range(MIN_IMAGES))
    passes = seeing.network.passes
    meter.drops(blind, seeing, range(MIN_IMAGES))
    assert seeing.network.passes == passes == MIN_IMAGES


def test_images_are_known_by_their_pixels_and_annotations() -> None:
    meter = DropMeter(IMAGES, "drawn", ("pq",), limit=MIN_IMAGES)
    first = IMAGES.read(0)
    assert meter.pixels_sha256[pixels_sha256(first.frames[0])] == first.name
    assert (meter.images, len(meter.pixels_sha256)) == (MIN_IMAGES, MIN_IMAGES)
    assert meter.key == DropMeter(IMAGES, "elsewhere", ("pq",), limit=MIN_IMAGES).key
    assert meter.key != DropMeter(IMAGES, "drawn", ("pq",), limit=MIN_IMAGES + 1).key
    assert meter.key != DropMeter(Relabelled(), "drawn", ("pq",), limit=MIN_IMAGES).key


class Relabelled:
    """The same images; one segment of the last has another class."""

    label_set, name = IMAGES.label_set, IMAGES.name

    def __len__(self) -> int:
        return len(IMAGES)

    def read(self, index, frames=None):
        clip = IMAGES.read(index, frames)
        if index != MIN_IMAGES - 1:
            return clip
        return clip._replace(classes=(clip.classes + 1) % len(self.label_set.labels))


class Renamed(Relabelled):
    """The same images under other names."""

    def read(self, index, frames=None):
        clip = IMAGES.read(index, frames)
        return clip._replace(name=f"new {clip.name}")


class Faulty(Relabelled):
    """One annotation cannot be used."""

    def read(self, index, frames=None):
        return IMAGES.read(index, frames)._replace(
            faults=(DataSetError("invalid entry", "val.json: annotation 7 is empty"),)
        )


def test_names_decide_the_groups_of_the_error() -> None:
    keys = {DropMeter(source, "drawn", ("pq",)).key for source in (IMAGES, Renamed())}
    assert len(keys) == 2


def test_a_faulty_annotation_is_found_before_any_work() -> None:
    with pytest.raises(InputError, match="annotation 7 is empty; a budget is held on whole annotations"):
        DropMeter(Faulty(), "drawn", ("pq",))


def test_too_few_images_are_refused() -> None:
    with pytest.raises(InputError, match=r"59 images in drawn to hold a budget on; .* needs 60"):
        DropMeter(IMAGES, "drawn", ("pq",), limit=MIN_IMAGES - 1)


def test_the_worst_image_is_named(blind) -> None:
    """Blind to a class, a network has a result like the other's wherever the class is not seen."""
    seeing = oracle_segmenter(IMAGES)
    meter = DropMeter(IMAGES, "drawn", ("image-pq", "image-iou"))
    worst, prompted = meter.drops(blind, seeing, range(len(IMAGES)))
    alike = {}
    for place in range(len(IMAGES)):
        clip = IMAGES.read(place)
        ours, wanted = (each.panoptic(clip.frames[0]) for each in (blind, seeing))
        maps = ours.panoptic_map, wanted.panoptic_map
        alike[clip.name] = mutual_panoptic_quality(*maps, wanted.void, IMAGES.label_set.num_things)
    name = min(alike, key=alike.__getitem__)
    assert (worst.image, worst.standard_error) == (name, 0)
    assert worst.points == pytest.approx(100 * (1 - alike[name]))
    assert worst.points > 0
    assert (prompted.points, prompted.image) == (0, None), "prompts are answered whatever their class"
