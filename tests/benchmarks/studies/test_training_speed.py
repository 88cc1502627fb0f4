"""The measurement of training and evaluation, made so short that its figures mean nothing."""

from __future__ import annotations

import rapsam.benchmarks.studies.training_speed as speed


def test_everything_is_measured(monkeypatch, tmp_path):
    for name, value in {
        "MODELS": ("rapsam_nano",),
        "WORKERS": (1,),
        "DRAWN_IMAGES": 6,
        "DRAWN_VIDEOS": 1,
        "STEPS": 4,
        "WARM_UP": 0,
        "ROUNDS": 1,
        "IMAGES": 1,
    }.items():
        monkeypatch.setattr(speed, name, value)
    found = speed.measure(tmp_path)
    (training,) = found.training
    assert (training.model, training.workers, training.batch_size) == ("rapsam_nano", 1, 6)
    assert training.samples_per_s > 0
    assert 0 <= training.wait_share <= 1
    (losses,) = found.losses
    assert losses.share == (losses.step_ms - losses.bare_ms) / losses.step_ms
    assert losses.bare_ms > 0
    assert [(done.task, done.images) for done in found.evaluation] == [("panoptic", 1), ("prompts", 1)]
