"""Colours of classes, instances and tracks: always the same one for the same index."""

from __future__ import annotations

import colorsys
from typing import TypeAlias

Colour: TypeAlias = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
DARK: Colour = (24, 24, 28)
_GOLDEN_RATIO = 0.6180339887
_TONES = ((0.78, 0.97), (0.62, 0.82), (0.92, 0.88), (0.50, 1.00))


def class_colour(class_index: int, instance: int = 0) -> Colour:
    """Returns R, G, B for a class; further instances of it walk away in hue and tone.

    Steps of the golden ratio spread any number of neighbouring indices evenly over the hues.

    Args:
        class_index: From 0.
        instance: From 0; 0 for stuff.
    """
    hue = (0.02 + class_index * _GOLDEN_RATIO + instance * 0.13) % 1.0
    saturation, value = _TONES[(class_index + instance) % len(_TONES)]
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def lightened(colour: Colour) -> Colour:
    """Mixes a colour with white, for contours that stand out between two tinted masks."""
    red, green, blue = ((part + WHITE[0]) // 2 for part in colour)
    return red, green, blue


def text_colour(background: Colour) -> Colour:
    """Returns dark text for a light background and white text for a dark one (Rec. 709 luma)."""
    luma = 0.2126 * background[0] + 0.7152 * background[1] + 0.0722 * background[2]
    return DARK if luma > 140 else WHITE
