from __future__ import annotations

import shutil
import subprocess
import sys

import msgspec
import pytest

from rapsam.benchmarks.latency.facts import Timing
from rapsam.benchmarks.latency.job import Answer, Job
from rapsam.benchmarks.latency.record_file import read_latency_records, write_latency_records
from rapsam.benchmarks.latency.verdict import fastest_correct
from rapsam.benchmarks.runners import RUNNERS, find_runner
from rapsam.benchmarks.runners.base import Variant, Wanted
from rapsam.benchmarks.runners.local import LocalRunner, worker_command
from rapsam.errors import BundleError, InputError, RapSamError, UnavailableError
from rapsam.export.bundle.seal import verify_bundle

QUICK = Timing(iters=4, min_seconds=0.0, rounds=2, pause_s=0.0, warmup_max_s=0.2)
ANSWER = 'print("{}", flush=True)'
PROGRAMS = {
    "hung": "import time; time.sleep(60)",
    "crashed": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
    "crashed in a turn": f"import os, signal; {ANSWER}; input(); os.kill(os.getpid(), signal.SIGKILL)",
    "hung in a turn": f"import time; {ANSWER}; time.sleep(60)",
    "says nonsense": "print('hello')",
    "measures nothing": f"import sys; {ANSWER}\nfor line in sys.stdin: {ANSWER}",
}


def quiet(_line: str) -> None:
    pass


def measure(runner, variants, timing=QUICK):
    return runner.measure(variants, timing, None, "rapsam bench x", quiet)


@pytest.fixture(scope="module")
def records(tiny_bundle, wrong_bundle):
    """A right bundle and a wrong one, in turns, each in a real process."""
    variants = LocalRunner().variants(Wanted((tiny_bundle, wrong_bundle), threads=1), None)
    return measure(LocalRunner(), variants)


def test_a_right_bundle_is_done_and_a_wrong_one_failed(records, tiny_bundle, wrong_bundle):
    right, wrong = records
    assert (right.status, right.error, right.model.file) == ("done", None, tiny_bundle.name)
    assert (wrong.status, wrong.model.file) == ("failed", wrong_bundle.name)
    assert wrong.error.startswith("wrong on this device: see.seen on scene: ")
    assert wrong.stages  # how fast it was wrong is told, but never chosen
    assert fastest_correct(records).record == right


def test_the_record_says_what_was_asked_and_what_was_got(records, tiny_bundle):
    right, _ = records
    manifest = verify_bundle(tiny_bundle)
    assert [(graph.file, graph.sha256) for graph in right.graphs] == [
        (entry.path, entry.sha256) for entry in manifest.graphs
    ]
    assert (right.compute.requested, right.compute.reported) == ("ONNX Runtime", ("CPUExecutionProvider",))
    assert right.compute.threads == len(right.compute.cpus) == 1
    assert right.runtime.version == right.runtime.versions["onnxruntime"]
    assert (right.conditions.variants, right.conditions.order) == (2, "in turns, every other round backwards")
    assert (right.provenance, right.runner) == ("measured", "local")
    assert right.memory.peak_mb >= right.memory.baseline_mb > 0


def test_runs_have_numbers_of_their_own_and_can_be_read_back(records, tmp_path):
    assert len({record.run_id for record in records}) == 2
    write_latency_records(tmp_path / "a.jsonl", records)
    assert read_latency_records(tmp_path / "a.jsonl") == records


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("hung", "hung: no answer in 2 s"),
        ("crashed", "was ended by SIGSEGV"),
        ("crashed in a turn", "was ended by SIGKILL"),
        ("hung in a turn", "hung: no answer in 2 s"),
        ("says nonsense", "no answer"),
        ("measures nothing", "measured nothing"),
    ],
)
def test_whatever_happens_to_a_process_is_its_record(tiny_bundle, tmp_path, what, says):
    timing = Timing(iters=1, min_seconds=0.0, max_seconds=0.0, rounds=2, pause_s=0.0)
    runner = LocalRunner(2.0, lambda _job: [sys.executable, "-c", PROGRAMS[what]])
    (record,) = measure(runner, [Variant(tiny_bundle, "ONNX Runtime", 1)], timing)
    assert record.status == "failed"
    assert says in record.error
    assert (record.stages, record.graphs, record.memory, record.fidelity) == ((), (), None, None)
    assert record.conditions.input is None
    write_latency_records(tmp_path / "a.jsonl", [record])
    assert read_latency_records(tmp_path / "a.jsonl") == (record,)


def test_one_that_crashes_leaves_the_others(tiny_bundle):
    def command(job):
        return [sys.executable, "-c", PROGRAMS["crashed"]] if job.threads == 2 else worker_command(job)

    variants = [Variant(tiny_bundle, "ONNX Runtime", 2), Variant(tiny_bundle, "ONNX Runtime", 1)]
    assert [one.status for one in measure(LocalRunner(command=command), variants)] == ["failed", "done"]


def test_the_process_of_a_variant_says_nothing_but_its_answer(tmp_path):
    job = Job(path=str(tmp_path / "none"), runtime="ONNX Runtime", threads=1, timing=QUICK, cpus=None)
    done = subprocess.run(worker_command(job), capture_output=True, text=True, check=True)
    assert "none" in msgspec.json.decode(done.stdout, type=Answer).failed
    assert done.stderr == ""


def test_a_damaged_file_is_a_failed_run(tmp_path):
    path = tmp_path / "damaged.onnx"
    path.write_bytes(b"no graph")
    (record,) = measure(LocalRunner(), [Variant(path, "ONNX Runtime", 1)])
    assert record.status == "failed"
    assert "ONNX Runtime refuses" in record.error
    assert (record.model.kind, record.model.size_bytes) == ("file", 8)


def test_all_units_are_all_numbers_of_threads_here(tiny_bundle):
    found = LocalRunner().variants(Wanted((tiny_bundle,), all_units=True), None)
    counts = [variant.threads for variant in found if variant.runtime == "ONNX Runtime"]
    assert counts == sorted(set(counts))
    assert counts[0] == 1


def test_one_runtime_and_one_number_of_threads_without_all_units(tiny_bundle):
    found = LocalRunner().variants(Wanted((tiny_bundle, tiny_bundle / "see.onnx")), None)
    assert [(variant.path.name, variant.runtime) for variant in found] == [
        ("onnx-tiny", "ONNX Runtime"),
        ("see.onnx", "ONNX Runtime"),
    ]


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"threads": 0}, InputError, "--threads 0; expected 1 to"),
        ({"threads": 10**6}, InputError, "--threads 1000000; expected 1 to"),
        ({"runtime": "ONNX Runtim"}, InputError, "did you mean ONNX Runtime"),
    ],
)
def test_what_this_machine_has_not_is_refused(tiny_bundle, changes, error, says):
    with pytest.raises(error, match=says):
        LocalRunner().variants(Wanted((tiny_bundle,), **changes), None)


def test_a_damaged_bundle_is_refused_before_any_process_starts(tiny_bundle, tmp_path):
    copy = shutil.copytree(tiny_bundle, tmp_path / "copy")
    (copy / "see.onnx").write_bytes(b"x")
    for path, error in ((copy, BundleError), (tmp_path / "none", InputError), (tmp_path, RapSamError)):
        with pytest.raises(error):
            LocalRunner().variants(Wanted((path,)), None)


def test_a_runtime_that_does_not_work_here_is_refused_with_the_reason(tmp_path):
    path = tmp_path / "a.pte"
    path.write_bytes(b"x")
    with pytest.raises(UnavailableError, match="Vulkan"):
        LocalRunner().variants(Wanted((path,), runtime="ExecuTorch, Vulkan"), None)


def test_runners_are_found_by_name():
    assert {name: runner.name for name, runner in RUNNERS.items()} == {name: name for name in RUNNERS}
    assert find_runner("local") == (RUNNERS["local"], None)
    assert find_runner("local:0") == (RUNNERS["local"], "0")
    assert RUNNERS["local"].unavailable("0") is not None
    with pytest.raises(InputError, match="did you mean local"):
        find_runner("locla")
