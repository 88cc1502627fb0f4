"""What may be told of Android's emulator: what graphs compute there, not how long that takes on a phone."""

from __future__ import annotations

import msgspec

from rapsam.benchmarks.latency.job import Measured

EMULATOR_NOTE = "the device is an emulator: its times would be those of this computer, and none are told"


def without_times(measured: Measured) -> Measured:
    """Leaves the self-test of what was measured on an emulator, and says so."""
    graphs = tuple(
        msgspec.structs.replace(
            graph,
            load_ms=None,
            compile_ms=None,
            first_ms=None,
            average_warmup_ms=None,
            warmup_iters=None,
            is_warm=None,
        )
        for graph in measured.graphs
    )
    return msgspec.structs.replace(
        measured,
        graphs=graphs,
        stages=(),
        sustained=None,
        memory=None,
        notes=(*measured.notes, EMULATOR_NOTE),
    )
