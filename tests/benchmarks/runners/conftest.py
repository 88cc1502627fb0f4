"""A phone with a real adbd, for all that goes over adb; and what an app on a phone leaves."""

from __future__ import annotations

import os

import pytest

from rapsam.benchmarks.runners.app_contract import output_file
from rapsam.export.backends import BACKENDS
from rapsam.export.bundle.private_copy import load_graphs
from rapsam.export.bundle.seal import verify_bundle
from rapsam.export.parity.self_test import run_self_test
from tests.adbd import started_device
from tests.benchmarks.runners.android.recorded import BATTERY, POWER, PROPERTIES, THERMAL


@pytest.fixture
def phone(monkeypatch):
    """A device that says of itself what a phone once said; adb on the path reaches it, and only it."""
    with started_device() as device:
        monkeypatch.setenv("PATH", f"{device.adb.parent}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.delenv("ANDROID_SERIAL", raising=False)
        for name, said in (
            ("getprop", PROPERTIES),
            ("dumpsys-battery", BATTERY),
            ("dumpsys-thermalservice", THERMAL),
            ("dumpsys-power", POWER),
            ("settings", "0\n"),
        ):
            (device.stubs / name).write_text(said)
        yield device


@pytest.fixture(scope="session")
def tiny_outputs(tiny_bundle, tmp_path_factory):
    """What the graphs of the tiny bundle return in its self-test, as an app leaves it."""
    folder = tmp_path_factory.mktemp("outputs")
    manifest = verify_bundle(tiny_bundle)
    (runtime,) = BACKENDS["onnx"].runtimes

    class Recorded:
        def __init__(self, runner, contract, place):
            self.runner, self.contract, self.place, self.case = runner, contract, place, 0

        def run(self, inputs):
            made = self.runner.run(inputs)
            for place, spec in enumerate(self.contract.outputs):
                made[spec.name].astype("<f4").tofile(folder / output_file(self.case, self.place, place))
            self.case += 1
            return made

    runners = load_graphs(runtime, tiny_bundle, manifest)
    recorded = {
        entry.contract.graph: Recorded(runners[entry.contract.graph], entry.contract, place)
        for place, entry in enumerate(manifest.graphs)
    }
    run_self_test(tiny_bundle, manifest, runtime, recorded)
    return folder
