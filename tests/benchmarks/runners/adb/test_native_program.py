"""The program in C, run on this machine: jobs that are none, and variants that crash or hang."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.benchmarks.runners.adb.native import HEAD, VARIANT, linux_compiler, wait_for


def call(program, folder, *words):
    return subprocess.run(
        [program.executable, *words], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 0 of the job: no library, timing or variant"),
        ("rapsam-job 2\n", "line 1 of the job: not a job of this version"),
        (HEAD + "\0\n", "line 0 of the job: a zero is in it"),
        (HEAD, "line 3 of the job: no library, timing or variant"),
        (HEAD + "\n", "line 4 of the job: an empty line"),
        (HEAD + "graph g.onnx\n", "line 4 of the job: expected a variant first"),
        (HEAD + VARIANT + "format /\n", "line 11 of the job: an unknown word"),
        (HEAD + "variant cpu 0\n", "expected a provider and threads"),
        (HEAD + "variant cpu 99999999999999999999\n", "expected a provider and threads"),
        (HEAD + "variant cpu 1\nin 0 a\n", "line 5 of the job: an unknown word"),
        (HEAD + VARIANT.replace("in 0", "in 128"), "expected a slot and a name"),
        (HEAD + VARIANT.replace("in 0", "in -1"), "expected a slot and a name"),
        (HEAD + VARIANT.replace("1 2\n", "-1\n"), "wrong sides"),
        (HEAD + VARIANT.replace("1 2\n", "1 " * 9 + "\n"), "wrong sides"),
        (HEAD + VARIANT + "stage 1\n", "no such graph"),
        (HEAD + VARIANT + "sustain 1\n", "no such stage"),
        (HEAD + "variant cpu 1\n" * 65, "line 68 of the job: too many variants"),
        (HEAD + "variant cpu 1\n" + "graph g\n" * 17, "too many graphs"),
        (HEAD + "variant cpu 1\n" + "case\n" * 9, "too many cases"),
        (HEAD + VARIANT + "stage 0\n" * 64, "too many stages"),
        (HEAD.replace("timing 1", "timing x"), "timing takes eight numbers"),
        (HEAD.replace("0 0 1 0", "0 0 0 0"), "no rounds or no samples"),
        ("x" * ((1 << 20) + 1), "line 0 of the job: cannot be read"),
    ],
)
def test_a_job_that_is_none_is_refused_with_its_line(program, tmp_path, text, says):
    (tmp_path / "job").write_text(text)
    done = call(program, tmp_path, "run", "job")
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert not (tmp_path / "pid").exists()


def test_other_words_and_other_libraries_are_refused(program, tmp_path):
    assert call(program, tmp_path).returncode == 2
    for name, data, says in (("none.so", None, "cannot be opened"), ("junk.so", b"x", "cannot be opened")):
        if data is not None:
            (tmp_path / name).write_bytes(data)
        done = call(program, tmp_path, "about", f"./{name}")
        assert (done.returncode, done.stdout) == (1, "")
        assert says in done.stderr


@pytest.mark.parametrize(
    ("does", "says"),
    [
        ("CRASH", "loading: its process was ended by signal 6"),
        ("HANG", "loading: its process hung: no answer in 1 s"),
        ("KILLED", "loading: its process was ended by signal 6"),  # the second time, by itself
    ],
)
def test_a_variant_that_crashes_or_hangs_leaves_the_supervisor(program, tmp_path, does, says):
    source = Path(__file__).with_name("fake_ort.c")
    subprocess.run(
        [linux_compiler(), "-shared", "-fPIC", f"-D{does}", "-o", tmp_path / "lib.so", source], check=True
    )
    (tmp_path / "job").write_text(HEAD + VARIANT * 2)
    assert call(program, tmp_path, "run", "job").returncode == 0
    assert json.loads(wait_for(tmp_path / "ended")) == [says, says]


def test_a_variant_that_is_killed_has_no_second_try_where_it_was_alone(program, tmp_path):
    source = Path(__file__).with_name("fake_ort.c")
    subprocess.run(
        [linux_compiler(), "-shared", "-fPIC", "-DKILLED", "-o", tmp_path / "lib.so", source], check=True
    )
    (tmp_path / "job").write_text(HEAD + VARIANT)
    assert call(program, tmp_path, "run", "job").returncode == 0
    says = "loading: its process was ended by signal 9"
    assert json.loads(wait_for(tmp_path / "ended")) == [says]


def test_a_variant_says_what_it_cannot_load(program, tmp_path):
    (tmp_path / "lib.so").symlink_to(program.library)
    (tmp_path / "g.onnx").write_bytes(b"no graph")
    others = VARIANT.replace("cpu", "nnapi") + "variant gpu 1\ngraph g\ncase\n"
    (tmp_path / "job").write_text(HEAD + VARIANT + others)
    assert call(program, tmp_path, "run", "job").returncode == 0
    reasons = json.loads(wait_for(tmp_path / "ended"))
    assert reasons[0].startswith("g.onnx: ONNX Runtime: ")
    assert reasons[1:] == ["g.onnx: the library has no NNAPI", "g: an unknown provider"]
