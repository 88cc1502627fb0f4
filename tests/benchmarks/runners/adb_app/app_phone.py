"""The sample app on the device of the tests: Android's programs for apps, as far as needed, and an app.

What they print is what Android prints, by others' recordings of it.
"""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rapsam.benchmarks.runners.adb_app.app import DOCUMENTS
from rapsam.benchmarks.runners.app_contract import APP_ID, DONE, FOLDER
from tests.adbd import STUBS, Device

NOTHING: Mapping[str, str] = MappingProxyType({})
STARTING = f"Starting: Intent {{ cmp={APP_ID}/.BenchmarkActivity (has extras) }}\n"
STARTED = f"""\
{STARTING}Status: ok
LaunchState: COLD
Activity: {APP_ID}/.BenchmarkActivity
TotalTime: 412
WaitTime: 415
Complete
"""
POLICY = """\
WINDOW MANAGER POLICY STATE (dumpsys window policy)
    KeyguardServiceDelegate
      showing=false
      showingAndNotOccluded=true
      secure=true
"""
LOCKED = POLICY.replace(" showing=false", " showing=true")
IN_FRONT = f"    topResumedActivity=ActivityRecord{{3c1a4f u0 {APP_ID}/.BenchmarkActivity t42}}\n"
_ASKED = f"/{STUBS}/asked"
_PROGRAMS = {
    "pm": f"cat /{STUBS}/pm; [ -s /{STUBS}/pm ]",
    "am": f"""\
echo "am $*" >> {_ASKED}
run=; while [ $# -gt 0 ]; do [ "$1" = rapsam-benchmark ] && run=$2; verb=${{verb:-$1}}; shift; done
p=$(pidof {APP_ID}); [ -z "$p" ] || kill -9 $p
[ "$verb" = start ] || exit 0
. /{STUBS}/on-start
cat /{STUBS}/am
""",
    "wm": f'echo "wm $*" >> {_ASKED}; . /{STUBS}/on-wake',
    "input": f'echo "input $*" >> {_ASKED}',
    "logcat": f"echo '--------- beginning of main'; cat /{STUBS}/log",
    "dumpsys": f"""\
case "$1 $2" in
"window policy") exec cat /{STUBS}/policy;;
"activity activities") exec cat /{STUBS}/activities;;
"activity exit-info") exec cat /{STUBS}/exits;;
*) exec cat /{STUBS}/dumpsys-$1;;
esac
""",
}
"""With `am start -S`, as with `am force-stop`, the app's process is ended first."""


class AppPhone:
    """A device that has the app.

    Args:
        device: It.
    """

    def __init__(self, device: Device) -> None:
        self.device = device
        for name, script in _PROGRAMS.items():
            self.has_program(name, script)
        self.says("pm", f"package:/data/app/~~a==/{APP_ID}-b==/base.apk\n")
        self.says("am", STARTED)
        self.says("policy", POLICY)
        self.says("activities", IN_FRONT)
        for name in ("exits", "log", "on-start", "on-wake", "asked"):
            self.says(name, "")
        self.device.shell(f"mkdir -p {DOCUMENTS}")

    def has_program(self, name: str, script: str) -> None:
        """Adds a program of the device's shell."""
        path = self.device.programs / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def says(self, name: str, text: str) -> None:
        """Sets what the device says of something."""
        (self.device.stubs / name).write_text(text)

    def asked(self) -> list[str]:
        """Returns what its programs were called with."""
        return (self.device.stubs / "asked").read_text().splitlines()

    def app_is(self, command: str, environment: Mapping[str, str] = NOTHING) -> None:
        """Sets what the app is: a program of this machine that runs on the device, by the app's name.

        Args:
            command: For bash; `$documents` is the app's folder, `$run` the number of the run.
            environment: What it finds in its environment.
        """
        words = [f"{name}={value}" for name, value in environment.items()]
        self.says(
            "on-start",
            f'setsid chroot /proc/1/root /usr/bin/env {shlex.join(words)} run="$run" '
            f"documents={self.device.root}{DOCUMENTS} stubs={self.device.root}/{STUBS} "
            f"/usr/bin/bash -c {shlex.quote(f'exec -a {APP_ID} {command}')} "
            f"> /{STUBS}/said 2>&1 < /dev/null &\n",
        )

    def app_does(self, script: str) -> None:
        """Lets the app be a script of bash; it stays when that has ended, as the real one does."""
        self.says("app", f"out=$documents/{FOLDER}/$run/out\n{script}\nsleep 1000\n")
        self.app_is("/usr/bin/bash $stubs/app")

    def app_answers(self, result: Any, outputs: Path, change: str = "") -> None:
        """Lets the app leave a result.

        Args:
            result: What it writes as JSON, or a text; "RUN" stands for the number of the run.
            outputs: Folder of the outputs of its graphs.
            change: Script that is run before it says that it has ended.
        """
        self.says("result", result if isinstance(result, str) else json.dumps(result))
        shutil.copytree(outputs, self.device.stubs / "outputs", dirs_exist_ok=True)
        self.app_does(
            "rm -rf $out; cp -r $stubs/outputs $out; sed s/RUN/$run/ $stubs/result > $out/result.json\n"
            f"{change}\necho $run > $documents/{DONE}"
        )

    def left(self) -> list[str]:
        """Lists what is in the app's folder and in the shell's."""
        return self.device.shell(f"ls -A {DOCUMENTS} /data/local/tmp | grep -v :$").split()

    def is_running(self) -> bool:
        """Tells whether the app's process is there."""
        return bool(self.device.shell(f"pidof {APP_ID}").strip())
