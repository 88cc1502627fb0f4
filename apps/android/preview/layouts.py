"""Layout files as trees of views; whatever the preview cannot draw as Android does is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from apps.android.preview.platform import BORDERLESS, BUTTON_PADDING, MARK, Attributes
from apps.android.preview.resources import NAMESPACE, Resources
from rapsam.errors import InputError

_DP = r"\d+(\.\d+)?dp"
_SIZE = rf"match_parent|wrap_content|{_DP}"
_ANY = r"(?s).*"
_PADDING = {f"padding{side}": _DP for side in ("Start", "End", "Top", "Bottom")}
_VIEW = {
    "id": r"@\+?id/\w+",
    "layout_width": _SIZE,
    "layout_height": _SIZE,
    "layout_weight": r"\d+(\.\d+)?",
    "visibility": "visible|gone",
    "minWidth": _DP,
    "minHeight": _DP,
    "contentDescription": ".+",
    "accessibilityLiveRegion": "polite|assertive",
    **_PADDING,
}
_LINEAR = {
    **_VIEW,
    "orientation": "horizontal|vertical",
    "gravity": "center_vertical",
    "baselineAligned": "true|false",
}
_TEXT = {
    **_VIEW,
    "text": _ANY,
    "textAppearance": "@(android:)?style/.+",
    "textSize": r"\d+(sp|dp)",
    "textColor": "#[0-9a-fA-F]{6,8}",
    "textAllCaps": "true|false",
    "fontFamily": "sans-serif(-medium)?",
    "typeface": "monospace",
    "textIsSelectable": "true|false",
    "gravity": "center_vertical",
}
KNOWN: dict[str, dict[str, str]] = {
    "LinearLayout": _LINEAR,
    "RadioGroup": {**_LINEAR, "checkedButton": r"@\+?id/\w+"},
    "ScrollView": _VIEW,
    "TextView": _TEXT,
    "Button": {**_TEXT, "background": re.escape(BORDERLESS)},
    "RadioButton": {**_TEXT, "button": re.escape(MARK)},
    "Spinner": _VIEW,
    "ImageView": {**_VIEW, "scaleType": "fitCenter"},
    "org.rapsam.sample.PhotoView": _VIEW,
}
"""Kinds of views to their attributes, each with the form of its values, once they are resolved."""
_LETTERS = {"textSize", "textColor"}
_NEEDED = {
    "TextView": _LETTERS,
    "Button": {*_LETTERS, "background"},
    "RadioButton": {*_LETTERS, "button"},
}
"""Without these Android would take what the theme has for the kind, which the preview does not know."""
_PARENTS = ("LinearLayout", "RadioGroup", "ScrollView")
_BACKGROUNDS: dict[str, Attributes] = {"Button": BUTTON_PADDING}


@dataclass(frozen=True)
class View:
    """A view: its kind, its attributes with nothing left to resolve, and what is in it."""

    kind: str
    attributes: Attributes
    children: tuple[View, ...]

    @property
    def name(self) -> str | None:
        """What the code finds it by."""
        identity = self.attributes.get("id")
        return identity.partition("/")[2] if identity else None

    @property
    def views(self) -> Iterator[View]:
        """It, and all that are in it."""
        yield self
        for child in self.children:
            yield from child.views


def read_layout(name: str, resources: Resources, theme: Attributes) -> View:
    """Reads a layout file.

    Args:
        name: Of the file, without ending.
        resources: What it refers to.
        theme: What its references to the theme mean.

    Raises:
        InputError: If there is a view, an attribute or a value that the preview does not know.
    """
    return _view(ElementTree.parse(resources.folder / "layout" / f"{name}.xml").getroot(), resources, theme)


def _view(element: ElementTree.Element, resources: Resources, theme: Attributes) -> View:
    kind = element.tag
    if kind not in KNOWN:
        raise InputError(f"the preview does not know the view <{kind}>; expected {', '.join(KNOWN)}")
    if len(element) and kind not in _PARENTS:
        raise InputError(f"<{kind}> has views in it; expected none")
    attributes = _attributes(element, resources, theme)
    for attribute, value in attributes.items():
        form = KNOWN[kind].get(attribute)
        if form is None:
            raise InputError(
                f"the preview does not know the attribute {attribute} of <{kind}>; add it, or drop it"
            )
        if re.fullmatch(form, value) is None:
            raise InputError(f'<{kind}> has {attribute}="{value}"; the preview knows {form}')
    if missing := _NEEDED.get(kind, set()) - attributes.keys():
        raise InputError(f"<{kind}> has no {', '.join(sorted(missing))}; give it one of the app's styles")
    view = View(kind, attributes, tuple(_view(child, resources, theme) for child in element))
    _check_sizes(view)
    return view


def _attributes(element: ElementTree.Element, resources: Resources, theme: Attributes) -> dict[str, str]:
    """Merges as Android does: what is written, then the style, then the appearance of texts."""
    written, style = {}, ""
    for name, value in element.items():
        if name == "style":
            style = value
        elif name.startswith(NAMESPACE):
            written[name.removeprefix(NAMESPACE)] = value
        else:
            raise InputError(f"<{element.tag}> has {name}, which is no attribute of Android's; drop it")
    background = _BACKGROUNDS.get(element.tag, {})
    merged = {**background, **(resources.style(style) if style else {}), **written}
    if "textAppearance" in merged:
        merged = {**resources.style(resources.resolved(merged["textAppearance"], theme)), **merged}
    return {name: resources.resolved(value, theme) for name, value in merged.items()}


def _check_sizes(view: View) -> None:
    """Refuses what is drawn otherwise by a browser than by Android."""
    for side in ("layout_width", "layout_height"):
        if side not in view.attributes:
            raise InputError(f"<{view.kind}> has no {side}; Android would not open it")
    if view.kind == "ScrollView" and len(view.children) != 1:
        raise InputError(f"a ScrollView has {len(view.children)} views in it; expected one")
    if view.kind == "ScrollView":
        return
    if view.children and "gravity" in view.attributes and (not is_horizontal(view) or is_on_a_line(view)):
        raise InputError(f"<{view.kind}> has a gravity; the preview knows it in rows without baselineAligned")
    along = "layout_width" if is_horizontal(view) else "layout_height"
    for place, child in enumerate(view.children):
        size, is_last = child.attributes[along], place == len(view.children) - 1
        if "layout_weight" in child.attributes and size != "0dp":
            raise InputError(f'a view with a weight has {along}="{size}"; the preview knows 0dp')
        if size == "match_parent" and not is_last:
            raise InputError(f"<{child.kind}> takes all that is left, and others follow it; give it a weight")


def is_horizontal(view: View) -> bool:
    """Says whether what is in a view stands side by side; in a LinearLayout it does by itself."""
    by_itself = "horizontal" if view.kind == "LinearLayout" else "vertical"
    return view.attributes.get("orientation", by_itself) == "horizontal"


def is_on_a_line(view: View) -> bool:
    """Says whether a row sets its views on one line of text, as it does by itself."""
    return is_horizontal(view) and view.attributes.get("baselineAligned") != "false"
