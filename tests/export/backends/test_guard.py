from __future__ import annotations

import logging
import os
import warnings

import pytest

from rapsam.errors import BundleError, ExportError
from rapsam.export.backends.guard import converting, loading, quiet


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
