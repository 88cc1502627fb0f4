"""Views as HTML: boxes that a browser lays out by the rules of Android's layouts, one CSS pixel a dp."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from apps.android.preview.layouts import View, is_horizontal, is_on_a_line, read_layout
from apps.android.preview.platform import DISABLED_ALPHA, Attributes, dp
from apps.android.preview.resources import Resources
from rapsam.errors import InputError

SANS, MONOSPACE = "android-sans,sans-serif", "android-mono,monospace"
_TEXTS = ("TextView", "Button", "RadioButton")
_ON_A_LINE = (*_TEXTS, "Spinner")
"""What a row sets on one line of text, if it does so; others stand at its top."""
_TOUCHED = ("Button", "RadioButton", "Spinner")
_PICTURES = ("ImageView", "org.rapsam.sample.PhotoView")
_SIDES = {"paddingTop": "top", "paddingEnd": "right", "paddingBottom": "bottom", "paddingStart": "left"}


@dataclass(frozen=True)
class Run:
    """A piece of a text, in a colour of its own (#rrggbb) or in the view's."""

    text: str
    colour: str | None = None


@dataclass(frozen=True)
class Shown:
    """What the code makes of a view; None leaves it as the layout has it.

    Attributes:
        text: Of a text or a button; of a Spinner what is chosen.
        item: Of a Spinner the layout of what is chosen.
        visible: Whether it is there.
        enabled: Whether it can be touched.
        picture: Of a picture the PNG.
    """

    text: str | tuple[Run, ...] | None = None
    item: str | None = None
    visible: bool | None = None
    enabled: bool = True
    picture: bytes | None = None


Screen = Mapping[str, Shown]
"""Views, by their names."""


class Painter:
    """Makes HTML of views.

    Args:
        resources: Of the app.
        theme: Of the app.
        font_scale: How much larger than usual the user wants texts.
    """

    def __init__(self, resources: Resources, theme: Attributes, font_scale: float) -> None:
        self._resources, self._theme, self._scale = resources, theme, font_scale

    def body(self, layout: View, screen: Screen) -> str:
        """Returns a screen's content.

        Raises:
            InputError: If the code changes what the layout does not have.
        """
        kinds = {view.name: view.kind for view in layout.views}
        for name, shown in screen.items():
            if name not in kinds:
                raise InputError(f"the layout has no view {name}; expected {', '.join(filter(None, kinds))}")
            _check_shown(name, kinds[name], shown)
        return self._view(layout, "width:100%;height:100%;", screen)

    def _view(self, view: View, placed: str, screen: Screen, checked: str | None = None) -> str:
        shown = screen.get(view.name or "", Shown())
        visible = view.attributes.get("visibility") != "gone" if shown.visible is None else shown.visible
        if not visible:
            return ""
        if view.kind in _PICTURES:
            inner = _picture(shown.picture)
        elif view.kind == "RadioButton":
            inner = self._mark(is_on=checked is not None and checked == view.name) + self._text(view, shown)
        elif view.kind in _TEXTS:
            inner = self._text(view, shown)
        elif view.kind == "Spinner":
            inner = self._spinner(shown)
        else:
            inner = self._children(view, screen)
        return self._drawn(view, placed, inner, shown)

    def _drawn(self, view: View, placed: str, inner: str, shown: Shown) -> str:
        words = f"view {view.kind.rpartition('.')[2]}"
        words += " touched" if view.kind in _TOUCHED else ""
        name = f' id="{view.name}"' if view.name else ""
        return f'<div{name} class="{words}" style="{placed}{self._look(view, shown)}">{inner}</div>'

    def _look(self, view: View, shown: Shown) -> str:
        sides = "".join(
            f"padding-{side}:{dp(view.attributes[name]):g}px;"
            for name, side in _SIDES.items()
            if name in view.attributes
        )
        if view.kind in _TEXTS:
            middle = "display:flex;align-items:center;" if "gravity" in view.attributes else ""
            return sides + middle + self._letters(view.attributes, enabled=shown.enabled)
        if view.kind not in ("LinearLayout", "RadioGroup"):
            return sides
        way = "row" if is_horizontal(view) else "column"
        return f"{sides}flex-direction:{way};align-items:{_across(view)};"

    def _letters(self, appearance: Attributes, *, enabled: bool = True) -> str:
        size = self._pixels(appearance["textSize"])
        family = MONOSPACE if "typeface" in appearance else SANS
        weight = 500 if appearance.get("fontFamily") == "sans-serif-medium" else 400
        capitals = "uppercase" if appearance.get("textAllCaps") == "true" else "none"
        colour = rgba(appearance["textColor"])
        # Android's selector takes the second colour of texts for what cannot be touched.
        faint = rgba(self._theme["textColorSecondary"], DISABLED_ALPHA)
        return (
            f"font:{weight} {size:g}px {family};line-height:1.172;text-transform:{capitals};"
            f"color:{colour if enabled else faint};"
        )

    def _pixels(self, size: str) -> float:
        return float(size[:-2]) * (self._scale if size.endswith("sp") else 1.0)

    def _text(self, view: View, shown: Shown) -> str:
        text = view.attributes.get("text", "") if shown.text is None else shown.text
        runs = (Run(text),) if isinstance(text, str) else text
        spans = "".join(
            f'<span style="color:{run.colour}">{escape(run.text)}</span>' if run.colour else escape(run.text)
            for run in runs
        )
        return f'<span class="text">{spans}</span>'

    def _mark(self, *, is_on: bool) -> str:
        colour = rgba(self._theme["colorAccent" if is_on else "textColorSecondary"])
        return f'<i class="mark{" on" if is_on else ""}" style="color:{colour}"></i>'

    def _spinner(self, shown: Shown) -> str:
        arrow = f'<i class="arrow" style="color:{rgba(self._theme["textColorSecondary"])}"></i>'
        if shown.item is None:
            return arrow
        item = read_layout(shown.item, self._resources, self._theme)
        placed = f"flex:1;min-width:0;{_at_least(item, 'height')}"
        return self._drawn(item, placed, self._text(item, shown), Shown()) + arrow

    def _children(self, view: View, screen: Screen) -> str:
        checked = view.attributes.get("checkedButton", "").partition("/")[2] or None
        return "".join(self._view(child, _placed(child, view), screen, checked) for child in view.children)


def rgba(colour: str, alpha: float = 1.0) -> str:
    """Returns a colour of Android's (#rrggbb or #aarrggbb) as CSS has it, `alpha` times as opaque."""
    digits = colour.removeprefix("#").rjust(8, "f")
    opaque, red, green, blue = (int(digits[place : place + 2], 16) for place in (0, 2, 4, 6))
    return f"rgba({red},{green},{blue},{opaque / 255 * alpha:.3f})"


def _placed(view: View, outer: View) -> str:
    """Returns how a view is laid out in one that stands its views in a row, or one above another."""
    is_row = is_horizontal(outer)
    size = {"width": view.attributes["layout_width"], "height": view.attributes["layout_height"]}
    along, across = ("width", "height") if is_row else ("height", "width")
    weight = view.attributes.get("layout_weight")
    if weight is not None:
        words = f"flex:{weight} 1 0;min-{along}:0;"
    elif size[along] == "match_parent":
        words = f"flex:1 1 0;min-{along}:0;"
    elif size[along] == "wrap_content":
        words = f"flex:none;{_at_least(view, along)}"
    else:
        words = f"flex:none;{along}:{dp(size[along]):g}px;"
    if size[across] == "match_parent":
        return f"{words}align-self:stretch;"
    if is_on_a_line(outer) and view.kind not in _ON_A_LINE:
        words += "align-self:flex-start;"
    if size[across] == "wrap_content":
        return f"{words}max-{across}:100%;{_at_least(view, across)}"
    return f"{words}{across}:{dp(size[across]):g}px;"


def _at_least(view: View, side: str) -> str:
    least = view.attributes.get(f"min{side.title()}")
    return f"min-{side}:{dp(least):g}px;" if least else ""


def _across(view: View) -> str:
    if view.attributes.get("gravity") == "center_vertical":
        return "center"
    return "baseline" if is_on_a_line(view) else "flex-start"


def _picture(png: bytes | None) -> str:
    return f'<img alt="" src="data:image/png;base64,{base64.b64encode(png).decode()}">' if png else ""


def _check_shown(name: str, kind: str | None, shown: Shown) -> None:
    fits = {"text": (*_TEXTS, "Spinner"), "item": ("Spinner",), "picture": _PICTURES}
    for what, kinds in fits.items():
        if getattr(shown, what) is not None and kind not in kinds:
            raise InputError(f"{name} is a {kind} and has no {what}; expected one of {', '.join(kinds)}")
