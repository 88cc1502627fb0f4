"""What every ending of a command must look like, whatever it was given."""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.case import INPUTS, OUT, WORK, Case
from tests.fuzz.leftovers import half_files
from tests.fuzz.worker import CANARY, STDERR, STDOUT, Ended, run_forked

CODES = (0, 1, 2, 3, 130)
GATE_MISSED, BAD_INPUT, OUT_OF_MEMORY = 1, 2, 3
MAX_OUTPUT = 256_000
MAX_LINE = 2_000
_FRAME = re.compile(r'File "(?P<file>[^"]+)", line \d+, in (?P<name>\S+)')
_RAISED = re.compile(r"(?!error:)[A-Za-z_.]+(:|$)")
_INSPECTION_S = 20
_NAMELESS = ("an input is nested too deep, too large or no text",)
"""What the command line says when nothing nearer to the input has caught an error."""
_TO_GO_ON_FROM = ".unfinished.json"


@dataclass(frozen=True)
class Fault:
    """A rule that was broken.

    Attributes:
        kind: Which rule.
        signature: The same for all inputs that break it in the same place.
        detail: What was seen, in one line.
    """

    kind: str
    signature: str
    detail: str


def snapshot(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Every file below a folder with its size, time of change and inode."""
    found = {}
    for root, folders, names in os.walk(folder):
        for path in (Path(root, name) for name in (*folders, *names)):
            state = path.lstat()
            size, when = (0, 0) if path.name in folders else (state.st_size, state.st_mtime_ns)
            found[str(path.relative_to(folder))] = (size, when, state.st_ino)
    return found


def faults_of(
    case: Case, folder: Path, ended: Ended, before: dict[str, tuple[int, int, int]], trap: socket.socket
) -> list[Fault]:
    """Judges the end of a command.

    Args:
        case: What was run.
        folder: The folder of the case.
        ended: How it ended.
        before: The snapshot of the folder before it ran.
        trap: A listening socket that nobody may have called.
    """
    out, error = (_text(folder / name) for name in (STDOUT, STDERR))
    faults = [*_called(folder, trap), *_trace(out + error)]
    if ended.timed_out:
        if not case.may_work:
            faults.append(_fault("hang", _verb(case), f"still running after {ended.seconds:.0f} s"))
    else:
        if not faults:
            faults += _code_faults(case, ended.code, error)
        faults += _text_faults("stdout", out, MAX_OUTPUT if "--json" in case.arguments else MAX_LINE)
        faults += _text_faults("stderr", error, MAX_LINE)
        faults += _file_faults(case, folder, ended.code)
    return faults + ([] if case.may_change else changed_inputs(before, snapshot(folder)))


def _fault(kind: str, where: str, detail: str) -> Fault:
    return Fault(kind, f"{kind}: {where}", ascii(detail)[1:-1][:400])


def _verb(case: Case) -> str:
    return " ".join(word for word in case.arguments[:2] if word.isalpha()) or "rapsam"


def _text(path: Path) -> str:
    return path.read_bytes()[: 4 * MAX_OUTPUT].decode("utf-8", "surrogateescape")


def _called(folder: Path, trap: socket.socket) -> list[Fault]:
    faults = []
    if (folder / CANARY).exists():
        told = (folder / CANARY).read_text(errors="replace")
        faults.append(_fault("code or network", told.split(" ")[0].strip() or "canary", told))
    try:
        trap.accept()[0].close()
    except BlockingIOError:
        return faults
    return [*faults, _fault("network", "local port", "a connection was made")]


def _trace(text: str) -> list[Fault]:
    if "Traceback (most recent call last)" not in text:
        return []
    frames = [(found["file"], found["name"]) for found in _FRAME.finditer(text)]
    own = [f"{file.rpartition('/rapsam/')[2]}:{name}" for file, name in frames if "/rapsam/" in file]
    last = next((line for line in reversed(text.splitlines()) if _RAISED.match(line)), "?")
    return [_fault("traceback", f"{last.partition(':')[0]} in {own[-1] if own else frames[-1:]}", last)]


def _code_faults(case: Case, code: int, error: str) -> list[Fault]:
    lines = error.splitlines()
    last = lines[-1] if lines else ""
    # Of several inputs the last may be sound: then the line that counts the others comes at the end.
    told = [line for line in lines if line.startswith("error: ")]
    is_named = bool(told) if case.may_keep else last.startswith("error: ")
    if code < 0:
        return [_fault("signal", f"{-code} in {_verb(case)}", last)]
    if code not in CODES or (code == GATE_MISSED and not case.may_miss):
        return [_fault("exit code", f"{code} of {_verb(case)}", last)]
    if code in (BAD_INPUT, OUT_OF_MEMORY) and not is_named:
        return [_fault("no error line", _verb(case), last)]
    if any(words in last for words in _NAMELESS):
        return [_fault("refusal without the name of the input", _verb(case), last)]
    if code == 0 and told:
        return [_fault("error with exit code 0", _verb(case), last)]
    return []


def _text_faults(stream: str, text: str, line_limit: int) -> list[Fault]:
    faults = []
    odd = next((char for char in text if char != "\n" and not char.isprintable()), None)
    if odd is not None:
        line = next(line for line in text.split("\n") if odd in line)
        faults.append(_fault("control character", f"{odd!a} on {stream}: {ascii(line)[1:60]}", line))
    longest = max(text.split("\n"), key=len)
    if len(longest) > line_limit or len(text) > MAX_OUTPUT:
        faults.append(_fault("long output", f"{stream}: {longest[:40]!a}", f"{len(text)} characters"))
    return faults


def _file_faults(case: Case, folder: Path, code: int) -> list[Fault]:
    places = [folder / OUT, folder / WORK]
    found = [path for place in places for path in place.rglob("*")]
    if not found:
        return []
    faults = []
    files = [path for path in found if not path.is_dir()]
    left = [path for path in found if not path.name.endswith(_TO_GO_ON_FROM)]
    if code in (BAD_INPUT, OUT_OF_MEMORY) and left and not case.may_keep:
        what = "files" if files else "an empty folder"
        faults.append(_fault("left by a refusal", f"{what}, {_verb(case)}", str(left[0])))
    hidden = [path for path in found if path.name.startswith(".") and ".rapsam-" in path.name]
    faults += [_fault("scratch left", _verb(case), str(path)) for path in hidden[:1]]
    if files:
        report = folder / "inspection"
        inspection = run_forked(lambda: _inspect(files, report), _scratch(folder), _INSPECTION_S)
        told = report.read_text() if report.exists() else ""
        if inspection.code or told:
            faults.append(_fault("half file", f"{_verb(case)} {told.partition(' ')[0]}", told))
    return faults


def _inspect(files: list[Path], report: Path) -> int:
    """In a process of its own: what was written may upset a decoder."""
    if found := half_files(files):
        report.write_text("\n".join(found))
    return 0


def _scratch(folder: Path) -> Path:
    """A place for the streams of the inspection."""
    place = folder / "inspector"
    (place / WORK).mkdir(parents=True, exist_ok=True)
    return place


_OWN = (STDOUT, STDERR, CANARY, "inspection", "inspector")


def changed_inputs(
    before: dict[str, tuple[int, int, int]], after: dict[str, tuple[int, int, int]]
) -> list[Fault]:
    """Names the first file that a command has changed, and the first that it has added, where it may not."""

    def judged(name: str) -> bool:
        top = name.split("/")[0]
        return top not in (OUT, WORK, *_OWN)

    changed = [name for name in before if judged(name) and after.get(name) != before[name]]
    added = [name for name in after if judged(name) and name not in before]
    faults = [_fault("input changed", INPUTS, name) for name in changed[:1]]
    return faults + [_fault("file outside --out", "folder of the case", name) for name in added[:1]]
