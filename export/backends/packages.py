"""Which optional packages are installed, without importing them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata, util

from rapsam.errors import UnavailableError


def missing_package(extra: str, modules: Sequence[str]) -> str | None:
    """Says which module of an extra is missing and how to install it; None if all are there."""
    for module in modules:
        if util.find_spec(module) is None:
            return f"{module} is not installed; run: pip install 'rapsam[{extra}]'"
    return None


def installed_versions(packages: Sequence[str]) -> dict[str, str]:
    """Returns the versions of those of the packages that are installed."""
    versions = {}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def refuse_if(reason: str | None) -> None:
    """Raises `UnavailableError` with the reason, if there is one."""
    if reason is not None:
        raise UnavailableError(reason)
