"""Tube AP of video instance segmentation as YouTube-VIS 2019 evaluates it.

Yang et al., "Video Instance Segmentation", ICCV 2019, "Evaluation Metrics": the AP of COCO over videos
instead of images, with the IoU of tubes.
"""

from __future__ import annotations

import msgspec

from rapsam.metrics.average_precision import JudgedDetections, JudgedStore
from rapsam.metrics.class_precision import ClassPrecision, class_precisions
from rapsam.metrics.judge_detections import ALL_AREAS, judge_detections
from rapsam.metrics.means import mean_of_known
from rapsam.metrics.video_tubes import VideoTubes


class TubePrecision(msgspec.Struct, frozen=True, kw_only=True):
    """Means over the classes that have objects, 0..1; NaN where there is none.

    Attributes:
        ap: Mean over the IoUs 0.50, 0.55, .., 0.95.
        ap_50: At IoU 0.50.
        ap_75: At IoU 0.75.
        ar_1: Share of the objects that the best track per video and class finds.
        ar_10: Share of the objects that the 10 best tracks per video and class find.
        per_class: Classes that have objects, by index.
    """

    ap: float
    ap_50: float
    ap_75: float
    ar_1: float
    ar_10: float
    per_class: tuple[ClassPrecision, ...]


class TubePrecisionAccumulator:
    """Tube AP over videos; see `Accumulator`.

    A track that lies in a crowd region of its class is neither right nor wrong, as for images; YouTube-VIS
    2019 has no such regions.

    Args:
        num_things: The first classes that are things. Stuff is left out.
    """

    def __init__(self, num_things: int) -> None:
        self._num_things = num_things
        self._store = JudgedStore(num_things, num_areas=1)

    def add(self, video: VideoTubes) -> None:
        """Takes a video with all its frames.

        Raises:
            InputError: If a track has a class that is no thing.
        """
        self._store.add(judge_detections(video.found(), video.wanted(), self._num_things, [ALL_AREAS]))

    def result(self) -> TubePrecision:
        """Computes the precision over all videos together."""
        precision = self._store.table().precision
        return TubePrecision(
            ap=mean_of_known(precision),
            ap_50=mean_of_known(precision[:, 0, 0]),
            ap_75=mean_of_known(precision[:, 0, 5]),
            ar_1=mean_of_known(self._store.table(max_detections=1).recall),
            ar_10=mean_of_known(self._store.table(max_detections=10).recall),
            per_class=class_precisions(self._store, precision[:, 0]),
        )

    def state(self) -> JudgedDetections:
        """Returns what was judged."""
        return self._store.state()

    def merge(self, state: JudgedDetections) -> None:
        """Adds what another accumulator had judged; see `Accumulator`."""
        self._store.merge(state)
