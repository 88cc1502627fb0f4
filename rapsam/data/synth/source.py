"""The drawn world as a data set that nothing is read for: images and videos drawn when asked."""

from __future__ import annotations

from collections.abc import Sequence

from rapsam.data.sources.annotated import AnnotatedClip
from rapsam.data.synth.image import draw_image
from rapsam.data.synth.limits import check_index, check_world
from rapsam.data.synth.noise import Size
from rapsam.data.synth.video import NUM_FRAMES, draw_video
from rapsam.tasks.labels import find_label_set

LABEL_SET = "synth"


class SynthImages:
    """Images with things and stuff; an `AnnotatedSource`."""

    def __init__(self, seed: int, count: int, size: Size = (256, 256)) -> None:
        """Prepares to draw.

        Args:
            seed: Of the world; images of another seed are other images.
            count: Number of images; the first ones are the same for any number.
            size: Height and width in pixels.

        Raises:
            InputError: If the seed is negative, the count below 1, or the size too small or large.
        """
        check_world(seed, count, size)
        self.name = f"synth images, seed {seed}"
        self.label_set = find_label_set(LABEL_SET)
        self._seed, self._count, self._size = seed, count, size

    def __len__(self) -> int:
        """Number of images."""
        return self._count

    def num_frames(self, index: int) -> int:  # noqa: ARG002
        """Returns 1: these are images."""
        return 1

    def read(self, index: int, frames: Sequence[int] | None = None) -> AnnotatedClip:  # noqa: ARG002
        """Draws an image.

        Raises:
            IndexError: If there is none of that number.
        """
        check_index(index, self._count)
        return draw_image(self._seed, index, self._size)


class SynthVideos:
    """Videos with things; an `AnnotatedSource`."""

    def __init__(self, seed: int, count: int, size: Size = (256, 256), num_frames: int = NUM_FRAMES) -> None:
        """Prepares to draw.

        Args:
            seed: Of the world; videos of another seed are other videos.
            count: Number of videos; the first ones are the same for any number.
            size: Height and width in pixels.
            num_frames: Frames of each video.

        Raises:
            InputError: If the seed is negative, a count below 1, or the size too small or large.
        """
        check_world(seed, min(count, num_frames), size)
        self.name = f"synth videos, seed {seed}"
        self.label_set = find_label_set(LABEL_SET)
        self._seed, self._count, self._size, self._num_frames = seed, count, size, num_frames

    def __len__(self) -> int:
        """Number of videos."""
        return self._count

    def num_frames(self, index: int) -> int:  # noqa: ARG002
        """Returns the number of frames, the same for all videos."""
        return self._num_frames

    def read(self, index: int, frames: Sequence[int] | None = None) -> AnnotatedClip:
        """Draws a video, or the named frames of it.

        Raises:
            IndexError: If there is no video or no frame of that number.
        """
        check_index(index, self._count)
        for frame in frames or ():
            check_index(frame, self._num_frames)
        return draw_video(self._seed, index, self._num_frames, self._size, frames)
