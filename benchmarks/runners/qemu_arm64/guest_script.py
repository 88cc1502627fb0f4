"""Runs one graph for whoever started it, in the emulated environment; see `guest`.

    python guest_script.py JOB

It loads the graph and writes what it is to `described.json`; then, for every line of input, it takes
`inputs.npz` and writes `outputs.bin`: all outputs, float32, one after another. Every step is answered in a
line of JSON. It is run by another interpreter, so it imports nothing of rapsam.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Graph = tuple[Callable[[dict[str, Any]], list[Any]], dict[str, Any]]


def main(job: dict[str, Any]) -> None:
    """Serves a job: `runtime`, `path`, `outputs`, `threads`, `scratch`, and `packages`, a folder or null."""
    # Runtimes print to standard output as they like: the answers get a way of their own.
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)

        def say(failed: str | None) -> None:
            print(json.dumps({"failed": failed}), file=answers, flush=True)

        try:
            serve(job, say)
        except Exception as error:  # runtimes raise whatever they like
            say(f"{type(error).__name__}: {' '.join(str(error).split())[:500]}")


def serve(job: dict[str, Any], say: Callable[[str | None], None]) -> None:
    """Loads, describes, and runs as often as it is asked to."""
    if job["packages"] is not None:
        sys.path.insert(0, job["packages"])
    import numpy as np

    scratch = Path(job["scratch"])
    run, description = LOADERS[job["runtime"]](job["path"], job["outputs"], job["threads"])
    description["machine"] = platform.machine()
    description["versions"] |= {"numpy": np.__version__, "python": platform.python_version()}
    (scratch / "described.json").write_text(json.dumps(description))
    say(None)
    for _ in sys.stdin:
        with np.load(scratch / "inputs.npz", allow_pickle=False) as given:
            inputs = {name: given[name] for name in given.files}
        with (scratch / "outputs.bin").open("wb") as made:
            for value in run(inputs):
                made.write(np.ascontiguousarray(value, "<f4").tobytes())
        say(None)


def onnx_graph(path: str, outputs: list[str], threads: int) -> Graph:
    """Loads a graph in ONNX Runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda inputs: session.run(outputs, inputs), {
        "inputs": [[node.name, node.shape] for node in session.get_inputs()],
        "outputs": [[node.name, node.shape] for node in session.get_outputs()],
        "units": session.get_providers(),
        "versions": {"onnxruntime": onnxruntime.__version__},
    }


def tflite_graph(path: str, outputs: list[str], threads: int) -> Graph:
    """Loads a graph in LiteRT."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=path, num_threads=threads)
    interpreter.allocate_tensors()
    signature = interpreter.get_signature_runner()

    def run(inputs: dict[str, Any]) -> list[Any]:
        made = signature(**inputs)
        return [made[name] for name in outputs]

    def shapes(details: dict[str, Any]) -> list[Any]:
        return [[name, [int(side) for side in detail["shape"]]] for name, detail in details.items()]

    nodes = [details["op_name"] for details in interpreter._get_ops_details()]
    return run, {
        "inputs": shapes(signature.get_input_details()),
        "outputs": shapes(signature.get_output_details()),
        "units": ["XNNPACK", "CPU"] if "DELEGATE" in nodes else ["CPU"],
        "versions": {"ai-edge-litert": importlib.metadata.version("ai-edge-litert")},
    }


def executorch_graph(path: str, outputs: list[str], threads: int) -> Graph:  # noqa: ARG001 - it chooses itself
    """Loads a graph in ExecuTorch; the format keeps the order of tensors, not their names."""
    executorch = importlib.import_module("executorch_numpy_runtime")
    method = executorch.Runtime.get().load_program(path).load_method("forward")
    about = method.metadata
    return lambda inputs: method(list(inputs.values())), {
        "inputs": [[None, tensor["shape"]] for tensor in about["inputs"]],
        "outputs": [[None, tensor["shape"]] for tensor in about["outputs"]],
        "units": None,
        "versions": {
            "executorch": executorch.runtime_info()["executorch_version"],
            "executorch-numpy-runtime": executorch.__version__,
        },
    }


LOADERS = {"onnx": onnx_graph, "tflite": tflite_graph, "executorch": executorch_graph}

if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
