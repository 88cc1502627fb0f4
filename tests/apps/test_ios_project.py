"""The Xcode project: nothing dangles, nothing is left over, and its names are those of other files."""

from __future__ import annotations

import re

import pytest

from apps.ios.toolchain.swift import APP
from rapsam.benchmarks.runners.app_contract import APP_ID
from rapsam.benchmarks.runners.ios.runner import RUNTIMES

PROJECT = APP / "SegApp.xcodeproj" / "project.pbxproj"
_TOKEN = re.compile(
    r'\s+|//[^\n]*|/\*.*?\*/|(?P<word>[A-Za-z0-9_./$]+)|"(?P<text>(?:[^"\\]|\\.)*)"|(?P<mark>[{}();=,])',
    re.DOTALL,
)
_ID = re.compile(r"[0-9A-F]{24}")
_KINDS = {
    "PBXBuildFile",
    "PBXFileReference",
    "PBXFileSystemSynchronizedRootGroup",
    "PBXFrameworksBuildPhase",
    "PBXGroup",
    "PBXNativeTarget",
    "PBXProject",
    "PBXResourcesBuildPhase",
    "PBXSourcesBuildPhase",
    "XCBuildConfiguration",
    "XCConfigurationList",
    "XCLocalSwiftPackageReference",
    "XCSwiftPackageProductDependency",
}


def tokens(text):
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        assert match, f"no property list at {at}: {text[at : at + 40]!r}"
        at = match.end()
        if match["mark"]:
            yield match["mark"], None
        elif match["word"] is not None or match["text"] is not None:
            yield None, match["word"] if match["word"] is not None else match["text"]


def parsed(text):
    """Reads a property list in OpenStep's format; a name that comes twice is a mistake."""
    words = list(tokens(text))
    place = 0

    def take(expected=None):
        nonlocal place
        mark, word = words[place]
        assert expected is None or mark == expected, f"{mark or word} instead of {expected}"
        place += 1
        return mark, word

    def value():
        mark, word = take()
        if word is not None:
            return word
        if mark == "(":
            items = []
            while words[place][0] != ")":
                items.append(value())
                if words[place][0] == ",":
                    take()
            take(")")
            return items
        assert mark == "{", mark
        fields = {}
        while words[place][0] != "}":
            name = take()[1]
            take("=")
            assert name not in fields, name
            fields[name] = value()
            take(";")
        take("}")
        return fields

    found = value()
    assert place == len(words)
    return found


@pytest.fixture(scope="module")
def project():
    return parsed(PROJECT.read_text())


def references(value):
    """All identifiers that a value names; keys are none."""
    if isinstance(value, str):
        return {value} if _ID.fullmatch(value) else set()
    parts = value if isinstance(value, list) else value.values()
    return set().union(*map(references, parts)) if parts else set()


def test_every_reference_leads_to_an_object_and_every_object_is_reached(project):
    objects = project["objects"]
    assert project["objectVersion"] == "77"
    assert {each["isa"] for each in objects.values()} == _KINDS
    seen, waiting = set(), {project["rootObject"]}
    while waiting:
        name = waiting.pop()
        assert name in objects, f"{name} dangles"
        seen.add(name)
        waiting |= references(objects[name]) - seen
    assert seen == set(objects)


def test_what_it_names_is_there(project):
    objects = project["objects"].values()
    folders = {each["path"] for each in objects if each["isa"] == "PBXFileSystemSynchronizedRootGroup"}
    assert folders == {"SegApp"}
    assert sorted((APP / "SegApp").glob("*.swift"))
    (package,) = (each for each in objects if each["isa"] == "XCLocalSwiftPackageReference")
    manifest = (APP / package["relativePath"] / "Package.swift").read_text()
    products = {each["productName"] for each in objects if each["isa"] == "XCSwiftPackageProductDependency"}
    assert products == set(re.findall(r'\.library\(name: "(\w+)"', manifest))


def test_it_is_the_app_that_the_toolkit_drives(project):
    settings = [
        each["buildSettings"] for each in project["objects"].values() if each["isa"] == "XCBuildConfiguration"
    ]
    named = [each for each in settings if "PRODUCT_BUNDLE_IDENTIFIER" in each]
    assert {each["PRODUCT_BUNDLE_IDENTIFIER"] for each in named} == {APP_ID}
    for each in named:
        assert each["INFOPLIST_KEY_NSCameraUsageDescription"]
        assert each["INFOPLIST_KEY_UIFileSharingEnabled"] == "YES"
    assert {each["IPHONEOS_DEPLOYMENT_TARGET"] for each in settings if each not in named} == {"17.0"}


def test_the_engines_have_the_names_that_the_toolkit_asks_for():
    sources = APP / "SegKit" / "Sources"
    for folder, runtimes in (
        ("SegCoreML/CoreMLEngine.swift", "coreml"),
        ("SegOnnx/OnnxEngine.swift", "onnx"),
    ):
        (listed,) = re.findall(r"runtimes = \[(.*?)\]", (sources / folder).read_text(), re.DOTALL)
        assert tuple(re.findall(r'"([^"]+)"', listed)) == RUNTIMES[runtimes]
