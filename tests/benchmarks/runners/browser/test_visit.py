from __future__ import annotations

import json

import numpy as np
import pytest

from rapsam.benchmarks.latency.facts import Timing
from rapsam.benchmarks.latency.record_file import read_latency_records, write_latency_records
from rapsam.benchmarks.runners.base import Variant
from rapsam.benchmarks.runners.browser.plan import read_subject
from rapsam.benchmarks.runners.browser.record import new_run
from rapsam.benchmarks.runners.browser.visit import MAX_LINES, MAX_WAITING_LINES, TAKEOVER_S, Job, Visit
from rapsam.export.backends import BACKENDS
from rapsam.export.parity.self_test import run_self_test
from tests.benchmarks.runners.browser.told_devices import SESSION, device, graph, record, stage

TIMING = Timing(iters=3, min_seconds=0.001)
RUNTIME = "ONNX Runtime Web, wasm"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Page:
    """What a page sends, without a browser and without a network."""

    def __init__(self, bundle, threads=1, count=1) -> None:
        self.clock = Clock()
        subject = read_subject(bundle)
        job = Job(Variant(bundle, RUNTIME, threads), subject)
        self.subject = subject
        self.visit = Visit([job] * count, new_run(TIMING, "rapsam bench x", count), self.clock)
        self.posts = self.visit.posts()
        self.key = ""

    def send(self, name, content, key=None):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        reply = self.posts[name].answer(body, self.key if key is None else key)
        return reply.status.value, json.loads(reply.body)

    def greet(self, session=SESSION, **changes):
        status, answer = self.send("visit", {"session": session, "device": device(**changes)})
        self.key = answer.get("key", self.key)
        self.clock.now += 60
        return status

    def send_outputs(self, bundle, number=0, wrong=0.0):
        """Runs the graphs here, and sends what the page would."""
        manifest = self.subject.manifest
        case = [0]

        class Watched:
            def __init__(self, entry) -> None:
                self.runner = BACKENDS["onnx"].load(bundle / entry.path, entry.contract)
                self.contract = entry.contract

            def run(self, inputs):
                made = self.runner.run(inputs)
                sent.update({(case[0], self.contract.graph, name): array for name, array in made.items()})
                if self.contract is manifest.graphs[-1].contract:
                    case[0] += 1
                return made

        sent: dict = {}
        runtime = BACKENDS["onnx"].runtimes[0]
        run_self_test(bundle, manifest, runtime, {e.contract.graph: Watched(e) for e in manifest.graphs})
        for (which, owner, name), array in sent.items():
            place = [(graph, output) for graph, output, _ in self.subject.outputs].index((owner, name))
            data = np.ascontiguousarray(array + np.float32(wrong), "<f4").tobytes()
            assert self.send(f"outputs/{number}/{which}/{place}", data) == (200, {})


@pytest.fixture
def page(tiny_bundle):
    return Page(tiny_bundle)


def only(page):
    (outcome,) = page.visit.outcomes().values()
    return outcome


def test_a_visit_makes_a_record_that_can_be_read_back(page, tiny_bundle, tmp_path):
    assert page.greet() == 200
    page.send_outputs(tiny_bundle)
    status, verdict = page.send("record/0", record())
    assert (status, verdict["status"], verdict["self_test"]) == (200, "done", "passed")
    assert verdict["stages"][0] == {"name": "graph see", "p50_ms": 2.0, "n": 3}
    made = only(page).record
    assert (made.runner, made.provenance, made.runtime.name) == ("browser", "measured", RUNTIME)
    assert (made.compute.requested, made.compute.reported, made.compute.threads) == (
        "wasm, 1 thread",
        ("wasm",),
        1,
    )
    assert made.runtime.versions == {"onnxruntime-web": "1.30.0", "Chrome": "141.0.0.0"}
    assert (made.stages[0].ms.p50, made.stages[0].min_count_met, made.stages[0].min_duration_met) == (
        2.0,
        True,
        True,
    )
    assert (made.memory, made.thermal, made.battery) == (None, None, None)
    assert made.notes[0].startswith("ran in a browser, Chrome 141.0.0.0: these are no figures of an app")
    assert "secure page: no; cross-origin isolated: no; clock step 0.1 ms" in made.notes
    assert (made.graphs[0].file, made.graphs[0].delegate) == ("see.onnx", None)
    write_latency_records(tmp_path / "a.jsonl", [made])
    assert read_latency_records(tmp_path / "a.jsonl") == (made,)


def test_wrong_outputs_are_a_failed_run_by_the_gates_of_parity(page, tiny_bundle):
    page.greet()
    page.send_outputs(tiny_bundle, wrong=1000.0)
    _, verdict = page.send("record/0", record())
    assert (verdict["status"], verdict["self_test"]) == ("failed", "failed")
    assert "wrong on this device: see.seen on" in verdict["error"]
    assert only(page).record.fidelity.status == "failed"


def test_outputs_that_were_not_sent_or_are_no_numbers_are_wrong(page, tiny_bundle):
    page.greet()
    _, verdict = page.send("record/0", record())
    assert "the page sent no seen of graph 'see'" in verdict["error"]
    page.greet()
    page.send_outputs(tiny_bundle, wrong=float("nan"))
    _, verdict = page.send("record/0", record())
    assert "NaN or infinite" in verdict["error"]


def test_what_really_happened_is_noted_beside_what_was_asked(tiny_bundle):
    page = Page(tiny_bundle, threads=4)
    page.greet()
    page.send_outputs(tiny_bundle)
    page.send("record/0", record(threads=1, was_hidden=True))
    notes = only(page).record.notes
    assert "4 threads were asked for, and 1 started" in notes
    assert "the page was in the background for a while: browsers slow such pages down" in notes
    assert only(page).record.compute.requested == "wasm, 4 threads"


def test_a_page_that_failed_says_why_and_has_no_times(page):
    page.greet()
    status, verdict = page.send("record/0", {"failed": "out of memory", "is_offered": True})
    assert (status, verdict["status"], verdict["error"]) == (200, "failed", "out of memory")
    made = only(page).record
    assert (made.stages, made.graphs, made.fidelity, made.validity) == ((), (), None, None)


def test_a_unit_that_is_not_there_is_told_from_one_that_fails(page):
    page.greet()
    _, verdict = page.send("record/0", {"failed": "no WebGPU", "is_offered": False})
    assert (verdict["status"], only(page).is_offered) == ("not offered", False)


def test_a_finished_record_cannot_be_sent_again_nor_changed(page, tiny_bundle):
    page.greet()
    page.send_outputs(tiny_bundle)
    page.send("record/0", record())
    made = only(page).record
    assert page.send("record/0", record(stages=[stage(samples=(0.001,))]))[0] == 409
    assert page.send("outputs/0/0/0", bytes(page.posts["outputs/0/0/0"].max_bytes))[0] == 409
    assert only(page).record is made


@pytest.mark.parametrize("name", ["record/0", "progress", "outputs/0/0/0"])
@pytest.mark.parametrize("key", ["", "wrong", "é" * 9])
def test_nobody_but_the_visitor_can_send(page, name, key):
    body = bytes(page.posts[name].max_bytes) if name.startswith("outputs") else {"line": "x"}
    if name.startswith("record"):
        body = record()
    assert page.send(name, body, key="")[0] == 403
    page.greet()
    assert page.send(name, body, key=key)[0] == 403
    assert page.visit.outcomes() == {}


def test_a_second_device_must_wait_while_the_first_measures(page):
    page.greet()
    page.send("progress", {"line": "busy"})
    first = page.key
    status, answer = page.send(
        "visit", {"session": "other-0000".replace("other", "beef"), "device": device()}
    )
    assert (status, answer["error"]) == (409, "another device is measuring; wait until it is done")
    assert page.send("progress", {"line": "busy"}, key=first)[0] == 200
    page.clock.now += TAKEOVER_S + 1
    assert page.greet(session="beef-0000") == 200
    assert page.send("progress", {"line": "late"}, key=first)[0] == 403


def test_a_page_that_is_loaded_anew_begins_anew(page):
    page.greet()
    page.send("record/0", {"failed": "no", "is_offered": True})
    old = page.key
    assert page.greet() == 200
    assert page.visit.outcomes() == {}
    assert page.send("record/0", record(), key=old)[0] == 403


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"failed":' * 50_000,
        json.dumps({**record(), "more": 1}).encode(),
        json.dumps(record()).replace("10.0", "NaN").encode(),
        json.dumps(record()).replace("10.0", "1e999").encode(),
        json.dumps(record()).replace("10.0", "-1").encode(),
        json.dumps(record()).replace("10.0", '"10"').encode(),
        json.dumps(record(stages=[stage(samples=())])).encode(),
        json.dumps(record(stages=[stage(mode="estimated")])).encode(),
        json.dumps(record(threads=-1)).encode(),
        json.dumps(record(failed="a\nb", graphs=[], stages=[])).encode(),
        json.dumps(record(failed="a" * 2000, graphs=[], stages=[])).encode(),
        json.dumps(record(failed="both")).encode(),
        json.dumps(record(graphs=[])).encode(),
        json.dumps(record(graphs=[graph("see"), graph("find"), graph("other")])).encode(),
        json.dumps(record(graphs=[graph("see")] * 3)).encode(),
        json.dumps(record(stages=[stage(of="other")])).encode(),
        json.dumps(record(stages=[stage("end_to_end", "see")])).encode(),
        json.dumps(record(stages=[stage("preprocess", "see")])).encode(),
        json.dumps(record(stages=[stage(), stage()])).encode(),
        json.dumps(record(stages=[stage(samples=(1e8, 1e8))])).encode(),
    ],
    ids=range(26),
)
def test_a_record_that_cannot_be_is_refused_in_one_line_and_nothing_is_kept(page, body):
    page.greet()
    status, answer = page.send("record/0", body)
    assert status == 400
    assert len(answer["error"]) < 300
    assert page.visit.outcomes() == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"user_agent": 7},
        {"processors": 0},
        {"clock_step_ms": -1},
        {"brands": [{}] * 9},
        {"user_agent": "x" * 2000},
    ],
)
def test_a_greeting_that_cannot_be_is_refused(page, changes):
    assert page.greet(**changes) == 400
    assert not page.visit.has_visitor


def test_outputs_have_exactly_their_size(page):
    page.greet()
    size = page.posts["outputs/0/0/0"].max_bytes
    assert size == 4 * 3 * 8 * 16
    assert page.send("outputs/0/0/0", bytes(size - 4))[0] == 400
    assert page.send("outputs/0/0/0", bytes(size))[0] == 200


def test_there_is_no_address_for_a_variant_case_or_output_that_is_not_there(page):
    names = {name for name in page.posts if name.startswith(("record", "outputs"))}
    assert {name.split("/")[1] for name in names} == {"0"}
    assert len(names) == 1 + 3 * 5


def test_lines_are_printable_short_and_not_endless(page):
    page.greet()
    page.visit.wait(0)
    page.send("progress", {"line": "\x1b[2Jevil\n" + "x" * 250})
    (line,) = page.visit.wait(0)
    assert line.startswith("\\x1b[2Jevil\\n")
    assert len(line) <= 200
    assert page.send("progress", {"line": "x" * 301})[0] == 400
    for number in range(MAX_WAITING_LINES + 50):
        page.send("progress", {"line": str(number)})
    assert len(page.visit.wait(0)) == MAX_WAITING_LINES
    shown = 0
    for number in range(MAX_LINES):
        page.send("progress", {"line": f"more {number}"})
        shown += len(page.visit.wait(0))
    assert shown < MAX_LINES
