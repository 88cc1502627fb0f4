from __future__ import annotations

import functools

import numpy as np
import pytest

from rapsam.errors import BundleError
from rapsam.export.backends.coreml.mil.operators import OPERATORS
from tests.export.backends.one_op_programs import Case, run_saved, tensors
from tests.export.backends.operator_cases import CASES, normal, resampled, unary

# float32 sums in another order; float16 rounds a result once, by half of one part in 1024.
RELATIVE = {"fp32": 3e-6, "fp16": 2.0**-11}
ABSOLUTE = {"fp32": 3e-6, "fp16": 4e-6}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Returns what one program with all operators computes, by version of iOS and precision."""

    @functools.cache
    def run(ios: int, precision: str):
        cases = {_label(name): case for name, case in CASES.items() if case.since <= ios}
        return run_saved(cases, ios, precision, tmp_path_factory.mktemp("operators"))

    return run


def _label(name: str) -> str:
    return name.replace("/", "_of_")


def test_every_operator_has_a_case() -> None:
    assert {name.split("/")[0] for name in CASES} == set(OPERATORS)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("ios", [16, 17, 18])
@pytest.mark.parametrize("name", CASES)
def test_an_operator_computes_what_pytorch_computes(results, name, ios, precision) -> None:
    case = CASES[name]
    if case.since > ios:
        pytest.skip(f"the operator came with iOS {case.since}")
    result = results(ios, precision)[_label(name)]
    expected = case.expected(*tensors(case, precision == "fp16").values()).float().numpy()
    np.testing.assert_allclose(result, expected, rtol=RELATIVE[precision], atol=ABSOLUTE[precision])
    if precision == "fp16":
        assert np.array_equal(result, result.astype(np.float16))


def run_one(case: Case, folder) -> np.ndarray:
    return run_saved({"y": case}, max(17, case.since), "fp32", folder)["y"]


def _attended_with_a_mask(mb, dtype, q, k):  # noqa: ARG001
    return mb.scaled_dot_product_attention(query=q, key=k, value=k, attn_mask=np.ones((3, 5), np.bool_))


UNKNOWN_FORMS = {
    "padding 'same'": unary(
        "max_pool", lambda x: x[..., :3, :4], kernel_sizes=[2, 2], strides=[2, 2], pad_type="same"
    ),
    "a maximum pool that rounds its size up": unary(
        "max_pool",
        lambda x: x[..., :3, :4],
        kernel_sizes=[2, 2],
        strides=[2, 2],
        pad_type="custom",
        ceil_mode=True,
    ),
    "sampling mode 'nearest'": resampled(sampling_mode="nearest"),
    "padding mode 'border' of resample": resampled(padding_mode="border"),
    "padding mode 'constant' of resample with the value 2": resampled(padding_value=np.float32(2)),
    "attn_mask": Case(
        _attended_with_a_mask,
        lambda q, k: q,  # noqa: ARG005
        {"q": normal(1, 2, 3, 8), "k": normal(1, 2, 5, 8)},
        since=18,
    ),
    "mode 'SIGMOID_APPROXIMATION' of gelu": unary("gelu", lambda x: x, mode="SIGMOID_APPROXIMATION"),
    "a slice with steps": unary(
        "slice_by_index",
        lambda x: x[:, :2, :5, :7],
        begin=[0, 2, 5, 7],
        end=[1, 0, 0, 0],
        stride=[1, -1, -1, -1],
    ),
    "a layer norm over the axes": unary("layer_norm", lambda x: x, axes=[1], epsilon=1e-5),
    "an interleaved concat": Case(
        lambda mb, dtype, x: mb.concat(values=[x, x], axis=1, interleave=True),  # noqa: ARG005
        lambda x: x.repeat(1, 2, 1, 1),
        {"x": np.ones((1, 3, 6, 8), np.float32)},
    ),
}


@pytest.mark.parametrize("form", UNKNOWN_FORMS)
def test_a_form_that_it_does_not_know_is_an_error_of_loading(tmp_path, form) -> None:
    with pytest.raises(BundleError, match=form):
        run_one(UNKNOWN_FORMS[form], tmp_path)


@pytest.mark.parametrize(("kind", "highest"), [("int16", 2**15 - 1), ("uint16", 2**16 - 1)])
def test_whole_numbers_that_16_bits_do_not_hold_are_an_error(tmp_path, kind, highest) -> None:
    """A phone would wrap or clip them: as indices they would be wrong, and here right."""

    def cast(*numbers):
        case = Case(
            lambda mb, dtype, x: mb.cast(x=x, dtype=kind),  # noqa: ARG005
            lambda x: x,
            {"x": np.float32(numbers)},
        )
        folder = tmp_path / str(numbers)
        folder.mkdir()
        return run_one(case, folder).tolist()

    assert cast(0, highest) == [0, highest]
    with pytest.raises(BundleError, match=f"leaves its range of .* to {highest}"):
        cast(0, highest + 1)
    with pytest.raises(BundleError, match="leaves its range"):
        cast(-highest - 2, 0)


def test_a_shape_that_is_computed_is_an_error_of_loading(tmp_path) -> None:
    def build(mb, dtype, x):  # noqa: ARG001
        bounds = mb.cast(x=mb.slice_by_index(x=x, begin=[0], end=[1]), dtype="int32")
        part = mb.slice_by_index(x=x, begin=bounds, end=[3])
        return mb.reduce_sum(x=part, axes=[0], keep_dims=True)

    case = Case(build, lambda x: x[1:].sum(0, True), {"x": np.float32([1, 2, 3])})
    with pytest.raises(BundleError, match="computes its begin"):
        run_one(case, tmp_path)
