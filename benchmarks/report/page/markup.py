"""Elements of HTML and SVG as Python calls: whatever is not an element yet is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from rapsam.errors import printable, shortened

MAX_SHOWN = 200
"""Characters of a text from a record; more is cut out of its middle."""
_SHORT = 14
"""Characters of a cell that is not broken."""
_EMPTY = frozenset({"meta", "link", "br", "img", "line", "rect", "circle", "path", "polyline"})


class Markup(str):
    """Text that is HTML already; only this module makes it of other text."""

    __slots__ = ()


Child = Markup | str | None
Attribute = str | float | None


def element(tag: str, *children: Child, **attributes: Attribute) -> Markup:
    """Makes an element.

    Args:
        tag: Its name.
        children: Elements as they are; other text is escaped, shortened, and loses control characters.
        attributes: "class_" stands for "class", "stroke_width" for "stroke-width"; None leaves one out.
    """
    named = "".join(
        f' {_name(name)}="{_value(value)}"' for name, value in attributes.items() if value is not None
    )
    if tag in _EMPTY and not children:
        return Markup(f"<{tag}{named}/>")
    return Markup(f"<{tag}{named}>{joined(*children)}</{tag}>")


def joined(*children: Child) -> Markup:
    """Puts elements and texts one behind the other."""
    return Markup("".join(_escaped(child) for child in children if child is not None))


def data_table(
    head: Sequence[str], rows: Iterable[Sequence[Child]], caption: str | None = None, kind: str = ""
) -> Markup:
    """Makes a table in a box that scrolls by itself where it is wider than the page.

    Args:
        head: Titles of the columns.
        rows: Cells, as many as there are titles.
        caption: What it shows.
        kind: More classes of the table.
    """
    titles = element("tr", *(element("th", title, scope="col") for title in head))
    body = [element("tr", *map(_cell, cells)) for cells in rows]
    table = element(
        "table",
        element("caption", caption) if caption else None,
        element("thead", titles),
        element("tbody", *body),
        class_=kind or None,
    )
    return element("div", table, class_="scroll", tabindex="0", role="region", aria_label=caption or head[0])


def _cell(content: Child) -> Markup:
    """A figure stays on the line of its unit."""
    is_short = content is not None and not isinstance(content, Markup) and len(content) <= _SHORT
    return element("td", content, class_="short" if is_short else None)


def _escaped(child: Child) -> str:
    if child is None or isinstance(child, Markup):
        return child or ""
    return html.escape(shortened(printable(child), MAX_SHOWN))


def _name(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def _value(value: Attribute) -> str:
    return f"{value:.6g}" if isinstance(value, int | float) else html.escape(printable(str(value)))
