"""What the README shows must run as it stands there."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from rapsam.cli.main import main

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text()


def test_python_example_runs(tmp_path, monkeypatch, capsys):
    (block,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    shutil.copytree(ROOT / "docs" / "images", tmp_path / "docs" / "images")
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "README.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    shapes = [[1, 100, 134], [1, 100, 64, 80], [1, 100], [1, 100, 128]]
    assert printed[0] == " ".join(f"torch.Size({shape})" for shape in shapes)
    assert printed[1] == "passed"
    assert printed[2] == "(1, 512, 1552)"
    assert "SegmentInfo" in printed[-1]


@pytest.mark.parametrize(
    "line", [line for line in TEXT.splitlines() if line.startswith("rapsam ")], ids=lambda line: line
)
def test_commands_have_verbs_and_options_that_exist(line):
    words = shlex.split(line)
    with pytest.raises(SystemExit) as stopped:
        main([words[1], "--help"])
    assert stopped.value.code == 0


@pytest.mark.parametrize("link", re.findall(r"\]\((?!https?:)([^)#]+)\)", TEXT))
def test_links_lead_somewhere(link):
    assert (ROOT / link).exists()
