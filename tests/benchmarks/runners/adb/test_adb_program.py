"""Where the program for a phone comes from, and what is said where it cannot be had."""

from __future__ import annotations

import os
import shutil
import zipfile

import pytest

from rapsam.benchmarks.runners.adb.ort_library import find_library
from rapsam.benchmarks.runners.adb.program import android_program
from rapsam.errors import UnavailableError
from tests.golden_files import fail_or_skip

ARM64, X86_64 = 183, 62


def elf(machine: int) -> bytes:
    return b"\x7fELF\x02\x01\x01" + b"\0" * 9 + b"\x03\0" + machine.to_bytes(2, "little") + b"\0" * 40


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def environment(**named):
    return {"PATH": os.environ["PATH"], **{name: str(value) for name, value in named.items()}}


@pytest.mark.parametrize(("abi", "machine"), [("arm64-v8a", ARM64), ("x86_64", X86_64)])
def test_a_program_for_android_needs_no_ndk(tmp_path, abi, machine):
    if shutil.which("clang") is None or shutil.which("ld.lld") is None:
        fail_or_skip("clang and lld are not installed; run: make adbd", None)
    library = tmp_path / "libonnxruntime.so"
    library.write_bytes(elf(machine))
    named = environment(RAPSAM_ANDROID_ORT=library)
    made = android_program([abi, "armeabi-v7a"], named)
    data = made.executable.read_bytes()
    assert int.from_bytes(data[16:18], "little") == 3  # position-independent, as Android demands
    assert int.from_bytes(data[18:20], "little") == machine
    assert b"/system/bin/linker64\0" in data
    assert b"\0libc.so\0" in data
    assert b"libc.so.6" not in data
    assert (made.library, made.built_by) == (library, "clang without an NDK")
    before = made.executable.stat().st_mtime_ns
    assert android_program([abi], named).executable.stat().st_mtime_ns == before


@pytest.mark.parametrize("abis", [(), ("armeabi-v7a",), ("riscv64", "\x1b[31m")])
def test_a_device_of_another_kind_is_refused(abis):
    with pytest.raises(UnavailableError, match="expected arm64-v8a or x86_64: take a 64-bit phone") as error:
        android_program(abis, environment())
    assert "\x1b" not in str(error.value)


def test_without_a_compiler_it_is_said_what_to_install(tmp_path):
    with pytest.raises(UnavailableError, match="set ANDROID_NDK_HOME to an NDK, or install clang and lld"):
        android_program(["arm64-v8a"], {"PATH": str(tmp_path)})


def test_a_folder_that_is_no_ndk_is_named(tmp_path):
    with pytest.raises(UnavailableError, match=r"ANDROID_NDK_HOME names .*, which is no NDK"):
        android_program(["arm64-v8a"], environment(ANDROID_NDK_HOME=tmp_path))


def test_an_ndk_is_taken_before_the_system_and_its_complaints_are_told(tmp_path):
    clang = tmp_path / "toolchains/llvm/prebuilt/linux-x86_64/bin/clang"
    clang.parent.mkdir(parents=True)
    complaint = '{ echo "a.c:1: error: no" >&2; exit 1; }'
    clang.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo 1 || {complaint}\n')
    clang.chmod(0o755)
    with pytest.raises(UnavailableError, match=r"clang cannot compile the program .*: a\.c:1: error: no"):
        android_program(["arm64-v8a"], environment(ANDROID_NDK_ROOT=tmp_path))


def archive(path, member="jni/arm64-v8a/libonnxruntime.so"):
    with zipfile.ZipFile(path, "w") as members:
        members.writestr(member, elf(ARM64))
    return path


def test_the_library_comes_out_of_an_archive_or_is_a_file(tmp_path):
    found = find_library("arm64-v8a", environment(RAPSAM_ANDROID_ORT=archive(tmp_path / "ort.aar")))
    assert found.read_bytes() == elf(ARM64)
    assert find_library("arm64-v8a", environment(RAPSAM_ANDROID_ORT=found)) == found


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.so", b"x", "which is no 64-bit library for arm64-v8a"),
        ("a.so", elf(X86_64), "which is no 64-bit library for arm64-v8a"),
        ("a.so", None, "cannot be read"),
        ("a.aar", None, "cannot be read"),
        ("a.aar", b"x", "holds no libonnxruntime.so for arm64-v8a"),
    ],
)
def test_a_file_that_is_no_library_is_named(tmp_path, name, data, says):
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(UnavailableError, match=says) as error:
        find_library("arm64-v8a", environment(RAPSAM_ANDROID_ORT=path))
    assert "set RAPSAM_ANDROID_ORT to" in str(error.value)


def test_an_archive_without_this_machine_is_named(tmp_path):
    path = archive(tmp_path / "a.aar", "jni/x86/libonnxruntime.so")
    with pytest.raises(UnavailableError, match=r"a\.aar holds no libonnxruntime\.so for arm64-v8a"):
        find_library("arm64-v8a", environment(RAPSAM_ANDROID_ORT=path))


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (None, "and no npm to fetch"),
        ("echo 'npm error 404 Not Found' >&2; exit 1", r"npm cannot fetch .*\(npm error 404 Not Found\)"),
        ('for last; do :; done; echo x > "$last/a.tgz"', "npm gives another .* than is known, sha512-"),
    ],
)
def test_a_package_that_cannot_be_fetched_or_is_another(monkeypatch, tmp_path, script, says):
    if script is not None:
        (tmp_path / "npm").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match=says):
        find_library("arm64-v8a", {})
