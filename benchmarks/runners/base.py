"""What a place where bundles are timed must be able to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from rapsam.benchmarks.latency.facts import Timing
from rapsam.benchmarks.latency.record import LatencyRecord
from rapsam.benchmarks.latency.stage_names import StageName

Progress = Callable[[str], None]
"""Says what happens now."""


class Log(Protocol):
    """A `Progress` that can also say what must stay to be read."""

    def __call__(self, line: str, *, stays: bool = False) -> None:
        """Shows a line.

        Args:
            line: What happens now.
            stays: Whether it must be there to be read later, as an address that is to be opened.
        """
        ...


class Variant(NamedTuple):
    """One way of running one thing.

    Attributes:
        path: Bundle or bare file.
        runtime: Name of the runtime, with the compute unit where there are several.
        threads: CPU threads; None where there is no choice.
        shapes: Name and shape of inputs of a bare file, of those that it leaves open.
    """

    path: Path
    runtime: str
    threads: int | None
    shapes: tuple[tuple[str, tuple[int, ...]], ...] = ()

    def __str__(self) -> str:
        """Names it for people."""
        threads = "" if self.threads is None else f", {self.threads} thread{'s' * (self.threads > 1)}"
        return f"{self.path.name}, {self.runtime}{threads}"


class Wanted(NamedTuple):
    """What a user asks for.

    Attributes:
        paths: Bundles or bare files.
        runtime: Name of the runtime; None for the first that works, or for all.
        threads: CPU threads; None for the default, or for all numbers.
        all_units: Whether to sweep over all that the device offers and that is not named.
        shapes: Name and shape of inputs of the bare files, of those that they leave open.
    """

    paths: tuple[Path, ...]
    runtime: str | None = None
    threads: int | None = None
    all_units: bool = False
    shapes: tuple[tuple[str, tuple[int, ...]], ...] = ()


class DeviceRunner(Protocol):
    """Runs variants on a device and records what came of it.

    Attributes:
        name: What users call it; its key in `rapsam.benchmarks.runners.RUNNERS`.
    """

    name: str

    def unavailable(self, device: str | None) -> str | None:
        """Says why nothing can be run there; None if it can.

        Args:
            device: Serial number or the like, as the user wrote it behind the colon; None for the only one.
        """
        ...

    def variants(self, wanted: Wanted, device: str | None) -> tuple[Variant, ...]:
        """Lists what is to be run.

        Raises:
            RapSamError: If what is wanted is not there, or does not work on this device.
        """
        ...

    def stages(self, path: Path) -> tuple[StageName, ...]:
        """Lists what it times of a bundle or file; none where it tells no times.

        Args:
            path: Of a variant.

        Raises:
            BundleError: If a bundle's manifest is damaged.
        """
        ...

    def measure(
        self,
        variants: Sequence[Variant],
        timing: Timing,
        device: str | None,
        command: str,
        progress: Log,
    ) -> tuple[LatencyRecord, ...]:
        """Runs variants, in turns where there are several.

        Args:
            variants: From `variants`.
            timing: How they are timed.
            device: See `unavailable`.
            command: What the user typed.
            progress: Called with one line per step.

        Returns:
            A record per variant, in their order: whatever happens to one is its record, and no error. Units
            that the device turns out not to have may be left out where it ran the same in another way.
        """
        ...
