"""A whole screen as a page: the system's bars, the app's bar, and the app's layout."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from html import escape
from pathlib import Path
from xml.etree import ElementTree

from apps.android.preview.layouts import View, read_layout
from apps.android.preview.platform import (
    ACTION_BAR_HEIGHT_LANDSCAPE,
    BAR_TEXT,
    DIMENSIONS,
    NAVIGATION_BAR,
    STYLES,
    Attributes,
    dp,
)
from apps.android.preview.resources import NAMESPACE, Resources, read_resources
from apps.android.preview.widgets import MONOSPACE, SANS, Painter, Screen, rgba
from rapsam.errors import InputError

APP = Path(__file__).resolve().parents[1] / "app" / "src" / "main"
_CSS = Path(__file__).with_name("widgets.css")
_TITLE = "TextAppearance.Material.Widget.ActionBar.Title"


@dataclass(frozen=True)
class Phone:
    """A phone as it is held.

    Attributes:
        width: Of its screen, dp.
        height: Of its screen, dp.
        font_scale: How much larger than usual the user wants texts.
    """

    width: int
    height: int
    font_scale: float = 1.0

    @property
    def is_lying(self) -> bool:
        """Whether it is wider than high."""
        return self.width > self.height


@dataclass(frozen=True)
class Fonts:
    """Files of fonts, each WOFF2; without them the browser takes its own."""

    sans: bytes
    medium: bytes
    monospace: bytes


def app_resources(phone: Phone) -> tuple[Resources, Attributes]:
    """Reads the app's resources for a phone, and its theme with nothing left to resolve."""
    resources = read_resources(APP / "res", landscape=phone.is_lying)
    application = _manifest().find("application")
    assert application is not None, "every app has one"
    theme = resources.theme(application.attrib[f"{NAMESPACE}theme"])
    return resources, {name: resources.resolved(value, theme) for name, value in theme.items()}


def app_layout(name: str, phone: Phone) -> View:
    """Reads one of the app's layouts for a phone."""
    return read_layout(name, *app_resources(phone))


def page(activity: str, layout: str, screen: Screen, phone: Phone, *, menu: bool, fonts: Fonts | None) -> str:
    """Returns the HTML of a screen.

    Args:
        activity: The class that shows it; the manifest has its title.
        layout: Name of its layout file.
        screen: What the class makes of the views.
        phone: Which one, and how it is held.
        menu: Whether it has a menu.
        fonts: Of Android.

    Raises:
        InputError: If it cannot be drawn as Android does.
    """
    resources, theme = app_resources(phone)
    painter = Painter(resources, theme, phone.font_scale)
    body = painter.body(read_layout(layout, resources, theme), screen)
    title = resources.resolved(_label(activity), theme)
    bars = _status_bar(theme) + _action_bar(title, theme, phone, menu=menu)
    content = f'<div class="content" style="background:{rgba(theme["colorBackground"])}">{body}</div>'
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_faces(fonts)}{_CSS.read_text('utf-8')}</style>"
        f'<div class="window {"lying" if phone.is_lying else "upright"}">'
        f'<div class="main">{bars}{content}</div>{_navigation_bar(phone)}</div></html>'
    )


def _status_bar(theme: Attributes) -> str:
    look = _bar_look("height", DIMENSIONS["status_bar_height_portrait"], theme["colorPrimaryDark"])
    return f'<div class="bar status" style="{look}"><span>12:30</span><i class="battery"></i></div>'


def _action_bar(title: str, theme: Attributes, phone: Phone, *, menu: bool) -> str:
    upright = DIMENSIONS["action_bar_default_height_material"]
    look = _bar_look(
        "height", ACTION_BAR_HEIGHT_LANDSCAPE if phone.is_lying else upright, theme["colorPrimary"]
    )
    look += f"padding-left:{dp(DIMENSIONS['action_bar_content_inset_material']):g}px;"
    letters = f"font:500 {dp(STYLES[_TITLE]['textSize']):g}px {SANS}"
    dots = '<i class="dots"></i>' if menu else ""
    words = f'<span class="title" style="{letters}">{escape(title)}</span>'
    return f'<div class="bar" style="{look}">{words}{dots}</div>'


def _navigation_bar(phone: Phone) -> str:
    """Three buttons, which take most: below, or beside where the phone lies."""
    look = _bar_look(
        "width" if phone.is_lying else "height", DIMENSIONS["navigation_bar_height"], NAVIGATION_BAR
    )
    return f'<div class="navigation" style="{look}"><i></i><i></i><i></i></div>'


def _bar_look(side: str, size: str, colour: str) -> str:
    return f"{side}:{dp(size):g}px;background:{rgba(colour)};color:{rgba(BAR_TEXT)};"


def _faces(fonts: Fonts | None) -> str:
    if fonts is None:
        return ""
    sans, mono = (families.partition(",")[0] for families in (SANS, MONOSPACE))
    faces = ((sans, 400, fonts.sans), (sans, 500, fonts.medium), (mono, 400, fonts.monospace))
    return "".join(
        f"@font-face{{font-family:{name};font-weight:{weight};"
        f"src:url(data:font/woff2;base64,{base64.b64encode(content).decode()})}}"
        for name, weight, content in faces
    )


def _manifest() -> ElementTree.Element:
    return ElementTree.parse(APP / "AndroidManifest.xml").getroot()


def _label(activity: str) -> str:
    """Returns what the manifest calls a screen: its own label, else the app's."""
    for application in _manifest().iter("application"):
        for declared in application.iter("activity"):
            if declared.get(f"{NAMESPACE}name") == f".{activity}":
                return declared.get(f"{NAMESPACE}label") or application.attrib[f"{NAMESPACE}label"]
    raise InputError(f"the manifest declares no {activity}; correct the name")
