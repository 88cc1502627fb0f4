"""Opening video files, and finding the stream that is meant among several."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from rapsam.data import limits
from rapsam.errors import InputError, MemoryLimitError, RapSamError, is_out_of_memory, reason_of

_FORMATS = "mov,matroska,avi,mpeg,mpegts,mpegvideo,ogg,flv,asf,gif,apng,h264,hevc,ivf,mjpeg,nut,yuv4mpegpipe"
"""FFmpeg's readers of videos. Others would take text, still images or playlists for a video."""
SUFFIXES = (
    *(".264", ".265", ".3g2", ".3gp", ".asf", ".avi", ".f4v", ".flv", ".h264", ".h265", ".hevc", ".ivf"),
    *(".m1v", ".m2ts", ".m2v", ".m4v", ".mj2", ".mjpeg", ".mjpg", ".mk3d", ".mkv", ".mov", ".mp4", ".mpe"),
    *(".mpeg", ".mpg", ".mts", ".nut", ".ogm", ".ogv", ".qt", ".ts", ".vob", ".webm", ".wmv", ".y4m"),
)
"""Endings of file names by which videos are told from images."""
_PICTURES = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
_PREVIEW = 4
"""So many times more frames has the film at least, whatever the rates of both are."""
_STILLS = 2
"""Frames that are a picture or two, and no film beside a longer one."""
_ALIGNMENT = 1.1
"""Decoders round sides up to whole blocks, so what they hold may be a little larger than the frame."""


def opened(path: Path) -> InputContainer:
    """Opens a video file.

    Raises:
        InputError: If it is no video.
        MemoryLimitError: If there is too little memory for it.
    """
    # FFmpeg decodes a little to learn about the streams; a size that is refused must still be learnt.
    probing = {"max_pixels": str(limits.MAX_SIDE**2)}
    options = {"format_whitelist": _FORMATS, "protocol_whitelist": "file", **probing}
    try:
        return av.open(file_url(path), options=options)
    # FFmpeg maps its errors to many classes of Python's.
    except Exception as error:
        if lacks_memory(error):
            raise too_little_memory(path) from error
        raise InputError(
            f"{path} is not a video that can be read; expected a file such as MP4, MOV, MKV, WebM or AVI"
        ) from error


def stream_at(container: InputContainer, index: int) -> VideoStream:
    """Returns a stream of pictures by its index, with bounds on what its decoder may allocate."""
    stream = next(stream for stream in container.streams.video if stream.index == index)
    # The decoder is opened by its first packet.
    stream.codec_context.options = {"max_pixels": str(int(limits.MAX_PIXELS * _ALIGNMENT))}
    return stream


def file_url(path: Path) -> str:
    """Returns a name that FFmpeg takes for a file whatever it holds: it reads "12:30.mp4" as an address."""
    return f"file:{path}"


def damaged(path: Path, done: int, error: Exception | None = None) -> RapSamError:
    """Makes the error for a video that cannot be decoded any further."""
    if error is not None and lacks_memory(error):
        return too_little_memory(path)
    # FFmpeg's own words; the rest of its message repeats the path.
    reason = getattr(error, "strerror", None) or (reason_of(error) if error else "")
    said = f" ({reason})" if reason else ""
    return InputError(
        f"{path} is damaged or truncated after frame {done}{said}; expected a complete video file: "
        "cut it there or encode it anew"
    )


def chosen_stream(path: Path, container: InputContainer) -> VideoStream:
    """Finds the stream that a player would show.

    Cover pictures, thumbnails, and previews, with one or two frames or less than a quarter of the frames of
    the fullest stream, are left out; of the others the default stream is taken, else the largest, the
    longest, the first.

    Args:
        path: The file, for errors.
        container: Newly opened; where the streams must be counted, it is read to its end.

    Raises:
        InputError: If there is no stream of pictures that can be decoded.
    """
    streams = list(container.streams.video)
    if not streams:
        raise InputError(f"{path} holds no pictures, only sound or data; expected a video")
    known = [stream for stream in streams if stream.codec_context is not None]
    if not known:
        raise InputError(
            f"{path} holds pictures of a codec that is unknown here; expected one such as H.264, HEVC, VP9 "
            "or AV1: encode it anew"
        )
    films = [stream for stream in known if not stream.disposition & _PICTURES] or known
    if len(films) == 1:
        return films[0]
    counts = _counted(container, films)
    most = max(counts.values())
    least = max(most / _PREVIEW, min(most, _STILLS + 1))
    films = [stream for stream in films if counts[stream.index] >= least]
    return max(films, key=lambda stream: _rank(stream, counts[stream.index]))


def describe_choice(container: InputContainer, stream: VideoStream) -> str | None:
    """Says which stream was taken, as in "video stream 2 of 2 (h264, 128x96 px)"; None if there is one."""
    streams = list(container.streams.video)
    if len(streams) == 1:
        return None
    place = [other.index for other in streams].index(stream.index) + 1
    context = stream.codec_context
    return f"video stream {place} of {len(streams)} ({context.name}, {context.width}x{context.height} px)"


def _counted(container: InputContainer, streams: list[VideoStream]) -> dict[int, int]:
    """Counts the frames of streams, by their index, without decoding; damage ends the count."""
    if all(stream.frames for stream in streams):
        return {stream.index: stream.frames for stream in streams}
    counts: Counter[int] = Counter({stream.index: 0 for stream in streams})
    # Whoever decodes the stream will meet the same damage.
    with suppress(av.error.FFmpegError):
        counts.update(packet.stream_index for packet in container.demux(streams) if packet.size)
    return dict(counts)


def _rank(stream: VideoStream, count: int) -> tuple[bool, int, int, int]:
    context = stream.codec_context
    is_default = bool(stream.disposition & Disposition.default)
    return is_default, context.width * context.height, count, -stream.index


def lacks_memory(error: BaseException) -> bool:
    """Tells whether FFmpeg lacks memory; "try again" means that there is none for the stacks of threads."""
    return is_out_of_memory(error) or isinstance(error, BlockingIOError)


def too_little_memory(path: Path) -> MemoryLimitError:
    """Makes the error for a video that needs more memory than there is."""
    return MemoryLimitError(f"{path} needs more memory than there is; take a smaller one")
