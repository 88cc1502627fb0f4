"""An adb that says what was recorded: for states that no device of the tests can be in."""

from __future__ import annotations

from pathlib import Path

HEAD = "List of devices attached\n"
PIXEL = "8XV7N15A10000001       device 1-1 product:shiba model:Pixel_8 device:shiba transport_id:4\n"
GALAXY = "R5CT200ABCD            device 1-2 product:dm1q model:SM_S911B device:dm1q transport_id:5\n"


def write_fake_adb(
    folder: Path, listed: str = "", *, says: str = "", errors: str = "", code: int = 0
) -> None:
    """Writes a program "adb" that lists devices, and answers everything else alike.

    Args:
        folder: Where; is to be put on the path.
        listed: What "adb devices" says.
        says: What it says to anything else.
        errors: What it complains, to anything at all if nothing is listed.
        code: Its exit code then.
    """
    folder.mkdir(exist_ok=True)
    for name, text in (("listed", listed), ("says", says), ("errors", errors)):
        (folder / name).write_text(text)
    refuse = f"cat {folder}/errors >&2; exit {code}"
    listing = f"cat {folder}/listed; exit 0" if listed else refuse
    script = f'#!/bin/sh\n[ "$1" = devices ] && {{ {listing}; }}\ncat {folder}/says; {refuse}\n'
    (folder / "adb").write_text(script)
    (folder / "adb").chmod(0o755)
