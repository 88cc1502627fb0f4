"""Records that nobody measured, for tests of what is made of them."""

from __future__ import annotations

import msgspec

from rapsam.benchmarks.latency.distribution import distribution
from rapsam.benchmarks.latency.facts import (
    AppFacts,
    ComputeFacts,
    Conditions,
    DeviceFacts,
    GraphRun,
    ModelFacts,
    RuntimeFacts,
    Timing,
)
from rapsam.benchmarks.latency.record import (
    SCHEMA_VERSION,
    Fidelity,
    FidelityRow,
    LatencyRecord,
    Memory,
    StageTimes,
    Validity,
)


def stage(*samples_ms: float, kind: str = "graph", of: str | None = "see", mode: str = "burst") -> StageTimes:
    return StageTimes(
        kind=kind,
        of=of,
        mode=mode,
        ms=distribution(samples_ms),
        samples_ms=samples_ms,
        min_duration_met=True,
        min_count_met=True,
    )


def fidelity(status: str = "passed", reason: str = "") -> Fidelity:
    row = FidelityRow(
        graph="see",
        output="seen",
        case="scene",
        status=status,
        reason=reason,
        max_abs=0.5,
        cosine=0.9,
        sqnr_db=20.0,
    )
    return Fidelity(
        status=status,
        cases=1,
        worst="see.seen on scene",
        worst_sqnr_db=20.0,
        mean_sqnr_db=20.0,
        max_abs=0.5,
        rows=(row,),
    )


def record(**changes: object) -> LatencyRecord:
    made = LatencyRecord(
        schema_version=SCHEMA_VERSION,
        run_id="ab" * 16,
        created_utc="2026-11-28T00:00:00+00:00",
        status="done",
        error=None,
        runner="local",
        provenance="measured",
        device=DeviceFacts(
            platform="linux",
            id=None,
            model=None,
            marketing_name=None,
            soc="a processor",
            cores=2,
            ram_mb=1000,
            os="Linux x86_64",
            os_version="6",
            os_build=None,
            api_level=None,
            low_power=None,
            battery_pct=None,
            charging=None,
            load_average=0.5,
        ),
        app=AppFacts(version="0", source_sha256=None, build_type=None),
        runtime=RuntimeFacts(
            name="ONNX Runtime", version="1", versions={"onnxruntime": "1"}, binary_sha256=None
        ),
        model=ModelFacts(
            kind="bundle",
            file="onnx-tiny",
            sha256="cd" * 32,
            size_bytes=10,
            name="rapsam_nano",
            recipe="onnx-fp32",
            precision="fp32",
            input_shape=(1, 3, 32, 64),
            tasks=("panoptic",),
        ),
        compute=ComputeFacts(
            requested="ONNX Runtime", reported=("CPUExecutionProvider",), threads=1, cpus=(0,)
        ),
        conditions=Conditions(
            timing=Timing(),
            command="rapsam bench onnx-tiny",
            variants=1,
            order="alone",
            input="a scene",
            input_sha256="ef" * 32,
        ),
        graphs=(
            GraphRun(
                graph="see",
                file="see.onnx",
                sha256="01" * 32,
                size_bytes=10,
                reported=("CPUExecutionProvider",),
                delegate=None,
                delegate_provenance=None,
                partitions=None,
                nodes_delegated=None,
                nodes_total=None,
                delegated_mac_share=None,
                load_ms=10.0,
                compile_ms=None,
                first_ms=3.0,
                average_warmup_ms=2.0,
                warmup_iters=10,
                is_warm=True,
            ),
        ),
        stages=(stage(1.0, 2.0, 3.0),),
        sustained=None,
        memory=Memory(baseline_mb=100, peak_mb=200, metric="VmHWM"),
        thermal=None,
        battery=None,
        validity=Validity(min_duration_met=True, min_count_met=True, is_warm=True),
        fidelity=fidelity(),
        notes=(),
    )
    return msgspec.structs.replace(made, **changes)
