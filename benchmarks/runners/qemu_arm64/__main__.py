"""Makes the arm64 environment; see `environment`."""

from __future__ import annotations

import argparse
import sys

from rapsam.benchmarks.runners.qemu_arm64.environment import (
    MODULE,
    cannot_run,
    environment_places,
    make_environment,
    wrong_machine,
)
from rapsam.errors import RapSamError, UnavailableError


def main() -> None:
    """Makes the environment unless it is there."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {MODULE}", description="Makes the arm64 environment, 240 MB."
    )
    parser.parse_args()
    try:
        if reason := wrong_machine():
            raise UnavailableError(reason)
        make_environment(lambda line: print(line, flush=True))
        if reason := cannot_run():
            raise UnavailableError(reason)
        print(f"the arm64 environment is ready: {environment_places().root.parent}")
    except RapSamError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
