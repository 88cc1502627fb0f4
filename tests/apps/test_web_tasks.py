"""The tasks of the web page return what `rapsam.tasks` returns: run by Node on the golden vectors."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.apps.vectors import read_cases
from tests.golden_files import fail_or_skip

# The browser turns photographs itself: tests/apps/test_photo_page.py.
ELSEWHERE = {"orientation"}
FUNCTIONS = sorted({case["function"] for case in read_cases()} - ELSEWHERE)


@pytest.fixture(scope="module")
def results():
    node = shutil.which("node")
    if node is None:
        fail_or_skip("no Node is installed; install nodejs, version 20 or later", None)
    program = Path(__file__).with_name("run_tasks.mjs")
    done = subprocess.run([node, program], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_task_in_the_page_returns_what_it_returns_in_python(results, function):
    assert [result for result in results if result["function"] == function and result["problems"]] == []
    ran = Counter(result["function"] for result in results)[function]
    assert ran == 2 * Counter(case["function"] for case in read_cases())[function]
