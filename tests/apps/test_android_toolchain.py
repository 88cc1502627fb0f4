"""What builds the Android app: the public API from its text, archives, Android's libraries on Linux."""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import struct
import subprocess
import tarfile
import zipfile

import pytest

from apps.android.toolchain.api_jar import api_jar
from apps.android.toolchain.apk import check_apk, read_badging, write_apk
from apps.android.toolchain.build import TARGETS, build_app, bundle_target
from apps.android.toolchain.dex import as_java_8
from apps.android.toolchain.downloads import Download, fetch
from apps.android.toolchain.jvm import APP, MAKERS
from apps.android.toolchain.native import missing_compilers
from apps.android.toolchain.signatures import read_signatures
from apps.android.toolchain.tools import (
    FOLDER_VARIABLE,
    FOR_JVM,
    ONNX_RUNTIME,
    RUNTIMES,
    missing_for_jvm,
    place_of,
)
from rapsam.errors import ExportError, InputError, UnavailableError
from rapsam.export.backends.executorch.backend import MINIMUM_RUNTIME
from rapsam.export.backends.onnx.backend import MINIMUM_RUNTIMES
from tests.benchmarks.tiny_onnx_bundle import write_tiny_bundle

SIGNATURES = """// Signature format: 2.0
package android.test {

  public abstract class Box<T extends java.lang.Comparable<T>> implements java.io.Closeable {
    ctor public Box(@NonNull T, int...) throws java.io.IOException;
    method @NonNull public abstract java.util.Map<java.lang.String,? super T> all();
    method @RequiresPermission(anyOf={"a;b", "c(d"}) public final <K> K as(Class<K>, boolean);
    method public void close();
    field public static final int ANSWER = 42; // 0x2a
    field public static final String NAME = "a \\"quoted\\" one";
    field public static final float NOT = (0.0f/0.0f);
    field protected long[] numbers;
  }

  public static interface Box.Listener {
    method public void onOpened(android.test.Box<?>);
    method public default void onClosed();
  }

  public enum Mode {
    enum_constant public static final android.test.Mode FAST;
  }

}
"""
USER = """
import android.test.Box;
import android.test.Mode;
class User extends Box<String> implements Box.Listener {
  User() throws java.io.IOException { super("a", 1, 2); }
  public java.util.Map<String, Object> all() { numbers = new long[Box.ANSWER]; return null; }
  public void onOpened(Box<?> box) { Integer number = box.as(Integer.class, true); close(); }
  static final String TEXT = Box.NAME;
  Mode mode = Mode.FAST;
}
"""
WRONG = "class Wrong { int number = android.test.Box.NAME; android.test.Box.Lost lost; }"


def compiled(folder, source):
    javac = shutil.which("javac")
    if javac is None:
        pytest.skip("no JDK is installed; install openjdk-17-jdk-headless")
    (folder / "api.jar").write_bytes(api_jar(SIGNATURES))
    path = folder / f"{source.partition('class ')[2].split()[0]}.java"
    path.write_text(source)
    command = [javac, "-proc:none", "-cp", folder / "api.jar", "-d", folder, path]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_signatures_are_read_with_all_that_they_say():
    found = read_signatures(SIGNATURES)
    assert list(found) == ["android.test.Box", "android.test.Box.Listener", "android.test.Mode"]
    box = found["android.test.Box"]
    assert [method.name for method in box.methods] == ["<init>", "all", "as", "close"]
    assert box.methods[0].arguments == ("T", "int...")
    assert box.methods[2].arguments == ("Class<K>", "boolean")
    assert box.fields[1].value == '"a \\"quoted\\" one"'


def test_a_compiler_takes_the_api_and_refuses_what_is_not_in_it(tmp_path):
    done = compiled(tmp_path, USER)
    assert (done.returncode, done.stderr) == (0, "")
    done = compiled(tmp_path, WRONG)
    assert done.stderr.count("error:") == 2


def elf(alignment):
    """The head of a library with one segment."""
    head = b"\x7fELF\x02" + bytes(27) + struct.pack("<Q", 64) + bytes(14) + struct.pack("<HH", 56, 1)
    return head.ljust(64, b"\0") + struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, 9, 9, alignment)


def base_of(folder):
    with zipfile.ZipFile(folder / "base.apk", "w") as base:
        for name in ("resources.arsc", "res/a", "b"):
            base.writestr(zipfile.ZipInfo(name), b"123")
    return folder / "base.apk"


def test_stored_entries_are_aligned_and_all_come_through(tmp_path):
    apk = tmp_path / "a.apk"
    write_apk(base_of(tmp_path), {"lib/x/a.so": elf(16384)}, apk)
    check_apk(apk)
    with zipfile.ZipFile(apk) as archive:
        assert archive.namelist() == ["resources.arsc", "res/a", "b", "lib/x/a.so"]
        assert archive.read("res/a") == b"123"
        assert archive.testzip() is None
    with pytest.raises(ExportError, match="not aligned"):
        check_apk(base_of(tmp_path))


def test_a_library_for_small_pages_is_refused(tmp_path):
    apk = tmp_path / "a.apk"
    write_apk(base_of(tmp_path), {"lib/x/a.so": elf(4096)}, apk)
    with pytest.raises(ExportError, match=r"lib/x/a\.so in a\.apk is aligned to pages of 4096"):
        check_apk(apk)


def test_badging_is_read():
    text = (
        "package: name='org.x' versionCode='1'\nsdkVersion:'26'\ntargetSdkVersion:'34'\n"
        "uses-permission: name='p'\nlaunchable-activity: name='org.x.Main'  label=''\nnative-code: 'a' 'b'\n"
    )
    told = read_badging(text)
    assert told == ("org.x", "26", "34", "org.x.Main", ("p",), ("a", "b"))
    with pytest.raises(ExportError, match="does not say its package"):
        read_badging("")


def wheel(folder):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as jar:
        jar.writestr("tool", b"inside")
    path = folder / "p-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.jar", inner.getvalue())
        archive.writestr("b", b"beside")
    return path


def test_a_folder_of_a_package_is_taken_whole(tmp_path, monkeypatch):
    path = tmp_path / "p.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("top/", "top/a", "top/in/b", "topmost", "other"):
            archive.writestr(name, name)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    client(tmp_path, monkeypatch, f"cp {path} ./p-1.whl")
    target = tmp_path / "target"
    target.mkdir()
    fetch(Download("npm", "p", "1", digest, 1, {"top/": "new/", "other": "c"}), target)
    files = {str(path.relative_to(target)): path.read_text() for path in target.rglob("*") if path.is_file()}
    assert files == {"new/a": "top/a", "new/in/b": "top/in/b", "c": "other"}


def test_a_folder_that_a_package_lacks_is_told(tmp_path, monkeypatch):
    path = wheel(tmp_path)
    client(tmp_path, monkeypatch, f"cp {path} ./p-1.whl")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(UnavailableError, match="has no lost/"):
        fetch(Download("npm", "p", "1", digest, 1, {"b": "b", "lost/": ""}), tmp_path)


@pytest.mark.parametrize("name", ["top/../../evil", "top//evil", "top/in/.."])
def test_a_file_of_a_package_that_leads_elsewhere_is_refused(tmp_path, monkeypatch, name):
    path, target = tmp_path / "p.whl", tmp_path / "in" / "target"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, b"evil")
    client(tmp_path, monkeypatch, f"cp {path} ./p-1.whl")
    target.mkdir(parents=True)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(UnavailableError, match=r"a package has '.*', which leads elsewhere"):
        fetch(Download("npm", "p", "1", digest, 1, {"top/": "new/"}), target)
    assert [*target.parent.iterdir()] == [target]


@pytest.mark.parametrize("kind", ["whl", "tgz"])
def test_a_file_of_a_package_that_is_far_too_large_is_told(tmp_path, monkeypatch, kind):
    (tmp_path / "top").mkdir()
    (tmp_path / "top" / "a").write_bytes(bytes(9))
    path = tmp_path / f"p.{kind}"
    if kind == "whl":
        with zipfile.ZipFile(path, "w") as archive:
            archive.write(tmp_path / "top" / "a", "top/a")
    else:
        with tarfile.open(path, "w:gz") as archive:
            archive.add(tmp_path / "top" / "a", "top/a")
    client(tmp_path, monkeypatch, f"cp {path} ./p-1.{kind}")
    monkeypatch.setattr("apps.android.toolchain.downloads._MAX_MEMBER_BYTES", 8)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(UnavailableError, match="'top/a' of a package has 9 bytes; expected at most 8"):
        fetch(Download("npm", "p", "1", digest, 1, {"top/": ""}), tmp_path)


def test_classes_are_said_to_be_of_java_8():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as jar:
        jar.writestr("a/B.class", b"\xca\xfe\xba\xbe\0\0\0\x31rest")
    with zipfile.ZipFile(io.BytesIO(as_java_8(stream.getvalue()))) as jar:
        assert jar.read("a/B.class") == b"\xca\xfe\xba\xbe\0\0\0\x34rest"


def program(folder, name, body=""):
    """Writes a program of the shell."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


def client(folder, monkeypatch, body):
    """Puts a program called npm in the way."""
    program(folder, "npm", body)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


@pytest.mark.parametrize(
    ("digest", "body", "reason"), [("0" * 64, "", "another"), ("", "exit 1", "cannot fetch")]
)
def test_a_package_that_is_another_or_not_there_is_refused(tmp_path, monkeypatch, digest, body, reason):
    source = wheel(tmp_path)
    client(tmp_path, monkeypatch, body or f"cp {source} ./p.tgz")
    target = tmp_path / "target"
    target.mkdir()
    with pytest.raises(UnavailableError, match=reason):
        fetch(Download("npm", "p", "1", digest, 1, {"b": "b"}), target)
    assert list(target.iterdir()) == []


def test_an_archive_of_debian_is_fetched_without_an_index(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("inside")
    with tarfile.open(tmp_path / "p.tar.xz", "w:xz") as archive:
        archive.add(tmp_path / "a", "./a")
    digest = hashlib.sha256((tmp_path / "p.tar.xz").read_bytes()).hexdigest()
    program(tmp_path, "apt-get", "echo http://mirror/debian-security; echo http://mirror/debian/")
    program(tmp_path, "helper", f'[ $# = 4 ] && cp {tmp_path}/p.tar.xz "$4" && echo "$3" > {tmp_path}/asked')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr("apps.android.toolchain.downloads.APT_HELPER", str(tmp_path / "helper"))
    for package, shelf in (("p", "p"), ("libp", "libp")):
        target = tmp_path / package / "target"
        target.mkdir(parents=True)
        fetch(Download("apt", package, "1~b.orig.tar.xz", digest, 1, {"./a": "b"}), target)
        assert (target / "b").read_text() == "inside"
        asked = f"http://mirror/debian/pool/main/{shelf}/{package}/{package}_1~b.orig.tar.xz\n"
        assert (tmp_path / "asked").read_text() == asked
    program(tmp_path, "helper", "echo E: 404 >&2; exit 100")
    with pytest.raises(UnavailableError, match=r"apt cannot fetch p 1~b.orig.tar.xz \(apt, 1 MB\): E: 404"):
        fetch(Download("apt", "p", "1~b.orig.tar.xz", digest, 1, {"./a": "b"}), tmp_path)
    program(tmp_path, "apt-get", "echo http://mirror/ubuntu/")
    with pytest.raises(UnavailableError, match="apt knows no mirror of Debian"):
        fetch(Download("apt", "p", "1~b.orig.tar.xz", digest, 1, {"./a": "b"}), tmp_path)


def test_without_tools_the_reason_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "none"))
    assert missing_for_jvm() == "the tools to build the Android app are not there yet; run: make android"
    for download in FOR_JVM[:-1]:
        place_of(download).mkdir(parents=True)
    assert missing_for_jvm() == (
        f"the Android app is built with a package that is new, and not there yet: {FOR_JVM[-1]}; "
        "run: make android"
    )


def test_a_bundle_that_the_app_does_not_run_is_refused(tmp_path):
    assert bundle_target(tmp_path, "executorch-fp32") == "executorch"
    with pytest.raises(InputError, match="executorch-vulkan, which the app does not run; expected"):
        bundle_target(tmp_path, "executorch-vulkan-fp16")


def test_nothing_of_the_app_is_kept_for_tests_and_each_format_has_its_own_rules_and_engine():
    app = APP / "app"
    rules = [app / "rules.pro", *(app / "src" / target / "rules.pro" for target in TARGETS)]
    for path in rules:
        assert "org.rapsam" not in path.read_text()
    for target in TARGETS:
        (engines,) = (app / "src" / target).rglob("Engines.kt")
        assert re.findall(r"import org\.rapsam\.engine\.(\w+)\.", engines.read_text()) == [target]


def test_an_app_is_built_with_what_its_own_format_needs_and_no_more(tmp_path, monkeypatch):
    wanted = []

    def fetched(_, downloads):
        wanted.extend(downloads)
        raise UnavailableError("enough")

    monkeypatch.setattr("apps.android.toolchain.build.fetch_tools", fetched)
    write_tiny_bundle(tmp_path / "tiny")
    with pytest.raises(UnavailableError, match="enough"):
        build_app(tmp_path / "tiny")
    assert [download for download in wanted if download in RUNTIMES.values()] == [ONNX_RUNTIME]
    assert sum(download.megabytes for download in wanted) < 400


def test_without_a_whole_jdk_what_lacks_for_executorch_is_told(tmp_path, monkeypatch):
    folder, headers = tmp_path / "jdk" / "bin", tmp_path / "jdk" / "include"
    for name in ("clang", "ld.lld"):
        program(folder, name)
    monkeypatch.setenv("PATH", str(folder))
    todo = "for ExecuTorch; install clang, lld and a JDK, version 17 or later"
    assert missing_compilers() == f"there is no javac {todo}"
    program(folder, "javac")
    assert missing_compilers() == f"there is no jni.h in {headers} {todo}"
    headers.mkdir()
    (headers / "jni.h").write_text("")
    assert missing_compilers() is None


def test_a_change_of_what_makes_libraries_makes_them_anew():
    names = {"bionic_shim.c", "fbjni.cpp", "texts.h", "bionic.py", "native.py"}
    assert {path.name for path in MAKERS} == names
    assert all(path.is_file() for path in MAKERS)


@pytest.mark.parametrize(
    ("module", "package", "needed"),
    [
        ("engine-executorch", "org.pytorch:executorch-android", [MINIMUM_RUNTIME]),
        ("engine-onnx", "com.microsoft.onnxruntime:onnxruntime-android", MINIMUM_RUNTIMES.values()),
    ],
)
def test_gradle_takes_no_runtime_that_is_too_old_for_what_is_exported(module, package, needed):
    (pinned,) = re.findall(rf'"{package}:([\d.]+)"', (APP / module / "build.gradle.kts").read_text())
    for each in needed:
        assert numbers(pinned) >= numbers(each.split()[1])


def numbers(version):
    return [int(part) for part in version.split(".")]
