"""Writing MP4 videos whose frames keep their times, in full or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self, cast

import av
import numpy as np
from av.codec.context import Flags
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from rapsam.data.videos.streams import file_url, lacks_memory, too_little_memory
from rapsam.errors import InputError, RapSamError
from rapsam.files import scratch_file
from rapsam.tasks.arrays import Pixels

_ENCODERS = ("libx264", "mpeg4")
_WRITE_ERRORS = (OSError, MemoryError, av.error.FFmpegError)
_FINEST = 60_000
"""Ticks of a second at most: MPEG-4 has no finer clock."""
_LONGEST = 2**31 - 1
"""Ticks for which an MP4 can show a frame."""


class _Waiting(NamedTuple):
    """A frame whose duration is not known before the next one comes; times in ticks."""

    pixels: Pixels
    start: int
    stated_duration: int | None


class VideoWriter:
    """Writes an MP4 of variable rate in full or not at all.

    Use as a context manager; the file appears when the block ends without an error. After an error nothing
    is left, not even folders that were made for it.
    """

    def __init__(self, path: Path, fps: Fraction) -> None:
        """Prepares to write.

        Args:
            path: Destination, ending in .mp4; an existing file is replaced.
            fps: Mean frames per second; frames without a time follow each other at this rate.

        Raises:
            InputError: If the name does not end in .mp4 or the folder cannot be written.
        """
        if path.suffix.lower() != ".mp4":
            raise InputError(f"{path} does not end in .mp4; expected an MP4 file to write the video to")
        self._path = path
        self._rate = max(fps.limit_denominator(1001), Fraction(1, 1001))
        # Then a constant rate is met exactly.
        self._ticks_per_s = max(_FINEST // self._rate.numerator, 1) * self._rate.numerator
        if self._rate.numerator > _FINEST:
            self._ticks_per_s = _FINEST
        self._period = max(round(self._ticks_per_s / self._rate), 1)
        self._stream: VideoStream | None = None
        self._waiting: _Waiting | None = None
        self._first_s = 0.0
        self._made = [folder for folder in path.parents if not folder.exists()]
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._temporary = scratch_file(path.parent)
            self._container = av.open(file_url(self._temporary), "w", format="mp4")
        except _WRITE_ERRORS as error:
            self._remove_folders()
            raise _unwritable(path, error) from error

    def write(self, frame: Pixels, time_s: float | None = None, duration_s: float | None = None) -> None:
        """Adds a frame.

        Args:
            frame: (height, width, 3) uint8 RGB, all of one size.
            time_s: When it is shown, in seconds; the first frame's time becomes 0. One mean period after
                the frame before it unless told.
            duration_s: For how long, if it is the last one; as long as the frame before it unless told.

        Raises:
            InputError: If the size changes or the disk refuses.
        """
        # H.264 halves the resolution of colour, so odd sides gain a repeated line.
        even = np.pad(frame, ((0, frame.shape[0] % 2), (0, frame.shape[1] % 2), (0, 0)), mode="edge")
        if self._stream is None:
            self._stream = self._new_stream(even.shape[0], even.shape[1])
        if even.shape[:2] != (self._stream.height, self._stream.width):
            raise InputError(
                f"frame of {list(frame.shape[:2])} in a video of another size; expected one size"
            )
        start = self._start(time_s)
        if self._waiting is not None:
            self._encode(self._waiting, start - self._waiting.start)
        stated = None if duration_s is None else max(round(duration_s * self._ticks_per_s), 1)
        self._waiting = _Waiting(even, start, stated)

    def __enter__(self) -> Self:
        """Returns the writer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Completes the file, or removes it after an error or if no frame was written."""
        is_whole = False
        try:
            if kind is None and self._waiting is not None:
                self._complete(self._waiting)
                is_whole = True
        except _WRITE_ERRORS as refusal:
            raise _unwritable(self._path, refusal) from refusal
        finally:
            if not is_whole:
                # It may complain of the same again.
                with suppress(*_WRITE_ERRORS):
                    self._container.close()
                self._temporary.unlink(missing_ok=True)
                self._remove_folders()

    def _complete(self, last: _Waiting) -> None:
        self._encode(last, last.stated_duration or self._period)
        if self._stream is not None:
            self._container.mux(self._stream.encode(None))
        self._container.close()
        # A new name must not outlive its content when the power fails.
        with self._temporary.open("rb") as written:
            os.fsync(written.fileno())
        self._temporary.replace(self._path)

    def _start(self, time_s: float | None) -> int:
        """Returns the tick at which the next frame is shown, behind that of the frame before."""
        if self._waiting is None:
            self._first_s = time_s or 0.0
            return 0
        if time_s is None:
            return self._waiting.start + self._period
        return max(round((time_s - self._first_s) * self._ticks_per_s), self._waiting.start + 1)

    def _encode(self, frame: _Waiting, duration: int) -> None:
        assert self._stream is not None
        self._period = min(duration, _LONGEST)
        try:
            picture = VideoFrame.from_ndarray(np.ascontiguousarray(frame.pixels), format="rgb24")
            # The encoder's own conversion would lose the duration.
            picture = picture.reformat(format="yuv420p")
            picture.pts, picture.time_base = frame.start, Fraction(1, self._ticks_per_s)
            picture.duration = self._period
            self._container.mux(self._stream.encode(picture))
        except _WRITE_ERRORS as error:
            raise _unwritable(self._path, error) from error

    def _new_stream(self, height: int, width: int) -> VideoStream:
        codec = next(name for name in _ENCODERS if name in av.codecs_available)
        stream = cast(VideoStream, self._container.add_stream(codec, rate=self._rate))
        stream.codec_context.time_base = Fraction(1, self._ticks_per_s)
        stream.codec_context.flags |= Flags.frame_duration
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        if codec == "libx264":
            # Without B-frames each frame's time and duration stand in the file as they are.
            stream.options = {"crf": "20", "preset": "veryfast", "bf": "0"}
        else:
            stream.bit_rate = int(0.2 * width * height * self._rate)
        return stream

    def _remove_folders(self) -> None:
        for folder in self._made:
            with suppress(OSError):
                folder.rmdir()


def _unwritable(path: Path, error: OSError | MemoryError | av.error.FFmpegError) -> RapSamError:
    if lacks_memory(error):
        return too_little_memory(path)
    reason = getattr(error, "strerror", None) or str(error)
    return InputError(f"cannot write {path}: {reason}; choose a folder that you may write to")
