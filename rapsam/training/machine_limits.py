"""What a machine must have for a run, looked at before any work: memory and open files."""

from __future__ import annotations

import os
import resource

from rapsam.errors import InputError
from rapsam.training.config import RunConfig

_BYTES_PER_PIXEL = 3 * 4
_FILES, _FILES_PER_WORKER = 64, 8


def check_memory(config: RunConfig, nodes: int) -> None:
    """Refuses a recipe whose input frames alone, float32, exceed the memory of this machine.

    A run needs many times more, which depends on the network: passing says little.

    Args:
        config: The recipe.
        nodes: Machines that share a batch.

    Raises:
        InputError: Naming the sizes.
    """
    data = config.data
    frames = max(source.frames for source in data.sources)
    needed = data.batch_size * frames * data.height * data.width * _BYTES_PER_PIXEL // nodes
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > there:
        raise InputError(
            f"data.batch_size {data.batch_size} of {frames} frames of {data.height}x{data.width} px takes "
            f"{needed / 1e9:,.1f} GB for its pixels alone, this machine has {there / 1e9:,.1f} GB; lower them"
        )


def check_open_files(config: RunConfig) -> None:
    """Refuses to start where so few files may be open that loading or logging would break on the way.

    Raises:
        InputError: Naming the limit.
    """
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = _FILES + _FILES_PER_WORKER * config.data.workers
    if allowed != resource.RLIM_INFINITY and allowed < needed:
        raise InputError(
            f"a process may open {allowed} files here; training with {config.data.workers} loading processes "
            f"may need {needed}: raise the limit, as with 'ulimit -n 1024'"
        )
