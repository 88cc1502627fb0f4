"""Runs a TFLite file inside the side environment of tflite-runtime 2.14.0; see `runtime_214`.

    python runtime_214_script.py describe model.tflite
    python runtime_214_script.py run model.tflite inputs.npz outputs.npz threads

It is run by another interpreter, so it imports nothing of rapsam.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

import numpy as np


def main(command: str, model: str, *rest: str) -> None:
    """Describes a model on standard output, or runs it from one file to another."""
    interpreter = importlib.import_module("tflite_runtime.interpreter")
    threads = int(rest[2]) if command == "run" else 1
    loaded = interpreter.Interpreter(model_path=model, num_threads=threads)
    loaded.allocate_tensors()
    signature = loaded.get_signature_runner()
    if command == "run":
        with np.load(rest[0], allow_pickle=False) as inputs:
            outputs = signature(**dict(inputs))
        np.savez(rest[1], **outputs)
    else:
        shapes = [_shapes(signature.get_input_details()), _shapes(signature.get_output_details())]
        print(json.dumps(shapes))


def _shapes(details: dict[str, Any]) -> dict[str, list[int]]:
    return {name: [int(side) for side in detail["shape"]] for name, detail in details.items()}


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Exception as error:  # the caller shows the last line
        sys.exit(f"{type(error).__name__}: {' '.join(str(error).split())}")
