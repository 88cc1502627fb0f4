"""A device for tests: Debian's build of Android's own adbd, with Android's shell and tools, in a chroot.

    python -m tests.adbd

makes the chroot in the user's cache, once; it takes root, apt and 35 MB. Each device that is started from it
has a network, processes and a disk of its own, which end with it: this adbd lets everybody in. Beside that
network it listens on the vsock of a virtual machine, which only the machine's host can reach.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rapsam.errors import UnavailableError
from rapsam.files import atomic_folder
from rapsam.user_cache import user_cache
from tests.golden_files import fail_or_skip

VARIABLE = "RAPSAM_ADBD"
STUBS = "stubs"
"""Folder in the chroot where tests put what the device says of itself; in its "bin", programs that it has."""
SDCARD = "sdcard"
"""Folder in the chroot that apps share; empty at first."""
_PACKAGES = {"mmdebstrap": "mmdebstrap", "adb": "adb", "clang": "clang", "ld.lld": "lld"}
"""Programs and the packages that they come in: adb and compilers for the tests, the other for the chroot."""
_INCLUDED = "base-files,adbd,mksh,toybox,libstdc++6"
_TOOLS = ("nsenter", "unshare", "ip", "adb")
_ADBD = "/usr/lib/android-sdk/platform-tools/adbd"
_STUB = "#!/bin/sh\nexec cat /{folder}/{name}{which} 2>/dev/null\n"
_ENVIRONMENT = {"PATH": f"/{STUBS}/bin:/usr/sbin:/usr/bin", "LANG": "C"}
_PATIENCE_S = 20.0


def chroot_folder() -> Path:
    """Returns the folder of the chroot: `RAPSAM_ADBD`, or one in the user's cache."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else user_cache() / "rapsam" / "adbd-trixie"


def missing() -> str | None:
    """Says why no device can be started here; None if one can."""
    tools = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if os.geteuid() != 0:
        return "adbd takes root"
    if tools:
        return f"adbd needs {', '.join(tools)}; run: make adbd"
    return None if (chroot_folder() / "usr/bin/toybox").exists() else "there is no adbd; run: make adbd"


def install_packages() -> None:
    """Installs what is missing of adb, compilers, and what makes the chroot.

    Raises:
        UnavailableError: If that is not possible here.
    """
    wanted = [package for program, package in _PACKAGES.items() if shutil.which(program) is None]
    if not wanted:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise UnavailableError(f"{', '.join(wanted)} cannot be installed: that takes root and apt")
    _call("apt-get", "update", "-qq")
    _call("apt-get", "install", "-y", "-qq", "--no-install-recommends", "libc6-dev", *wanted)


def make_chroot(folder: Path) -> None:
    """Makes the chroot.

    Raises:
        UnavailableError: If that is not possible here.
    """
    with atomic_folder(folder) as made:
        _call("mmdebstrap", "--variant=extract", f"--include={_INCLUDED}", "trixie", str(made))
        for name in ("dev", "proc", "data/local/tmp", STUBS):
            (made / name).mkdir(parents=True, exist_ok=True)
        programs = made / "usr/bin"
        (programs / "sh").symlink_to("mksh")
        for tool in _call("chroot", str(made), "/usr/bin/toybox").split():
            if not (programs / tool).exists():
                (programs / tool).symlink_to("toybox")
        for name, which in (("getprop", ""), ("settings", ""), ("dumpsys", "-$1")):
            (programs / name).unlink(missing_ok=True)
            (programs / name).write_text(_STUB.format(folder=STUBS, name=name, which=which))
            (programs / name).chmod(0o755)


class Device:
    """A running device.

    Args:
        scratch: Folder for its files.

    Attributes:
        serial: By which adb knows it.
        adb: The program that reaches it.
        stubs: Folder of what it says of itself: "getprop", "dumpsys-battery", ...
        programs: Folder of programs that it has beside its own, or in their place.
        root: Its root folder, as its own processes see it that have left the chroot.
    """

    def __init__(self, scratch: Path) -> None:
        self._port = random.randrange(20_000, 32_000)
        self.serial = f"127.0.0.1:{self._port}"
        self.stubs = scratch / STUBS
        self.programs = self.stubs / "bin"
        self.programs.mkdir(parents=True)
        self.adb = scratch / "bin" / "adb"
        self.root = chroot_folder()
        self._unshare = subprocess.Popen(
            ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", self._prepare()],
            stdout=subprocess.PIPE,
        )
        assert self._unshare.stdout is not None
        if self._unshare.stdout.readline().strip() != b"ready":
            raise RuntimeError("the device cannot be prepared")
        self._init = self._first_child(self._unshare.pid)
        self._adbd: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Turns it on, and connects it."""
        self.adb.parent.mkdir()
        real = shutil.which("adb")
        self.adb.write_text(
            f'#!/bin/sh\nHOME={self.adb.parent} exec nsenter -t {self._init} -n -- {real} "$@"\n'
        )
        self.adb.chmod(0o755)
        self.plug_in()
        self.wait()

    def wait(self) -> None:
        """Waits until adb knows it."""
        end = time.monotonic() + _PATIENCE_S
        while f"{self.serial}\tdevice" not in self.call("devices"):
            assert time.monotonic() < end, "adb does not find the device"
            self.call("connect", self.serial)
            time.sleep(0.02)

    def call(self, *words: str) -> str:
        """Calls adb and returns what it says."""
        return subprocess.run(
            [str(self.adb), *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False
        ).stdout

    def shell(self, script: str) -> str:
        """Runs a script on the device, without adb."""
        return subprocess.run(
            [*self._inside(), "/usr/bin/sh", "-c", script],
            env=_ENVIRONMENT,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        ).stdout

    def plug_in(self) -> None:
        """Connects the cable."""
        self._adbd = subprocess.Popen(
            [*self._inside(), _ADBD],
            env={**_ENVIRONMENT, "ADBD_PORT": str(self._port)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + _PATIENCE_S
        while f":{self._port:04X} " not in self.shell("cat /proc/net/tcp /proc/net/tcp6"):
            assert time.monotonic() < end, "adbd does not listen"
            time.sleep(0.02)

    def pull_out(self) -> None:
        """Takes the cable away; what runs on the device goes on."""
        assert self._adbd is not None
        self.shell("kill -9 $(pidof adbd)")
        self._adbd.wait()

    def fill_disk(self, free_kib: int) -> None:
        """Leaves so much room where the shell may write."""
        for place in ("/data/local/tmp", f"/{SDCARD}"):
            self.shell(f"mount -o remount,size={free_kib}k {place}")

    def end(self) -> None:
        """Ends the device with all that runs on it."""
        if self.adb.exists():
            self.call("kill-server")
        os.kill(self._init, signal.SIGKILL)
        self._unshare.kill()
        self._unshare.wait()
        if self._unshare.stdout is not None:
            self._unshare.stdout.close()
        if self._adbd is not None:
            self._adbd.wait()

    def _prepare(self) -> str:
        root = self.root
        return (
            f"mount --make-rprivate /; ip link set lo up; mount --bind {self.stubs} {root}/{STUBS}; "
            f"mount -t proc proc {root}/proc; mount -t tmpfs -o size=400m tmpfs {root}/data/local/tmp; "
            f"mkdir -p {root}/{SDCARD}; mount -t tmpfs -o size=400m tmpfs {root}/{SDCARD}; "
            f"mount -t tmpfs tmpfs {root}/dev; mkdir {root}/dev/pts; "
            "for d in null zero urandom random; do "
            f"touch {root}/dev/$d; mount --bind /dev/$d {root}/dev/$d; done; "
            f"mount -t devpts -o newinstance,ptmxmode=0666 devpts {root}/dev/pts; "
            f"ln -s pts/ptmx {root}/dev/ptmx; echo ready; while :; do sleep 1000; done"
        )

    def _inside(self) -> list[str]:
        return ["nsenter", "-t", str(self._init), "-n", "-m", "-p", "--", "chroot", str(self.root)]

    @staticmethod
    def _first_child(process: int) -> int:
        return int(Path(f"/proc/{process}/task/{process}/children").read_text().split()[0])


@contextmanager
def started_device() -> Iterator[Device]:
    """Starts a device for a while; fails or skips where none can be."""
    if reason := missing():
        fail_or_skip(reason, os.environ.get(VARIABLE))
    with tempfile.TemporaryDirectory() as scratch:
        device = Device(Path(scratch))
        try:
            device.start()
            yield device
        finally:
            device.end()


def _call(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise UnavailableError(f"{command[0]} fails: {lines[-1] if lines else done.returncode}")
    return done.stdout


def main() -> None:
    """Makes the chroot unless it is there, and installs what tests need beside it."""
    folder = chroot_folder()
    try:
        install_packages()
        if missing() is not None:
            print("making an adbd in the user's cache (35 MB)", flush=True)
            make_chroot(folder)
    except UnavailableError as error:
        print(f"no adbd: {error}; tests of phones over adb will be skipped", flush=True)


if __name__ == "__main__":
    main()
