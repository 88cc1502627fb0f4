"""Samples of a run: what is visited how often, what a sample holds, and how broken ones are replaced."""

from collections import Counter
from itertools import pairwise

import msgspec
import numpy as np
import pytest
import torch

from rapsam.data.sources.faults import DataSetError
from rapsam.data.synth.source import SynthImages, SynthVideos
from rapsam.errors import InputError
from rapsam.training.config import DataConfig, SourceConfig
from rapsam.training.loader import StepSampler, load_batches
from rapsam.training.samples import MixedSamples, MixedSource, collate

SIZE = (64, 64)
# Another test may have loaded JAX into this process; the loading processes do not touch it.
AFTER_JAX = pytest.mark.filterwarnings("ignore:os.fork.. was called:RuntimeWarning")


class Counting:
    """A source that tells which of its items were read."""

    def __init__(self, source, broken=()):
        self.source, self.broken = source, set(broken)
        self.name, self.label_set = source.name, source.label_set
        self.read_items = []

    def __len__(self):
        return len(self.source)

    def num_frames(self, index):
        return self.source.num_frames(index)

    def read(self, index, frames=None):
        self.read_items.append((index, tuple(frames) if frames else None))
        if index in self.broken:
            raise InputError(f"image {index} is broken")
        return self.source.read(index, frames)


def _config(task, repeat=1.0, **more):
    return SourceConfig(task=task, kind="coco_panoptic", folder=".", repeat=repeat, **more)


def _samples(*parts, seed=0, **data):
    """Mixes pairs of source and configuration; classes keep their numbers."""
    sources = [
        MixedSource(source, config, np.arange(len(source.label_set.labels)), len(source.label_set.labels))
        for source, config in parts
    ]
    recipe = DataConfig(
        label_set="synth",
        height=64,
        width=64,
        prompts=5,
        min_prompt_area=8,
        sources=tuple(config for _, config in parts),
        **data,
    )
    return MixedSamples(sources, recipe, seed)


def test_an_epoch_visits_every_image_as_often_as_the_recipe_says():
    thrice, once = Counting(SynthImages(3, 4, SIZE)), Counting(SynthImages(5, 6, SIZE))
    samples = _samples((thrice, _config("panoptic", 3)), (once, _config("panoptic")))
    assert samples.epoch_length == 18
    for number in range(18):
        samples[number]
    assert Counter(index for index, _ in thrice.read_items) == dict.fromkeys(range(4), 3)
    assert Counter(index for index, _ in once.read_items) == dict.fromkeys(range(6), 1)


def test_a_fraction_takes_another_part_in_each_epoch():
    source = Counting(SynthImages(3, 8, SIZE))
    samples = _samples((source, _config("panoptic", 0.5)))
    assert samples.epoch_length == 4
    parts = []
    for epoch in range(6):
        source.read_items.clear()
        for number in range(4 * epoch, 4 * epoch + 4):
            samples[number]
        parts.append(frozenset(index for index, _ in source.read_items))
    assert all(len(part) == 4 for part in parts)
    assert len(set(parts)) > 1
    assert frozenset.union(*parts) == frozenset(range(8))


def test_a_sample_follows_from_its_number_and_the_seed():
    one, other, third = (_samples((SynthImages(3, 4, SIZE), _config("panoptic")), seed=s) for s in (1, 1, 2))
    first, again, different = one[5].sample, other[5].sample, third[5].sample
    assert torch.equal(first.frames, again.frames)
    assert torch.equal(first.masks, again.masks)
    assert not torch.equal(first.frames, different.frames)
    assert first.number == 5


def test_videos_give_neighbouring_frames_in_order():
    source = Counting(SynthVideos(3, 3, SIZE, num_frames=6))
    samples = _samples((source, _config("instances", frames=3, interval=2)))
    for number in range(12):
        sample = samples[number].sample
        assert sample.frames.shape == (3, 3, 64, 64)
        assert sample.masks.shape[1] == 3
    for _, frames in source.read_items:
        assert all(0 <= b - a <= 2 for a, b in pairwise(frames))
        assert frames[-1] <= 5


def test_what_a_source_never_annotates_may_be_left_untaught():
    videos = SynthVideos(3, 2, SIZE, num_frames=2)
    things = videos.label_set.num_things
    classes = np.where(np.arange(20) < things, np.arange(20), -1)
    for unannotated, taught in (("void", 20), ("ignored", things)):
        config = _config("instances", frames=2, unannotated=unannotated)
        data = DataConfig(label_set="synth", height=64, width=64, sources=(config,))
        sample = MixedSamples([MixedSource(videos, config, classes, 20)], data, 0)[0].sample
        assert int(sample.taught.sum()) == taught


def test_crowds_are_no_objects():
    source = SynthImages(3, 1, SIZE)

    class Crowded(Counting):
        def read(self, index, frames=None):
            clip = self.source.read(index, frames)
            return clip._replace(crowd=np.ones(len(clip.classes), bool))

    sample = _samples((Crowded(source), _config("panoptic", resize=(1.0, 1.0))))[0].sample
    assert len(sample.classes) == 0


def test_a_broken_image_is_replaced_and_named():
    source = Counting(SynthImages(3, 4, SIZE), broken=[2])
    samples = _samples((source, _config("panoptic")))
    faults = [fault for number in range(4) for fault in samples[number].faults]
    assert faults
    assert set(faults) == {"image 2 is broken"}


def test_a_sample_with_faulty_annotations_left_out_is_used_and_told():
    class Faulty(Counting):
        def read(self, index, frames=None):
            clip = self.source.read(index, frames)
            fault = DataSetError("invalid id", f"an annotation of {index}")
            return clip._replace(faults=(fault, fault) if index == 1 else ())

    samples = _samples((Faulty(SynthImages(3, 4, SIZE)), _config("panoptic")))
    batch = collate([samples[number] for number in range(4)])
    assert (batch.faults, batch.incomplete) == ((), 1)
    assert batch.left_out == ("an annotation of 1",) * 2


def test_a_broken_source_is_not_hidden_by_the_others():
    broken = Counting(SynthImages(3, 4, SIZE), broken=range(4))
    samples = _samples(
        (Counting(SynthImages(4, 4, SIZE)), _config("panoptic")), (broken, _config("panoptic"))
    )
    refused = 0
    for number in range(samples.epoch_length):
        try:
            assert samples[number].faults == ()
        except InputError:
            refused += 1
    assert refused == len(broken)


@AFTER_JAX
def test_a_source_of_broken_images_is_an_error_of_one_line_through_loading_processes():
    source = Counting(SynthImages(3, 4, SIZE), broken=range(4))
    samples = _samples((source, _config("panoptic")))
    for workers in (0, 1):
        with pytest.raises(InputError) as caught:
            next(load_batches(samples, StepSampler(0, 1, 2, 0, 1), workers))
        expected = f"20 samples of {source.name} in a row could not be used; the last: image "
        assert str(caught.value).startswith(expected)
        assert "\n" not in str(caught.value)


def test_processes_share_a_batch_in_turns():
    whole = list(StepSampler(3, 5, 4, 0, 1))
    parts = [list(StepSampler(3, 5, 4, rank, 2)) for rank in range(2)]
    assert whole == [[12, 13, 14, 15], [16, 17, 18, 19]]
    assert [sorted(a + b) for a, b in zip(*parts, strict=True)] == whole
    assert len(StepSampler(3, 5, 4, 0, 1)) == 2


@AFTER_JAX
def test_batches_come_in_order_with_their_faults():
    source = Counting(SynthImages(3, 4, SIZE), broken=[1])
    samples = _samples((source, _config("panoptic")), (SynthImages(5, 4, SIZE), _config("prompt")))
    batches = list(load_batches(samples, StepSampler(0, 3, 2, 0, 1), 1))
    assert [[sample.number for sample in batch.samples] for batch in batches] == [[0, 1], [2, 3], [4, 5]]
    assert sum(len(batch.prompts) + len(batch.objects) for batch in batches) == 6


def test_a_crop_without_anything_to_prompt_is_drawn_again_and_no_fault():
    source = SynthImages(3, 4, SIZE)
    samples = _samples((source, _config("prompt", resize=(3.0, 6.0))))
    samples.config = msgspec.structs.replace(samples.config, min_prompt_area=3000)
    found = [samples[number] for number in range(12)]
    assert all((each.sample.masks.sum((1, 2)) >= 3000).all() for each in found)
    assert not any(each.faults for each in found)


def test_an_image_without_segments_is_counted_by_prompts():
    class Bare(Counting):
        def read(self, index, frames=None):
            clip = self.source.read(index, frames)
            return clip.with_segments(np.full(len(clip.classes), index != 1))

    samples = _samples((Bare(SynthImages(3, 4, SIZE)), _config("prompt")))
    faults = [fault for number in range(4) for fault in samples[number].faults]
    assert faults
    assert all("no segment to prompt" in fault for fault in faults)


def test_instances_are_things_whatever_else_is_annotated():
    source = SynthImages(3, 6, SIZE)
    for task, with_stuff in (("panoptic", True), ("instances", False)):
        samples = _samples((source, _config(task)))
        classes = torch.cat([samples[number].sample.classes for number in range(6)])
        assert bool((classes >= source.label_set.num_things).any()) == with_stuff
        assert bool((classes < source.label_set.num_things).any())


@pytest.mark.parametrize(("boxed", "clicked"), [("things", True), ("all", False)])
def test_boxes_ask_for_things_or_for_all_segments(boxed, clicked):
    source = SynthImages(8, 1, SIZE)
    samples = _samples((source, _config("prompt")), boxed=boxed, box_prompts=1.0)
    boxes = torch.cat([samples[number].sample.boxes for number in range(8)])
    width, height = ((boxes[:, 2:] - boxes[:, :2]) * 64).T
    clicks = torch.isclose(width, torch.tensor(6.0), rtol=0.01) & torch.isclose(
        height, torch.tensor(6.0), rtol=0.01
    )
    assert clicks.any() == clicked
