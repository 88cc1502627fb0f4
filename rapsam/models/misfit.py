"""What does not fit when the names of a weight file meet those of a network, in words for a message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from rapsam.errors import quoted, shortened
from rapsam.models.wrappers import common_prefix

_LISTED = 12
_DEEPEST = 8


def listed(what: str, names: Collection[str]) -> list[str]:
    """Counts and lists names: one text, or none if there are none."""
    if not names:
        return []
    shown = ", ".join(shortened(name, 120) for name in sorted(names)[:_LISTED])
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return [f"{len(names)} {what} ({shown}{more})"]


def advice(wanted: Collection[str], given: Collection[str]) -> str:
    """Says what to do about names that do not fit: another variant, or a prefix that nobody knows.

    Args:
        wanted: Every name that would have been accepted, ours and the published ones.
        given: Names of the file.
    """
    prefix = common_prefix(given)
    for start in _prefixes(prefix):
        if any(name.removeprefix(start) in wanted for name in given):
            return f"all names begin with {quoted(start)}: save them without it"
    fitting = Counter(start for name in given for start in _prefixes(name) if name[len(start) :] in wanted)
    for start, count in fitting.most_common(1):
        if 2 * count > len(given):
            inside = {name for name in given if name.startswith(start)}
            rest = [name for name in given if name not in inside or name[len(start) :] not in wanted]
            left = "; ".join(listed("left over", rest))
            return f"most names fit without {quoted(start)}: save those alone, without it; {left}"
    return "is it another variant?"


def _prefixes(name: str) -> Iterator[str]:
    """Yields the parts of a name that end with one of its first dots."""
    end = 0
    for _ in range(_DEEPEST):
        end = name.find(".", end) + 1
        if not end:
            return
        yield name[:end]
