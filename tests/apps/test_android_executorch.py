"""ExecuTorch in the Android app: what its library refuses is a message, and the app goes on."""

from __future__ import annotations

import pytest
from torch import Tensor, nn

from apps.android.toolchain.jvm import PATH_PROGRAM
from rapsam.contract import GraphContract
from rapsam.export.backends import BACKENDS
from rapsam.export.backends.catalogue import RECIPES
from rapsam.graph.capture import capture
from tests.quantize.test_policy import spec

OUTPUTS = ("halved", "doubled")


class Halves(nn.Module):
    """A graph with a half of what it is given, and with the double where two outputs are wanted."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs

    def forward(self, given: Tensor) -> Tensor | tuple[Tensor, ...]:
        return given * 0.5 if self.outputs == 1 else (given * 0.5, given * 2)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "half.pte"


def lower(path, backend="executorch", channels=2, outputs=1):
    shape = (1, 4, 4, channels)
    contract = GraphContract(
        graph="half",
        inputs=(spec("given", *shape),),
        outputs=tuple(spec(name, *shape) for name in OUTPUTS[:outputs]),
    )
    program = capture(Halves(outputs), contract)
    BACKENDS[backend].lower(program, contract, RECIPES[f"{backend}-fp32"], path)


def halve(app, path):
    """Runs a graph with the numbers from 0 to 31, twice; returns what the app says.

    Java ends the process where native code uses a reference that it has deleted.
    """
    done = app._replace(java=(*app.java, "-Xcheck:jni")).run(PATH_PROGRAM, "halve", path, "halved")
    assert done.returncode == 0, done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if not line.startswith("I tokenizers")]


def test_a_graph_is_run(executorch_app, path):
    lower(path)
    halves = " ".join(str(number / 2) for number in range(32))
    assert halve(executorch_app, path) == [halves, halves]


def test_a_file_that_is_no_graph_is_a_message(executorch_app, path):
    path.write_bytes(b"no graph at all, but some bytes" * 100)
    (told,) = halve(executorch_app, path)
    assert told.startswith("problem: ExecuTorch refuses the graph half ([Executorch Error 0x12] ")
    assert told.endswith("; export the bundle again")


def test_a_delegate_that_the_library_lacks_is_a_message(executorch_app, path):
    lower(path, "executorch-vulkan")
    assert halve(executorch_app, path) == [
        "problem: the graph half is lowered for VulkanBackend, which this app's ExecuTorch does not have; "
        "expected XnnpackBackend: export the bundle with --target executorch"
    ]


def test_a_graph_of_another_shape_is_a_message(executorch_app, path):
    lower(path, channels=4)
    (told,) = halve(executorch_app, path)
    assert told.startswith("problem: ExecuTorch fails to run the graph half ([Executorch Error ")


def test_a_graph_with_more_outputs_is_a_message(executorch_app, path):
    lower(path, outputs=2)
    assert halve(executorch_app, path) == [
        "problem: the graph half has 2 outputs; its contract says 1: export the bundle again"
    ]
