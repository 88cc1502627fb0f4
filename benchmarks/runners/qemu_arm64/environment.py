"""The arm64 environment: Debian's Python for arm64, qemu, and aarch64 wheels of the runtimes.

    python -m rapsam.benchmarks.runners.qemu_arm64

It is made once, in the user's cache, without root, and beside the system's own packages. Each of its parts is
there whole or not at all; what is there is not fetched again.
"""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from rapsam.benchmarks.runners.qemu_arm64.debian_files import unpack_debian
from rapsam.errors import UnavailableError, printable, shortened
from rapsam.files import atomic_folder
from rapsam.user_cache import user_cache

RELEASE = "trixie"
PYTHON = "3.13"
"""Of that release: the wheels must be for it."""
WHEELS = (
    "numpy==2.3.5",
    "onnxruntime==1.31.1",
    "ai-edge-litert==2.3.0",
    "executorch-numpy-runtime==1.4.0",
)
"""ONNX Runtime and LiteRT in the versions of this toolkit, with all that they import when they run a graph.
ExecuTorch's own wheels need PyTorch; this one holds an older ExecuTorch, and says which."""
FOLDER_VARIABLE = "RAPSAM_ARM64_ENV"
MODULE = "rapsam.benchmarks.runners.qemu_arm64"
_PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux2014_aarch64")
_SYSTEM = ("Linux", "x86_64")

Say = Callable[[str], None]


class Places(NamedTuple):
    """Where the parts of the environment are.

    Attributes:
        qemu: Folder of the program that runs arm64 programs.
        root: What those see as the root of their system.
        wheels: Folder with the packages.
    """

    qemu: Path
    root: Path
    wheels: Path

    @property
    def program(self) -> Path:
        """The emulator."""
        return self.qemu / "usr" / "bin" / "qemu-aarch64"

    @property
    def python(self) -> Path:
        """The arm64 Python."""
        return self.root / "usr" / "bin" / f"python{PYTHON}"


def environment_places() -> Places:
    """Returns where the parts are, or would be: below `RAPSAM_ARM64_ENV`, or in the user's cache.

    Raises:
        UnavailableError: See `user_cache`.
    """
    chosen = os.environ.get(FOLDER_VARIABLE)
    folder = Path(chosen) if chosen else user_cache() / "rapsam" / "arm64"
    # Another choice of wheels is another folder: nothing is ever changed in place.
    digest = hashlib.sha256(" ".join(WHEELS).encode()).hexdigest()[:8]
    return Places(folder / f"qemu-{RELEASE}", folder / f"root-{RELEASE}", folder / f"wheels-{digest}")


def wrong_machine() -> str | None:
    """Says why arm64 programs could never run here; None if they could."""
    here = platform.system(), platform.machine()
    if here == _SYSTEM:
        return None
    return (
        f"it works on {' '.join(_SYSTEM)} only, and this is {' '.join(here)}; on arm64, --on local runs "
        "arm64 kernels"
    )


def cannot_run() -> str | None:
    """Says why arm64 programs cannot run here, and what to do; None if they can."""
    if reason := wrong_machine():
        return reason
    try:
        places = environment_places()
    except UnavailableError as error:
        return str(error)
    if all(place.is_dir() for place in places):
        return None
    return f"its environment is not there yet; run: python -m {MODULE}"


def make_environment(say: Say, pip: Sequence[str] = (sys.executable, "-m", "pip")) -> None:
    """Makes those parts that are not there.

    Args:
        say: Told what is fetched.
        pip: How pip is called; it asks whatever index it is set to.

    Raises:
        UnavailableError: If a tool is missing or fails, as without a network; finished parts stay.
        InputError: If the folder cannot be written, or another process is making it.
    """
    places = environment_places()
    make_emulator(say)
    if not places.root.is_dir():
        say(f"fetching Python {PYTHON} for arm64, of Debian {RELEASE} (60 MB)")
        with atomic_folder(places.root) as folder:
            packages = (f"python{PYTHON}", "libstdc++6")
            unpack_debian(folder, RELEASE, packages, "arm64", ("usr/lib/", f"usr/bin/python{PYTHON}"))
            (folder / "lib").symlink_to("usr/lib")
    if not places.wheels.is_dir():
        say(f"fetching {', '.join(WHEELS)} for arm64 (160 MB)")
        with atomic_folder(places.wheels) as folder:
            _install(folder, pip)


def make_emulator(say: Say) -> Path:
    """Makes the part that runs arm64 programs, if it is not there.

    Returns:
        The program.

    Raises:
        UnavailableError: See `make_environment`.
        InputError: See `make_environment`.
    """
    places = environment_places()
    if not places.qemu.is_dir():
        say(f"fetching qemu for arm64 programs, of Debian {RELEASE} (17 MB, from packages of 60 MB)")
        with atomic_folder(places.qemu) as folder:
            unpack_debian(folder, RELEASE, ("qemu-user",), None, ("usr/bin/qemu-aarch64",))
    return places.program


def _install(folder: Path, pip: Sequence[str]) -> None:
    """Unpacks the wheels for another machine and another Python than this one."""
    options = [word for name in _PLATFORMS for word in ("--platform", name)]
    # pip compares what a wheel asks of Python with the Python that it runs in.
    options += ["--python-version", PYTHON, "--only-binary=:all:", "--ignore-requires-python"]
    command = [*pip, "install", "--quiet", "--no-deps", "--no-compile", "--target", str(folder)]
    try:
        done = subprocess.run([*command, *options, *WHEELS], capture_output=True, text=True, check=False)
    except OSError as error:
        raise UnavailableError(f"cannot start {pip[0]}: {error.strerror}; expected pip") from error
    if done.returncode != 0:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        why = shortened(printable(lines[-1])) if lines else f"exit code {done.returncode}"
        raise UnavailableError(f"pip cannot fetch the wheels for arm64: {why}")
