from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapsam.errors import InputError
from rapsam.export.devices import Device, find_device, load_devices, search_devices

PHONE = {
    "id": '"test-phone"',
    "name": '"Test Phone"',
    "platform": '"ios"',
    "os_minimum": "17",
    "target": '"coreml"',
    "precision": '"fp16"',
    "ios": "17",
    "size": "[640, 480]",
    "compute_units": '"all"',
}


def write_catalogue(path: Path, *phones: dict[str, str | None]) -> Path:
    """Writes one table per phone: `PHONE` with the given fields replaced, or left out where None."""
    lines = []
    for phone in phones:
        fields = {**PHONE, **phone}
        lines += ["[[device]]", *(f"{key} = {value}" for key, value in fields.items() if value is not None)]
    path.write_text("\n".join(lines))
    return path


def test_every_listed_phone_has_a_recipe_of_its_target_and_precision() -> None:
    devices = load_devices()
    assert len(devices) >= 10
    for name, device in devices.items():
        recipe = device.recipe()
        assert device.id == name
        assert (recipe.backend, recipe.precision) == (device.target, device.precision)
        assert recipe.deployment_target == (None if device.ios is None else f"iOS{device.ios}")
        assert all(side % 32 == 0 for side in device.size)


def test_only_generic_entries_lack_chip_year_and_source() -> None:
    for name, device in load_devices().items():
        facts = (device.chip, device.year, device.source)
        if name.startswith("generic-"):
            assert facts == (None, None, None)
        else:
            assert None not in facts
    assert {device.platform for device in load_devices().values()} == {"ios", "android"}


def test_no_source_is_a_rumour() -> None:
    """An article about what a phone, or the next one, may become is no source of what it is."""
    for name, device in load_devices().items():
        assert not re.search("leak|rumou?r|appears", device.source or ""), name


def test_names_start_an_iphone_with_core_ml_and_an_android_phone_without() -> None:
    assert find_device("iphone-15-pro").recipe().name == "coreml-fp16-ios17"
    assert find_device("pixel-8").recipe().backend != "coreml"


def test_an_unknown_name_is_answered_with_the_nearest_ones() -> None:
    with pytest.raises(InputError, match=r"unknown device 'iphone-15-por'; did you mean iphone-15-pro"):
        find_device("iphone-15-por")


def test_a_catalogue_reads_back_with_unknown_facts_as_none(tmp_path: Path) -> None:
    devices = load_devices(write_catalogue(tmp_path / "devices.toml", {}, {"id": '"other"', "year": "2024"}))
    assert list(devices) == ["test-phone", "other"]
    first, second = devices.values()
    assert first.size == (640, 480)
    assert (first.chip, first.year, first.ram_mb, first.source) == (None, None, None, None)
    assert second.year == 2024


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"id": None}, "missing required field `id`"),
        ({"id": '"iPhone 15"'}, r"\.id"),
        ({"name": '""'}, r"\.name"),
        ({"platform": '"symbian"'}, "'symbian'"),
        ({"colour": '"red"'}, "unknown field `colour`"),
        ({"target": '"onyx"'}, "unknown target 'onyx'; did you mean onnx"),
        ({"target": '"onnx"'}, "'onnx': leave out ios"),
        ({"precision": '"int3"'}, "unknown precision 'int3'"),
        ({"precision": '"int8"'}, "does not say what has 8 bits"),
        ({"os_minimum": '"17"'}, r"Expected `int`, got `str`.*os_minimum"),
        ({"size": "[640, 641]"}, "multiple of 32"),
        ({"size": "[0, 640]"}, ">= 32"),
        ({"size": "[640]"}, "length 2"),
        ({"ram_mb": "8"}, ">= 1024"),
        ({"year": "1999"}, ">= 2007"),
        ({"source": '"http://example.org"'}, r"\.source"),
        ({"compute_units": '"gpu"'}, "'gpu'"),
        (
            {"compute_units": '"cpu"'},
            """'test-phone' has target 'coreml': set compute_units = "all" or .*'cpu'""",
        ),
        ({"platform": '"android"'}, "'test-phone' has target 'coreml': expected platform 'ios'"),
        ({"ios": None}, "'test-phone' has ios None"),
        ({"ios": "18"}, "up to os_minimum 17"),
        ({"ios": "15"}, "iOS 15 is no deployment target"),
        ({"target": '"tflite"'}, "leave out ios"),
        ({"target": '"tflite"', "ios": None}, 'set compute_units = "cpu"'),
    ],
)
def test_a_bad_field_is_one_line_that_names_file_and_fault(
    tmp_path: Path, change: dict[str, str | None], complaint: str
) -> None:
    path = write_catalogue(tmp_path / "devices.toml", change)
    with pytest.raises(InputError, match=f"(?i){re.escape(str(path))}.*{complaint}") as caught:
        load_devices(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"[[device]", b"\xff\xfe", b"device = 3", b"[device]\nid = 1"])
def test_a_file_that_is_no_catalogue_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "devices.toml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"docs/devices\.md"):
        load_devices(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*nowhere\.toml: No such file"):
        load_devices(tmp_path / "nowhere.toml")


def test_any_target_of_the_table_can_be_the_default(tmp_path: Path) -> None:
    phone = {"platform": '"android"', "target": '"executorch-vulkan"', "ios": None, "compute_units": '"gpu"'}
    (device,) = load_devices(write_catalogue(tmp_path / "devices.toml", phone)).values()
    assert device.recipe().name == "executorch-vulkan-fp16"


def test_an_id_that_is_listed_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'test-phone' is listed twice"):
        load_devices(write_catalogue(tmp_path / "devices.toml", {}, {}))


def test_a_device_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        find_device("pixel-8").precision = "fp32"  # type: ignore[misc]


@given(height=st.integers(-64, 4096), width=st.integers(-64, 4096))
def test_a_size_is_taken_exactly_if_both_sides_are_multiples_of_32_in_range(height: int, width: int) -> None:
    fields = {**msgspec.to_builtins(find_device("pixel-8")), "size": [height, width]}
    fits = all(32 <= side <= 2048 and side % 32 == 0 for side in (height, width))
    try:
        device = msgspec.convert(fields, Device)
    except msgspec.ValidationError:
        assert not fits
    else:
        assert fits
        assert device.size == (height, width)


IPHONES = {
    "12": ["mini", "", "pro", "pro-max"],
    "13": ["mini", "", "pro", "pro-max"],
    "14": ["", "plus", "pro", "pro-max"],
    "15": ["", "plus", "pro", "pro-max"],
    "16": ["", "plus", "pro", "pro-max"],
    "17": ["", "pro", "pro-max"],
}
PIXELS = {generation: ["a", "", "-pro"] for generation in "6789"} | {"10": ["", "-pro", "-pro-xl"]}
GALAXIES = {f"s{number}": ["", "-plus", "-ultra"] for number in range(21, 26)}


@pytest.mark.parametrize(
    "names",
    [
        [f"iphone-{number}-{model}".rstrip("-") for number, models in IPHONES.items() for model in models],
        ["iphone-se-2022", "iphone-16e", "iphone-air"],
        [f"pixel-{number}{model}" for number, models in PIXELS.items() for model in models],
        [f"galaxy-{number}{model}" for number, models in GALAXIES.items() for model in models],
        ["galaxy-a54", "galaxy-a55", "nothing-phone-2a", "moto-g84"],
        ["generic-ios", "generic-android"],
    ],
    ids=["iPhone", "other iPhones", "Pixel", "Galaxy S", "mid-range", "generic"],
)
def test_every_generation_is_covered(names: list[str]) -> None:
    assert set(names) <= set(load_devices())


def test_no_two_entries_have_one_name() -> None:
    names = [device.name.casefold() for device in load_devices().values()]
    assert len(set(names)) == len(names)


def test_a_year_and_a_system_fit_together() -> None:
    """A phone cannot have come with a system of a later year than itself, nor with a much older one."""
    android = {2021: (11, 12), 2022: (12, 13), 2023: (13, 14), 2024: (14, 15), 2025: (15, 16)}
    for device in load_devices().values():
        if device.platform == "android" and device.year is not None:
            assert device.os_minimum in android[device.year], device.id


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["a17", "pro"], ["iphone-15-pro", "iphone-15-pro-max"]),
        (["PIXEL", "xl"], ["pixel-9-pro-xl", "pixel-10-pro-xl"]),
        (["moto"], ["moto-g84"]),
    ],
)
def test_words_find_phones(words: list[str], found: list[str]) -> None:
    assert [device.id for device in search_devices(words)] == found


def test_no_words_find_all_and_wrong_words_none() -> None:
    assert search_devices([]) == tuple(load_devices().values())
    with pytest.raises(InputError, match=r"no device holds 'nokia 3310'; 'rapsam devices' lists all"):
        search_devices(["nokia", "3310"])
