"""The preview of the Android app's screens reads layouts as Android does, and refuses what is new to it."""

from __future__ import annotations

import re
import subprocess

import pytest

from apps.android.preview.layouts import read_layout
from apps.android.preview.platform import (
    BAR_TEXT,
    BORDERLESS,
    BUTTON_PADDING,
    DIMENSIONS,
    MARK,
    STYLES,
    THEMES,
    dp,
)
from apps.android.preview.resources import read_resources
from apps.android.preview.widgets import Painter, Shown, rgba
from apps.android.preview.window import APP, Phone, app_layout, app_resources
from apps.android.toolchain.tools import ANDROID, place_of
from rapsam.errors import InputError
from tests.apps.test_page_contrast import EDGES, TEXT, contrast

LAYOUTS = sorted(path.stem for path in (APP / "res" / "layout").glob("*.xml"))
UPRIGHT, LYING = Phone(360, 640), Phone(640, 360)
THEME = {**THEMES["Theme.Material.Light.DarkActionBar"]}
VALUES = """<resources>
  <color name="ink">#102030</color>
  <dimen name="side">7dp</dimen>
  <string name="hello">Hello, %1$s: %2$d</string>
  <style name="Line">
    <item name="android:layout_width">match_parent</item>
    <item name="android:layout_height">wrap_content</item>
    <item name="android:paddingStart">@dimen/side</item>
    <item name="android:textAppearance">?android:attr/textAppearanceSmall</item>
  </style>
  <style name="Line.Loud"><item name="android:textColor">@color/ink</item></style>
</resources>"""
OPEN = '<LinearLayout xmlns:android="http://schemas.android.com/apk/res/android"'
SIZE = 'android:layout_width="match_parent" android:layout_height="match_parent"'
COLUMN = 'android:orientation="vertical"'
LINE = '<TextView style="@style/Line" />'
SHARE = '<ScrollView android:layout_width="{}" android:layout_height="{}" {}>' + LINE + "</ScrollView>"


@pytest.fixture
def read(tmp_path):
    """Reads a layout of what stands in a column."""

    def reader(inner, more=COLUMN, values=VALUES):
        for folder in ("values", "layout"):
            (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / "values" / "all.xml").write_text(values)
        text = f"{OPEN} {SIZE} {more}>{inner}</LinearLayout>"
        (tmp_path / "layout" / "one.xml").write_text(text)
        return read_layout("one", read_resources(tmp_path), THEME)

    return reader


def test_references_styles_and_appearances_are_resolved(read):
    plain, loud = read(f'{LINE}<TextView style="@style/Line.Loud" android:text="@color/ink" />').children
    assert plain.attributes["paddingStart"] == "7dp"
    assert plain.attributes["textSize"] == "14sp"
    assert plain.attributes["textColor"] == THEME["textColorTertiary"]
    assert loud.attributes["textColor"] == loud.attributes["text"] == "#102030"


def test_a_text_gets_its_values(tmp_path, read):
    read(LINE)
    resources = read_resources(tmp_path)
    assert resources.text("hello", "you", 3) == "Hello, you: 3"
    with pytest.raises(InputError, match=r"has the places \[1, 2\]; got 1 values"):
        resources.text("hello", "you")


@pytest.mark.parametrize(
    ("inner", "says"),
    [
        ("<WebView />", "does not know the view <WebView>"),
        ('<TextView style="@style/Line" android:rotation="4" />', "does not know the attribute rotation"),
        ('<TextView style="@style/Line" android:textColor="red" />', 'has textColor="red"'),
        ('<TextView style="@style/Line" android:textColor="?android:attr/textColorLink" />', "textColorLink"),
        ('<TextView style="@style/Line" android:text="@string/none" />', "no @string/none"),
        (
            '<TextView style="@style/Line" android:text="@plurals/some" />',
            "of a kind that the preview does not",
        ),
        ('<TextView style="@style/None" />', "no style @style/None"),
        ('<TextView style="@android:style/Widget.TextView" />', "Android's style Widget.TextView"),
        ('<TextView android:layout_width="1dp" android:layout_height="1dp" />', "no textColor, textSize"),
        ('<Button style="@style/Line" />', "no background; give it"),
        ('<RadioButton style="@style/Line" />', "no button; give it"),
        ('<ImageView android:layout_width="1dp" />', "has no layout_height"),
        ('<TextView style="@style/Line" bold="1" />', "no attribute of Android's"),
        (f'<TextView style="@style/Line">{LINE}</TextView>', "has views in it"),
        (f"<ScrollView {SIZE}>{LINE}{LINE}</ScrollView>", "2 views in it; expected one"),
        (f"<ScrollView {SIZE}>{LINE}</ScrollView>{LINE}", "takes all that is left"),
        (SHARE.format("match_parent", "1dp", 'android:layout_weight="1"'), "knows 0dp"),
    ],
)
def test_what_the_preview_does_not_know_is_refused(read, inner, says):
    with pytest.raises(InputError, match=re.escape(says)):
        read(inner)


def test_a_row_on_one_line_of_text_has_no_gravity(read):
    with pytest.raises(InputError, match="has a gravity"):
        read(LINE, 'android:gravity="center_vertical"')


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ("<resources><plurals name='some' /></resources>", "<plurals some> of a form"),
        ("<resources><color name='a' special='b'>#fff</color></resources>", "<color a> of a form"),
    ],
)
def test_values_that_the_preview_does_not_know_are_refused(read, values, says):
    with pytest.raises(InputError, match=says):
        read(LINE, values=values)


@pytest.mark.parametrize("name", ["values-night", "layout-land"])
def test_folders_for_other_phones_are_refused(read, tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(InputError, match=name):
        read(LINE)


def test_what_the_code_changes_is_in_the_layout(read, tmp_path):
    layout = read(LINE.replace(" />", ' android:id="@+id/line" />'))
    painter = Painter(read_resources(tmp_path), THEME, 1.0)
    assert "&lt;b&gt;" in painter.body(layout, {"line": Shown("<b>")})
    with pytest.raises(InputError, match="no view other; expected line"):
        painter.body(layout, {"other": Shown("words")})
    with pytest.raises(InputError, match="line is a TextView and has no picture"):
        painter.body(layout, {"line": Shown(picture=b"PNG")})


def test_weights_and_sizes_become_those_of_a_browser(read, tmp_path):
    weighted = SHARE.format("match_parent", "0dp", 'android:layout_weight="3"')
    fixed = SHARE.format("20dp", "30dp", "")
    body = Painter(read_resources(tmp_path), THEME, 1.0).body(read(weighted + fixed + LINE), {})
    styles = re.findall(r'class="view \w+" style="([^"]*)"', body)
    assert "flex-direction:column;" in styles[0]
    assert styles[1] == "flex:3 1 0;min-height:0;align-self:stretch;"
    assert styles[3] == "flex:none;height:30px;width:20px;"
    assert styles[5].startswith("flex:none;align-self:stretch;padding-left:7px;")


def test_texts_grow_as_the_user_wants(read, tmp_path):
    body = Painter(read_resources(tmp_path), THEME, 1.5).body(read(LINE), {})
    assert "font:400 21px" in body


def test_the_colour_of_what_is_half_transparent():
    assert rgba("#80ff0000") == "rgba(255,0,0,0.502)"
    assert rgba("#00ff00") == "rgba(0,255,0,1.000)"


@pytest.mark.parametrize("phone", [UPRIGHT, LYING])
@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_of_the_app_is_read(name, phone):
    assert app_layout(name, phone).kind in ("LinearLayout", "TextView")


def test_a_screen_that_lies_has_the_picture_beside_its_list():
    ways = [app_layout("main", phone).children[-1].attributes["orientation"] for phone in (UPRIGHT, LYING)]
    assert ways == ["vertical", "horizontal"]


@pytest.mark.parametrize("phone", [UPRIGHT, LYING])
@pytest.mark.parametrize("name", LAYOUTS)
def test_what_is_touched_is_high_enough_for_a_finger(name, phone):
    touched = [v for v in app_layout(name, phone).views if v.kind in ("Button", "RadioButton", "Spinner")]
    for view in touched:
        assert view.attributes["layout_height"] == "wrap_content"
        assert dp(view.attributes["minHeight"]) >= 48
    assert touched or name in ("camera", "unit")


def over(front, behind):
    """The colour that a half-transparent one has over another, as #rrggbb."""
    red, green, blue, alpha = (float(part) for part in rgba(front)[5:-1].split(","))
    below = (int(behind[-6:][place : place + 2], 16) for place in (0, 2, 4))
    mixed = (
        round(top * alpha + low * (1 - alpha)) for top, low in zip((red, green, blue), below, strict=True)
    )
    return "#" + "".join(f"{value:02x}" for value in mixed)


@pytest.mark.parametrize("name", LAYOUTS)
def test_texts_can_be_read_on_the_background(name):
    background = app_resources(UPRIGHT)[1]["colorBackground"]
    for view in app_layout(name, UPRIGHT).views:
        if "textColor" in view.attributes:
            front = over(view.attributes["textColor"], background)
            assert contrast(front, f"#{background[-6:]}") >= TEXT, (view.kind, front)


def test_the_bars_and_the_marks_can_be_read():
    theme = app_resources(UPRIGHT)[1]
    for bar in ("colorPrimary", "colorPrimaryDark"):
        assert contrast(f"#{BAR_TEXT[-6:]}", f"#{theme[bar][-6:]}") >= TEXT
    background = theme["colorBackground"]
    for mark in ("colorAccent", "textColorSecondary"):
        assert contrast(over(theme[mark], background), f"#{background[-6:]}") >= EDGES


@pytest.fixture(scope="module")
def android():
    """Android's own resources, as aapt2 tells them: by type and name, and the parents of styles."""
    folder = place_of(ANDROID)
    if not folder.is_dir():
        pytest.skip("Android's resources are not there; run make android")
    command = [folder / "aapt2", "dump", "resources", folder / "framework-res.jar"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    parts = re.split(r"^    resource 0x[0-9a-f]+ (\S+).*\n", told, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def item_of(android, style, name):
    """The value of an item of one of Android's styles, be it inherited."""
    while style:
        found = re.search(rf"^        {name}\(0x[0-9a-f]+\)=(.+)$", android[style], re.MULTILINE)
        if found:
            return found[1]
        parent = re.search(r"parent=(\S+)", android[style])
        style = parent[1] if parent else ""
    return None


def simple(android, value):
    """A measure, a text or a number of Android's, with nothing left to resolve."""
    while value and value.startswith(("@dimen/", "@string/", "@color/material", "@color/black")):
        value = re.search(r"^      \(\) (.+)$", android[value[1:]], re.MULTILINE)[1]
    return re.sub(r"\.0+(?=[ds]p)", "", value or "").strip('"')


@pytest.mark.parametrize("name", STYLES)
def test_styles_are_those_of_android(android, name):
    for item, ours in STYLES[name].items():
        theirs = simple(android, item_of(android, f"style/{name}", item))
        if ours == "?android:attr/colorAccent":
            assert theirs == "@color/btn_colored_borderless_text_material"
        elif ours in (BORDERLESS, MARK):
            assert theirs == ours
        else:
            expected = ours.replace("android:", "")
            assert theirs.replace("PrimaryDisableOnly", "Primary") == expected, item


def test_measures_are_those_of_android(android):
    for name, ours in DIMENSIONS.items():
        assert simple(android, f"@dimen/{name}") == ours, name
    for side, way in (("Start", "horizontal"), ("Top", "vertical")):
        parts = (DIMENSIONS[f"button_{part}_{way}_material"] for part in ("inset", "padding"))
        assert dp(BUTTON_PADDING[f"padding{side}"]) == sum(map(dp, parts))
