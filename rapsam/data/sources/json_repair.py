"""JSON as other tools take it, made into what the standard and the formats ask for."""

from __future__ import annotations

import re

_NUMBERS = rb"id|image_id|video_id|category_id|iscrowd|isthing|width|height|length"
_WHOLE = re.compile(rb'("(?:' + _NUMBERS + rb')"\s*:\s*-?\d+)\.0+(?=[\s,}\]])')
_TRUTH = re.compile(rb'("(?:iscrowd|isthing)"\s*:\s*)(true|false)\b')
_NO_CROWD = re.compile(rb'("iscrowd"\s*:\s*)null\b')
# A text is skipped whole, so that words in it stay; one without an end too, or each of its quotes would
# be looked at as the start of another.
_NO_NUMBER = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|-?\bInfinity\b|\bNaN\b', re.DOTALL)


def repaired_json(text: bytes) -> bytes:
    """Writes `true` for a flag as 1, `1.0` for an id or a size as 1, and NaN and Infinity as null.

    Python's own writer makes all of them. An `iscrowd` of null, as tables without a value have it, becomes 0.
    Nothing else is changed: a null where a number is needed is
    refused as any other, and a field that nobody reads may be null.
    """
    text = _WHOLE.sub(rb"\1", text)
    text = _TRUTH.sub(lambda found: found[1] + (b"1" if found[2] == b"true" else b"0"), text)
    text = _NO_CROWD.sub(rb"\g<1>0", text)
    if b"NaN" in text or b"Infinity" in text:
        text = _NO_NUMBER.sub(lambda found: found[0] if found[0][:1] == b'"' else b"null", text)
    return text
