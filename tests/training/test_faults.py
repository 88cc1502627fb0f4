"""What a run names of the samples and annotations that it could not use."""

from __future__ import annotations

from rapsam.training.faults import SKIPPED_NAME, SkippedFile


def test_a_faulty_annotation_is_named_once_a_broken_image_each_time(tmp_path):
    notes = SkippedFile(tmp_path, 0)
    notes.note(1, ["a.jpg: is broken"], ["annotations[1]: x: no", "annotations[1]: x: no"])
    notes.note(2, [], [])
    # A run that goes on.
    SkippedFile(tmp_path, 0).note(3, ["a.jpg: is broken"], ["annotations[1]: x: no", "annotations[2]: b\ny"])
    SkippedFile(tmp_path, 1).note(3, [], [])
    assert [path.name for path in tmp_path.iterdir()] == [SKIPPED_NAME]
    lines = (tmp_path / SKIPPED_NAME).read_text().splitlines()
    assert [line[:23] for line in lines] == [
        "step 1: a.jpg: is broken"[:23],
        "step 1: annotations[1]: x: no"[:23],
        "step 3: a.jpg: is broken"[:23],
        "step 3: annotations[2]: b"[:23],
    ]
