"""Work in processes of their own, so that each has its own memory and its own threads."""

from __future__ import annotations

import json
import resource
import subprocess
import sys

from rapsam.errors import UnavailableError

_KIB_PER_MIB = 1024


def in_own_process(module: str, arguments: object) -> bytes:
    """Runs `python -m MODULE --one ARGUMENTS` and gives what it printed.

    Args:
        module: A module of this package that takes the option `--one` with JSON.
        arguments: What can be written as JSON.

    Raises:
        UnavailableError: If it ends with an error; what it said is on the terminal.
    """
    line = [sys.executable, "-m", module, "--one", json.dumps(arguments)]
    done = subprocess.run(line, stdout=subprocess.PIPE)
    if done.returncode:
        raise UnavailableError(
            f"python -m {module} ended with exit code {done.returncode} for {arguments}; see above why"
        )
    return done.stdout


def peak_rss_mb() -> int:
    """Gives the largest resident memory so far of this process, or of a finished child, MiB.

    Linux counts from the fork on, with the parent's memory: measure in children of small processes only.
    """
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return max(usage.ru_maxrss for usage in usages) // _KIB_PER_MIB
