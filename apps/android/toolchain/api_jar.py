"""What Kotlin is compiled against in place of Google's android.jar."""

from __future__ import annotations

import io
import zipfile

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
