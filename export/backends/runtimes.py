"""What can run the artifacts of each format: parity asks all, prediction takes the first that works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rapsam.contract import GraphContract
from rapsam.export.backends import BACKENDS, coreml_emulation, tflite_runtime_214
from rapsam.export.backends.base import Runner

Load = Callable[[Path, GraphContract, int], Runner]


@dataclass(frozen=True)
class Runtime:
    """One way of running a format.

    Attributes:
        name: For reports.
        cannot_run: Gives the reason why it does not work here, or None.
        load: As `Backend.load`.
        provenance: "measured" for a real runtime, "emulated" for an interpreter of ours.
    """

    name: str
    cannot_run: Callable[[], str | None]
    load: Load
    provenance: Literal["measured", "emulated"] = "measured"


def _own(backend: str, name: str) -> Runtime:
    return Runtime(name, BACKENDS[backend].cannot_run, BACKENDS[backend].load)


RUNTIMES: dict[str, tuple[Runtime, ...]] = {
    "coreml": (
        _own("coreml", "Core ML"),
        Runtime("Core ML, emulated", coreml_emulation.cannot_run, coreml_emulation.load, "emulated"),
    ),
    "executorch": (_own("executorch", "ExecuTorch"),),
    "onnx": (_own("onnx", "ONNX Runtime"),),
    "tflite": (
        _own("tflite", "LiteRT"),
        Runtime("tflite-runtime 2.14", tflite_runtime_214.cannot_run, tflite_runtime_214.load),
    ),
}

# Results do not depend on it; two is what the smallest machines have.
THREADS = 2
