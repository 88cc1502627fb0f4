"""Hostile bundles: whatever a stranger put into a folder, verifying it is safe, short, and one line long."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import tracemalloc
import zipfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rapsam.errors import BundleError
from rapsam.export.bundle.manifest import Manifest
from rapsam.export.bundle.manifest_file import read_manifest, seal_line, write_manifest
from rapsam.export.bundle.seal import file_entries, verify_bundle

MANIFEST, SEAL, INDEX = "manifest.json", "manifest.sha256", "golden/index.json"


def refused(folder: Path) -> str:
    """Returns the message of the refusal; it must be one line that a terminal can show."""
    with pytest.raises(BundleError) as caught:
        verify_bundle(folder)
    message = str(caught.value)
    assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in message)
    return message


def reseal(folder: Path, **changes: object) -> None:
    manifest = msgspec.structs.replace(read_manifest(folder), files=file_entries(folder))
    write_manifest(folder, msgspec.structs.replace(manifest, **changes))


def test_the_small_bundle_is_good(bundle):
    assert verify_bundle(bundle) == read_manifest(bundle)


def test_hard_links_are_files_like_others(bundle, tmp_path):
    os.link(bundle / "encoder.onnx", tmp_path / "other")
    verify_bundle(bundle)


# What is in the folder


def link_to_a_file(folder):
    (folder / "parity.json").rename(folder.parent / "parity.json")
    (folder / "parity.json").symlink_to(folder.parent / "parity.json")


def link_to_a_folder(folder):
    shutil.move(folder / "golden", folder.parent / "golden")
    (folder / "golden").symlink_to(folder.parent / "golden")


def link_the_manifest(folder):
    (folder / MANIFEST).rename(folder.parent / MANIFEST)
    (folder / MANIFEST).symlink_to(folder.parent / MANIFEST)


def link_to_nothing(folder):
    (folder / "x").symlink_to("/nowhere")


def link_to_itself(folder):
    (folder / "loop").symlink_to(".")


def replace_by_a_pipe(folder):
    (folder / "parity.json").unlink()
    os.mkfifo(folder / "parity.json")


def replace_the_manifest_by_a_pipe(folder):
    (folder / MANIFEST).unlink()
    os.mkfifo(folder / MANIFEST)


def replace_by_a_folder(folder):
    (folder / "parity.json").unlink()
    (folder / "parity.json").mkdir()


def add_a_socket(folder):
    here = Path.cwd()
    os.chdir(folder)  # the name of a socket must be short
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("socket")
    finally:
        os.chdir(here)


def add_many_files(folder):
    for number in range(2100):
        (folder / f"{number}").touch()


def add_deep_folders(folder):
    (folder / "/".join("d" * 30)).mkdir(parents=True)


def add_a_name_of_no_encoding(folder):
    (Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe"))).write_bytes(b"x")


def add_a_name_of_two_lines(folder):
    (folder / "a\nb\x1b[31m").write_bytes(b"x")


def grow_without_bytes(folder):
    os.truncate(folder / "encoder.onnx", 1 << 40)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (link_to_a_file, "parity.json' is a symbolic link"),
        (link_to_a_folder, "golden' is a symbolic link"),
        (link_the_manifest, "is a symbolic link"),
        (link_to_nothing, "is a symbolic link"),
        (link_to_itself, "is a symbolic link"),
        (replace_by_a_pipe, "neither file nor folder"),
        (replace_the_manifest_by_a_pipe, "neither file nor folder"),
        (replace_by_a_folder, "lacks parity.json"),
        (add_a_socket, "neither file nor folder"),
        (add_many_files, "more than 2,000 files"),
        (add_deep_folders, "more than 8 folders deep"),
        (add_a_name_of_no_encoding, "its manifest does not name"),
        (add_a_name_of_two_lines, r"holds 'a\nb\x1b[31m'"),
        (grow_without_bytes, "encoder.onnx has 1,099,511,627,776 bytes; expected 10"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_folder_with_traps_is_refused(change, says, bundle):
    change(bundle)
    assert says in refused(bundle)


SYSTEM_FILES = (".DS_Store", "Thumbs.db", "desktop.ini", "._manifest.json", "panoptic.mlpackage/.DS_Store")


@pytest.mark.parametrize("name", SYSTEM_FILES)
def test_what_file_managers_leave_is_neither_read_nor_a_fault(name, bundle):
    (bundle / name).write_bytes(b"x")
    (bundle / name).chmod(0)
    os.truncate(bundle / name, 1 << 40)
    assert verify_bundle(bundle) == read_manifest(bundle)


@pytest.mark.parametrize("name", SYSTEM_FILES)
def test_under_the_names_of_file_managers_nothing_else_goes_in(name, bundle):
    (bundle / name).symlink_to("/etc/hostname")
    assert "is a symbolic link" in refused(bundle)
    (bundle / name).unlink()
    os.mkfifo(bundle / name)
    assert "neither file nor folder" in refused(bundle)
    (bundle / name).unlink()
    (bundle / name).mkdir()
    (bundle / name / "x").write_bytes(b"x")
    assert "which its manifest does not name" in refused(bundle)
    (bundle / name / "x").unlink()
    (bundle / name).rmdir()
    (bundle / name).write_bytes(b"x")
    reseal(bundle)
    assert "a name that is left to file managers" in refused(bundle)


@pytest.mark.parametrize(
    "name", [".ds_store", "thumbs.db", "Desktop.ini", "DS_Store", ".DS_Store.onnx", ".x"]
)
def test_no_other_name_is_left_out(name, bundle):
    (bundle / name).write_bytes(b"x")
    assert f"holds {name}, which its manifest does not name" in refused(bundle)


def test_files_of_file_managers_count(bundle):
    for number in range(2100):
        (bundle / f"._{number}").touch()
    assert "more than 2,000 files" in refused(bundle)


def test_a_link_to_a_bundle_is_refused(bundle, tmp_path):
    (tmp_path / "link").symlink_to(bundle)
    assert "link is a symbolic link; expected the folder of a bundle itself" in refused(tmp_path / "link")


def test_a_zip_bomb_is_bytes_like_others(bundle):
    """Nothing of a bundle is ever unpacked: a listed archive is hashed as it lies there."""
    with zipfile.ZipFile(bundle / "golden" / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(50_000_000))
    reseal(bundle)
    before = set(bundle.rglob("*"))
    verify_bundle(bundle)
    assert set(bundle.rglob("*")) == before


def test_nothing_outside_is_opened(bundle):
    """Python reports every file that it opens."""
    opened: list[str] = []
    watching = [True]

    def watch(event, arguments):
        if watching[0] and event == "open" and isinstance(arguments[0], str | bytes | Path):
            opened.append(os.fsdecode(arguments[0]))

    sys.addaudithook(watch)  # cannot be taken away, only told to stop
    verify_bundle(bundle)
    (bundle / "parity.json").unlink()
    (bundle / "parity.json").symlink_to("/etc/hostname")
    refused(bundle)
    watching[0] = False
    assert len(opened) > 8
    assert all(Path(path).is_relative_to(bundle) for path in opened)


# What the manifest says


def graph(folder: Path, **changes: object) -> None:
    first, *others = read_manifest(folder).graphs
    reseal(folder, graphs=(msgspec.structs.replace(first, **changes), *others))


def listed(folder: Path, **changes: object) -> None:
    manifest = read_manifest(folder)
    first, *others = manifest.files
    reseal(folder, files=(msgspec.structs.replace(first, **changes), *others))


HUGE = {"name": "image", "shape": [1 << 20, 1 << 20], "dtype": "float32", "layout": "NC", "value_range": None}


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "/etc/passwd",
        "a/../../b",
        "golden//x",
        "./x",
        "",
        "C:/x",
        "C:x",
        "a\\b",
        "a\x00b",
        "a\nb",
        "a ",
        "a.",
        "a" * 500,
        "golden/",
        "~",
        "con\x1b[2J",
        "a?",
        "//x/y",
    ],
)
def test_a_path_that_is_not_plain_is_refused(path, bundle):
    listed(bundle, path=path)
    assert "plain paths inside the bundle" in refused(bundle) or path == "~"


def test_names_that_are_one_file_on_some_systems_are_refused(bundle):
    (bundle / "Encoder.onnx").write_bytes(b"another")
    reseal(bundle)
    assert "which are one file on some systems" in refused(bundle)


def test_a_file_that_is_named_twice_is_refused(bundle):
    manifest = read_manifest(bundle)
    reseal(bundle, files=(*manifest.files, manifest.files[0]))
    assert "one file on some systems" in refused(bundle)


def test_a_manifest_that_names_itself_is_refused(bundle):
    manifest = read_manifest(bundle)
    itself = msgspec.structs.replace(manifest.files[0], path="Manifest.JSON")
    reseal(bundle, files=(*manifest.files, itself))
    assert "one file on some systems" in refused(bundle)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"sha256": "0" * 64}, "is not the graph that the manifest names"),
        ({"size_bytes": 11}, "is not the graph that the manifest names"),
        ({"path": "panoptic.mlpackage"}, "is not the graph that the manifest names"),
        ({"path": "nothing.onnx"}, "no file of it"),
        ({"path": "MODEL_CARD.md"}, "MODEL_CARD.contract.json"),
        ({"tool_versions": {"onnx\n": "1"}}, "control characters"),
    ],
)
def test_a_graph_that_is_told_wrong_is_refused(changes, says, bundle):
    graph(bundle, **changes)
    assert says in refused(bundle)


def test_a_contract_file_that_differs_from_the_manifest_is_refused(bundle):
    path = bundle / "encoder.contract.json"
    path.write_bytes(path.read_bytes().replace(b"a test", b"a lie!"))
    reseal(bundle)
    assert "encoder.contract.json is not the contract that the manifest holds" in refused(bundle)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("shape", [1 << 20, 1 << 20, 1, 1], "gives the graph 'encoder' the tensor 'image'"),
        ("shape", [1, 3, 32, -64], "gives the graph 'encoder' the tensor 'image'"),
        ("shape", [], "gives the graph 'encoder' the tensor 'image'"),
        ("shape", [1536], "gives the graph 'encoder' the tensor 'image'"),
        ("dtype", "object", "gives the graph 'encoder' the tensor 'image'"),
        ("name", "features", "gives the graph 'encoder' the tensors ['features', 'features']"),
        ("meaning", "\x1b[31m", "control characters"),
        ("shape", [10**400, 1], "gives the graph 'encoder' the tensor 'image' float32 [1000"),
    ],
)
def test_a_contract_out_of_bounds_is_refused(field, value, says, bundle):
    manifest = json.loads((bundle / MANIFEST).read_text())
    manifest["graphs"][0]["contract"]["inputs"][0][field] = value
    (bundle / MANIFEST).write_text(json.dumps(manifest))
    assert says in refused(bundle)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("recipe", "a\nb", "control characters"),
        ("graphs", [], "expected 1 to 16"),
        ("schema_version", 2, "schema version 2; this toolkit reads 4: export it again"),
        ("postprocess", {"score_threshold": 2.0, "overlap_threshold": 0.5, "top_k": 3}, "damaged"),
        ("preprocess", {"size": [31, 7]}, "damaged"),
        ("preprocess", {"size": [1 << 40, 32]}, "gives 'image' of graph 'encoder'"),
        ("labels", {"name": "none", "labels": []}, "damaged"),
        ("key", "ab" * 32 + "\n", "damaged"),
        ("files", [{"path": "x", "sha256": "ab" * 32, "size_bytes": 1 << 60}], "damaged"),
        ("files", [{"path": "x", "sha256": "ab" * 32, "size_bytes": -1}], "damaged"),
        (
            "files",
            [{"path": f"{n}", "sha256": "ab" * 32, "size_bytes": 1} for n in range(3000)],
            "3,000 files",
        ),
        (
            "files",
            [{"path": f"{n}", "sha256": "ab" * 32, "size_bytes": 1 << 32} for n in range(5)],
            "expected at most 4,294,967,296",
        ),
    ],
)
def test_a_manifest_out_of_bounds_is_refused(field, value, says, bundle):
    manifest = json.loads((bundle / MANIFEST).read_text())
    manifest[field] = value
    (bundle / MANIFEST).write_text(json.dumps(manifest))
    assert says in refused(bundle)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"null",
        b"[" * 1000000,
        b'{"a":' * 500000,
        b'{"schema_version": 4}',
        b'{"schema_version": "4"}',
        b'{"schema_version": ' + b"9" * 100000 + b"}",
        b" " * (9 << 20),
        b'{"schema_version": 1e999}',
    ],
)
def test_a_manifest_that_is_none_is_refused(content, bundle):
    (bundle / MANIFEST).write_bytes(content)
    refused(bundle)


# What the self-test says


def index(folder: Path, change) -> None:
    content = json.loads((folder / INDEX).read_text())
    change(content)
    (folder / INDEX).write_text(json.dumps(content))
    reseal(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found["cases"][0]["inputs"][0].update(file="../outside.png"),
        lambda found: found["cases"][0]["inputs"][0].update(file="/etc/passwd"),
        lambda found: found["cases"][0]["inputs"][0].update(file="encoder.onnx"),
        lambda found: found["cases"][0]["inputs"][0].update(shape=[1, 3, 32, 65]),
        lambda found: found["cases"][0]["inputs"][0].update(name="boxes"),
        lambda found: found["cases"][0].update(inputs=[]),
        lambda found: found["cases"][0]["graphs"][0].update(graph="prompt"),
        lambda found: found["cases"][0]["graphs"][0]["outputs"][0].update(step=0),
        lambda found: found["cases"][0]["graphs"][0]["outputs"][0].update(step=3),
        lambda found: found["cases"][0]["graphs"][0]["outputs"][0].update(shape=[1 << 62, 1 << 62]),
        lambda found: found["cases"][0]["graphs"][0]["outputs"][0].update(shape=[]),
        lambda found: found.update(cases=[]),
        lambda found: found.update(cases=found["cases"] * 99),
        lambda found: found.update(schema_version=2),
        lambda found: found.update(surprise=1),
    ],
)
def test_an_index_that_leads_astray_is_refused(change, bundle):
    index(bundle, change)
    assert INDEX in refused(bundle)


def test_a_picture_of_another_size_is_refused(bundle):
    """Its header is looked at, never its pixels: those could be many."""
    path = bundle / "golden" / "scene.png"
    content = bytearray(path.read_bytes())
    content[16:24] = (60_000).to_bytes(4) * 2
    path.write_bytes(content)
    reseal(bundle)
    assert "does not fit the graphs and files" in refused(bundle)


def test_a_huge_picture_is_never_in_memory(bundle):
    """A gibibyte of zeros behind a good header, named by as many tensors as an index may list."""
    os.truncate(bundle / "golden" / "scene.png", 1 << 30)
    index(bundle, lambda found: found["cases"][0].update(inputs=found["cases"][0]["inputs"] * 60))
    tracemalloc.start()
    verify_bundle(bundle)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 << 20


def test_an_index_that_never_ends_is_refused(bundle):
    index(bundle, lambda found: found["cases"][0].update(inputs=found["cases"][0]["inputs"] * 5000))
    assert "lists 5,004 tensors in one case; expected at most 64" in refused(bundle)


def test_a_bundle_without_self_test_is_refused(bundle):
    shutil.rmtree(bundle / "golden")
    reseal(bundle)
    assert "has no golden/index.json" in refused(bundle)


# Whatever comes


@st.composite
def damage(draw):
    """A change of one file: which one, how, and with what."""
    names = [
        MANIFEST,
        SEAL,
        INDEX,
        "encoder.onnx",
        "encoder.contract.json",
        "panoptic.mlpackage/Data/weights.bin",
    ]
    return (
        draw(
            st.sampled_from([*names, "golden/scene.png", "golden/scene.encoder.features.bin", "parity.json"])
        ),
        draw(
            st.sampled_from(
                ["flip", "cut", "insert", "append", "replace", "remove", "rename", "folder", "link"]
            )
        ),
        draw(st.floats(0, 1, exclude_max=True)),
        draw(st.binary(min_size=1, max_size=40)),
    )


def apply(folder: Path, name: str, how: str, where: float, data: bytes) -> None:
    path = folder / name
    if not path.is_file() or path.is_symlink():
        return
    content = bytearray(path.read_bytes())
    place = int(where * len(content))
    if how == "flip" and content:
        content[place] ^= data[0] or 1
    elif how == "cut":
        del content[place : place + len(data)]
    elif how in ("insert", "append", "replace"):
        end = {"insert": place, "append": len(content), "replace": min(place + len(data), len(content))}[how]
        start = len(content) if how == "append" else place
        content[start:end] = data
    path.unlink()
    if how == "rename":
        (folder / f"x{place}").write_bytes(content)
    elif how == "folder":
        path.mkdir()
    elif how == "link":
        path.symlink_to(Path("/dev/zero"))
    elif how != "remove":
        path.write_bytes(content)


def state(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


FUZZING = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(changes=st.lists(damage(), min_size=1, max_size=3))
@FUZZING
def test_any_damage_is_found(changes, original, tmp_path_factory):
    """Either the bundle is byte for byte what it was, or verifying says in one line that it is not."""
    folder = shutil.copytree(original, tmp_path_factory.mktemp("fuzz") / "bundle")
    for change in changes:
        apply(folder, *change)
    if not any(path.is_symlink() for path in folder.rglob("*")) and state(folder) == state(original):
        verify_bundle(folder)
    else:
        refused(folder)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.just("../../x"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


def replace_somewhere(value: object, path: list[float], new: object) -> object:
    """Replaces one item deep inside a JSON value; the path chooses among what there is."""
    if not path or not isinstance(value, dict | list) or not value:
        return new
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = keys[int(path[0] * len(keys))]
    changed = replace_somewhere(value[key], path[1:], new)
    if isinstance(value, dict):
        return {**value, key: changed}
    return [*value[:key], changed, *value[key + 1 :]]


@pytest.mark.parametrize("name", [MANIFEST, INDEX, "encoder.contract.json"])
@given(path=st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=7), new=json_values)
@FUZZING
def test_any_content_under_a_good_seal_is_taken_or_refused(name, path, new, original, tmp_path_factory):
    """Who makes a seal can write anything below it: nothing but a verdict may come of it."""
    folder = shutil.copytree(original, tmp_path_factory.mktemp("fuzz") / "bundle")
    content = replace_somewhere(json.loads((folder / name).read_text()), path, new)
    (folder / name).write_bytes(json.dumps(content).encode())
    if name != MANIFEST:
        reseal(folder)
    else:
        (folder / SEAL).write_bytes(seal_line((folder / MANIFEST).read_bytes()))
    try:
        assert isinstance(verify_bundle(folder), Manifest)
    except BundleError:
        refused(folder)
