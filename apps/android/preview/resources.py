"""The app's resources: texts, colours, measures and styles, as Android would resolve them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from apps.android.preview.platform import BORDERLESS, STYLES, THEMES, Attributes
from rapsam.errors import InputError

NAMESPACE = "{http://schemas.android.com/apk/res/android}"
_QUALIFIERS = ("", "-land")
_SIMPLE = {"string", "color", "dimen"}
_NAMES = {"style", "android:style", "id", "+id"}
_SLOT = re.compile(r"%(\d+)\$[sd]")


@dataclass(frozen=True)
class Style:
    """A style as it is written: what it inherits from, and its own items."""

    parent: str | None
    items: Attributes


@dataclass
class Resources:
    """What the folder `res` holds, for a screen that is upright or lies."""

    folder: Path
    values: dict[tuple[str, str], str] = field(default_factory=dict)
    styles: dict[str, Style] = field(default_factory=dict)

    def text(self, name: str, *arguments: object) -> str:
        """Returns a text, with what its places are filled with."""
        told = self.value("string", name)
        slots = {int(number) for number in _SLOT.findall(told)}
        if slots != set(range(1, len(arguments) + 1)):
            raise InputError(f"the text {name} has the places {sorted(slots)}; got {len(arguments)} values")
        return _SLOT.sub(lambda slot: str(arguments[int(slot[1]) - 1]), told)

    def value(self, kind: str, name: str) -> str:
        """Returns a text, a colour or a measure."""
        if (kind, name) not in self.values:
            raise InputError(f"there is no @{kind}/{name} in {self.folder}; correct the name, or add it")
        return self.values[kind, name]

    def style(self, reference: str) -> dict[str, str]:
        """Returns the items of a style, those that it inherits included.

        Args:
            reference: As in `@style/Name` or `@android:style/Name`.
        """
        origin, name = _parts(reference)
        if origin == "android:style":
            if name not in STYLES:
                raise InputError(f"Android's style {name} is not known to the preview; add it to platform.py")
            return dict(STYLES[name])
        if origin != "style" or name not in self.styles:
            raise InputError(f"there is no style {reference} in {self.folder}; correct the name, or add it")
        own = self.styles[name]
        return {**(self.style(own.parent) if own.parent else {}), **own.items}

    def theme(self, reference: str) -> dict[str, str]:
        """Returns the items of a theme, as `style` does; the last parent is one of Android's."""
        origin, name = _parts(reference)
        if origin == "android:style":
            if name not in THEMES:
                raise InputError(f"Android's theme {name} is not known to the preview; add it to platform.py")
            return dict(THEMES[name])
        own = self.styles.get(name)
        if origin != "style" or own is None or own.parent is None:
            raise InputError(
                f"{reference} is no theme of {self.folder} with a parent; give it one of Android's"
            )
        return {**self.theme(own.parent), **own.items}

    def resolved(self, value: str, theme: Attributes) -> str:
        """Returns what a reference to a text, a colour, a measure or the theme stands for in the end."""
        if value.startswith("?android:attr/"):
            name = value.removeprefix("?android:attr/")
            if name not in theme:
                raise InputError(f"the theme's {name} is not known to the preview; add it to platform.py")
            return self.resolved(theme[name], theme)
        kind, _, name = value.removeprefix("@").partition("/")
        if not value.startswith("@") or value == BORDERLESS or kind in _NAMES:
            return value
        if kind not in _SIMPLE:
            raise InputError(
                f"{value} is of a kind that the preview does not know; expected {sorted(_SIMPLE)}"
            )
        return self.resolved(self.value(kind, name), theme)


def read_resources(folder: Path, *, landscape: bool = False) -> Resources:
    """Reads the values of an app.

    Args:
        folder: Its `res`.
        landscape: Whether the screen lies: what `values-land` says then comes first.

    Raises:
        InputError: If there is anything that the preview does not know.
    """
    found = Resources(folder)
    known = {"layout", *(f"values{qualifier}" for qualifier in _QUALIFIERS)}
    others = {path.name for path in folder.iterdir() if path.name.startswith(("values", "layout"))} - known
    if others:
        raise InputError(
            f"{folder} has {sorted(others)}, which the preview does not know; expected {sorted(known)}"
        )
    for qualifier in _QUALIFIERS[: 1 + landscape]:
        for path in sorted((folder / f"values{qualifier}").glob("*.xml")):
            for element in ElementTree.parse(path).getroot():
                _take(found, element, path)
    return found


def _take(found: Resources, element: ElementTree.Element, path: Path) -> None:
    name, words = element.get("name", ""), set(element.keys())
    if element.tag in _SIMPLE and words == {"name"} and len(element) == 0:
        found.values[element.tag, name] = element.text or ""
    elif element.tag == "style" and words <= {"name", "parent"}:
        items = {item.get("name", "").removeprefix("android:"): item.text or "" for item in element}
        found.styles[name] = Style(_parent(element, name), items)
    else:
        raise InputError(f"{path.name} has a <{element.tag} {name}> of a form that the preview does not know")


def _parent(element: ElementTree.Element, name: str) -> str | None:
    written = element.get("parent")
    if written is not None:
        return written if written.startswith("@") else f"@style/{written}"
    outer, dot, _ = name.rpartition(".")
    return f"@style/{outer}" if dot else None


def _parts(reference: str) -> tuple[str, str]:
    kind, _, name = reference.removeprefix("@").partition("/")
    return kind, name
