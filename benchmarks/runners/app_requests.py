"""What an app on a phone is asked, on iOS and Android alike."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path

import msgspec

from rapsam.benchmarks.latency.facts import Conditions, Timing
from rapsam.benchmarks.latency.stage_names import bundle_stages
from rapsam.benchmarks.runners.app_contract import SCHEMA_VERSION, AppJob
from rapsam.benchmarks.runners.base import Variant, Wanted
from rapsam.benchmarks.runners.record_parts import conditions_of
from rapsam.errors import InputError, UnavailableError, unknown_name
from rapsam.export.backends.catalogue import RECIPES
from rapsam.export.bundle.manifest import Manifest
from rapsam.export.bundle.seal import verify_runnable

_ORDER = "one after another"


def wanted_runtimes(path: Path, wanted: Wanted, known: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Finds what an app is to run a bundle with.

    Args:
        path: Of the bundle.
        wanted: What a user asks for.
        known: Target to the runtimes that the app has for it; the first is taken unless told.

    Raises:
        RapSamError: If it is a bare file, damaged, or the app does not run it like that.
    """
    if path.is_file():
        raise InputError(f"{path} is a bare file; expected a bundle: the sample app takes no other")
    backend = RECIPES[verify_runnable(path).recipe].backend
    if backend not in known:
        raise UnavailableError(
            f"{path} is of the target {backend}, which the sample app does not run; expected one of "
            f"{', '.join(known)}"
        )
    runtimes = known[backend]
    if wanted.runtime is None:
        return runtimes if wanted.all_units else runtimes[:1]
    if wanted.runtime not in runtimes:
        raise unknown_name("runtime", wanted.runtime, runtimes)
    return (wanted.runtime,)


def new_job(variant: Variant, timing: Timing) -> AppJob:
    """Writes what an app is to do, under a number that no other run has."""
    return AppJob(
        schema_version=SCHEMA_VERSION,
        run_id=uuid.uuid4().hex,
        runtime=variant.runtime,
        threads=variant.threads,
        timing=timing,
    )


def app_conditions(timing: Timing, command: str, variants: int) -> Conditions:
    """Describes how variants are timed in an app; see `conditions_of`."""
    return msgspec.structs.replace(conditions_of(timing, command, variants), order=_ORDER)


def longest_s(manifest: Manifest, timing: Timing) -> float:
    """Returns how long an app measures at most: every stage, every warm-up, and the sustained run."""
    stages = sum(stage.is_wanted(timing.stages) for stage in bundle_stages(manifest))
    warm_ups = len(manifest.graphs) * timing.warmup_max_s
    return stages * timing.max_seconds + warm_ups + (timing.sustained_s or 0.0)
