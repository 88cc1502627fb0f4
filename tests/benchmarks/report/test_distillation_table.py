"""The table and the picture of the distillation study, from a record that was made up."""

from __future__ import annotations

import msgspec
import numpy as np
from PIL import Image

from rapsam.benchmarks.measuring.records import SCHEMA_VERSION, read_records, write_records
from rapsam.benchmarks.report.distillation import distillation_table
from rapsam.benchmarks.report.distillation_plot import plot_distillation
from rapsam.benchmarks.studies.distillation_records import (
    ByImage,
    HeldOut,
    ImageIous,
    Leg,
    LossAt,
    MeanIou,
    SamDistillation,
    ScoresAt,
    known_distillation,
)
from rapsam.machine import this_machine


def _scores(step, iou):
    return ScoresAt(
        step=step,
        truth=MeanIou(click=iou, box=iou + 0.1),
        teacher=MeanIou(click=iou + 0.2, box=iou + 0.3),
        embedding_error=1 - iou,
    )


def _leg(recipe, steps, ious):
    return Leg(
        recipe=recipe,
        model="m",
        batch_size=8,
        steps=steps,
        minutes=2.51,
        losses=tuple(LossAt(step=step, loss=100 / step) for step in range(20, steps + 1, 20)),
        held_out=tuple(_scores(100 * place, iou) for place, iou in enumerate(ious)),
    )


RECORD = SamDistillation(
    schema_version=SCHEMA_VERSION,
    command="python -m x",
    created_utc="2026-01-02T03:04:05+00:00",
    machine=this_machine(),
    threads=1,
    drawn="--seed 1",
    held_out=HeldOut(seed=3, images=5, side=128),
    prompts=40,
    teacher_alone=MeanIou(click=0.51, box=0.62),
    teacher=_leg("first", 800, ()),
    encoder=_leg("second", 400, (0.1, 0.2, 0.4)),
    in_the_loop=_leg("third", 300, (0.4, 0.45)),
)


def test_teacher_and_student_stand_below_each_other():
    table = distillation_table(RECORD)
    assert "| teacher | 800 | 0.510 | 0.620 | - | - | - |" in table
    assert "| student, encoder untrained | 0 | 0.100 | 0.200 | 0.300 | 0.400 | 0.900 |" in table
    assert "| student, encoder trained | 400 | 0.400 | 0.500 | 0.600 | 0.700 | 0.600 |" in table
    assert "| student, prompts in the loop | + 300 | 0.450 | 0.550 | 0.650 | 0.750 | 0.550 |" in table
    assert "40 regions of 5 held-out images (seed 3, 128x128)" in table
    assert "`second` with 8 images a step, 2.5 min" in table
    assert "with `python -m x`" in table


def _images(iou):
    here = MeanIou(click=iou, box=0.5)
    return tuple(ImageIous(regions=8, truth=here, teacher=here) for _ in range(5))


def test_the_gain_has_an_interval_where_images_were_kept():
    assert "bootstrap" not in distillation_table(RECORD)
    kept = ByImage(encoder=_images(0.4), in_the_loop=_images(0.412))
    table = distillation_table(msgspec.structs.replace(RECORD, by_image=kept))
    assert "the 95% interval of a paired bootstrap over the 5 images" in table
    assert "click, to the truth +1.2 (+1.2 to +1.2); box, to the truth +0.0 (+0.0 to +0.0)" in table


def test_what_was_not_measured_is_said_so():
    assert "Not measured yet" in distillation_table(None)


def test_the_record_survives_the_way_to_disk(tmp_path):
    path = tmp_path / "record.json"
    assert known_distillation(path) is None
    write_records(path, RECORD)
    assert read_records(path, SamDistillation) == known_distillation(path) == RECORD


def test_the_picture_has_curves(tmp_path):
    plot_distillation(RECORD, tmp_path / "curves.png")
    pixels = np.asarray(Image.open(tmp_path / "curves.png").convert("RGB")).astype(int)
    assert pixels.shape[1] > 1000
    blue, orange = (np.abs(pixels - colour).sum(-1) < 30 for colour in ((31, 119, 180), (255, 127, 14)))
    assert min(blue.sum(), orange.sum()) > 500
