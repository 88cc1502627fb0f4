"""Where a TFLite file keeps its weights: inside its flatbuffer, or behind it."""

from __future__ import annotations

from typing import Any

import numpy as np

_ALIGNMENT = 16
"""Of the data of a buffer, as the format's schema says."""
_IDENTIFIER = b"TFL3"
_MOST_BYTES = 2_000_000_000
"""A flatbuffer ends at 2^31 bytes; what is larger keeps its weights behind it."""


def with_weights_inside(content: bytearray) -> bytes:
    """Moves weights that lie behind a flatbuffer into it.

    LiteRT's quantiser puts them behind it, from 256 KB on. The interface in C of TensorFlow Lite 2.14 and
    before, which apps use, finds none there ("Input tensor 65 lacks data").

    Args:
        content: Of a file.

    Returns:
        The same graph, or the content as it is where it would be too large.
    """
    import flatbuffers
    from ai_edge_litert.tools import flatbuffer_utils

    class Aligned(flatbuffers.Builder):  # type: ignore[misc] # untyped package
        """Puts bytes where the format has them: weights are read in place, as numbers of up to 8 bytes."""

        def StartVector(self, elemSize: int, numElems: int, alignment: int) -> Any:  # noqa: ANN401, N802
            wide = _ALIGNMENT if elemSize == 1 else alignment
            return super().StartVector(elemSize, numElems, wide)

    if len(content) > _MOST_BYTES:
        return bytes(content)
    model = flatbuffer_utils.read_model_from_bytearray(content)
    for buffer in model.buffers:
        if buffer.data is not None:
            # Arrays are written at once, other data byte by byte.
            buffer.data = np.frombuffer(buffer.data, np.uint8)
    builder = Aligned(len(content))
    builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())
