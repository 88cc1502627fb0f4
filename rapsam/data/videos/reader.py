"""Reading videos frame by frame, as they are displayed, with their times."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from av.video.frame import VideoFrame

from rapsam.data.limits import check_file, check_size
from rapsam.data.videos.clock import LONGEST_GAP_S, Clock
from rapsam.data.videos.display import Display
from rapsam.data.videos.streams import chosen_stream, damaged, describe_choice, opened, stream_at
from rapsam.errors import InputError, reading
from rapsam.tasks.arrays import Pixels
from rapsam.tasks.geometry import Size

_FALLBACK_FPS = Fraction(25)
"""For streams that carry no time at all."""
_AGREEMENT = 0.01
_RAW_LEAD_BYTES = {"yuv4mpegpipe": 0, "ivf": 12}
"""Between the place and the content of a frame, in formats that hold nothing but frames: there FFmpeg does
not tell that the last one was cut off."""
_EXPECTED = "a video such as MP4, MOV, MKV, WebM or AVI: encode it anew"


class TimedFrame(NamedTuple):
    """A frame and its time.

    Attributes:
        pixels: (height, width, 3) uint8 RGB.
        time_s: Seconds since the first frame; rises strictly.
        duration_s: Seconds that it lasts by the file, else as long as the frame before it. Frames are
            shown until the next one, so this matters for the last one.
    """

    pixels: Pixels
    time_s: float
    duration_s: float


class FrameTimes:
    """Notes the times of frames that pass by.

    Attributes:
        starts_s: Of the frames so far, in seconds since the first one.
        last_duration_s: Seconds that the latest frame lasts.
    """

    def __init__(self) -> None:
        self.starts_s: list[float] = []
        self.last_duration_s = 0.0

    @property
    def end_s(self) -> float:
        """When the latest frame ends, in seconds since the first one."""
        return (self.starts_s[-1] if self.starts_s else 0.0) + self.last_duration_s

    def noted(self, frames: Iterable[TimedFrame]) -> Iterator[Pixels]:
        """Passes the pixels of frames on and keeps their times."""
        for frame in frames:
            self.starts_s.append(frame.time_s)
            self.last_duration_s = frame.duration_s
            yield frame.pixels


class VideoFrames:
    """The frames of a video file, as displayed, in 8-bit RGB; may be iterated several times.

    Attributes:
        path: The file.
        choice: Which of several streams of pictures was taken; None if there is only one.
        num_frames: Frames as the index says, else counted without decoding.
        fps: Mean frames per second, by the timestamps where they disagree with what is declared.
        size: Height and width of the displayed frames.
    """

    def __init__(self, path: Path) -> None:
        """Opens the file and decodes its first frames.

        Raises:
            InputError: If the file is missing, no video, has no frame, or frames of an unusable size.
            MemoryLimitError: If there is too little memory for it.
        """
        check_file(path, "video")
        self.path = path
        with opened(path) as container:
            stream = chosen_stream(path, container)
            context = stream.codec_context
            if context.width and context.height:
                check_size(path, context.width, context.height)
            self.choice = describe_choice(container, stream)
            self._index = stream.index
            self._aspect = stream.sample_aspect_ratio
            # AVI counts frames as they are stored, which is not how reordered ones are shown.
            self._is_timed = container.format.name != "avi" or not context.has_b_frames
            declared = stream.average_rate or stream.guessed_rate
            # Only an index as long as the header says vouches for it; edit lists make them differ.
            self._declared = stream.frames if stream.frames == len(stream.index_entries) else 0
        if self._declared and declared:
            self.num_frames, self.fps = self._declared, Fraction(declared)
        else:
            self.num_frames, measured = _counted(path, self._index)
            self.fps = _agreed(declared, measured)
        first = next(self.timed(), None)
        if first is None:
            raise InputError(
                f"{path} has no frame that can be decoded; expected a video of at least one frame"
            )
        self.size: Size = (first.pixels.shape[0], first.pixels.shape[1])

    def __iter__(self) -> Iterator[Pixels]:
        """Decodes one frame after another: as `timed`, without times."""
        return (frame.pixels for frame in self.timed())

    def timed(self) -> Iterator[TimedFrame]:
        """Decodes one frame after another.

        Yields:
            Frames of the same size with their times. `Clock` tells what becomes of faulty timestamps.

        Raises:
            InputError: If the file is damaged, or changes its size; names the frame.
            MemoryLimitError: If there is too little memory for it.
        """
        clock, display, last_s = Clock(1 / self.fps), None, Fraction(0)
        duration_s = 1 / self.fps
        with reading(self.path, _EXPECTED):
            for number, (frame, following) in enumerate(_with_next(self._decoded()), start=1):
                display = display or Display(self.path, frame, self._aspect)
                time_s = clock.time_s(self._stamp_s(frame), self._stamp_s(following))
                duration_s = _stated_duration_s(frame) or (time_s - last_s) or duration_s
                last_s = time_s
                yield TimedFrame(display.pixels(frame, number), float(time_s), float(duration_s))

    def _decoded(self) -> Iterator[VideoFrame]:
        done = 0
        with opened(self.path) as container:
            try:
                for frame in container.decode(stream_at(container, self._index)):
                    yield frame
                    done += 1
            # FFmpeg maps its errors to many classes of Python's.
            except Exception as error:
                raise damaged(self.path, done, error) from error
        if done < self._declared and _counted(self.path, self._index)[0] < self._declared:
            raise damaged(self.path, done)

    def _stamp_s(self, frame: VideoFrame | None) -> Fraction | None:
        if frame is None or frame.pts is None or frame.time_base is None or not self._is_timed:
            return None
        return Fraction(frame.pts * frame.time_base)


def _with_next(frames: Iterable[VideoFrame]) -> Iterator[tuple[VideoFrame, VideoFrame | None]]:
    """Pairs each frame with the one behind it."""
    for frame, following in pairwise(chain[VideoFrame | None](frames, (None,))):
        if frame is not None:
            yield frame, following


def _stated_duration_s(frame: VideoFrame) -> Fraction | None:
    duration_s = (frame.duration or 0) * (frame.time_base or 0)
    return Fraction(duration_s) if 0 < duration_s <= LONGEST_GAP_S else None


def _counted(path: Path, index: int) -> tuple[int, Fraction | None]:
    """Counts frames without decoding, and measures the mean rate of their timestamps."""
    count, end, stamps = 0, 0, array("q")
    with opened(path) as container:
        stream = stream_at(container, index)
        unit_s, lead = stream.time_base or Fraction(1), _RAW_LEAD_BYTES.get(container.format.name)
        try:
            for packet in container.demux(stream):
                if packet.size == 0 or packet.is_discard:
                    continue
                if packet.is_corrupt and lead is not None:
                    break  # it has no end
                count += 1
                end = (packet.pos or 0) + (lead or 0) + packet.size
                if packet.pts is not None:
                    stamps.append(packet.pts)
        except Exception as error:
            raise damaged(path, count, error) from error
        if lead is not None and end != container.size:
            raise damaged(path, count)
    steps = np.diff(np.unique(stamps))
    steps = steps[steps <= int(LONGEST_GAP_S / unit_s)]
    return count, len(steps) / (int(steps.sum()) * unit_s) if len(steps) else None


def _agreed(declared: Fraction | None, measured: Fraction | None) -> Fraction:
    """Takes the declared rate, which is exact, where the timestamps agree with it."""
    if measured is None:
        return Fraction(declared or _FALLBACK_FPS)
    agrees = declared and abs(declared - measured) <= _AGREEMENT * measured
    return Fraction(declared) if declared and agrees else measured
