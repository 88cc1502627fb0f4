"""A page of many kinds of runs and of a bundle, made once."""

from __future__ import annotations

import msgspec
import pytest

from rapsam.benchmarks.latency.record import LatencyRecord, Validity, Window
from rapsam.benchmarks.report.bundle_view import view_bundle
from rapsam.benchmarks.report.page.document import page_of
from tests.benchmarks.latency.made_up_latency import fidelity, record, stage

change = msgspec.structs.replace


def runs() -> list[LatencyRecord]:
    """Eight runs with times, and one of an emulator."""
    base = record(stages=(stage(9.0, 10.0, 11.0), stage(20.0, 21.0, 30.0, kind="end_to_end", of="panoptic")))
    equal = change(fidelity(), worst_sqnr_db=None, mean_sqnr_db=None, max_abs=0.0)
    windows = tuple(Window(t_s=5.0 * (place + 1), n=9, p50_ms=20.0 + place) for place in range(12))
    phone = change(base.device, marketing_name="A phone", platform="android", id="0123")
    return [
        base,
        change(base, fidelity=equal),
        change(
            base, fidelity=None, model=change(base.model, kind="file", name=None, recipe=None, file="a.onnx")
        ),
        change(base, status="failed", error="wrong on this device", fidelity=fidelity("failed", "3 dB")),
        change(base, validity=Validity(min_duration_met=True, min_count_met=False, is_warm=False)),
        change(base, device=phone, runner="adb", provenance="estimated"),
        change(base, sustained=windows, memory=None),
        change(base, sustained=windows[:3], runtime=change(base.runtime, version=None)),
        change(base, provenance="emulated", stages=(), validity=None),
    ]


@pytest.fixture(scope="session")
def page(tiny_bundle, wrong_bundle) -> str:
    bundles = [view_bundle(folder, lambda _: None) for folder in (tiny_bundle, wrong_bundle)]
    return page_of(runs(), bundles).decode()
