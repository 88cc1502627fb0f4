"""`rapsam doctor`: what works on this machine."""

from __future__ import annotations

import argparse
import platform

from rapsam.cli.console import print_table, show, show_json

SUMMARY = (
    "List the converters, runtimes and ways to a device that work on this machine, and why others do not."
)
EXAMPLE = "rapsam doctor"
WORKS, MISSING = "works", "not here"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(options: argparse.Namespace) -> int:
    """Looks at every backend and runner."""
    from rapsam import __version__
    from rapsam.benchmarks.runners import RUNNERS
    from rapsam.export.backends import BACKENDS
    from rapsam.export.backends.catalogue import RUNTIMES
    from rapsam.inference.reference import reference_device, reference_name

    facts = {
        "rapsam": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "reference": reference_name(reference_device()),
    }
    rows = [
        ("convert", name, backend.unavailable() or WORKS, _versions(backend.tool_versions()))
        for name, backend in BACKENDS.items()
    ]
    rows += [
        ("run", runtime.name, runtime.cannot_run() or WORKS, "")
        for runtimes in RUNTIMES.values()
        for runtime in runtimes
    ]
    rows += [
        ("bench", f"on {name}", runner.unavailable(None) or WORKS, "") for name, runner in RUNNERS.items()
    ]
    if options.json:
        checks = [{"what": w, "name": n, "state": s, "versions": v} for w, n, s, v in rows]
        show_json({**facts, "checks": checks})
        return 0
    for name, value in facts.items():
        show(f"{name}: {value}")
    told = [(what, name, WORKS if state == WORKS else MISSING, tools) for what, name, state, tools in rows]
    title = "\nConverters (convert), runtimes (run) and devices to measure on (bench)"
    print_table(title, ("what", "name", "state", "versions"), told)
    show("", *(f"{name}: {MISSING}: {state}" for _, name, state, _ in rows if state != WORKS))
    return 0


def _versions(versions: dict[str, str]) -> str:
    return "; ".join(f"{package} {version}" for package, version in versions.items())
