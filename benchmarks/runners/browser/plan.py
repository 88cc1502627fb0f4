"""What the page is to do: bundles or bare files, the ways to run them in a browser, and the files for it."""

from __future__ import annotations

import functools
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from PIL import Image

from rapsam.benchmarks.latency.bundle_subject import timed_scene
from rapsam.benchmarks.latency.facts import Timing
from rapsam.benchmarks.runners.base import Variant, Wanted
from rapsam.contract import GraphContract
from rapsam.errors import InputError, quoted, unknown_name
from rapsam.export.backends.bare_file import NO_SHAPES, file_backends, file_contract
from rapsam.export.backends.file_tensors import GivenShapes
from rapsam.export.bundle.manifest import Manifest
from rapsam.export.bundle.seal import verify_runnable
from rapsam.files import sha256_of, size_of
from rapsam.web.files import JSON, Shown, Table, bundle_files, page_files, runtime_files, shown
from rapsam.web.node_packages import LITERT, LITERT_UTILS, ONNX_RUNTIME_WEB, PACKAGES, NodePackage

WASM, WEBGPU = "wasm", "webgpu"
MAX_THREADS = 64
SWEPT_THREADS = (1, 2, 4)
"""Of "all units": what the device has is not known before someone opens the page."""
_SCENE = "scene.png"


class BrowserRuntime(NamedTuple):
    """One way of running a format in a browser.

    Attributes:
        name: For reports.
        engine: Key of `ENGINES` in apps/web/engines.js.
        unit: What computes.
        suffix: Of the files that it runs.
        packages: Of npm, the runtime itself first.
        binary: Of these, the file that computes; None where the runtime chooses among several.
    """

    name: str
    engine: str
    unit: str
    suffix: str
    packages: tuple[NodePackage, ...]
    binary: str | None


_ONNX, _LITERT = "ONNX Runtime Web", "LiteRT.js"
BROWSER_RUNTIMES = (
    BrowserRuntime(
        f"{_ONNX}, wasm", _ONNX, WASM, ".onnx", (ONNX_RUNTIME_WEB,), "dist/ort-wasm-simd-threaded.wasm"
    ),
    BrowserRuntime(
        f"{_ONNX}, WebGPU",
        _ONNX,
        WEBGPU,
        ".onnx",
        (ONNX_RUNTIME_WEB,),
        "dist/ort-wasm-simd-threaded.asyncify.wasm",
    ),
    BrowserRuntime(f"{_LITERT}, wasm", _LITERT, WASM, ".tflite", (LITERT, LITERT_UTILS), None),
    BrowserRuntime(
        f"{_LITERT}, WebGPU",
        _LITERT,
        WEBGPU,
        ".tflite",
        (LITERT, LITERT_UTILS),
        "wasm/litert_wasm_jspi_internal.wasm",
    ),
)


class Subject(NamedTuple):
    """A bundle or a bare file.

    Attributes:
        path: It.
        manifest: Of a bundle, which was verified; None for a bare file.
        contracts: Of its graphs, in the order in which they run.
    """

    path: Path
    manifest: Manifest | None
    contracts: tuple[GraphContract, ...]

    @property
    def outputs(self) -> tuple[tuple[str, str, tuple[int, ...]], ...]:
        """Graph, name and shape of every output, in the order in which the page sends them."""
        return tuple(
            (contract.graph, spec.name, spec.shape)
            for contract in self.contracts
            for spec in contract.outputs
        )


def browser_variants(wanted: Wanted) -> tuple[Variant, ...]:
    """Lists the ways to run what is wanted; see `DeviceRunner.variants`.

    Raises:
        RapSamError: If a bundle is damaged, no browser runs its format, or what is wanted does not exist.
    """
    if wanted.threads is not None and not 1 <= wanted.threads <= MAX_THREADS:
        raise InputError(f"--threads {quoted(wanted.threads)}; expected 1 to {MAX_THREADS}")
    found = []
    for path in wanted.paths:
        for runtime in _chosen(path, wanted):
            found += [
                Variant(path, runtime.name, count, wanted.shapes) for count in _threads(runtime, wanted)
            ]
    return tuple(found)


def find_browser_runtime(name: str) -> BrowserRuntime:
    """Finds a runtime that `browser_variants` named."""
    return next(runtime for runtime in BROWSER_RUNTIMES if runtime.name == name)


def read_subject(path: Path, shapes: GivenShapes = NO_SHAPES) -> Subject:
    """Verifies a bundle, or derives the contract of a bare file that is there.

    Args:
        path: It.
        shapes: Of inputs of a bare file, by name: of those that it leaves open.

    Raises:
        RapSamError: If it is damaged.
    """
    if path.is_dir():
        manifest = verify_runnable(path)
        return Subject(path, manifest, manifest.contracts)
    return Subject(path, None, (file_contract(file_backends(path)[0], path, shapes),))


def plan_table(variants: Sequence[Variant], subjects: Sequence[Subject], timing: Timing) -> Table:
    """Lists all that the page may ask for.

    Args:
        variants: In their order.
        subjects: Of the variants, each once.
        timing: How they are timed.
    """
    places = [f"subjects/{number}" for number in range(len(subjects))]
    numbers = {subject.path: number for number, subject in enumerate(subjects)}
    plan = {
        "subjects": [_subject(place, subject) for place, subject in zip(places, subjects, strict=True)],
        "variants": [_variant(variant, numbers[variant.path]) for variant in variants],
        "timing": timing,
    }
    table = {**page_files(), **runtime_files(PACKAGES), "plan.json": Shown(msgspec.json.encode(plan), JSON)}
    for place, subject in zip(places, subjects, strict=True):
        if subject.manifest is None:
            table[f"{place}/graph"] = shown(subject.path)
        else:
            table |= bundle_files(place, subject.path, subject.manifest)
    return {**table, _SCENE: Shown(_scene(), "image/png")}


def _chosen(path: Path, wanted: Wanted) -> tuple[BrowserRuntime, ...]:
    suffix = path.suffix
    if path.is_dir():
        manifest = verify_runnable(path)
        suffix = Path(manifest.graphs[0].path).suffix
    elif not path.is_file():
        raise InputError(f"{path} does not exist; expected a bundle's folder, or a file of a graph")
    able = {runtime.name: runtime for runtime in BROWSER_RUNTIMES if runtime.suffix == suffix}
    if not able:
        known = " or ".join(dict.fromkeys(runtime.suffix for runtime in BROWSER_RUNTIMES))
        what = f"holds {suffix} files" if path.is_dir() else f"is a {suffix or 'nameless'} file"
        raise InputError(
            f"{path} {what}, which no browser runs; expected {known}: export with --target onnx or tflite"
        )
    if wanted.runtime is None:
        return tuple(able.values()) if wanted.all_units else (next(iter(able.values())),)
    if wanted.runtime not in able:
        raise unknown_name("runtime", wanted.runtime, able)
    return (able[wanted.runtime],)


def _threads(runtime: BrowserRuntime, wanted: Wanted) -> Iterable[int | None]:
    if runtime.unit != WASM:
        return (None,)
    if wanted.threads is not None:
        return (wanted.threads,)
    return SWEPT_THREADS if wanted.all_units else SWEPT_THREADS[:1]


def _subject(place: str, subject: Subject) -> dict[str, Any]:
    base = f"{place}/"
    if subject.manifest is not None:
        return {"kind": "bundle", "base": base, "scene": _SCENE}
    path = subject.path
    file = {"path": "graph", "sha256": sha256_of(path), "size_bytes": size_of(path)}
    return {"kind": "file", "base": base, "file": file, "contract": subject.contracts[0]}


def _variant(variant: Variant, subject: int) -> dict[str, Any]:
    runtime = find_browser_runtime(variant.runtime)
    return {
        "name": str(variant),
        "subject": subject,
        "engine": runtime.engine,
        "unit": runtime.unit,
        "threads": variant.threads or 1,
    }


@functools.cache
def _scene() -> bytes:
    """Writes the picture that tasks are timed on as a PNG, value for value."""
    stream = io.BytesIO()
    Image.fromarray(timed_scene()).save(stream, "PNG", compress_level=1)
    return stream.getvalue()
