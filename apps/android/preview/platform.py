"""What the app's resources take from Android itself: styles, colours and measures of its Material theme.

Only what they name. A test compares these tables with Android's own resources, where the build tools are.
"""

from __future__ import annotations

from collections.abc import Mapping

Attributes = Mapping[str, str]
"""Of a view or a style: names without `android:`, values as in a resource file."""

BORDERLESS, MARK = "@drawable/btn_borderless_material", "?attr/listChoiceIndicatorSingle"
"""What a button stands on, and what marks the one that is chosen: all that the preview can draw."""
_SANS, _MEDIUM = "sans-serif", "sans-serif-medium"

STYLES: dict[str, Attributes] = {
    "Widget.Material.Light.Button.Borderless.Colored": {
        "background": BORDERLESS,
        "minWidth": "88dp",
        "minHeight": "48dp",
        "textAppearance": "@android:style/TextAppearance.Material.Widget.Button.Borderless.Colored",
    },
    "Widget.Material.Light.CompoundButton.RadioButton": {
        "button": MARK,
        "textAppearance": "?android:attr/textAppearance",
        "textColor": "?android:attr/textColorPrimary",
    },
    "TextAppearance.Material": {
        "textSize": "14sp",
        "textColor": "?android:attr/textColorPrimary",
        "fontFamily": _SANS,
    },
    "TextAppearance.Material.Small": {
        "textSize": "14sp",
        "textColor": "?android:attr/textColorTertiary",
        "fontFamily": _SANS,
    },
    "TextAppearance.Material.Widget.Button.Borderless.Colored": {
        "textSize": "14sp",
        "textColor": "?android:attr/colorAccent",
        "textAllCaps": "true",
        "fontFamily": _MEDIUM,
    },
    "TextAppearance.Material.Widget.DropDownItem": {
        "textSize": "16sp",
        "textColor": "?android:attr/textColorPrimary",
        "fontFamily": _SANS,
    },
    "TextAppearance.Material.Widget.ActionBar.Title": {
        "textSize": "20dp",
        "textColor": "?android:attr/textColorPrimary",
        "fontFamily": _MEDIUM,
    },
}
"""By name; what they inherit is written out. A colour that depends on states is that of an enabled view."""

THEMES: dict[str, Attributes] = {
    "Theme.Material.Light.DarkActionBar": {
        "colorBackground": "#fffafafa",
        "textColorPrimary": "#de000000",
        "textColorSecondary": "#8a000000",
        "textColorTertiary": "#8a000000",
        "colorPrimary": "#ff212121",
        "colorPrimaryDark": "#ff000000",
        "colorAccent": "#ff008577",
        "textAppearance": "@android:style/TextAppearance.Material",
        "textAppearanceSmall": "@android:style/TextAppearance.Material.Small",
    },
}
"""Colours are those of Android 8; later ones differ in `colorAccent`."""

BAR_TEXT = "#ffffffff"
"""In a dark action bar."""
NAVIGATION_BAR = "#ff000000"
DISABLED_ALPHA = 0.26

DIMENSIONS: Attributes = {
    "action_bar_default_height_material": "56dp",
    "action_bar_content_inset_material": "16dp",
    "action_button_min_width_overflow_material": "36dp",
    "status_bar_height_portrait": "24dp",
    "navigation_bar_height": "48dp",
    "button_inset_horizontal_material": "4dp",
    "button_inset_vertical_material": "6dp",
    "button_padding_horizontal_material": "8dp",
    "button_padding_vertical_material": "4dp",
}
ACTION_BAR_HEIGHT_LANDSCAPE = "48dp"

BUTTON_PADDING: Attributes = {
    "paddingStart": "12dp",
    "paddingEnd": "12dp",
    "paddingTop": "10dp",
    "paddingBottom": "10dp",
}
"""Of the background of a borderless button: what it stands off, and what the text stands off from it."""


def dp(value: str) -> float:
    """Returns the number of a measure in dp."""
    return float(value.removesuffix("dp"))
