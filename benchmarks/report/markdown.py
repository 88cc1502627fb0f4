"""Parts that all tables share: rows, markers, names and the line that says where something was measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rapsam.errors import InputError
from rapsam.machine import Machine


def row(*cells: str) -> str:
    """Returns a line of a table."""
    return f"| {' | '.join(cells)} |"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], rule: str = "---") -> str:
    """Returns a table.

    Args:
        header: Titles of the columns.
        rows: Each as long as the header.
        rule: What stands below each title.
    """
    line = f"|{'|'.join([rule] * len(header))}|"
    return "\n".join([row(*header), line, *(row(*cells) for cells in rows)])


def replace_table(text: str, name: str, content: str) -> str:
    """Puts a table between the two markers of this name in a text.

    Raises:
        InputError: If the text lacks the markers.
    """
    first, last = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, begin, rest = text.partition(first)
    _, end, after = rest.partition(last)
    if not begin or not end:
        raise InputError(f"the text lacks the markers {first} and {last}; put them where the table belongs")
    return f"{before}{first}\n{content}\n{last}{after}"


def short_name(model: str) -> str:
    """Returns the name of a variant without that of its family, as "r18" of "rapsam_r18"."""
    return model.partition("_")[2] or model


def where_and_when(measured: Iterable[tuple[Machine, str]]) -> str:
    """Says on which machines and days something was measured, for captions.

    Args:
        measured: Machine and `created_utc` of each record, at least one.
    """
    pairs = list(measured)
    machines = sorted({f"{machine.cpu or 'unknown CPU'}, {machine.cores} cores" for machine, _ in pairs})
    days = sorted({created_utc[:10] for _, created_utc in pairs})
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return f"{'; '.join(machines)}, {when}"
