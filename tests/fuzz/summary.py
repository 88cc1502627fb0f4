"""What a session found: lines for people, and a record with its conditions."""

from __future__ import annotations

import json
import platform
import subprocess
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.fuzz.session import Found, Tally


def by_signature(tally: Tally) -> dict[str, list[Found]]:
    """The faults of one kind of input, those of one cause together."""
    groups: dict[str, list[Found]] = defaultdict(list)
    for found in tally.found:
        groups[found.fault.signature].append(found)
    return dict(sorted(groups.items(), key=lambda item: -len(item[1])))


def again(kind: str, seed: int, number: int) -> str:
    """The command line that repeats one input."""
    return f"python -m tests.fuzz --kind {kind} --seed {seed} --only {number} --keep DIR"


def summarise(tallies: Sequence[Tally], seed: int) -> bool:
    """Prints a line per kind and a few per distinct fault; tells whether there was any."""
    for tally in tallies:
        codes = ", ".join(f"{count} x exit {code}" for code, count in sorted(tally.codes.items()))
        worked = f", {tally.worked} worked beyond the limit" if tally.worked else ""
        groups = by_signature(tally)
        print(
            f"{tally.kind}: {tally.count} inputs in {tally.seconds:.0f} s, {len(groups)} distinct faults in "
            f"{len({found.number for found in tally.found})} inputs; {codes}{worked}; "
            f"slowest {tally.slowest[0]:.1f} s (input {tally.slowest[1]})"
        )
        for signature, all_found in groups.items():
            first = all_found[0]
            print(f"  {len(all_found)} x {signature}")
            print(f"      {first.fault.detail[:200]}")
            print(f"      input: {first.note[:200]}")
            print(f"      again: {again(tally.kind, seed, first.number)}")
    return any(tally.found for tally in tallies)


def write_record(path: Path, tallies: Sequence[Tally], seed: int) -> None:
    """Writes counts and faults with commit, date and machine."""
    record = {
        "commit": _commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.platform()}, Python {platform.python_version()}",
        "seed": seed,
        "kinds": [
            {
                "kind": tally.kind,
                "inputs": tally.count,
                "seconds": round(tally.seconds, 1),
                "exit_codes": {str(code): count for code, count in sorted(tally.codes.items())},
                "worked_beyond_the_limit": tally.worked,
                "slowest_seconds": round(tally.slowest[0], 2),
                "faults": [
                    {
                        "signature": signature,
                        "inputs": [found.number for found in all_found],
                        "detail": all_found[0].fault.detail,
                        "note": all_found[0].note,
                    }
                    for signature, all_found in by_signature(tally).items()
                ],
            }
            for tally in tallies
        ],
    }
    path.write_text(json.dumps(record, indent=1) + "\n")


def _commit() -> str:
    """The commit, marked if files differ from it; empty outside of a repository."""
    ran = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"], capture_output=True, text=True, check=False
    )
    return ran.stdout.strip()
