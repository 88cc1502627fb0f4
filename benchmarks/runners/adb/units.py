"""What ONNX Runtime can compute on, on an Android device."""

from __future__ import annotations

from typing import NamedTuple

from rapsam.export.backends.onnx.backend import CPU_PROVIDER, OTHER_PROVIDERS, RUNTIME


class Unit(NamedTuple):
    """A compute unit.

    Attributes:
        runtime: The name of the runtime with it, for users and records.
        provider: As the program on the device knows it.
        reported: As ONNX Runtime's list of providers has it.
        has_threads: Whether the number of threads changes what computes.
    """

    runtime: str
    provider: str
    reported: str
    has_threads: bool


UNITS = (
    Unit(RUNTIME, "cpu", CPU_PROVIDER, has_threads=True),
    Unit(
        f"{RUNTIME}, {OTHER_PROVIDERS['XnnpackExecutionProvider']}",
        "xnnpack",
        "XnnpackExecutionProvider",
        has_threads=True,
    ),
    Unit(f"{RUNTIME}, NNAPI", "nnapi", "NnapiExecutionProvider", has_threads=False),
)
"""The CPU alone first: what the others do not take, it does."""
