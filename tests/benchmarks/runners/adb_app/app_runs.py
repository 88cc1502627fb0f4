"""What tests of runs in the app share: a run that is listened to, and one that has failed."""

from __future__ import annotations

from rapsam.benchmarks.latency.record_file import read_latency_records, write_latency_records
from rapsam.benchmarks.runners.base import Variant
from tests.benchmarks.runners.app_result import QUICK

CPU = "ONNX Runtime"


class Lines(list):
    """What was said, and what is done when something is said for the first time."""

    def __init__(self, words: str = "", then=lambda: None) -> None:
        super().__init__()
        self._words, self._then = words, then

    def __call__(self, line: str, **_stays: bool) -> None:
        is_first = bool(self._words) and self._words in line and not any(self._words in one for one in self)
        self.append(line)
        if is_first:
            self._then()


def measure(runner, *bundles, timing=QUICK, log=None, device=None):
    variants = [Variant(bundle, CPU, 2) for bundle in bundles]
    return runner.measure(
        variants, timing, device, "rapsam bench x --on adb-app", Lines() if log is None else log
    )


def failed(runner, app_phone, bundle, tmp_path, log=None):
    (record,) = measure(runner, bundle, log=log)
    assert record.status == "failed"
    assert "\n" not in record.error
    assert (record.stages, record.fidelity) == ((), None)
    assert record.device.model == "google Pixel 8"
    write_latency_records(tmp_path / "a.jsonl", [record])
    assert read_latency_records(tmp_path / "a.jsonl") == (record,)
    assert app_phone.left() == []
    assert not app_phone.is_running()
    return record.error
