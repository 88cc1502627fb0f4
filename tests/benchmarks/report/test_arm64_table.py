"""Self-tests on imitated processors stand beside those of the same bundle in the same runtime here."""

from __future__ import annotations

import msgspec

from rapsam.benchmarks.report.arm64 import arm64_table, known_self_tests
from tests.benchmarks.latency.made_up_latency import fidelity, record


def emulated(**changes):
    base = record(provenance="emulated", runner="qemu-arm64", stages=(), validity=None)
    device = msgspec.structs.replace(base.device, soc="cortex-a53, emulated")
    return msgspec.structs.replace(base, device=device, **changes)


def judged(worst: float | None, mean: float | None):
    return msgspec.structs.replace(fidelity(), worst_sqnr_db=worst, mean_sqnr_db=mean)


def rows(*records) -> list[str]:
    return [line for line in arm64_table(records).splitlines() if line.startswith("|")][2:]


def test_a_run_stands_beside_that_of_the_same_bundle_and_runtime():
    here = record(fidelity=judged(30.0, None))
    (row,) = rows(emulated(fidelity=judged(20.0, 25.5)), here)
    assert "| Cortex-A53 | passed | 20.0 dB | 25.5 dB | 30.0 dB | no difference |" in row


def test_another_version_of_the_runtime_is_no_comparison():
    here = record()
    other = msgspec.structs.replace(here, runtime=msgspec.structs.replace(here.runtime, version="0.1"))
    (row,) = rows(emulated(), other)
    assert row.endswith("| - | - |")


def test_a_run_that_could_not_end_has_no_figures():
    (row,) = rows(emulated(status="failed", error="hung", fidelity=None))
    assert row.endswith("| failed | - | - | - | - |")


def test_the_records_that_are_kept_are_emulated_without_times_or_measured_here():
    assert {one.provenance for one in known_self_tests()} == {"emulated", "measured"}
    assert not any(one.stages for one in known_self_tests() if one.provenance == "emulated")
