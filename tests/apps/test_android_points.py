"""The Android app answers points and boxes with networks of the kind of SAM as Python does."""

from __future__ import annotations

import json
import shutil

import msgspec
import pytest
from PIL import Image

import rapsam
from apps.android.toolchain.jvm import PATH_PROGRAM
from rapsam.export.bundle.manifest_file import write_manifest
from rapsam.export.bundle.seal import verify_bundle
from rapsam.export.parity.sample_images import draw_scene
from tests.apps.android_agreement import agreements
from tests.apps.asked_of_apps import RUNTIME
from tests.apps.refining import assert_refined, steps_on

SHAPES = ((90, 64), (150, 200), (64, 27), (96, 96))


@pytest.mark.slow
@pytest.mark.parametrize("choice", ["iou", "stability"])
def test_taps_and_boxes_are_answered_as_in_python(android_app, sam_bundle, tmp_path, choice):
    folder = tmp_path / "bundle"
    shutil.copytree(sam_bundle, folder)
    manifest = verify_bundle(folder)
    assert manifest.prompts is not None
    assert manifest.prompts.encoding == "points"
    assert manifest.prompts.single is not None
    prompts = msgspec.structs.replace(manifest.prompts, choice=choice)
    write_manifest(folder, msgspec.structs.replace(manifest, prompts=prompts))
    pictures = []
    for height, width in SHAPES:
        points = [(width / 3, height / 2), (0.0, 0.0), (width - 0.5, height * 0.2)]
        boxes = [(width * 0.2, height * 0.1, width * 0.7, height * 0.8), (0.0, 0.0, width, height)]
        pictures.append((draw_scene(3, (height, width)), {"points": points, "boxes": boxes}))
    for found in agreements(android_app, folder, pictures, tmp_path, "ONNX Runtime"):
        assert min(found.region_ious) >= 0.999
        assert found.iou_error <= 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("name", ["clicker_bundle", "sam_bundle"])
@pytest.mark.parametrize("size", SHAPES[:3])
def test_regions_of_several_points_are_those_of_python(android_app, name, size, request, tmp_path):
    folder = request.getfixturevalue(name)
    bundle = rapsam.load_bundle(folder)
    image, steps = draw_scene(3, size), steps_on(size, bundle.prompt_spec().max_points)
    assert len(steps) > 3
    assert bundle.prompt_spec().masks
    Image.fromarray(image).save(tmp_path / "photo.png")
    asked = {"photo": str(tmp_path / "photo.png"), "steps": steps}
    (tmp_path / "asked.json").write_text(json.dumps(asked))
    done = android_app.run(PATH_PROGRAM, "refine", folder, RUNTIME, tmp_path / "asked.json", tmp_path)
    assert done.stdout.startswith("{"), done.stdout + done.stderr
    assert_refined(bundle, image, steps, json.loads(done.stdout.splitlines()[-1])["regions"], tmp_path)
