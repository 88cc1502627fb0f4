"""The commands that compile: Kotlin, and programs of the system, each with its words when it fails."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from apps.android.toolchain.tools import Tools, program
from rapsam.errors import ExportError

_PATIENCE_S = 600
_JVM = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx1500m")
"""A compiler that runs for seconds is faster without the second tier."""
_COMPILER = "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler"
JAVA = "8"
"""Whose classes may be used: Android has these, and few of later ones."""


def run(command: Sequence[str | Path], *, environment: Mapping[str, str] | None = None) -> str:
    """Runs a command.

    Args:
        command: Its words.
        environment: In which; None for this one.

    Returns:
        What it said on standard output.

    Raises:
        ExportError: With what it said, if it fails.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words, env=environment, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ExportError(f"{words[0]} did not end in {_PATIENCE_S} s") from error
    if done.returncode != 0:
        raise ExportError(f"{Path(words[0]).name} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def java(jar: Path, main: str, *arguments: str | Path) -> str:
    """Runs a program of a jar; see `run`."""
    command = [program("java", "a JDK, version 17 or later"), *_JVM, "-cp", jar, main, *arguments]
    return run(command)


def compile_kotlin(tools: Tools, sources: Sequence[Path], classpath: Sequence[Path], target: Path) -> None:
    """Compiles folders of Kotlin; warnings are errors.

    Args:
        tools: Where the compiler is.
        sources: Folders.
        classpath: Jars that they use.
        target: The jar that comes out.

    Raises:
        ExportError: With what the compiler said.
    """
    command = [program("java", "a JDK, version 17 or later"), *_JVM]
    command += ["-cp", _path(sorted(tools.kotlin.glob("*.jar"))), _COMPILER]
    command += ["-no-stdlib", "-no-reflect", "-Werror", "-jvm-target", f"1.{JAVA}", f"-Xjdk-release={JAVA}"]
    command += ["-cp", _path([tools.kotlin_library, *classpath]), "-d", str(target)]
    run([*command, *sources])


def _path(jars: Sequence[Path]) -> str:
    return ":".join(map(str, jars))
