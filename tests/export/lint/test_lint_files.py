"""For each rule that files can break: one that does, and one that computes the same and does not."""

from __future__ import annotations

import msgspec
import pytest

from rapsam.export.backends import BACKENDS
from rapsam.export.backends.file_graph import FileGraph, FileOperator, FileTensor
from rapsam.export.lint.file_checks import file_findings
from rapsam.export.lint.file_figures import file_figures, manifest_figures
from tests.export.small_bundle import CONTRACTS, write_small_bundle

GPU = BACKENDS["tflite"].facts.accelerators[:1]
PRODUCT = ("BATCH_MATMUL", ("a", "b"), "p")


def file(shapes, *operators, stored=()) -> FileGraph:
    """A file: shapes by key, operators as name, inputs, output."""
    tensors = {}
    for key, shape in shapes.items():
        size = 4
        for side in shape:
            size *= side
        tensors[key] = FileTensor(shape, size, stored=key in stored)
    made = [output for _, _, output in operators]
    return FileGraph(
        operators=tuple(FileOperator(op, f"part.{out}", reads, (out,)) for op, reads, out in operators),
        tensors=tensors,
        inputs=tuple(key for key in shapes if key not in (*made, *stored)),
        outputs=(made[-1],),
    )


ROWS3 = {"a": (2, 4, 8), "b": (2, 8, 4), "p": (2, 4, 4)}
ROWS4 = {"a": (1, 2, 4, 8), "b": (1, 2, 8, 4), "p": (1, 2, 4, 4)}
ONE = {"a": (1, 4, 8), "b": (1, 8, 4), "p": (1, 4, 4)}
MASK = {"m": (1, 1, 4), "s": (1, 4, 4)}
SCALED = {"k": (), "q": (1, 4, 4), **MASK}
WIDE = {"x": (1, 256, 256, 3), "y": (1, 3)}
CASES = {
    "litert-gpu-batched-product": (file(ROWS3, PRODUCT), file(ROWS4, PRODUCT)),
    "litert-gpu-constant-left": (
        file(ONE, PRODUCT, stored=("a",)),
        file(ONE, PRODUCT, stored=("b",)),
    ),
    "litert-gpu-mask-on-product": (
        file(
            ONE | SCALED,
            PRODUCT,
            ("MUL", ("p", "k"), "q"),
            ("ADD", ("m", "q"), "s"),
            stored=("k", "m"),
        ),
        file(ONE | {"m": (1, 4, 4), "s": (1, 4, 4)}, PRODUCT, ("ADD", ("p", "m"), "s"), stored=("m",)),
    ),
    "litert-gpu-large-reduction": (
        file(WIDE, ("MEAN", ("x",), "y")),
        file(WIDE | {"half": (1, 256, 3)}, ("MEAN", ("x",), "half"), ("MEAN", ("half",), "y")),
    ),
    "litert-gpu-rank": (
        file({"x": (1, 2, 2, 2, 2), "y": (1, 2, 2, 2, 2)}, ("MUL", ("x", "x"), "y")),
        file({"x": (2, 2, 2, 2), "y": (2, 2, 2, 2)}, ("MUL", ("x", "x"), "y")),
    ),
    "litert-gpu-expand": (
        file({"x": (1, 4), "y": (3, 4)}, ("BROADCAST_TO", ("x",), "y")),
        file({"x": (1, 4), "y": (3, 4)}, ("CONCATENATION", ("x", "x", "x"), "y")),
    ),
    "litert-gpu-rows": (
        file({"t": (9, 4), "i": (3,), "y": (3, 4)}, ("GATHER", ("t", "i"), "y")),
        file({"t": (9, 4), "y": (3, 4)}, ("SLICE", ("t",), "y")),
    ),
    "litert-gpu-transposed-convolution": (
        file(
            {"o": (4,), "x": (1, 4, 4, 3), "y": (1, 8, 8, 3)},
            ("TRANSPOSE_CONV", ("o", "x"), "y"),
            stored=("o",),
        ),
        file({"x": (1, 4, 4, 12), "y": (1, 8, 8, 3)}, ("DEPTH_TO_SPACE", ("x",), "y")),
    ),
}


def broken(graph) -> list[str]:
    return [finding.rule for finding in file_findings(graph, "small", GPU, None)]


@pytest.mark.parametrize("rule", CASES)
def test_a_file_that_breaks_a_rule_is_found_and_its_mended_form_is_not(rule):
    breaks, mended = CASES[rule]
    assert broken(breaks) == [rule]
    assert rule not in broken(mended)


def test_a_reduction_that_keeps_its_axes_is_found_too():
    shapes = {"x": (1, 256, 256, 3), "y": (1, 1, 1, 3)}
    (finding,) = file_findings(file(shapes, ("SUM", ("x",), "y")), "small", GPU, None)
    assert (finding.rule, finding.detail) == ("litert-gpu-large-reduction", "65,536 elements over 2 axes")


def test_a_finding_says_where_it_is_and_what_it_moves():
    (finding,) = file_findings(CASES["litert-gpu-batched-product"][0], "small", GPU, None)
    assert (finding.graph, finding.module, finding.operator) == ("small", "part.p", "BATCH_MATMUL")
    assert (finding.inputs, finding.outputs) == (((2, 4, 8), (2, 8, 4)), ((2, 4, 4),))
    assert finding.bytes_moved == (64 + 64 + 32) * 4
    assert (finding.macs, finding.mac_share) == (None, None)


@pytest.fixture
def entry(tmp_path):
    return write_small_bundle(tmp_path).graphs[0]


def test_what_is_alive_is_followed_through_the_file(entry):
    graph = file(
        {"x": (10,), "w": (1000,), "up": (100,), "flat": (1, 100), "down": (10,), "y": (10,)},
        ("MUL", ("x", "w"), "up"),
        ("RESHAPE", ("up",), "flat"),
        ("SUM", ("flat",), "down"),
        ("ADD", ("down", "x"), "y"),
        stored=("w",),
    )
    found = file_figures(entry, graph, 2.5)
    assert (found.source, found.operators, found.estimated_ms) == ("file", 4, 2.5)
    # The input, what was made of it, and the sum of that; the view takes nothing, weights are counted apart.
    assert (found.peak_activation_bytes, found.peak_at) == ((10 + 100 + 10) * 4, "part.down")
    assert (found.largest.module, found.largest.shape) == ("part.up", (100,))
    assert found.bytes_moved == (1110 + 200 + 110 + 30) * 4
    assert (found.macs, found.weight_bytes) == (entry.macs_after, entry.size_bytes)


def test_by_manifest_only_its_borders_are_known(entry):
    found = manifest_figures(entry)
    assert (found.source, found.operators, found.bytes_moved, found.largest) == ("manifest", 3, None, None)
    specs = (*CONTRACTS[0].inputs, *CONTRACTS[0].outputs)
    assert found.peak_activation_bytes == sum(spec.size for spec in specs) * 4
    assert manifest_figures(msgspec.structs.replace(entry, delegation=None)).operators is None
