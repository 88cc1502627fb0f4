"""Stands for xcrun, and for the iPhone behind it: `PHONE` names a folder with its answers and its files.

`list.json`, `lock.json`, `apps.json` are what devicectl answers; `container` is the app's; `outputs` is what
its graphs return, `result.json` what it tells; `mode` says what goes wrong.
"""

import itertools
import json
import os
import shutil
import sys
import time
from pathlib import Path

PHONE = Path(os.environ["PHONE"])
CONTAINER = PHONE / "container"
MODE = (PHONE / "mode").read_text()


def main(words):
    if MODE == "no devicectl":
        sys.exit('xcrun: error: unable to find utility "devicectl", not a developer tool or in PATH')
    assert words.pop(0) == "devicectl"
    options = {word: value for word, value in itertools.pairwise(words) if word.startswith("--")}
    with (PHONE / "calls").open("a") as log:
        print(*words, file=log)
    if words[:2] == ["list", "devices"]:
        if MODE == "hangs":
            time.sleep(60)
        answer(options, (PHONE / "list.json").read_text())
    elif words[:3] == ["device", "info", "lockState"]:
        answer(options, (PHONE / "lock.json").read_text())
    elif words[:3] == ["device", "info", "apps"]:
        answer(options, (PHONE / "apps.json").read_text())
    elif words[:2] == ["device", "copy"]:
        copy(words[2], options)
    elif words[:3] == ["device", "process", "launch"]:
        launch(words[-1])
    else:
        sys.exit(f"unknown: {words}")


def answer(options, text):
    Path(options["--json-output"]).write_text(text)
    if '"error"' in text:
        sys.exit("ERROR: something is wrong")


def copy(direction, options):
    there = CONTAINER / options["--destination" if direction == "to" else "--source"]
    here = Path(options["--source" if direction == "to" else "--destination"])
    source, target = (here, there) if direction == "to" else (there, here)
    if (direction == "to" and MODE == "copy fails") or not source.exists():
        reason = {"string": "The file could not be copied."}
        answer(options, json.dumps({"error": {"userInfo": {"NSLocalizedDescription": reason}}}))
    target.parent.mkdir(parents=True, exist_ok=True)
    (shutil.copytree if source.is_dir() else shutil.copyfile)(source, target)
    answer(options, '{"info": {"outcome": "success"}, "result": {}}')


def launch(run):
    if MODE == "locked":
        sys.exit(
            "ERROR: The application failed to launch. (com.apple.dt.CoreDeviceError error 10002 (0x2712))\n"
            "  The request was denied by service delegate (SBMainWorkspace) for reason: Locked"
        )
    if MODE == "crashes":
        print("App terminated due to signal 11.")
        sys.exit(1)
    if MODE == "never finishes":
        time.sleep(60)
    folder = CONTAINER / "Documents" / "rapsam-bench" / run
    job = json.loads((folder / "job.json").read_text())
    assert job["run_id"] == run
    assert (folder / "bundle" / "manifest.json").is_file()
    if MODE != "leaves nothing":
        shutil.copytree(PHONE / "outputs", folder / "out")
        told = (PHONE / "result.json").read_text().replace("RUN", run)
        (folder / "out" / "result.json").write_text(told)
    if MODE != "ends without a result":
        (CONTAINER / "Documents" / "benchmark.done").write_text(
            "another" if MODE == "an old one" else f"{run}\n"
        )
    if MODE == "stays":
        time.sleep(60)


main(sys.argv[1:])
