"""Code of a built app on a Java machine: enjarify, of Google, turns it back into Java's classes."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import zipfile
from pathlib import Path

from apps.android.toolchain.commands import run
from apps.android.toolchain.tools import ENJARIFY, place_of
from rapsam.errors import ExportError

_JAVA_8 = 52
_VERSION = slice(6, 8)
"""Of the bytes of a class."""
UNVERIFIED = ("-XX:+UnlockDiagnosticVMOptions", "-XX:-BytecodeVerificationRemote")
"""Enjarify writes classes of Java 5, which may have no code in interfaces. Later ones may, and have tables
for the verifier, which it does not write."""


def java_classes(dex: bytes) -> bytes:
    """Makes a jar of what Android runs.

    Args:
        dex: A file `classes.dex`.

    Returns:
        Classes that a Java machine takes with `UNVERIFIED`.

    Raises:
        ExportError: With what enjarify said.
    """
    with tempfile.TemporaryDirectory() as scratch:
        source, target = Path(scratch) / "classes.dex", Path(scratch) / "classes.jar"
        source.write_bytes(dex)
        environment = {**os.environ, "PYTHONPATH": str(place_of(ENJARIFY))}
        command: list[str | Path] = [sys.executable, "-O", "-m", "enjarify.main", "-o", target, source]
        said = run(command, environment=environment)
        if "0 classes had errors" not in said:
            raise ExportError(f"enjarify does not understand all of the app: {said.strip()}")
        return as_java_8(target.read_bytes())


def as_java_8(jar: bytes) -> bytes:
    """Says of all classes of a jar that they are of Java 8."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(jar)) as old, zipfile.ZipFile(stream, "w") as new:
        for name in old.namelist():
            content = bytearray(old.read(name))
            content[_VERSION] = _JAVA_8.to_bytes(2, "big")
            new.writestr(name, bytes(content))
    return stream.getvalue()
