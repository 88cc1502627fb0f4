"""Memory against the phone's, and time by roofline: known, or null with the reason."""

from __future__ import annotations

import msgspec
import pytest

from rapsam.errors import InputError
from rapsam.export.devices import Device, find_device
from rapsam.export.lint.footprint import (
    memory_estimate,
    memory_findings,
    roofline_ms,
    roofline_unknown,
)
from rapsam.export.lint.report import GraphFigures

MIB = 1024**2
PIXEL, IPHONE = find_device("pixel-8"), find_device("iphone-15-pro")
SOURCE = "https://example.com/speed"


def changed(device: Device, **facts) -> Device:
    return msgspec.convert({**msgspec.to_builtins(device), **facts}, Device)


def figures(weights_mib: int, activations_mib: int) -> GraphFigures:
    return GraphFigures(
        graph="small",
        source="captured",
        macs=1,
        operators=1,
        bytes_moved=1,
        weight_bytes=weights_mib * MIB,
        peak_activation_bytes=activations_mib * MIB,
        peak_at="",
        largest=None,
        estimated_ms=None,
    )


def test_weights_add_up_and_the_graph_that_needs_most_counts():
    memory = memory_estimate([figures(100, 700), figures(300, 20)], PIXEL)
    assert memory.total_bytes == (100 + 300 + 700) * MIB
    assert memory.share == pytest.approx(1100 / 8192)
    assert memory.ram_unknown == ""
    assert memory_findings(memory) == []


def test_more_than_the_phone_has_is_an_error():
    (finding,) = memory_findings(memory_estimate([figures(100, 8192)], PIXEL))
    assert (finding.rule, finding.severity, finding.detail) == ("memory", "error", "8,292 of 8,192 MiB")


@pytest.mark.parametrize(("device", "reason"), [(None, "no device"), (IPHONE, "no memory of iphone-15-pro")])
def test_memory_that_nobody_knows_is_null_with_the_reason_and_no_finding(device, reason):
    memory = memory_estimate([figures(100, 99999)], device)
    assert (memory.ram_mb, memory.share) == (None, None)
    assert reason in memory.ram_unknown
    assert memory_findings(memory) == []


def test_time_by_roofline_is_the_slower_of_arithmetic_and_memory():
    fast = changed(PIXEL, gmacs_per_second=1000.0, gb_per_second=50.0, speed_source=SOURCE)
    assert roofline_ms(2 * 10**9, 10**6, fast) == pytest.approx(2.0)
    assert roofline_ms(10**6, 10**8, fast) == pytest.approx(2.0)
    assert roofline_unknown(fast) == ""


@pytest.mark.parametrize("device", [None, PIXEL])
def test_time_is_null_with_the_reason_where_the_catalogue_has_no_speed(device):
    assert roofline_ms(1, 1, device) is None
    assert roofline_unknown(device)


def test_a_speed_needs_a_source():
    with pytest.raises(InputError, match="speed_source"):
        Device(**{**{name: getattr(PIXEL, name) for name in PIXEL.__struct_fields__}, "gb_per_second": 50.0})
