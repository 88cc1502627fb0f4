from __future__ import annotations

import msgspec
import numpy as np
import pytest

from rapsam.data.results import InstancesFile, TrackCollector, TracksFile, instance_records
from rapsam.data.rle import decode_mask
from rapsam.errors import InputError
from rapsam.files import write_json
from rapsam.tasks.instances import InstanceResult, tight_box
from rapsam.tasks.labels import LabelSet, find_label_set
from rapsam.tasks.video import TrackedFrame

LABELS = find_label_set("ytvis_2019")


def instances(*labels, score=0.5, seed=0):
    masks = np.random.default_rng(seed).random((len(labels), 6, 9)) < 0.4
    return InstanceResult(
        scores=np.full(len(labels), score, np.float32),
        labels=np.array(labels, np.int64),
        boxes=np.array([tight_box(mask) for mask in masks]).reshape(-1, 4),
        masks=masks,
        queries=np.arange(len(labels)),
    )


def tracked(ids, labels, score):
    return TrackedFrame(instances=instances(*labels, score=score), track_ids=np.array(ids, np.int64))


def test_instances_survive_json(tmp_path):
    found = instances(0, 13)
    records = instance_records(found, LABELS)
    content = InstancesFile(file_name="photo.jpg", height=6, width=9, instances=records)
    write_json(tmp_path / "a.json", content)
    assert msgspec.json.decode((tmp_path / "a.json").read_bytes(), type=InstancesFile) == content
    assert [(record.category_id, record.category) for record in records] == [(1, "person"), (14, "cat")]
    for record, mask in zip(records, found.masks, strict=True):
        np.testing.assert_array_equal(decode_mask(record.segmentation), mask)
        assert record.area == mask.sum()
        rows, columns = np.nonzero(mask)
        assert record.bbox == (
            columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1
        )  # fmt: skip


def test_tracks(tmp_path):
    collector = TrackCollector(LABELS)
    collector.add(tracked([1, 2], [0, 13], score=0.5))
    collector.add(tracked([], [], score=0.5))
    collector.add(tracked([2], [13], score=1.0))
    records = collector.records()
    assert [(record.track_id, record.category, record.score) for record in records] == [
        (2, "cat", 0.75),
        (1, "person", 0.5),
    ]
    found = [[mask is not None for mask in record.segmentations] for record in records]
    assert found == [[True, False, True], [True, False, False]]
    times = {"num_frames": 3, "fps": 10.0, "duration_s": 0.3, "times_s": (0.0, 0.05, 0.2)}
    content = TracksFile(file_name="a.mp4", height=6, width=9, tracks=records, **times)
    write_json(tmp_path / "a.json", content)
    assert msgspec.json.decode((tmp_path / "a.json").read_bytes(), type=TracksFile) == content


def test_foreign_label_set_is_refused():
    few = LabelSet(name="few", labels=LABELS.labels[:5])
    with pytest.raises(InputError, match="class 13 is not in label set 'few'"):
        instance_records(instances(13), few)
    with pytest.raises(InputError, match="class 13 is not in label set 'few'"):
        TrackCollector(few).add(tracked([1], [13], score=0.5))
