"""What tests of the program share: a compiler, the smallest job."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from tests.golden_files import fail_or_skip

HEAD = "rapsam-job 1\nlibrary ./lib.so\ntiming 1 0 0 1 0 0 0 1000000000\n"
VARIANT = "variant cpu 1\ngraph g.onnx\nin 0 a\nout 1 b\ncase\ngive 0 1 t.bin 1 2\nstage 0\n"


def linux_compiler() -> str:
    """Returns a compiler for this machine; fails or skips without one."""
    found = shutil.which("gcc") or shutil.which("clang")
    if found is None:
        fail_or_skip("no C compiler is installed; run: make adbd", None)
    return found


def wait_for(path: Path) -> str:
    end = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < end
        time.sleep(0.02)
    return path.read_text()
