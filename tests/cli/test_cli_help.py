"""Finding one's way: help, examples, misspelt words."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import pytest

from rapsam.cli.main import VERBS
from tests.cli.cli_runs import assert_refused, process, rapsam

NAMES = [verb.__name__.rpartition(".")[2] for verb in VERBS]


@pytest.mark.parametrize("verb", NAMES)
def test_every_verb_explains_itself(verb):
    outcome = rapsam(verb, "--help")
    assert outcome.code == 0
    assert outcome.err == ""
    assert outcome.out.startswith(f"usage: rapsam {verb} ")
    assert outcome.out.count(f"example: rapsam {verb}") == 1


@pytest.mark.parametrize("verb", VERBS, ids=NAMES)
def test_the_example_of_a_verb_is_understood(verb, monkeypatch):
    seen = []
    monkeypatch.setattr(verb, "run", lambda options: seen.append(options) or 0)
    program, *arguments = shlex.split(verb.EXAMPLE)
    assert program == "rapsam"
    assert rapsam(*arguments).code == 0
    assert len(seen) == 1


def test_help_names_every_verb():
    outcome = rapsam("--help")
    assert outcome.code == 0
    assert all(f"\n    {verb} " in outcome.out for verb in NAMES)


def test_version():
    assert rapsam("--version").out.startswith("rapsam 0.")


def test_no_verb_shows_the_help_as_an_error():
    outcome = rapsam()
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("usage: rapsam ")
    assert outcome.err.splitlines()[-1].startswith("error: no verb given")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["exprot"], "unknown verb 'exprot'; did you mean export"),
        (["zzz"], "valid names: bench, compare, convert, data, demo, devices"),
        (["--verison"], "unknown option '--verison'; did you mean --version"),
        (["devices", "--jsn"], "unknown option '--jsn'; did you mean --json"),
        (["devices", "--js"], "unknown option '--js'; did you mean --json"),
        (["export", "--modle", "rapsam_nano"], "unknown option '--modle'; did you mean --model"),
        (["export", "--modle=rapsam_nano"], "unknown option '--modle'; did you mean --model"),
        (["verify", "bundle", "another"], "unexpected 'another'; see 'rapsam verify --help'"),
        (["verify", "bundle", "-x"], "unexpected '-x'; see 'rapsam verify --help'"),
        (["-x"], "VERB"),
        (["verify"], "required: BUNDLE; see 'rapsam verify --help'"),
        (["export", "--model", "rapsam_nano", "--target", "onnx"], "required: --out"),
        (["export", "--target", "onnx", "--out", "x"], "required: --model"),
        (["export", "--model", "rapsam_nano", "--out", "x", "--prompts", "two"], "invalid int value: 'two'"),
    ],
)
def test_wrong_words_are_named(arguments, says):
    assert_refused(rapsam(*arguments), says)


def test_two_dashes_end_the_options():
    assert_refused(rapsam("verify", "--", "--missing"), "--missing is no folder")


def test_nothing_heavy_is_imported_at_the_start():
    heavy = ("torch", "numpy", "onnx", "coremltools", "executorch")
    check = f"import sys, rapsam.cli.main; sys.exit(any(name in sys.modules for name in {heavy}))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_a_real_process_ends_without_traceback():
    done = process("export", "--model", "rapsam_nano", "--device", "pixle-8", "--out", "x")
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(r"error: unknown device 'pixle-8'; did you mean pixel-8, [^\n]*\?\n", done.stderr)


@pytest.mark.parametrize("verb", ["verify", "devices"])
def test_verbs_that_compute_nothing_load_no_pytorch(verb, bundle):
    arguments = ("verify", bundle) if verb == "verify" else (verb,)
    code = (
        "import sys; from rapsam.cli.main import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit as stop:\n    assert not stop.code\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
