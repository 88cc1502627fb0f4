"""Video panoptic quality (Kim et al., "Video Panoptic Segmentation", CVPR 2020, "Evaluation Metric")."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from rapsam.metrics.accumulator import check_state
from rapsam.metrics.means import mean_of_known
from rapsam.metrics.overlaps import NO_CROWD, Overlaps, SegmentIds, sum_overlaps
from rapsam.metrics.panoptic_quality import PanopticAccumulator, PanopticQuality, SegmentCounts

VIPSEG_WINDOWS = (1, 2, 4, 6)
"""Window lengths in annotated frames, as the VIPSeg paper reports VPQ and its owners' program counts them.

Kim et al. write k = 0, 5, 10, 15 for Cityscapes-VPS, where each fifth frame is annotated: there k is a
distance in frames of the video, and the same windows hold 1, 2, 3 and 4 annotated frames.
"""


class WindowQuality(msgspec.Struct, frozen=True, kw_only=True):
    """Quality of the tubes through windows of one length.

    Attributes:
        frames: Length of the windows in frames.
        quality: Panoptic quality of the tubes; NaN if no video was as long.
    """

    frames: int
    quality: PanopticQuality


class VideoPanopticQuality(msgspec.Struct, frozen=True, kw_only=True):
    """Video panoptic quality: means over the window lengths that some video fills.

    Attributes:
        vpq: Over all classes, 0..1.
        vpq_things: Over thing classes.
        vpq_stuff: Over stuff classes.
        windows: One entry per window length.
    """

    vpq: float
    vpq_things: float
    vpq_stuff: float
    windows: tuple[WindowQuality, ...]


class TubeCounts(msgspec.Struct, frozen=True, kw_only=True):
    """State of a `VideoPanopticAccumulator`: counts of tubes by window length."""

    windows: dict[int, SegmentCounts]


class VideoPanopticAccumulator:
    """Video panoptic quality over videos; see `Accumulator`.

    A window of k consecutive frames starts at every frame that has k - 1 frames after it. In a window, the
    pixels of one id are a tube; tubes are matched as segments of an image are. A video shorter than a
    window has no part in it, as in the published programs.

    Args:
        num_classes: K.
        num_things: The first classes that are things.
        windows: Lengths of windows in frames, at least 1.
    """

    def __init__(self, num_classes: int, num_things: int, windows: Sequence[int] = VIPSEG_WINDOWS) -> None:
        self._windows = {length: PanopticAccumulator(num_classes, num_things) for length in windows}

    def add(self, video: Sequence[Overlaps], crowd: SegmentIds = NO_CROWD) -> None:
        """Takes a video.

        Args:
            video: `count_overlaps` of every frame, in order; an object has one id in all frames.
            crowd: Ids of the reference that are crowd regions.

        Raises:
            InputError: If a class is unknown.
        """
        for length, accumulator in self._windows.items():
            for start in range(len(video) - length + 1):
                accumulator.add_overlaps(sum_overlaps(video[start : start + length]), crowd)

    def result(self) -> VideoPanopticQuality:
        """Computes the quality of all videos together."""
        found = {length: accumulator.result() for length, accumulator in self._windows.items()}
        return VideoPanopticQuality(
            vpq=mean_of_known([quality.pq for quality in found.values()]),
            vpq_things=mean_of_known([quality.pq_things for quality in found.values()]),
            vpq_stuff=mean_of_known([quality.pq_stuff for quality in found.values()]),
            windows=tuple(WindowQuality(frames=length, quality=quality) for length, quality in found.items()),
        )

    def state(self) -> TubeCounts:
        """Returns the counts."""
        return TubeCounts(windows={length: part.state() for length, part in self._windows.items()})

    def merge(self, state: TubeCounts) -> None:
        """Adds counts of another accumulator; see `Accumulator`."""
        check_state("window lengths", sorted(state.windows), sorted(self._windows))
        for length, accumulator in self._windows.items():
            accumulator.merge(state.windows[length])
