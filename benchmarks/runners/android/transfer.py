"""A folder of ours on the device. What arrived whole once, as its digest says, is not pushed again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rapsam.benchmarks.runners.android.device import AdbDevice
from rapsam.benchmarks.runners.android.tool import ANSWER_S, last_words
from rapsam.benchmarks.runners.base import Progress
from rapsam.errors import UnavailableError

ROOT = "/data/local/tmp"
"""Where the shell may write and start programs."""
_PREFIX = "rapsam-"
_SAFE = re.compile(r"[A-Za-z0-9._-]{1,80}")
_DIGEST = re.compile(r"([0-9a-f]{64}) [ *](.+)")
_TRIES = 2
_SLOWEST_BYTES_PER_S = 5_000_000
_MIB = 1 << 20
# For what the program leaves behind, beside what is pushed.
_SPARE_BYTES = 64 * _MIB


class Item(NamedTuple):
    """A file that the device needs.

    Attributes:
        name: In the folder on the device.
        source: Here.
        sha256: What its content must be, there too.
        size_bytes: Of it.
    """

    name: str
    source: Path
    sha256: str
    size_bytes: int


def folder_for(items: Sequence[Item]) -> str:
    """Names the folder after what it holds, so that the same command finds it again."""
    assert all(_SAFE.fullmatch(item.name) for item in items)
    lines = sorted(f"{item.name} {item.sha256}\n" for item in items)
    return f"{ROOT}/{_PREFIX}{hashlib.sha256(''.join(lines).encode()).hexdigest()[:16]}"


def bring(device: AdbDevice, folder: str, items: Sequence[Item], progress: Progress) -> int:
    """Makes the folder hold exactly these files, executable for the shell, and nothing of an earlier run.

    Args:
        device: Where.
        folder: From `folder_for`.
        items: What it must hold.
        progress: Told of every file that is pushed.

    Returns:
        How many files had to be pushed.

    Raises:
        UnavailableError: If the device is full, refuses a file, or is lost for good.
    """
    made = device.shell(f"mkdir -p {folder} && chmod 700 {folder}")
    if made.code:
        raise UnavailableError(f"{device.serial}: {folder} cannot be made: {last_words(made.errors)}")
    size_bytes = sum(item.size_bytes for item in items)
    there = _digests(device, folder, handling_s(size_bytes))
    wanted = {item.name: item for item in items}
    # A file of an earlier run, as its result, must not be taken for one of this.
    stale = [name for name in there if name not in wanted and _SAFE.fullmatch(name)]
    if stale:
        device.shell(f"cd {folder} && rm -f {' '.join(stale)}")
    missing = [item for item in items if there.get(item.name) != item.sha256]
    check_space(device, ROOT, sum(item.size_bytes for item in missing))
    for item in missing:
        progress(f"{device.serial}: pushing {item.name} ({item.size_bytes / _MIB:.1f} MiB)")
        _push(device, folder, item)
    return len(missing)


def check_space(device: AdbDevice, place: str, needed_bytes: int) -> None:
    """Refuses before anything is written, where the device says how much room there is.

    Args:
        device: Where.
        place: A folder that is there.
        needed_bytes: How much is to be written, beside what programs leave behind.

    Raises:
        UnavailableError: If there is less.
    """
    lines = device.said(f"df -k {place}").splitlines()
    fields = lines[-1].split() if lines else []
    if len(fields) < 6 or not fields[3].isdecimal():
        return
    free = int(fields[3][:15]) * 1024
    if free < needed_bytes + _SPARE_BYTES:
        raise UnavailableError(
            f"{device.serial} is full: {free // _MIB} MiB are free in {place}, and "
            f"{(needed_bytes + _SPARE_BYTES) // _MIB} are needed; free some space on it"
        )


def remove(device: AdbDevice, *folders: str) -> None:
    """Removes folders of ours, and those that were abandoned more than a day ago."""
    old = f"find {ROOT} -maxdepth 1 -type d -name '{_PREFIX}*' -mtime +0"
    device.shell(f"rm -rf {' '.join(folders)}; {old} -exec rm -rf '{{}}' ';'")


def _push(device: AdbDevice, folder: str, item: Item) -> None:
    for _ in range(_TRIES):
        device.push(item.source, f"{folder}/{item.name}.part", item.size_bytes)
        # Under its name there is only what is whole: the cable may be lost at any byte.
        said = device.said(
            f"cd {folder} && sha256sum {item.name}.part", timeout_s=handling_s(item.size_bytes)
        )
        digest = said.split(" ")[0]
        if digest == item.sha256:
            device.shell(f"cd {folder} && mv -f {item.name}.part {item.name}; chmod 700 {item.name}")
            return
    raise UnavailableError(
        f"{item.name} arrives changed on {device.serial}: it was edited here meanwhile, or the cable is bad"
    )


def _digests(device: AdbDevice, folder: str, timeout_s: float) -> dict[str, str]:
    said = device.said(f"cd {folder} && sha256sum * 2>/dev/null", timeout_s=timeout_s)
    return {match[2]: match[1] for line in said.splitlines() if (match := _DIGEST.fullmatch(line))}


def handling_s(size_bytes: int) -> float:
    """Seconds that hashing or copying so many bytes may take on a slow phone."""
    return ANSWER_S + size_bytes / _SLOWEST_BYTES_PER_S
