"""The house rule: code lies in top-level folders, yet only the name `rapsam` is ever installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LINKED_FOLDERS = ("export", "quantize", "benchmarks")
SHIPPED = (".c", ".h", ".py", ".json", ".safetensors", ".toml", ".typed", ".js", ".html", ".css")


def run(*command: str | Path, folder: Path, **environment: str) -> str:
    """Runs a command in a folder and gives its output; a failure shows all that it said."""
    result = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_no_two_files_of_tests_have_one_name():
    """Pytest imports them by their names alone."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))


def package_files() -> set[str]:
    """Lists the files below rapsam/ that must be shipped, through the symlinks, as "rapsam/..."."""
    return {
        (Path(folder) / name).relative_to(ROOT).as_posix()
        for folder, _, names in os.walk(ROOT / "rapsam", followlinks=True)
        for name in names
        if name.endswith(SHIPPED)
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Builds the wheel from a copy, so that neither an old build/ nor the checkout takes part."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT, folder / "source", symlinks=True, ignore=_left_out)
    build = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder)
    run(*build, folder=folder / "source")
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def _left_out(folder: str, names: list[str]) -> set[str]:
    """Names what is made, and not source; `export/build` is source."""
    made = shutil.ignore_patterns(".*", "*.egg-info", "__pycache__", "demo-output")(folder, names)
    return made | ({"build", "dist"} if Path(folder) == ROOT else set())


@pytest.mark.parametrize("name", LINKED_FOLDERS)
def test_a_top_level_folder_is_a_package_of_rapsam_by_a_symlink_that_git_keeps(name: str) -> None:
    link = ROOT / "rapsam" / name
    assert link.is_symlink(), f"{link} is no symbolic link; clone again with core.symlinks on"
    assert link.readlink() == Path("..") / name
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: git's view of the link cannot be asked")
    listing = run("git", "ls-files", "--stage", f"rapsam/{name}", folder=ROOT)
    assert {line.split()[0] for line in listing.splitlines()} <= {"120000"}


def test_the_wheel_holds_nothing_but_rapsam(wheel: zipfile.ZipFile) -> None:
    (metadata,) = {name.split("/")[0] for name in wheel.namelist()} - {"rapsam"}
    assert metadata.startswith("rapsam-")
    assert metadata.endswith(".dist-info")


def test_the_wheel_holds_every_module_and_data_file(wheel: zipfile.ZipFile) -> None:
    expected = package_files()
    assert {"rapsam/py.typed", "rapsam/export/devices.toml", "rapsam/benchmarks/__init__.py"} <= expected
    assert {name for name in wheel.namelist() if name.startswith("rapsam/")} == expected


def test_the_wheel_is_imported_beside_a_stray_module_called_export(
    wheel: zipfile.ZipFile, tmp_path: Path
) -> None:
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    wheel.extractall(site)
    elsewhere.mkdir()
    (elsewhere / "export.py").write_text("NAME = 'stray'\n")
    program = (
        "import export, rapsam.export.devices as devices; "
        "print(export.NAME, devices.__file__, devices.find_device('pixel-8').id)"
    )
    said = run(sys.executable, "-c", program, folder=elsewhere, PYTHONPATH=str(site))
    assert said.split() == ["stray", str(site / "rapsam" / "export" / "devices.py"), "pixel-8"]
