"""Lessons of networks that answer points: what is compared, what is corrected, and that it is learnt."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from rapsam.data.synth.source import SynthImages
from rapsam.models.promptable import Answer
from rapsam.training.batch import Batch
from rapsam.training.config import DataConfig, LessonConfig, OptimiserConfig, SourceConfig, TeacherConfig
from rapsam.training.losses.embedding import valid_pixels
from rapsam.training.losses.lessons import Asked, EmbeddingLesson, MaskLesson, masks_compared
from rapsam.training.optim import make_optimiser
from rapsam.training.point_samples import point_sample
from tests.models.sam.small_networks import small_sam

SIDE, SIZE = 64, (48, 64)
SOURCE = SourceConfig(task="points", kind="coco_panoptic", folder=".", resize=(1.0, 1.0))
DATA = DataConfig(
    height=SIDE, width=SIDE, flip=0, boxed="all", prompts=3, min_prompt_area=8, sources=(SOURCE,)
)
PROMPTS = LessonConfig(kind="prompts", teacher=TeacherConfig(model="x"))


def _sample(number, *, boxes, embedding=None, side=SIDE):
    clip = SynthImages(3, 8, SIZE).read(number)
    data = DataConfig(
        height=side, width=side, flip=0, boxed="all", prompts=3, min_prompt_area=8, sources=(SOURCE,),
        box_prompts=float(boxes),
    )  # fmt: skip
    rng = np.random.default_rng(number)
    return point_sample(number, rng, clip, data, asks=True, embedding=embedding)


def _batch(teacher, *, boxes=False, count=2):
    samples = [_sample(number, boxes=boxes) for number in range(count)]
    with torch.no_grad():
        kept = [teacher.encode(sample.frames)[0] for sample in samples]
    return Batch([_sample(n, boxes=boxes, embedding=e) for n, e in enumerate(kept)])


def _total(lesson, batch):
    return torch.stack(list(lesson(batch, lesson.counts(batch)).values())).sum()


def test_masks_are_compared_by_the_formula_on_valid_pixels_alone():
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(2, 3, 4, 5, generator=generator)
    wanted = torch.rand(2, 3, 4, 5, generator=generator) > 0.5
    valid = valid_pixels((3, 4), (4, 5), (4, 5))
    bce, dice = masks_compared(logits, wanted, valid)
    for prompt in range(2):
        pixels, overlaps = [], []
        for mask in range(3):
            x, t = logits[prompt, mask, :3, :4].flatten(), wanted[prompt, mask, :3, :4].flatten().float()
            p = x.sigmoid()
            pixels.append(float(-(t * p.log() + (1 - t) * (1 - p).log()).mean()))
            overlaps.append(float(1 - (2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1)))
        assert float(bce[prompt]) == pytest.approx(np.mean(pixels), rel=1e-5)
        assert float(dice[prompt]) == pytest.approx(np.mean(overlaps), rel=1e-5)
    logits[..., 3:, :], logits[..., :, 4:] = 1e6, -1e6
    again = masks_compared(logits, wanted, valid)
    assert torch.equal(again[0], bce)
    assert torch.equal(again[1], dice)


def test_a_correction_lies_where_the_answer_is_wrong_and_has_the_label_of_what_is_right():
    found, wanted = torch.zeros(3, 16, 16, dtype=torch.bool), torch.zeros(3, 16, 16, dtype=torch.bool)
    wanted[0, 3, 5] = True  # lacking
    found[1, 7, 2] = True  # too much
    found[1, 15, 15] = True  # wrong, but on the padding
    valid = valid_pixels((56, 64), (64, 64), (16, 16))
    asked = Asked(torch.zeros(3, 2, 2), torch.tensor([[1.0, -1.0]]).expand(3, -1))
    for seed in range(20):
        more = asked.corrected(found, wanted, valid, 64, torch.Generator().manual_seed(seed))
        assert more.points.shape == (3, 3, 2)
        # The middle of a mask pixel of four pixels of the image, to which the network adds a half.
        assert more.points[0, 0].tolist() == [5 * 4 + 1.5, 3 * 4 + 1.5]
        assert more.points[1, 0].tolist() == [2 * 4 + 1.5, 7 * 4 + 1.5]
        assert more.points[2, 0, 1] < 56  # of a right answer any pixel of the image
        assert more.labels[:, 0].tolist() == [1.0, 0.0, 0.0]
        assert more.labels[:, 1:].tolist() == asked.labels.tolist()


class Recorder(torch.nn.Module):
    """Stands in for a network: remembers what it is asked, and answers with logits that are given."""

    clear_mask = 0

    def __init__(self, logits):
        super().__init__()
        self.logits = torch.nn.Parameter(logits)
        self.image_encoder = self.mask_decoder = self.prompt_encoder = torch.nn.Identity()
        self.asked = []

    def encode(self, images):
        return torch.zeros(len(images), 1, 4, 4)

    def answer(self, embedding, points, labels, mask_logits=None):
        assert embedding.shape == (1, 1, 4, 4)
        assert mask_logits is None
        self.asked.append((points, labels))
        return Answer(self.logits.expand(len(points), -1, -1, -1), torch.zeros(len(points), 4))


@pytest.mark.parametrize(("boxes", "meant"), [(True, slice(0, 1)), (False, slice(0, 4))])
def test_boxes_mean_the_clear_mask_and_points_all_four(boxes, meant):
    generator = torch.Generator().manual_seed(0)
    student, teacher = (Recorder(torch.randn(4, 16, 16, generator=generator)) for _ in range(2))
    sample = _sample(0, boxes=boxes, embedding=torch.zeros(1, 4, 4))
    lesson = MaskLesson(student, PROMPTS, 0, teacher)
    losses = lesson(Batch([sample]), [len(sample.points)])
    valid = valid_pixels(SIZE, (SIDE, SIDE), (16, 16))
    bce, dice = masks_compared(student.logits[None, meant], teacher.logits[None, meant] > 0, valid)
    assert float(losses["mask_bce"]) == pytest.approx(5 * float(bce.detach()), rel=1e-5)
    assert float(losses["mask_dice"]) == pytest.approx(5 * float(dice.detach()), rel=1e-5)
    # Two rounds, in both of which student and teacher are asked the same.
    assert [labels.shape[1] for _, labels in student.asked] == [2, 3]
    for ours, theirs in zip(student.asked, teacher.asked, strict=True):
        assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))
    points, labels = student.asked[1]
    for (x, y), label in zip(points[:, 0].tolist(), labels[:, 0].tolist(), strict=True):
        place = int((y - 1.5) / 4), int((x - 1.5) / 4)
        right = bool(teacher.logits[0][place] > 0)
        assert bool(student.logits[0][place] > 0) != right
        assert label == float(right)
    assert set(labels[0, 1:].tolist()) == ({2.0, 3.0} if boxes else {1.0, -1.0})


def test_without_a_teacher_the_masks_of_the_data_are_learnt():
    student = Recorder(torch.zeros(4, 16, 16))
    sample = _sample(1, boxes=True)
    lesson = MaskLesson(student, LessonConfig(kind="annotations", rounds=1), 0)
    losses = lesson(Batch([sample]), lesson.counts(Batch([sample])))
    valid = valid_pixels(SIZE, (SIDE, SIDE), (16, 16))
    share = F.avg_pool2d(sample.masks.float(), 4)
    _, dice = masks_compared(torch.zeros(len(share), 1, 16, 16), share[:, None] >= 0.5, valid)
    assert float(losses["mask_bce"]) == pytest.approx(5 * np.log(2), rel=1e-5)
    assert float(losses["mask_dice"]) == pytest.approx(5 * float(dice.mean()), rel=1e-5)


def test_a_student_that_is_its_teacher_has_nothing_to_learn_of_embeddings():
    teacher = small_sam("repvit")
    lesson = EmbeddingLesson(copy.deepcopy(teacher))
    batch = _batch(teacher)
    assert float(_total(lesson, batch).detach()) == pytest.approx(0.0, abs=1e-8)


@pytest.mark.parametrize("kind", ["embedding", "prompts", "annotations"])
def test_some_steps_lower_the_loss_of_the_parts_that_learn(kind):
    torch.manual_seed(0)
    teacher, student = small_sam("repvit"), small_sam("edge bilinear")
    student.mask_decoder.load_state_dict(teacher.mask_decoder.state_dict())
    before = copy.deepcopy(student.state_dict())
    config = LessonConfig(kind=kind, teacher=None if kind == "annotations" else TeacherConfig(model="x"))
    lesson = (
        EmbeddingLesson(student)
        if kind == "embedding"
        else MaskLesson(student, config, 0, None if kind == "annotations" else teacher)
    )
    lesson.begin_training("all", shared=False)
    batch = Batch([_sample(n, boxes=False) for n in range(2)]) if kind == "annotations" else _batch(teacher)
    optimiser = make_optimiser(lesson, OptimiserConfig(lr=1e-3, undecayed="vectors"))
    totals = []
    for _ in range(8):
        total = _total(lesson, batch)
        total.backward()
        optimiser.step()
        optimiser.zero_grad()
        totals.append(float(total.detach()))
    assert totals[-1] < 0.9 * totals[0]
    state = student.state_dict()
    changed = {name.split(".")[0] for name in state if not torch.equal(state[name], before[name])}
    assert (
        changed
        == {
            "embedding": {"image_encoder"},
            "prompts": {"image_encoder", "mask_decoder"},
            "annotations": {"image_encoder", "mask_decoder", "prompt_encoder"},
        }[kind]
    )


def test_frozen_batch_norms_keep_their_statistics():
    teacher, student = small_sam("repvit"), small_sam("edge")
    lesson = EmbeddingLesson(student)
    lesson.begin_training("none", shared=False)
    means = {name: each.clone() for name, each in student.named_buffers() if name.endswith("running_mean")}
    _total(lesson, _batch(teacher))
    assert means
    assert all(torch.equal(dict(student.named_buffers())[name], mean) for name, mean in means.items())


def test_masks_that_are_not_learnt_are_not_carried_along():
    alone, taught = _sample(0, boxes=True), _sample(0, boxes=True, embedding=torch.zeros(1, 4, 4))
    assert torch.equal(alone.points, taught.points)
    assert torch.equal(alone.labels, taught.labels)
    assert len(alone.masks) == len(alone.points) > 0
    assert taught.masks.shape == (0, SIDE, SIDE)


def test_a_lesson_says_no_more_in_a_larger_batch_of_the_same():
    teacher, student = small_sam("repvit"), small_sam("edge")
    one = _batch(teacher, count=1)
    for lesson in (EmbeddingLesson(student), MaskLesson(student, PROMPTS, 0, teacher)):
        twice = Batch([*one.samples, *one.samples])
        assert float(_total(lesson, twice).detach()) == pytest.approx(
            float(_total(lesson, one).detach()), rel=1e-5
        )
