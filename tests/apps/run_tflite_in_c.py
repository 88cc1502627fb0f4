"""Runs a file once with TensorFlow Lite's interface in C: `LIBRARY MODEL`; prints the first output's numbers.

Inputs are zeros. Android's library must load on Linux, and its folder be in LD_LIBRARY_PATH.
"""

from __future__ import annotations

import ctypes
import sys

_POINTERS = (
    "TfLiteModelCreateFromFile",
    "TfLiteInterpreterOptionsCreate",
    "TfLiteInterpreterCreate",
    "TfLiteInterpreterGetInputTensor",
    "TfLiteInterpreterGetOutputTensor",
    "TfLiteTensorData",
)


def _done(step: str, result: int | None, *, wants: bool) -> None:
    """Ends the program where a step failed: pointers must not be null, statuses must be 0."""
    if bool(result) is not wants:
        sys.exit(f"{step} failed")


def main(library: str, model: str) -> None:
    """Loads, runs, prints."""
    lite = ctypes.CDLL(library)
    for name in _POINTERS:
        getattr(lite, name).restype = ctypes.c_void_p
    lite.TfLiteTensorByteSize.restype = ctypes.c_size_t
    loaded = lite.TfLiteModelCreateFromFile(model.encode())
    _done("reading", loaded, wants=True)
    options = lite.TfLiteInterpreterOptionsCreate()
    interpreter = ctypes.c_void_p(
        lite.TfLiteInterpreterCreate(ctypes.c_void_p(loaded), ctypes.c_void_p(options))
    )
    _done("planning", interpreter.value, wants=True)
    _done("allocating", lite.TfLiteInterpreterAllocateTensors(interpreter), wants=False)
    for number in range(lite.TfLiteInterpreterGetInputTensorCount(interpreter)):
        tensor = ctypes.c_void_p(lite.TfLiteInterpreterGetInputTensor(interpreter, number))
        ctypes.memset(lite.TfLiteTensorData(tensor), 0, lite.TfLiteTensorByteSize(tensor))
    _done("running", lite.TfLiteInterpreterInvoke(interpreter), wants=False)
    output = ctypes.c_void_p(lite.TfLiteInterpreterGetOutputTensor(interpreter, 0))
    count = lite.TfLiteTensorByteSize(output) // ctypes.sizeof(ctypes.c_float)
    values = (ctypes.c_float * count).from_address(lite.TfLiteTensorData(output))
    print(*values)


if __name__ == "__main__":
    main(*sys.argv[1:])
