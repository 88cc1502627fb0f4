"""Android's fonts, from npm: fetched once, into the user's cache, beside the build tools.

python -m apps.android.preview.fonts
"""

from __future__ import annotations

import sys

from apps.android.preview.window import Fonts
from apps.android.toolchain.downloads import Download
from apps.android.toolchain.tools import Say, fetch_tools, place_of
from rapsam.errors import RapSamError

ROBOTO = Download(
    "npm",
    "@fontsource/roboto",
    "5.3.0",
    "77620f437249772e381698224ea1bddd01c985ecd60267a63ddc96b9eb9348f7",
    4,
    {f"package/files/roboto-latin-{weight}-normal.woff2": f"{weight}.woff2" for weight in (400, 500)},
)
ROBOTO_MONO = Download(
    # As wide as Droid Sans Mono, which Android takes for `monospace`.
    "npm",
    "@fontsource/roboto-mono",
    "5.3.0",
    "9825f59e72dab7ef3f96e6af79407d97844ba50927ae57f2c9c60199daa9ef62",
    2,
    {"package/files/roboto-mono-latin-400-normal.woff2": "400.woff2"},
)


def fetch_fonts(say: Say) -> Fonts:
    """Returns the fonts, and fetches what is not there yet.

    Args:
        say: Told what is fetched.

    Raises:
        UnavailableError: See `fetch_tools`.
    """
    fetch_tools(say, (ROBOTO, ROBOTO_MONO))
    roboto, mono = place_of(ROBOTO), place_of(ROBOTO_MONO)
    return Fonts(
        *(path.read_bytes() for path in (roboto / "400.woff2", roboto / "500.woff2", mono / "400.woff2"))
    )


def find_fonts() -> Fonts | None:
    """Returns the fonts if they are there."""
    return (
        fetch_fonts(lambda _: None)
        if all(place_of(font).is_dir() for font in (ROBOTO, ROBOTO_MONO))
        else None
    )


def main() -> None:
    """Fetches the fonts."""
    try:
        fetch_fonts(lambda line: print(line, flush=True))
    except RapSamError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
