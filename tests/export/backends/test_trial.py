"""What ends a process without a word is met in a copy of it."""

from __future__ import annotations

import os
import signal
import sys
import time

import pytest

from rapsam.errors import BundleError
from rapsam.export.backends.executorch.trial import fatal_signal

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks are made on Linux only")


def test_only_a_signal_is_fatal():
    assert fatal_signal(lambda: None) is None
    assert fatal_signal(lambda: 1 / 0) is None
    assert fatal_signal(lambda: sys.exit(3)) is None
    assert fatal_signal(os.abort) == "SIGABRT"
    assert fatal_signal(lambda: os.kill(os.getpid(), signal.SIGSEGV)) == "SIGSEGV"


def test_what_never_ends_is_given_up_without_a_verdict():
    start = time.monotonic()
    assert fatal_signal(lambda: time.sleep(600), patience_s=0.05) is None
    assert time.monotonic() - start < 10


def test_a_program_that_ends_the_process_is_refused(lowered, probe, monkeypatch):
    """ExecuTorch aborts where its checks of a resealed program fail."""
    from executorch.runtime import Program

    backend, artifact = lowered("executorch-fp32")
    monkeypatch.setattr(Program, "load_method", lambda *_: os.abort())
    with pytest.raises(BundleError, match=r"ExecuTorch crashes with .*\.pte \(SIGABRT\); export it again"):
        backend.load(artifact.path, probe.contract)
