"""The Android app follows objects as Python does: in a Java machine, with Android's own libraries."""

from __future__ import annotations

import json

import numpy as np
from PIL import Image

import rapsam
from apps.android.toolchain.jvm import PATH_PROGRAM
from tests.apps.moving_bundle import write_moving_bundle
from tests.apps.test_moving_pictures import clip
from tests.apps.test_photo_page import iou

IOU = 0.999


def test_tracks_are_those_of_python_on_android(android_app, tmp_path):
    frames = clip(5)
    write_moving_bundle(tmp_path / "bundle")
    paths = [tmp_path / f"{number}.png" for number in range(len(frames))]
    for path, frame in zip(paths, frames, strict=True):
        Image.fromarray(frame).save(path)
    (tmp_path / "frames.json").write_text(json.dumps([str(path) for path in paths]))
    done = android_app.run(
        PATH_PROGRAM, "follow", tmp_path / "bundle", "ONNX Runtime", tmp_path / "frames.json", tmp_path
    )
    found = json.loads(done.stdout.splitlines()[-1])
    expected = [seen for _, seen in rapsam.load_bundle(tmp_path / "bundle").track(frames, len(frames))]
    assert len({number for seen in expected for number in seen.track_ids.tolist()}) > 1
    for number, (mine, theirs) in enumerate(zip(found, expected, strict=True)):
        instances = theirs.instances
        rows = zip(
            theirs.track_ids.tolist(), instances.labels.tolist(), instances.queries.tolist(), strict=True
        )
        assert [tuple(track[:3]) for track in mine] == list(rows)
        np.testing.assert_allclose([track[3] for track in mine], instances.scores, atol=1e-5)
        for place, mask in enumerate(instances.masks):
            drawn = np.fromfile(tmp_path / f"{number}.track{place}.bin", np.uint8).reshape(mask.shape)
            assert iou(drawn.astype(bool), mask) >= IOU
