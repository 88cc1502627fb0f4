"""What an app leaves of the tiny bundle, when only its graphs are timed."""

from __future__ import annotations

from typing import Any

from rapsam.benchmarks.latency.facts import Timing

QUICK = Timing(iters=2, min_seconds=0.0, max_seconds=0.0, warmup_max_s=0.0, stages=("graph",))
GRAPHS = ("see", "find", "answer")
_GRAPH = {
    "reported": ["CPUExecutionProvider"],
    "load_ms": 10.0,
    "compile_ms": None,
    "first_ms": 5.0,
    "average_warmup_ms": 2.0,
    "warmup_iters": 4,
    "is_warm": True,
}
RESULT: dict[str, Any] = {
    "schema_version": 1,
    "run_id": "RUN",
    "error": None,
    "app_version": "1.0 (7)",
    "build_type": "release",
    "runtime_version": "1.29.0",
    "phone": {"cores": 6, "ram_mb": 7600, "low_power": False, "battery_pct": 80.0, "charging": True},
    "graphs": [{"graph": graph, **_GRAPH} for graph in GRAPHS],
    "stages": [
        {"kind": "graph", "of": graph, "mode": "burst", "samples_ms": [1.0, 2.0, 3.0]} for graph in GRAPHS
    ],
    "sustained": None,
    "memory": {"baseline_mb": 30, "peak_mb": 90, "metric": "phys_footprint"},
    "battery": None,
    "thermal_states": ["nominal", "fair"],
    "input": "a photograph",
}
"""RUN stands for the number of the run."""
