"""What the app is compiled against: Android's public API, in place of Google's android.jar, and Java's."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path, PurePosixPath

from apps.android.toolchain.class_files import class_file
from apps.android.toolchain.descriptors import TypeNames
from apps.android.toolchain.signatures import read_signatures


def api_jar(signatures: str) -> bytes:
    """Makes a jar of the public API: all classes, methods and constants, none of which does anything.

    Args:
        signatures: Text of `core/api/current.txt` of a version of Android.
    """
    classes = read_signatures(signatures)
    names = TypeNames(classes)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as jar:
        for full in classes:
            entry = zipfile.ZipInfo(f"{names.internal(full)}.class")
            entry.compress_type = zipfile.ZIP_DEFLATED
            jar.writestr(entry, class_file(full, classes, names))
    return stream.getvalue()


def java_jar(signatures: Path, release: str) -> bytes:
    """Makes a jar of Java's own classes as an older version had them: R8 knows none of later kinds.

    Args:
        signatures: The JDK's file `lib/ct.sym`; versions that have a class are in its folder's name.
        release: Of Java, one letter or digit, as in "8".
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(signatures) as known, zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as jar:
        for entry in known.infolist():
            path = PurePosixPath(entry.filename)
            releases, _, *inside = path.parts if len(path.parts) > 2 else ("", "")
            if release in releases and inside[0] == "java" and path.suffix == ".sig":
                jar.writestr(f"{PurePosixPath(*inside).with_suffix('.class')}", known.read(entry))
    return stream.getvalue()
