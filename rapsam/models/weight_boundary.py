"""The boundary around whatever parses a weight file: anything that its bytes lead to becomes a refusal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rapsam.errors import (
    CheckpointError,
    MemoryLimitError,
    RapSamError,
    is_out_of_memory,
    printable,
    shortened,
)
from rapsam.models.pickle_tree import PickleTreeError
from rapsam.models.torch_tensors import TorchFileError
from rapsam.models.weight_file import DAMAGED

_REASON = 200


@contextmanager
def parsing(path: Path) -> Iterator[None]:
    """Surrounds the reading of a weight file.

    Raises:
        MemoryLimitError: If there is too little memory for the file.
        CheckpointError: For any other error, with the reason if a reader of ours knows one.
    """
    try:
        yield
    except RapSamError:
        raise
    except (PickleTreeError, TorchFileError) as error:
        reason = shortened(printable(str(error)), _REASON)
        raise CheckpointError(
            f"cannot read {path} ({reason}): it is damaged, or holds what weights never need; copy or "
            "download it again, or save its state dict alone, with torch.save"
        ) from error
    except Exception as error:
        if is_out_of_memory(error):
            raise MemoryLimitError(f"{path} needs more memory than there is; free some") from error
        raise CheckpointError(f"cannot read {path}: {DAMAGED}") from error
