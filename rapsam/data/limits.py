"""What sizes of images and frames are accepted."""

from __future__ import annotations

from pathlib import Path

from rapsam.errors import InputError

MIN_SIDE = 2
MAX_SIDE = 16_384
MAX_PIXELS = 100_000_000


def check_size(path: Path, width: int, height: int) -> None:
    """Raises `InputError` if an image or a frame is too small or too large to work with."""
    if min(width, height) < MIN_SIDE:
        raise InputError(
            f"{path} is {width}x{height} px; expected sides of at least {MIN_SIDE} px: take a larger one"
        )
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise InputError(
            f"{path} is {width}x{height} px; expected sides of at most {MAX_SIDE} px and at most "
            f"{MAX_PIXELS // 1_000_000} megapixels: scale it down first"
        )


def check_file(path: Path, kind: str) -> None:
    """Raises `InputError` unless the path is a file with content; `kind` is as in "image"."""
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder; expected one {kind} file")
        if not path.exists():
            raise InputError(f"{path} does not exist; expected the path of one {kind} file")
        if not path.is_file():
            raise InputError(f"{path} is not a plain file; expected one {kind} file")
        if path.stat().st_size == 0:
            raise InputError(f"{path} is empty; expected one {kind} file")
        path.open("rb").close()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"cannot read {path}: {reason}; expected one {kind} file that you may read"
        ) from error
