"""ExecuTorch in the Android app: what its library refuses is a message, and the app goes on."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

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


_RUNTIME = """
package org.pytorch.executorch;
public class ExecuTorchRuntime {
  public static String[] getRegisteredBackends() {
    if ("start".equals(System.getenv("REFUSED"))) throw new RuntimeException("no luck");
    return new String[0];
  }
}
"""
_MODULE = """
package org.pytorch.executorch;
public class Module {
  public static final int LOAD_MODE_FILE = 0;
  public static Module load(String path, int mode, int threads) { return new Module(); }
  public MethodMetadata getMethodMetadata(String name) { return new MethodMetadata(name, new String[0]); }
  public int loadMethod(String name) {
    throw new RuntimeException("no luck");
  }
  public void destroy() { System.out.println("let go"); }
}
"""


_MAKER = """
import com.facebook.jni.HybridData;
public class Maker {
  static native int held();
  public static void main(String[] words) {
    System.loadLibrary("counting");
    int most = 0;
    for (int round = 0; round < 20; round++) {
      for (int number = 0; number < 100; number++) { new HybridData(); most = Math.max(most, held()); }
      System.gc();
      try { Thread.sleep(50); } catch (InterruptedException error) { throw new RuntimeException(error); }
    }
    System.out.println(most);
  }
}
"""
_COUNTING = """
#include <jni.h>
static int made, freed;
JNIEXPORT void JNICALL
Java_com_facebook_jni_HybridData_00024Destructor_release(JNIEnv *e, jclass c, jlong p) { freed++; }
JNIEXPORT jint JNICALL Java_Maker_held(JNIEnv *e, jclass c) { return ++made - freed; }
"""


def test_what_cpp_holds_is_freed_when_java_has_let_it_go(executorch_app, tmp_path):
    """ExecuTorch's outputs are never closed: the garbage collector is all that lets them go."""
    (tmp_path / "Maker.java").write_text(_MAKER)
    (tmp_path / "counting.c").write_text(_COUNTING)
    jars = ":".join(map(str, executorch_app.jars))
    java = Path(shutil.which("javac")).resolve().parents[1] / "include"
    subprocess.run(["javac", "-proc:none", "-cp", jars, "-d", tmp_path, tmp_path / "Maker.java"], check=True)
    compiler = ["gcc", "-shared", "-fPIC", "-I", java, "-I", java / "linux"]
    subprocess.run([*compiler, "-o", tmp_path / "libcounting.so", tmp_path / "counting.c"], check=True)
    done = executorch_app._replace(folder=tmp_path, jars=(tmp_path, *executorch_app.jars)).run("Maker")
    assert done.returncode == 0, done.stderr
    # 2000 were made, 100 before each collection.
    assert 100 <= int(done.stdout) <= 500


@pytest.fixture
def refusing_app(executorch_app, tmp_path):
    """The app with an ExecuTorch that refuses where the real one was never seen to."""
    classes, folder = tmp_path / "classes", tmp_path / "lib"
    folder.mkdir()
    subprocess.run(["gcc", "-shared", "-o", folder / "libexecutorch.so", "-x", "c", "/dev/null"], check=True)
    sources = {"ExecuTorchRuntime": _RUNTIME, "Module": _MODULE}
    for name, text in sources.items():
        (tmp_path / f"{name}.java").write_text(text)
    jars = ":".join(map(str, executorch_app.jars))
    files = [tmp_path / f"{name}.java" for name in sources]
    subprocess.run(["javac", "-proc:none", "-cp", jars, "-d", classes, *files], check=True)
    return executorch_app._replace(folder=folder, jars=(classes, *executorch_app.jars))


def halve(app, path):
    """Runs a graph with the numbers from 0 to 31, twice; returns what the app says.

    Java ends the process where native code uses a reference that it has deleted.
    """
    done = app._replace(java=(*app.java, "-Xcheck:jni")).run(PATH_PROGRAM, "halve", path, "halved")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


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


def test_a_runtime_that_does_not_start_is_a_message(refusing_app, path, monkeypatch):
    monkeypatch.setenv("REFUSED", "start")
    path.write_bytes(b"a graph")
    told = ["problem: ExecuTorch does not start (no luck); install the app again"]
    assert halve(refusing_app, path) == told


def test_a_graph_that_cannot_be_made_ready_is_a_message_and_let_go(refusing_app, path):
    path.write_bytes(b"a graph")
    assert halve(refusing_app, path) == [
        "let go",
        "problem: ExecuTorch refuses the graph half (no luck); export the bundle again",
    ]


def test_a_graph_for_which_there_is_no_room_is_a_message_and_leaves_no_file(executorch_app, path, tmp_path):
    path.write_bytes(b"some bytes" * 10_000)
    (tmp_path / "tmp").mkdir()
    # No file may grow beyond a few KB; Java would write others of its own.
    small = ("sh", "-c", 'ulimit -f 8; exec "$@"', "sh", *executorch_app.java)
    java = (*small, "-XX:-UsePerfData", f"-Djava.io.tmpdir={tmp_path / 'tmp'}")
    (told,) = halve(executorch_app._replace(java=java), path)
    assert told.startswith("problem: ExecuTorch needs a file for the graph (")
    assert told.endswith("; free some memory of the phone")
    assert [*(tmp_path / "tmp").iterdir()] == []
