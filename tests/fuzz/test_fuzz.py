"""The short form of the fuzzer: some hostile inputs of each kind, each of which must end in order."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.fuzz.summary import again

COUNT, SEED = 12, 1
KINDS = ("images", "videos", "checkpoints", "annotations", "bundles", "arguments")


def test_hostile_inputs_end_in_order(tmp_path):
    """In a process of its own, which can be forked; one test, since several would each pay for its start."""
    path = tmp_path / "record.json"
    command = ("-m", "tests.fuzz", "--count", COUNT, "--seed", SEED, "--record", path)
    root = Path(__file__).parents[2]
    ran = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert path.exists(), ran.stderr
    entries = json.loads(path.read_text())["kinds"]
    assert {entry["kind"]: entry["inputs"] for entry in entries} == dict.fromkeys(KINDS, COUNT)
    found = [
        f"{fault['signature']}: {fault['detail']}\n  {again(entry['kind'], SEED, fault['inputs'][0])}"
        for entry in entries
        for fault in entry["faults"]
    ]
    assert not found, "\n".join(found)
