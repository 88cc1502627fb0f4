"""What all charts share: their size, axes, and text on them."""

from __future__ import annotations

from collections.abc import Sequence

from rapsam.benchmarks.report.page.markup import Attribute, Child, Markup, element, joined
from rapsam.benchmarks.report.page.scales import Scale
from rapsam.benchmarks.report.words import bare

WIDTH = 460
"""Units of a drawing; a phone shows them at 0.7 px, where text of 13 units can still be read."""
LEFT, RIGHT, TOP, BOTTOM = 70, 16, 18, 44
_NARROW, _WIDE = "iljtf.,:;'|()[] ", "mwMW@%#"


def drawing(height: float, label: str, *parts: Markup | None) -> Markup:
    """Puts parts on a sheet.

    Args:
        height: Of the sheet, in units.
        label: What it shows, for who cannot see it.
        parts: Elements of SVG.
    """
    return element(
        "svg", *parts, viewBox=f"0 0 {WIDTH} {height:g}", role="img", aria_label=label, class_="chart"
    )


def written(x: float, y: float, content: Child, kind: str, **more: Attribute) -> Markup:
    """Writes a text; its kind says how it is aligned and how large it is."""
    return element("text", content, x=x, y=y, class_=kind, **more)


def bottom_axis(scale: Scale, top: float, y: float, title: str) -> Markup:
    """Draws the axis below, with a line up to the top at each of its values."""
    parts: list[Markup] = []
    for tick in scale.ticks():
        x = scale.place(tick)
        parts += [
            element("line", x1=x, x2=x, y1=top, y2=y, class_="grid"),
            written(x, y + 16, bare(tick), "tick middle"),
        ]
    parts.append(written((scale.begin + scale.end) / 2, y + 36, title, "axis middle"))
    return joined(*parts)


def left_axis(scale: Scale, left: float, right: float) -> Markup:
    """Draws the axis on the left, with a line to the right at each of its values."""
    parts: list[Markup] = []
    for tick in scale.ticks():
        y = scale.place(tick)
        parts += [
            element("line", x1=left, x2=right, y1=y, y2=y, class_="grid"),
            written(left - 6, y + 4, bare(tick), "tick end"),
        ]
    return joined(*parts)


def text_width(text: str, size: float = 12) -> float:
    """Estimates the width of a text in units; there is nothing here that could measure it."""
    # As wide as common system fonts are in bold: too much is better than too little.
    widths = (0.38 if char in _NARROW else 1.0 if char in _WIDE else 0.68 for char in text)
    return size * sum(widths)


def fitted(text: str, width: float, size: float = 12) -> str:
    """Cuts the end off a text that is too wide."""
    if text_width(text, size) <= width:
        return text
    while text and text_width(f"{text}…", size) > width:
        text = text[:-1]
    return f"{text}…"


def free_places(
    points: Sequence[tuple[float, float]], labels: Sequence[str], *, right_only: bool = False
) -> list[tuple[float, float]]:
    """Finds for the label of each point a place beside it where no other label or point is, if there is one.

    Args:
        points: Places of marks.
        labels: Their texts.
        right_only: Whether something comes from the left, such as a curve.

    Returns:
        The left end of each label's base line.
    """
    taken = [(x - 6, y - 6, x + 6, y + 6) for x, y in points]
    found = []
    for (x, y), label in zip(points, labels, strict=True):
        wide = text_width(label)
        around = [
            (x + dx if dx > 0 else x + dx - wide, y + dy)
            for dy in (4, -8, 16, -20, 28, -32, 40)
            for dx in ((9,) if right_only else (9, -9))
        ]
        inside = [place for place in around if LEFT < place[0] < WIDTH - wide and place[1] > TOP] or around
        best = min(inside, key=lambda place: (_overlaps(_box(place, wide), taken), around.index(place)))
        taken.append(_box(best, wide))
        found.append(best)
    return found


def _box(place: tuple[float, float], wide: float) -> tuple[float, float, float, float]:
    return place[0], place[1] - 10, place[0] + wide, place[1] + 2


def _overlaps(
    box: tuple[float, float, float, float], taken: Sequence[tuple[float, float, float, float]]
) -> int:
    left, top, right, bottom = box
    return sum(
        left < other[2] and other[0] < right and top < other[3] and other[1] < bottom for other in taken
    )
