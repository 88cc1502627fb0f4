"""Reading videos frame by frame and writing them, with memory for a few frames only."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from rapsam.data.limits import check_file, check_size
from rapsam.errors import InputError
from rapsam.tasks.arrays import Pixels
from rapsam.tasks.geometry import Size

_FORMATS = "mov,matroska,avi,mpeg,mpegts,mpegvideo,ogg,flv,asf,gif,apng,h264,hevc,ivf,mjpeg,nut,yuv4mpegpipe"
"""FFmpeg's readers of videos. Others would take text, still images or playlists for a video."""
SUFFIXES = (".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ts", ".webm", ".wmv")
"""Endings of file names by which videos are told from images."""
_FALLBACK_FPS = Fraction(25)
"""For streams that carry no time at all."""
_ENCODERS = ("libx264", "mpeg4")
_WRITE_ERRORS = (OSError, av.error.FFmpegError)


class VideoFrames:
    """The frames of a video file, upright, as 8-bit RGB; may be iterated several times.

    Attributes:
        path: The file.
        num_frames: Frames as the index says, else counted without decoding.
        fps: Mean frames per second.
        size: Height and width of the upright frames.
    """

    def __init__(self, path: Path) -> None:
        """Opens the file and decodes its first frame.

        Raises:
            InputError: If the file is missing, no video, has no frame, or frames of an unusable size.
        """
        check_file(path, "video")
        self.path = path
        with _opened(path) as container:
            stream = _video_stream(path, container)
            check_size(path, stream.codec_context.width, stream.codec_context.height)
            self.fps = Fraction(stream.average_rate or stream.guessed_rate or _FALLBACK_FPS)
            # Only an index as long as the header says vouches for it; edit lists make them differ.
            self._declared = stream.frames if stream.frames == len(stream.index_entries) else 0
        first = next(iter(self), None)
        if first is None:
            raise InputError(
                f"{path} has no frame that can be decoded; expected a video of at least one frame"
            )
        self.size: Size = (first.shape[0], first.shape[1])
        self.num_frames = self._declared or _count_frames(path)

    def __iter__(self) -> Iterator[Pixels]:
        """Decodes one frame after another.

        Yields:
            (height, width, 3) uint8 RGB, all of the same size.

        Raises:
            InputError: If the file is damaged; names the frame.
        """
        with _opened(self.path) as container:
            stream = _video_stream(self.path, container)
            done = 0
            try:
                for frame in container.decode(stream):
                    yield _upright(frame, stream)
                    done += 1
            except av.error.FFmpegError as error:
                raise self._damaged(done) from error
        if done < self._declared and _count_frames(self.path) < self._declared:
            raise self._damaged(done)

    def _damaged(self, done: int) -> InputError:
        return InputError(
            f"{self.path} is damaged or truncated after frame {done}; expected a complete video file: "
            "cut it there or encode it anew"
        )


class VideoWriter:
    """Writes an MP4 in full or not at all.

    Use as a context manager; the file appears when the block ends without an error.
    """

    def __init__(self, path: Path, fps: Fraction) -> None:
        """Prepares to write.

        Args:
            path: Destination, ending in .mp4; an existing file is replaced.
            fps: Frames per second.

        Raises:
            InputError: If the name does not end in .mp4 or the folder cannot be written.
        """
        if path.suffix.lower() != ".mp4":
            raise InputError(f"{path} does not end in .mp4; expected an MP4 file to write the video to")
        self._path = path
        self._rate = max(fps.limit_denominator(1001), Fraction(1, 1001))
        self._stream: VideoStream | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=".mp4", dir=path.parent)
            os.close(handle)
        except OSError as error:
            raise _unwritable(path, error) from error
        self._temporary = Path(name)
        self._container = av.open(name, "w", format="mp4")

    def write(self, frame: Pixels) -> None:
        """Adds a frame: (height, width, 3) uint8 RGB, all of one size.

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
        try:
            picture = VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
            self._container.mux(self._stream.encode(picture))
        except _WRITE_ERRORS as error:
            raise _unwritable(self._path, error) from error

    def __enter__(self) -> Self:
        """Gives the writer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Completes the file, or removes it after an error or if no frame was written."""
        try:
            if self._stream is not None and kind is None:
                self._container.mux(self._stream.encode(None))
            self._container.close()
            if self._stream is not None and kind is None:
                self._temporary.chmod(0o644)
                self._temporary.replace(self._path)
        except _WRITE_ERRORS as refusal:
            raise _unwritable(self._path, refusal) from refusal
        finally:
            self._temporary.unlink(missing_ok=True)

    def _new_stream(self, height: int, width: int) -> VideoStream:
        codec = next(name for name in _ENCODERS if name in av.codecs_available)
        stream = cast(VideoStream, self._container.add_stream(codec, rate=self._rate))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        if codec == "libx264":
            stream.options = {"crf": "20", "preset": "veryfast"}
        else:
            stream.bit_rate = int(0.2 * width * height * self._rate)
        return stream


def _opened(path: Path) -> InputContainer:
    try:
        return av.open(str(path), options={"format_whitelist": _FORMATS, "protocol_whitelist": "file"})
    except (av.error.FFmpegError, ValueError) as error:
        raise InputError(
            f"{path} is not a video that can be read; expected a file such as MP4, MOV, MKV, WebM or AVI"
        ) from error


def _video_stream(path: Path, container: InputContainer) -> VideoStream:
    if not container.streams.video:
        raise InputError(f"{path} holds no pictures, only sound or data; expected a video")
    return container.streams.video[0]


def _count_frames(path: Path) -> int:
    with _opened(path) as container:
        packets = container.demux(_video_stream(path, container))
        return sum(packet.size > 0 and not packet.is_discard for packet in packets)


def _upright(frame: VideoFrame, stream: VideoStream) -> Pixels:
    context = stream.codec_context
    pixels = frame.to_ndarray(format="rgb24", width=context.width, height=context.height)
    # Phones store what the sensor sees and the counterclockwise turn that sets it upright.
    return np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90)), np.uint8)


def _unwritable(path: Path, error: OSError | av.error.FFmpegError) -> InputError:
    reason = error.strerror or str(error)
    return InputError(f"cannot write {path}: {reason}; choose a folder that you may write to")
