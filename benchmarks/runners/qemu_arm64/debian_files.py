"""Files of Debian packages, of any architecture, without installing anything; mmdebstrap fetches them."""

from __future__ import annotations

import functools
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from rapsam.errors import UnavailableError, printable, shortened

TOOL = "mmdebstrap"
_INSTALL = f"install it, as in: apt-get install {TOOL} debian-archive-keyring"
_SAID_BYTES = 1 << 20
_CHUNK = 1 << 20


def unpack_debian(
    folder: Path, release: str, packages: Sequence[str], architecture: str | None, wanted: tuple[str, ...]
) -> None:
    """Unpacks files of packages, and of all that those need.

    Args:
        folder: Where to; it exists.
        release: Of Debian.
        packages: Their names.
        architecture: Debian's name of it; None for this machine's.
        wanted: Paths of the files; one that ends in "/" means all that is below.

    Raises:
        UnavailableError: If mmdebstrap is not here, fails, or the disk is full.
    """
    if shutil.which(TOOL) is None:
        raise UnavailableError(f"{TOOL}, which fetches Debian's packages, is not here; {_INSTALL}")
    # "chrootless", "extract": nothing of the system is needed or touched, and no package's script runs.
    command = [TOOL, "--mode=chrootless", "--variant=extract", f"--include={','.join(packages)}"]
    command += [f"--architectures={architecture}"] if architecture else []
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen([*command, release, "-"], stdout=subprocess.PIPE, stderr=said)
        assert process.stdout is not None
        try:
            problem = _unpack(process.stdout, folder, wanted)
        except BaseException as error:
            process.terminate()  # it removes its own scratch files
            if isinstance(error, OSError):
                raise UnavailableError(f"cannot write to {folder.parent}: {error.strerror}") from error
            raise
        finally:
            process.stdout.close()
            code = process.wait()
        if problem is not None or code != 0:
            raise UnavailableError(
                f"{TOOL} cannot fetch {', '.join(packages)}: {_reason(said, problem, code)}"
            )


def _unpack(stream: IO[bytes], folder: Path, wanted: tuple[str, ...]) -> str | None:
    """Unpacks an archive to its end; says what is wrong with it."""
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            archive.extractall(folder, filter=functools.partial(_plain, wanted))
    except (tarfile.TarError, EOFError) as error:
        return str(error)
    while stream.read(_CHUNK):  # zeros, without which the sender would be cut off
        pass
    return None if any(folder.iterdir()) else "none of the files that are wanted is among them"


def _plain(wanted: tuple[str, ...], member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo | None:
    name = member.name.removeprefix("./")
    if name not in wanted and not name.startswith(tuple(part for part in wanted if part.endswith("/"))):
        return None
    try:
        return tarfile.data_filter(member, folder)
    except (
        tarfile.FilterError
    ):  # devices, and links to what lies outside, as to /etc: nothing here needs them
        return None


def _reason(said: IO[bytes], problem: str | None, code: int) -> str:
    """Returns the tool's first complaint: the later ones say that it gives up."""
    said.seek(0)
    lines = said.read(_SAID_BYTES).decode(errors="replace").splitlines()
    complaints = [line for line in lines if line.startswith("E: ")] or lines[-1:]
    told = shortened(printable(complaints[0].removeprefix("E: ").strip())) if complaints else ""
    return told or problem or f"exit code {code}"
