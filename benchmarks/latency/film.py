"""The video task as it is timed: a drawn clip, each frame from its pixels to tracked objects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rapsam.export.bundle.manifest import Manifest
from rapsam.export.parity.sample_images import sample_clip
from rapsam.inference.segmenter import Segmenter
from rapsam.tasks.arrays import Pixels
from rapsam.tasks.video import TrackedFrame

FRAMES = 8
"""Of the clip; with the last one the tracker forgets, and the clip begins again."""


class Film:
    """A clip that is played over and over, a frame at a time.

    Args:
        segmenter: Follows objects, frame by frame.
        frames: Of the clip, RGB (h, w, 3), uint8.
    """

    def __init__(self, segmenter: Segmenter, frames: Sequence[Pixels]) -> None:
        self._segmenter = segmenter
        self._frames = frames
        self._tracked: Iterator[tuple[Pixels, TrackedFrame]] = iter(())

    def next_frame(self) -> TrackedFrame:
        """Fits the next frame, runs its graphs, associates what they found, and makes its instances."""
        found = next(self._tracked, None)
        if found is None:
            self._tracked = self._segmenter.track(self._frames, len(self._frames))
            found = next(self._tracked)
        return found[1]


def timed_clip(manifest: Manifest) -> list[Pixels]:
    """Draws the clip that a bundle is timed on, as large as its input; no frames if it follows nothing."""
    return sample_clip(FRAMES, manifest.preprocess.size) if "video" in manifest.tasks else []


def described_clip(frames: Sequence[Pixels]) -> str:
    """Describes a clip in words, behind other inputs; empty for none."""
    if not frames:
        return ""
    height, width = frames[0].shape[:2]
    return f"; for video a drawn clip of {len(frames)} frames of {height}x{width}"
