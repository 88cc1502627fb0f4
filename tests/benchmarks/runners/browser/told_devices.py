"""What pages tell, made up: a device, and the record of the tiny bundle."""

from __future__ import annotations

from typing import Any

ANDROID = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 "
    "Mobile Safari/537.36"
)
SESSION = "0123abcd-0123abcd"


def device(**changes: Any) -> dict[str, Any]:
    return {
        "user_agent": ANDROID,
        "brands": [],
        "platform": None,
        "platform_version": None,
        "model": None,
        "architecture": None,
        "processors": 8,
        "is_secure": False,
        "is_isolated": False,
        "clock_step_ms": 0.1,
        "battery_percent": None,
        "is_charging": None,
        **changes,
    }


def graph(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "graph": name,
        "reported": ["wasm"],
        "load_ms": 10.0,
        "first_ms": 3.0,
        "average_warmup_ms": 2.0,
        "warmup_iters": 10,
        "is_warm": True,
        **changes,
    }


def stage(
    kind: str = "graph", of: str | None = "see", samples: tuple[float, ...] = (1.0, 2.0, 3.0), **changes: Any
):
    return {"kind": kind, "of": of, "mode": "burst", "samples_ms": list(samples), **changes}


def record(**changes: Any) -> dict[str, Any]:
    return {
        "failed": None,
        "is_offered": True,
        "version": "1.30.0",
        "threads": 1,
        "graphs": [graph("see"), graph("find"), graph("answer")],
        "stages": [stage(), stage("end_to_end", "panoptic")],
        "sustained": None,
        "battery": [],
        "was_hidden": False,
        **changes,
    }
