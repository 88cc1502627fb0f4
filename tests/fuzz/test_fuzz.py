"""The short form of the fuzzer: some hostile inputs of each kind, each of which must end in order."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.summary import again

COUNT, SEED = 12, 1
KINDS = ("images", "videos", "checkpoints", "annotations", "bundles", "arguments")


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    """What a session of its own found: a process of many threads, as a test's may be, cannot be forked."""
    path = tmp_path_factory.mktemp("fuzz") / "record.json"
    command = ("-m", "tests.fuzz", "--count", COUNT, "--seed", SEED, "--record", path)
    root = Path(__file__).parents[2]
    ran = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert path.exists(), ran.stderr
    return {entry["kind"]: entry for entry in json.loads(path.read_text())["kinds"]}


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_inputs_end_in_order(kind, record):
    entry = record[kind]
    assert entry["inputs"] == COUNT
    found = [
        f"{fault['signature']}: {fault['detail']}\n  {again(kind, SEED, fault['inputs'][0])}"
        for fault in entry["faults"]
    ]
    assert not found, "\n".join(found)
