"""The deployment formats. Nothing heavy is imported until a backend is used.

A target is added by a file with its backend and a line in `BACKENDS`; what follows from this table is in
`rapsam.export.backends.catalogue`.
"""

from __future__ import annotations

from rapsam.errors import unknown_name
from rapsam.export.backends.base import Backend
from rapsam.export.backends.coreai import CoreaiBackend
from rapsam.export.backends.coreml.backend import CoremlBackend
from rapsam.export.backends.executorch.backend import ExecutorchBackend
from rapsam.export.backends.executorch.gpu_backends import ExecutorchCoremlBackend, ExecutorchVulkanBackend
from rapsam.export.backends.onnx.backend import OnnxBackend
from rapsam.export.backends.tflite.backend import TfliteBackend

BACKENDS: dict[str, Backend] = {
    "coreai": CoreaiBackend(),
    "coreml": CoremlBackend(),
    "executorch": ExecutorchBackend(),
    "executorch-coreml": ExecutorchCoremlBackend(),
    "executorch-vulkan": ExecutorchVulkanBackend(),
    "onnx": OnnxBackend(),
    "tflite": TfliteBackend(),
}


def find_backend(name: str) -> Backend:
    """Finds a backend by the name that recipes use.

    Raises:
        InputError: If there is no such backend.
    """
    if name not in BACKENDS:
        raise unknown_name("backend", name, BACKENDS)
    return BACKENDS[name]
