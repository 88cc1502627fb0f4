"""Runs TFLite files in tflite-runtime 2.14.0, the last of its name, which older apps still ship.

It wants numpy 1 and so cannot live beside the converters: it has an environment of its own and is
called as a subprocess. Make that environment once:

    python -m rapsam.export.backends.tflite.runtime_214
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rapsam.contract import GraphContract
from rapsam.errors import BundleError, UnavailableError, printable, shortened
from rapsam.export.backends.packages import refuse_if
from rapsam.export.backends.tensors import check_signature, named_inputs, named_outputs
from rapsam.inference.runner import Arrays
from rapsam.user_cache import user_cache

PINNED = (("tflite-runtime", "2.14.0"), ("numpy", "1.26.4"))
REQUIREMENTS = tuple(f"{package}=={version}" for package, version in PINNED)
FOLDER_VARIABLE = "RAPSAM_TFLITE214_ENV"
_SCRIPT = Path(__file__).with_name("runtime_214_script.py")


def environment_folder() -> Path:
    """Returns the folder of the side environment: `RAPSAM_TFLITE214_ENV`, or one in the user's cache."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen)
    return user_cache() / "rapsam" / "tflite-runtime-2.14.0"


def make_environment(folder: Path) -> None:
    """Makes the side environment, 110 MB, from the package index that pip is set to.

    Args:
        folder: Where; an environment that is there is replaced.

    Raises:
        UnavailableError: If it cannot be made; nothing is left behind.
    """
    commands = (
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        [str(_interpreter(folder)), "-m", "pip", "install", "--quiet", *REQUIREMENTS],
    )
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            shutil.rmtree(folder, ignore_errors=True)
            raise UnavailableError(f"cannot make an environment for {REQUIREMENTS[0]}: {_last_line(done)}")


def cannot_run() -> str | None:
    """Says why tflite-runtime 2.14.0 cannot run here, and what to do; None if it can."""
    try:
        folder = environment_folder()
    except UnavailableError as error:
        return str(error)
    if any(folder.glob("lib/python*/site-packages/tflite_runtime")):
        return None
    return "it has no environment of its own yet; run: python -m rapsam.export.backends.tflite.runtime_214"


def load(path: Path, contract: GraphContract, threads: int = 1) -> TfliteRuntime214Runner:
    """Loads a TFLite file for running in the side environment; see `Backend.load`.

    Raises:
        UnavailableError: If `cannot_run` gives a reason.
        BundleError: If the runtime refuses the file, or it holds another graph.
    """
    refuse_if(cannot_run())
    if not path.is_file():
        raise BundleError(f"{path} does not exist; expected a TFLite file: export it again")
    inputs, outputs = json.loads(_call("describe", path))
    check_signature(contract, path, _tuples(inputs), _tuples(outputs))
    return TfliteRuntime214Runner(path, contract, threads)


class TfliteRuntime214Runner:
    """A TFLite file that every run loads anew, in a process of its own."""

    def __init__(self, path: Path, contract: GraphContract, threads: int) -> None:
        self._path = path
        self._contract = contract
        self._threads = threads

    def run(self, inputs: Mapping[str, npt.NDArray[np.float32]]) -> Arrays:
        """See `Runner.run`."""
        arrays: dict[str, Any] = {**named_inputs(self._contract, inputs)}
        with tempfile.TemporaryDirectory() as scratch:
            given, made = Path(scratch, "inputs.npz"), Path(scratch, "outputs.npz")
            np.savez(given, **arrays)
            _call("run", self._path, str(given), str(made), str(self._threads))
            with np.load(made, allow_pickle=False) as values:
                return named_outputs(self._contract, [values[spec.name] for spec in self._contract.outputs])


def _call(command: str, path: Path, *arguments: str) -> str:
    line = [str(_interpreter(environment_folder())), "-I", str(_SCRIPT), command, str(path), *arguments]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BundleError(f"tflite-runtime 2.14.0 refuses {path}: {_last_line(done)}; export it again")
    return done.stdout


def _interpreter(folder: Path) -> Path:
    return folder / "bin" / "python"


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return shortened(printable(lines[-1].strip())) if lines else f"exit code {done.returncode}"


def _tuples(shapes: dict[str, list[int]]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(shape) for name, shape in shapes.items()}


def main() -> None:
    """Makes the side environment unless it is there."""
    parser = argparse.ArgumentParser(description="Makes the environment of tflite-runtime 2.14.0, 110 MB.")
    parser.parse_args()
    if cannot_run() is not None:
        print(f"installing {REQUIREMENTS[0]} into {environment_folder()} (110 MB)", flush=True)
        try:
            make_environment(environment_folder())
        except UnavailableError as error:
            sys.exit(f"error: {error}")
    print(f"{REQUIREMENTS[0]} is ready")


if __name__ == "__main__":
    main()
