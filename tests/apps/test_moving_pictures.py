"""The page follows objects through videos and what a camera sees, as Python does: in a real browser."""

from __future__ import annotations

import base64
from fractions import Fraction

import numpy as np
import pytest

import rapsam
from rapsam.data.videos.writer import VideoWriter
from rapsam.tasks.labels import find_label_set
from tests.apps.moving_bundle import write_moving_bundle
from tests.apps.photo_pages import encoded, give, opened, page_table, problem, status
from tests.apps.test_photo_page import iou, photo

IOU = 0.999
LABELS = find_label_set("ytvis_2019").labels

FOLLOW = """async (frames) => {
  const at = (path) => new URL(path, document.baseURI).href;
  const { readPhoto } = await import(at("photo/decode.js"));
  const look = (await (await import(at("photo.js"))).segmenter).video();
  const found = [];
  for (const bytes of frames) {
    const binary = Uint8Array.from(atob(bytes), (char) => char.charCodeAt(0));
    const { tracks } = await look((await readPhoto(new File([binary], "a.png"))).picture);
    found.push(tracks.map((track) => ({ ...track, mask: Array.from(track.mask) })));
  }
  return found;
}"""
# A camera that sees a picture which the test gives it.
CAMERA = """(() => {
  const canvas = document.createElement("canvas");
  let stream = null;
  window.camera = {
    async see(bytes) {
      const binary = Uint8Array.from(atob(bytes), (char) => char.charCodeAt(0));
      const image = await createImageBitmap(new Blob([binary]));
      Object.assign(canvas, { width: image.width, height: image.height });
      canvas.getContext("2d").drawImage(image, 0, 0);
      setInterval(() => canvas.getContext("2d").drawImage(image, 0, 0), 30);
    },
    isOn: () => stream?.getTracks().some((track) => track.readyState === "live") ?? false,
  };
  navigator.mediaDevices.getUserMedia = async () => (stream = canvas.captureStream(30));
})()"""
REFUSING = """() => {
  navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("no", "%s"); };
}"""
WITHOUT = "() => void Object.defineProperty(navigator, 'mediaDevices', { value: undefined })"


def clip(count, height=60, width=100):
    """Frames whose parts change their places and colours."""
    base = photo(height, width)
    return [np.roll(base, 4 * number, axis=1) + np.uint8(3 * number) for number in range(count)]


def text(pixels):
    return base64.b64encode(encoded(pixels)).decode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles") / "moving"
    write_moving_bundle(folder)
    return folder


@pytest.fixture(scope="module")
def table(folder):
    return page_table(folder)


def test_tracks_are_those_of_python(browser, folder, table):
    frames = clip(5)
    with opened(browser, table) as (page, complaints):
        assert status(page, "Ready").startswith("Ready")
        found = page.evaluate(FOLLOW, [text(frame) for frame in frames])
        assert complaints.errors == []
    expected = [seen for _, seen in rapsam.load_bundle(folder).track(frames, len(frames))]
    assert len({number for seen in expected for number in seen.track_ids.tolist()}) > 1
    for mine, theirs in zip(found, expected, strict=True):
        assert [track["trackId"] for track in mine] == theirs.track_ids.tolist()
        assert [track["label"] for track in mine] == theirs.instances.labels.tolist()
        np.testing.assert_allclose([track["score"] for track in mine], theirs.instances.scores, atol=1e-5)
        for track, mask in zip(mine, theirs.instances.masks, strict=True):
            assert iou(np.array(track["mask"], bool).reshape(mask.shape), mask) >= IOU


def test_a_video_is_followed_and_its_last_frame_becomes_the_photo(browser, table, tmp_path):
    path, frames = tmp_path / "clip.mp4", clip(8)
    with VideoWriter(path, Fraction(10)) as writer:
        for frame in frames:
            writer.write(frame)
    with opened(browser, table) as (page, complaints):
        status(page, "Ready")
        page.set_input_files("#file", path)
        assert "found in" in status(page, "found in")
        frames_seen = int(page.locator("#rate").text_content().split()[0])
        assert frames_seen == len(frames)
        assert page.locator("#photo").get_attribute("width") == "100"
        assert page.locator("#decoders video").count() == 0
        assert page.locator("#legend button").count() > 0
        assert complaints.errors == []


def test_what_a_camera_sees_is_followed_until_it_is_stopped(browser, folder, table):
    image = photo(60, 100)
    (seen,) = [seen for _, seen in rapsam.load_bundle(folder).track([image], 1)]
    names = {
        f"#{number} {LABELS[label].name}"
        for number, label in zip(seen.track_ids.tolist(), seen.instances.labels.tolist(), strict=True)
    }
    with opened(browser, table) as (page, complaints):
        page.evaluate(CAMERA)
        page.evaluate("(bytes) => window.camera.see(bytes)", text(image))
        status(page, "Ready")
        page.get_by_role("button", name="Use the camera").click()
        page.locator("#work.live .entry").first.wait_for()
        shown = {entry.split("\n")[0] for entry in page.locator("#legend .entry").all_inner_texts()}
        assert shown == names
        assert page.locator("#legend button").count() == 0
        assert not page.locator("#views").is_visible()
        assert page.evaluate("window.camera.isOn()")
        page.get_by_role("button", name="Stop, and keep this picture").click()
        assert "found in" in status(page, "found in")
        assert not page.evaluate("window.camera.isOn()")
        assert page.locator("#views").is_visible()
        assert complaints.errors == []


def test_a_photo_that_is_chosen_meanwhile_ends_the_camera(browser, table):
    with opened(browser, table) as (page, complaints):
        page.evaluate(CAMERA)
        page.evaluate("(bytes) => window.camera.see(bytes)", text(photo(60, 100)))
        status(page, "Ready")
        page.get_by_role("button", name="Use the camera").click()
        page.locator("#work.live").wait_for()
        give(page, "other.png", encoded(photo(40, 70)))
        page.locator("#frame canvas[height='40']").wait_for()
        assert "found in" in status(page, "found in")
        assert not page.evaluate("window.camera.isOn()")
        assert complaints.errors == []


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (REFUSING % "NotAllowedError", "the camera was refused; allow it"),
        (REFUSING % "NotFoundError", "this device has no camera; choose a file"),
        (REFUSING % "NotReadableError", "the camera cannot be read; close what else uses it"),
        (REFUSING % "OverconstrainedError", "the camera does not start: no; choose a file"),
        (WITHOUT, "browsers give the camera to https pages and to localhost only"),
    ],
    ids=["refused", "none", "busy", "other", "insecure"],
)
def test_a_camera_that_is_not_given_is_explained(browser, table, script, says):
    with opened(browser, table) as (page, complaints):
        status(page, "Ready")
        page.evaluate(script)
        page.get_by_role("button", name="Use the camera").click()
        assert says in problem(page)
        assert complaints.errors == []


def test_a_file_that_is_no_video_is_explained_and_a_photo_goes_on(browser, table):
    with opened(browser, table) as (page, _):
        status(page, "Ready")
        broken = {"name": "broken.mp4", "mimeType": "video/mp4", "buffer": b"not a video" * 100}
        page.set_input_files("#file", broken)
        assert problem(page).startswith("broken.mp4 cannot be played: it is damaged")
        give(page, "photo.png", encoded(photo(40, 70)))
        assert "found in" in status(page, "found in")
