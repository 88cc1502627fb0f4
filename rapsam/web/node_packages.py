"""The runtimes that browsers run graphs with: packages of npm, kept in the user's cache.

They are fetched once, with a pinned version and the digest that the registry published for it:

    python -m rapsam.web.node_packages

That needs npm and the network; serving them needs neither.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

from rapsam.errors import RapSamError, UnavailableError, printable, reason_of, shortened
from rapsam.files import atomic_folder
from rapsam.user_cache import user_cache

FOLDER_VARIABLE = "RAPSAM_WEB_RUNTIMES"
MAX_FILE_BYTES = 64 * 1024**2
MAX_PACKAGE_BYTES = 256 * 1024**2
_PATIENCE_S = 600
_TOP = "package/"
"""Under which npm puts all files of a package."""


class NodePackage(NamedTuple):
    """A package of npm.

    Attributes:
        name: As npm has it.
        version: The one that was tried.
        sha512: Of the archive, as the registry publishes it.
        files: What pages load of it; nothing else is unpacked.
    """

    name: str
    version: str
    sha512: str
    files: tuple[str, ...]

    def __str__(self) -> str:
        """Names it as npm does."""
        return f"{self.name}@{self.version}"


ONNX_RUNTIME_WEB = NodePackage(
    "onnxruntime-web",
    "1.30.0",
    "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ==",
    (
        "dist/ort.wasm.min.mjs",
        "dist/ort-wasm-simd-threaded.mjs",
        "dist/ort-wasm-simd-threaded.wasm",
        "dist/ort.webgpu.min.mjs",
        "dist/ort-wasm-simd-threaded.asyncify.mjs",
        "dist/ort-wasm-simd-threaded.asyncify.wasm",
    ),
)
LITERT = NodePackage(
    "@litertjs/core",
    "2.5.3",
    "PlGmbMOq9WitX7FO0jhbdJw9GthatsyuCQXjTt/wJZo0FLaw48q4tz8IwqgqCIkviYGr9OFDL1kCnN4nzWoyJQ==",
    (
        "dist/index.js",
        "wasm/litert_wasm_internal.js",
        "wasm/litert_wasm_internal.wasm",
        "wasm/litert_wasm_compat_internal.js",
        "wasm/litert_wasm_compat_internal.wasm",
        "wasm/litert_wasm_threaded_internal.js",
        "wasm/litert_wasm_threaded_internal.wasm",
        "wasm/litert_wasm_jspi_internal.js",
        "wasm/litert_wasm_jspi_internal.wasm",
    ),
)
LITERT_UTILS = NodePackage(
    "@litertjs/wasm-utils",
    "2.5.3",
    "4fJiw6tBQnIs+0jH/OQ16nYOiSl8/+zZnn5h2ul8aTKHi05sVqZW580Tmk78pC2kT39A9OYBVdFawteZ/sI1kQ==",
    ("dist/index.js",),
)
PACKAGES = (ONNX_RUNTIME_WEB, LITERT, LITERT_UTILS)


def packages_folder() -> Path:
    """Returns the folder of all packages: `RAPSAM_WEB_RUNTIMES`, or one in the user's cache."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    return Path(chosen) if chosen else user_cache() / "rapsam" / "web-runtimes"


def package_folder(package: NodePackage) -> Path:
    """Returns the folder of a package, whether it is there or not."""
    return packages_folder() / f"{package.name.replace('/', '-')}-{package.version}"


def missing_packages() -> str | None:
    """Says which package is not there yet, and what to do; None if all are."""
    try:
        for package in PACKAGES:
            folder = package_folder(package)
            if not all((folder / name).is_file() for name in package.files):
                return f"{package} has not been fetched yet; run: python -m rapsam.web.node_packages"
    except UnavailableError as error:
        return str(error)
    return None


def fetch_package(package: NodePackage) -> Path:
    """Fetches a package with npm, compares its digest, and unpacks the files that pages load.

    Returns:
        Its folder; one that is complete is left as it is.

    Raises:
        UnavailableError: If npm is missing or fails, or the archive is another one than the one pinned.
    """
    folder = package_folder(package)
    if all((folder / name).is_file() for name in package.files):
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory() as scratch:
        archive = _packed(package, Path(scratch))
        with atomic_folder(folder) as made:
            _unpack(package, archive, made)
    return folder


def _packed(package: NodePackage, folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise UnavailableError(f"{package} needs npm, which comes with Node.js; install it")
    line = [npm, "pack", str(package), "--silent", "--ignore-scripts", "--pack-destination", str(folder)]
    try:
        done = subprocess.run(
            line, cwd=folder, capture_output=True, text=True, check=False, timeout=_PATIENCE_S
        )
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"npm did not fetch {package} in {_PATIENCE_S} s; try again") from error
    archives = list(folder.glob("*.tgz"))
    if done.returncode or len(archives) != 1:
        raise UnavailableError(f"npm cannot fetch {package}: {_last_line(done)}")
    found = base64.b64encode(_sha512(archives[0])).decode()
    if found != package.sha512:
        raise UnavailableError(
            f"npm fetched another {package} than the one that was tried (sha512 {found}); "
            "expected the registry's own: check the registry that npm is set to"
        )
    return archives[0]


def _sha512(path: Path) -> bytes:
    if path.stat().st_size > MAX_PACKAGE_BYTES:
        raise UnavailableError(f"{path.name} is larger than {MAX_PACKAGE_BYTES:,} bytes")
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha512").digest()


def _unpack(package: NodePackage, archive: Path, folder: Path) -> None:
    """Unpacks named plain files only: what else the archive says has no effect."""
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for name in package.files:
                member = tar.getmember(f"{_TOP}{name}")
                stream = tar.extractfile(member) if member.isreg() else None
                if stream is None or member.size > MAX_FILE_BYTES:
                    raise UnavailableError(f"{name} in {package} is no plain file of a usual size")
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("wb") as target:
                    shutil.copyfileobj(stream, target)
    except (tarfile.TarError, KeyError, EOFError) as error:
        raise UnavailableError(f"the archive of {package} is damaged ({reason_of(error)})") from error


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return shortened(printable(lines[-1].strip())) if lines else f"exit code {done.returncode}"


def main() -> None:
    """Fetches all packages that are not there yet."""
    parser = argparse.ArgumentParser(description="Fetches the runtimes for browsers from npm, 45 MB.")
    parser.parse_args()
    for package in PACKAGES:
        try:
            print(f"{package} is in {fetch_package(package)}", flush=True)  # noqa: T201 - a program of its own
        except RapSamError as error:
            sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
