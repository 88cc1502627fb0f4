"""Peak memory of activations, against what one gets by walking a graph tensor by tensor."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rapsam.export.backends.catalogue import RECIPES
from rapsam.export.lint.liveness import liveness
from tests.export.lint.lint_cases import Computes, examined

WIDTH = 8
# Each step reads one or two earlier results, counted from the input, and makes a result of so many rows.
STEPS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(1, 5)), min_size=1, max_size=8)


def plan(steps) -> list[tuple[int, int, int]]:
    return [(first % (n + 1), second % (n + 1), rows) for n, (first, second, rows) in enumerate(steps)]


def chain(steps) -> Computes:
    """Every operator has two operands and makes one tensor: nothing is a view, and nothing is left out."""

    def run(_module, given):
        made = [given]
        for first, second, rows in steps:
            left, right = made[first], made[second]
            made.append((left.amax(0, keepdim=True) + right.amax(0, keepdim=True)).repeat(rows, 1))
        return made[-1]

    return Computes(run)


def expected_peak(graph) -> int:
    """Walks the captured graph: at each operator, what is there and still needed, and what it makes."""
    nodes = [node for node in graph.program.graph.nodes if node.name not in graph.stored]
    place = {node: number for number, node in enumerate(nodes)}
    tensors = [node for node in nodes if node.op != "output"]
    end = {node: max([place[node], *(place[user] for user in node.users)]) for node in tensors}
    size = {node: node.meta["val"].numel() * 4 for node in tensors}
    return max(
        sum(
            size[node]
            for node in tensors
            if (node.op == "placeholder" or place[node] <= now) and now <= end[node]
        )
        for now in range(len(nodes))
    )


@settings(max_examples=25)
@given(STEPS)
def test_the_peak_is_what_a_walk_over_the_graph_finds(steps):
    graph = examined(chain(plan(steps)), (3, WIDTH))
    assert liveness(graph).peak_bytes == expected_peak(graph)


def test_a_plain_chain_needs_two_tensors_at_a_time():
    graph = examined(Computes(lambda _, a: ((a + 1) * 2).relu().sigmoid()), (4, 8))
    found = liveness(graph)
    assert found.peak_bytes == 2 * 4 * 8 * 4
    assert found.largest.shape == (4, 8)


def test_what_is_used_again_stays():
    graph = examined(Computes(lambda _, a: (a + 1).relu().sigmoid() + a), (4, 8))
    assert liveness(graph).peak_bytes == 3 * 4 * 8 * 4


def test_another_shape_takes_no_memory_and_a_transposition_does():
    reshaped = examined(Computes(lambda _, a: (a + 1).reshape(8, 4).relu()), (4, 8))
    transposed = examined(Computes(lambda _, a: (a + 1).transpose(0, 1).relu()), (4, 8))
    assert liveness(reshaped).peak_bytes == 2 * 4 * 8 * 4
    kept = examined(Computes(lambda _, a: (a + 1).reshape(8, 4).relu() + a.reshape(8, 4)), (4, 8))
    assert liveness(kept).peak_bytes == 3 * 4 * 8 * 4
    assert len(list(transposed.operators())) == len(list(reshaped.operators()))


def test_pieces_of_a_tensor_live_as_long_as_one_of_them_is_read():
    graph = examined(Computes(lambda _, a: a.chunk(2, 0)[0].relu() + a.chunk(2, 0)[1]), (4, 8))
    assert liveness(graph).peak_bytes >= 2 * 4 * 8 * 4


def test_weights_are_not_activations_and_the_recipe_decides_the_bytes():
    function = Computes(lambda m, a: a + m.weight, weight=torch.ones(4, 8))
    assert liveness(examined(function, (4, 8))).peak_bytes == 2 * 4 * 8 * 4
    half = examined(function, (4, 8), recipe=RECIPES["onnx-fp16"])
    assert liveness(half).peak_bytes == 2 * 4 * 8 * 2
    assert half.weight_bytes() == 4 * 8 * 2
