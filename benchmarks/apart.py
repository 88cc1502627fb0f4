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
    """Gives the largest resident memory of this process so far, MiB.

    Linux counts from the fork on, with the parent's memory: measure in children of small processes only.
    """
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // _KIB_PER_MIB
