"""Cutting a video into the clips that the network sees at a time."""

from __future__ import annotations

from rapsam.errors import InputError

SHORT_VIDEO = 15
"""Videos of up to this many frames are cut into the shorter clips."""
SHORT_CLIP = 3
LONG_CLIP = 5


def clip_length(num_frames: int) -> int:
    """Returns the clip length that the original takes for a video: 3 up to 15 frames, else 5."""
    return SHORT_CLIP if num_frames <= SHORT_VIDEO else LONG_CLIP


def clip_ends(num_frames: int, clip_size: int, overlap: int = 0) -> list[int]:
    """Cuts a video into clips as the original does.

    A clip starts `overlap` frames before the end of the one before. Where the clips do not fill the
    video exactly, the last ones give up one frame each if that is enough; otherwise the last clip
    alone is shorter.

    Args:
        num_frames: Frames of the video, at least 1.
        clip_size: Frames of a clip, at least 1.
        overlap: Frames that neighbouring clips share, less than the clip size.

    Returns:
        The end (exclusive) of every clip; the last is `num_frames`.

    Raises:
        InputError: If an argument is out of its range.
    """
    if num_frames < 1 or clip_size < 1 or not 0 <= overlap < clip_size:
        raise InputError(
            f"cannot cut {num_frames} frames into clips of {clip_size} that share {overlap}; "
            "expected at least 1 frame, a clip size of at least 1 and an overlap below it"
        )
    step = clip_size - overlap
    count = max(1, -(-(num_frames - overlap) // step))
    excess = count * step - (num_frames - overlap)
    ends = [overlap + (clip + 1) * step for clip in range(count)]
    if excess < count:
        for place in range(excess):
            ends[count - 1 - place] -= excess - place
    else:
        ends[-1] -= excess
    return ends
