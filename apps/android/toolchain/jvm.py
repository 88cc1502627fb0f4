"""The app without Android, in a Java machine: core, engine and their tests, with Android's own libraries.

    python -m apps.android.toolchain.jvm          compiles, and runs the tests of the core

Where it is built, in `apps/android/build/jvm`, nothing is made anew until a source changes.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from apps.android.toolchain import bionic, native
from apps.android.toolchain.bionic import SHIM, build_shim, linux_library
from apps.android.toolchain.commands import compile_kotlin
from apps.android.toolchain.native import FBJNI, SOURCES, build_fbjni, missing_compilers
from apps.android.toolchain.tools import (
    ENGINES,
    FOR_JVM,
    Tools,
    fetch_tools,
    find_tools,
    missing_for_jvm,
    program,
)
from rapsam.errors import RapSamError
from rapsam.locks import one_at_a_time

APP = Path(__file__).resolve().parents[1]
BUILD = APP / "build"
VECTORS = APP.parent / "fixtures" / "vectors"
ABI = "x86_64"
CORE_TESTS = "org.rapsam.core.MainKt"
PATH_PROGRAM = "org.rapsam.sample.PathProgramKt"
MODULES = {
    "onnx": ("core", "engine-onnx"),
    "tflite": ("core", "engine-tflite"),
    "executorch": ("core", "engine-executorch", "fbjni"),
}
"""Target of bundles to what an app that runs them is made of, beside its screens."""
_OWN = ("core/src/test", "app/src/test", "app/src/jvm")
"""Folders of code that no app has."""
JAR = "app.jar"
MAKERS = (SHIM, *SOURCES, Path(bionic.__file__), Path(native.__file__))
"""What libraries are made by, beside what they are made of."""
_LOCK_S = 300.0


class JvmApp(NamedTuple):
    """What runs in a Java machine.

    Attributes:
        folder: Of the libraries.
        jars: Compiled classes.
        java: How the machine is started, with options of its own.
    """

    folder: Path
    jars: tuple[Path, ...]
    java: tuple[str | Path, ...]

    def command(self, main: str, *arguments: str | Path) -> list[str]:
        """Returns the command line of a program of it."""
        options = ["-XX:+UseSerialGC", "-Xmx1g", f"-Donnxruntime.native.path={self.folder}"]
        options += [f"-Djava.library.path={self.folder}", f"-XX:ErrorFile={self.folder / 'crash-%p.log'}"]
        options += ["-cp", ":".join(map(str, self.jars))]
        return [str(word) for word in (*self.java, *options, main, *arguments)]

    def run(
        self, main: str, *arguments: str | Path, patience_s: float = 300.0
    ) -> subprocess.CompletedProcess[str]:
        """Runs a program of it, with Android's libraries."""
        return subprocess.run(
            self.command(main, *arguments),
            env={**os.environ, "LD_LIBRARY_PATH": str(self.folder)},
            capture_output=True,
            text=True,
            timeout=patience_s,
            check=False,
        )


def build_jvm_app() -> JvmApp:
    """Compiles what has changed; the tools are there.

    Raises:
        ExportError: With what a compiler said.
    """
    tools = find_tools()
    folder = BUILD / "jvm"
    with one_at_a_time(folder, _LOCK_S):
        for name, digest, build in (
            (
                "libraries",
                _digest([*MAKERS, *_libraries(tools).values()], str(missing_compilers())),
                _build_libraries,
            ),
            ("classes", _digest([*_sources(), tools.kotlin / "kotlin-compiler.jar"]), _build_classes),
        ):
            stamp = folder / f"{name}.sha256"
            if not stamp.exists() or stamp.read_text() != digest:
                stamp.unlink(missing_ok=True)
                build(tools, folder)
                stamp.write_text(digest)
    return JvmApp(
        folder,
        (folder / JAR, tools.kotlin_library, *engine_classes(tools)),
        (program("java", "a JDK, version 17 or later"),),
    )


def engine_classes(tools: Tools) -> tuple[Path, ...]:
    """Returns the jars of all runtimes."""
    return tuple(jar for suffix in ENGINES for jar in tools.classes(suffix))


def _build_libraries(tools: Tools, folder: Path) -> None:
    build_shim(folder)
    libraries = _libraries(tools)
    if missing_compilers() is None:  # else what is run by ExecuTorch is a message
        libraries[FBJNI] = build_fbjni(ABI, folder / "native")
    for name, library in libraries.items():
        (folder / name).write_bytes(linux_library(library.read_bytes()))


def _libraries(tools: Tools) -> dict[str, Path]:
    return {name: path for suffix in ENGINES for name, path in tools.libraries(ABI, suffix).items()}


def _build_classes(tools: Tools, folder: Path) -> None:
    compile_kotlin(tools, _roots(), engine_classes(tools), folder / JAR)


def _roots() -> list[Path]:
    modules = dict.fromkeys(module for modules in MODULES.values() for module in modules)
    code = [APP / module / "src" / "main" / "kotlin" for module in modules]
    return [*code, *(APP / folder / "kotlin" for folder in _OWN)]


def _sources() -> list[Path]:
    return sorted(path for root in _roots() for path in root.rglob("*.kt"))


def _digest(paths: list[Path], about: str = "") -> str:
    digest = hashlib.sha256(about.encode())
    for path in paths:
        with path.open("rb") as stream:
            digest.update(f"{path.name} {hashlib.file_digest(stream, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()


def main() -> None:
    """Fetches what is missing, compiles, and runs the tests of the core."""
    try:
        fetch_tools(lambda line: print(line, flush=True), FOR_JVM)
        if missing := missing_for_jvm():
            sys.exit(f"error: {missing}")
        app = build_jvm_app()
    except RapSamError as error:
        sys.exit(f"error: {error}")
    sys.exit(subprocess.run(app.command(CORE_TESTS, VECTORS), check=False).returncode)


if __name__ == "__main__":
    main()
