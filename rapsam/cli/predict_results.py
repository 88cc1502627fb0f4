"""Where the results of `rapsam predict` stand: checked before any work, and put there together."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from rapsam.errors import InputError, RapSamError
from rapsam.files import remove_abandoned, scratch_folder
from rapsam.locks import holding

PANOPTIC = ("overlay.png", "panoptic.png", "panoptic.json")
PROMPTED = ("overlay.png", "prompts.json")
EVERYTHING = ("overlay.png", "regions.json")
CANDIDATES = ("candidates.png",)
LOGITS = ("logits.npy",)
FILMED = ("overlay.mp4", "tracks.json")
_LONGEST_NAME, _LONGEST_PATH = 255, 4095
_SCRATCH = "predict"


def check_apart(results: Mapping[Path, Sequence[Path]], folders: Sequence[Path], *, recursive: bool) -> None:
    """Tells before any work whether results would replace, or be taken for, what is read.

    Args:
        results: For each input the files that will be written.
        folders: Folders that are read.
        recursive: Whether their subfolders are read too.

    Raises:
        InputError: If a result is one of the inputs or would lie where the next run reads it.
    """
    named = [file for source, files in results.items() for file in (source, *files)]
    parents = {parent: parent.resolve() for parent in {file.parent for file in named}}
    # An input may be a link: neither the link nor what it leads to may be replaced.
    inputs = {
        place: source
        for source in results
        for place in (parents[source.parent] / source.name, source.resolve())
    }
    read = {folder.resolve(): folder for folder in folders}
    for source, files in results.items():
        for file in files:
            target = parents[file.parent] / file.name
            if target in inputs:
                raise InputError(
                    f"{file}, a result of {source}, would replace the input {inputs[target]}; "
                    "choose another --out"
                )
            above = target.parents if recursive else target.parents[:1]
            folder = next((read[place] for place in above if place in read), None)
            if folder is not None:
                raise InputError(
                    f"{file}, a result of {source}, would lie in the folder {folder}, which is read: the "
                    "next run would take it for an input; choose an --out outside"
                )


def check_new(results: Mapping[Path, Sequence[Path]], *, overwrite: bool) -> None:
    """Tells before any work whether results of an earlier run are in the way.

    Raises:
        InputError: If one of these files exists and may not be overwritten, or is a folder.
    """
    existing = [file for files in results.values() for file in files if os.path.lexists(file)]
    for file in existing:
        if file.is_dir() and not file.is_symlink():
            raise InputError(f"{file} is a folder, where a result is to stand; choose another --out")
    if existing and not overwrite:
        several = len(existing) > 1
        which = f"{existing[0]} and {len(existing) - 1:,} more exist" if several else f"{existing[0]} exists"
        them = "them" if several else "it"
        raise InputError(f"{which} already; add --overwrite to replace {them}, or choose another --out")


def remove_old_scratch(folders: Iterable[Path]) -> None:
    """Removes what runs left behind that were killed more than a day ago."""
    for folder in folders:
        if folder.is_dir():
            remove_abandoned(folder, _SCRATCH)


def check_length(source: Path, files: Sequence[Path]) -> None:
    """Tells before any work whether results can have the names that they will get.

    Raises:
        InputError: If a name is too long for file systems.
    """
    for file in files:
        name, path = (len(os.fsencode(text)) for text in (file.name, file.absolute()))
        # What is being written lies in a scratch folder.
        if name > _LONGEST_NAME or path + len(f".{_SCRATCH}.rapsam-12345678/") > _LONGEST_PATH:
            raise InputError(
                f"the name of the result {file.name} of {source} is too long, "
                f"{name} bytes; expected at most {_LONGEST_NAME}, "
                "and paths of fewer than 4,000: rename the input"
            )


@contextmanager
def results_together(folder: Path, *, overwrite: bool) -> Iterator[Path]:
    """Makes a scratch folder whose files appear in `folder` together when the block ends, or not at all.

    Args:
        folder: Destination; made with its parents, which are removed again after an error if still empty.
        overwrite: Whether files of the same names are replaced; they stay as they are after an error.

    Yields:
        The scratch folder, a hidden one in the destination. Only its files are moved, no folders.

    Raises:
        InputError: If the destination cannot be written, or holds a file of the same name.
        RapSamError: Whatever the block raises, with the destination in place of the scratch folder.
    """
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    finished = False
    try:
        folder.mkdir(parents=True, exist_ok=True)
        scratch = scratch_folder(folder / _SCRATCH)
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        with holding(scratch):
            yield scratch
            _move(scratch, folder, overwrite=overwrite)
        finished = True
    except RapSamError as error:
        if str(scratch) not in str(error):
            raise
        raise type(error)(str(error).replace(str(scratch), str(folder))) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        for place in () if finished else missing:
            with suppress(OSError):
                place.rmdir()


def _move(scratch: Path, folder: Path, *, overwrite: bool) -> None:
    files = sorted(path for path in scratch.iterdir() if path.is_file())
    check_new({scratch: [folder / file.name for file in files]}, overwrite=overwrite)
    replaced = scratch / "replaced"
    replaced.mkdir()
    try:
        for file in files:
            if os.path.lexists(folder / file.name):
                (folder / file.name).rename(replaced / file.name)
            file.rename(folder / file.name)
    except BaseException as error:
        for file in files:
            if not file.exists():
                (folder / file.name).unlink(missing_ok=True)
            if os.path.lexists(replaced / file.name):
                (replaced / file.name).rename(folder / file.name)
        if isinstance(error, OSError):
            raise _unwritable(folder, error) from error
        raise


def _unwritable(folder: Path, error: OSError) -> InputError:
    reason = error.strerror or str(error)
    return InputError(f"cannot write {folder}: {reason}; choose a folder that you may write to")
