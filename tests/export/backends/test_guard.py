from __future__ import annotations

import logging
import os
import subprocess
import sys
import warnings

import pytest

from rapsam.errors import BundleError, ExportError, MemoryLimitError
from rapsam.export.backends.guard import converting, loading, quiet, running


def chatter() -> None:
    print("printed")
    os.write(1, b"written to 1\n")
    os.write(2, b"written to 2\n")
    logging.getLogger("converter").warning("logged")
    warnings.warn("warned", stacklevel=1)


def test_nothing_that_the_block_prints_comes_out_and_all_after_it_does(capfd, recwarn) -> None:
    with quiet():
        chatter()
    print("after")
    os.write(2, b"also after\n")
    out, err = capfd.readouterr()
    assert out == "after\n"
    assert err == "also after\n"
    assert len(recwarn) == 0


def test_an_error_carries_what_was_printed_before_it(capfd) -> None:
    def fail() -> None:
        os.write(2, b"the real reason\n")
        raise ValueError("code 0x12")

    with pytest.raises(ValueError, match="0x12") as caught, quiet():
        fail()
    assert "the real reason" in caught.value.__notes__[0]
    assert capfd.readouterr() == ("", "")


def test_errors_of_tools_become_one_line_of_ours(tmp_path) -> None:
    with (
        pytest.raises(ExportError, match=r"^Tool refuses graph 'panoptic': ValueError: no such op$"),
        converting("Tool", "panoptic", tmp_path / "new"),
    ):
        raise ValueError("\n  no such op\nand a long account")
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises(BundleError, match=r"Runtime refuses .*file: KeyError"),
        loading("Runtime", tmp_path / "file"),
    ):
        raise KeyError


def test_an_interrupt_goes_through(tmp_path) -> None:
    with pytest.raises(KeyboardInterrupt), converting("Tool", "panoptic", tmp_path / "new"):
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("bad_alloc"), ValueError("Failed to allocate memory for buffer")]
)
def test_too_little_memory_is_said_to_be_that(error, tmp_path):
    """And is neither a refused graph nor a damaged bundle."""
    for surrounding in (
        lambda: converting("ONNX", "encoder", tmp_path / "new"),
        lambda: loading("ONNX Runtime", tmp_path),
        lambda: running("ONNX Runtime", "encoder"),
    ):
        with pytest.raises(MemoryLimitError, match=r"ONNX.* needs more memory than there is"), surrounding():
            raise error


def test_what_a_tool_printed_commands_no_terminal():
    def fail() -> None:
        print("\x1b]0;title\x07")
        raise ValueError("x")

    with pytest.raises(ValueError, match="x") as caught, quiet():
        fail()
    assert caught.value.__notes__ == [r"\x1b]0;title\x07"]


def test_streams_that_are_closed_are_left_alone():
    """A process without standard output, as a service may be."""
    script = (
        "import os, sys; os.close(1); sys.stdout = None\n"
        "from rapsam.export.backends.guard import quiet\n"
        "with quiet(): os.write(2, b'silent')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
