"""The app's own screens, run on Linux: its code, unchanged, with our declarations of Apple's frameworks.

`apps/ios/stubs` keeps the state of the app's views and writes what they consist of as a page; a browser shows
it. What is seen is what the app says and does, not how SwiftUI would draw it. A view that is declared, but
cannot be drawn, ends the program.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from apps.ios.toolchain.app_check import STUBS, kit_sources, stub_sources
from apps.ios.toolchain.swift import APP, BUILD, LIBRARIES, checked, in_chroot, isolated
from apps.ios.toolchain.tools import Tools, find_tools
from rapsam.locks import one_at_a_time

_FOLDER = BUILD / "stage"
_KIT = ("SegCore", "SegCoreML", "SegOnnx")
_C = APP / "SegKit" / "Sources" / "COnnxRuntime" / "include"
_PATIENCE_S = 900.0


class Stage(NamedTuple):
    """The app as a program of this machine."""

    program: Path
    tools: Tools

    def command(self, documents: Path, camera: Path | None) -> list[str]:
        """Returns what runs it, from the folder `/`; of its lines tells `apps/ios/stubs/SwiftUI/Stage.swift`.

        Args:
            documents: Folder that holds the app's documents, as `Documents`, and whatever it reads.
            camera: Folder of the pictures that the camera sees; None for a phone without one.
        """
        variables = {"LD_LIBRARY_PATH": f"{_FOLDER}:{self.tools.onnx_runtime}:{LIBRARIES}"}
        variables["CFFIXED_USER_HOME"] = str(documents)
        variables |= {"STAGE_CAMERA": str(camera)} if camera else {}
        folders = [documents, *([camera] if camera else [])]
        return isolated(self.tools, [self.program], folders=folders, environment=variables)


def build_stage() -> Stage:
    """Builds the app for this machine, unless nothing has changed; the tools are there.

    Raises:
        ExportError: With what the compiler said.
    """
    tools = find_tools()
    stubs = {name: stub_sources(name) for name in STUBS}
    kit = {name: kit_sources(name) for name in _KIT}
    app = sorted((APP / "SegApp").glob("*.swift"))
    program, mark = _FOLDER / "SegApp", _FOLDER / "sources.sha256"
    sources = [path for paths in (*stubs.values(), *kit.values(), app) for path in paths]
    # How it is built counts, too: the options of this file, and the headers.
    digest = _digest([*sources, *sorted(_C.iterdir()), Path(__file__)])
    _FOLDER.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(_FOLDER, _PATIENCE_S):
        if not (mark.is_file() and mark.read_text() == digest and program.is_file()):
            mark.unlink(missing_ok=True)
            for name, sources in (stubs | kit).items():
                _compile(tools, name, sources, "-emit-library", "-emit-module", "-module-link-name", name)
            _compile(tools, "SegApp", app, "-emit-executable")
            mark.write_text(digest)
    return Stage(program, tools)


def _compile(tools: Tools, name: str, sources: Sequence[Path], *options: str) -> None:
    """Compiles a module, which finds those before it."""
    target = _FOLDER / (name if "-emit-executable" in options else f"lib{name}.so")
    command: list[str | Path] = ["swiftc", "-O", "-whole-module-optimization", "-parse-as-library"]
    command += ["-module-name", name, "-swift-version", "5" if name in STUBS else "6", *options]
    command += ["-I", _FOLDER, "-L", _FOLDER, "-I", _C, "-Xcc", f"-I{tools.onnx_runtime}"]
    command += [f"-L{tools.onnx_runtime}", "-o", target, *sources]
    if name not in STUBS:
        command.append("-lonnxruntime")
    # Where modules are looked for is where they are written.
    done = in_chroot(tools, ["env", "-C", _FOLDER, *command])
    checked(done, f"the build of {name}")


def _digest(paths: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path} {path.stat().st_size}\n".encode() + path.read_bytes())
    return digest.hexdigest()
