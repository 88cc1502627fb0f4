"""Small videos of odd kinds, made by PyAV itself."""

from __future__ import annotations

from fractions import Fraction
from io import BytesIO

import av
import numpy as np
from PIL import Image


def picture(step=0, height=48, width=64):
    """A picture without symmetry: brightness rises to the right and down, blue with the step."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([columns * 3 % 256, rows * 3 % 256, np.full_like(rows, 10 * step)], axis=-1).astype(
        np.uint8
    )


def encoded(path, count=3, codec="mpeg4", size=(48, 64), aspect=None, matrix=None, **options):
    """Writes one stream; `aspect` is that of pixels, `matrix` the display matrix of nine integers."""
    with av.open(str(path), "w", **options) as container:
        # MPEG-1 knows only the rates of television.
        stream = container.add_stream(codec, rate=25 if codec == "mpeg1video" else 10)
        stream.height, stream.width = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        if matrix:
            stream.set_display_matrix(matrix)
        for step in range(count):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(step, *size), format="rgb24")))
        container.mux(stream.encode(None))
    return path


def jpeg(pixels):
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def packed(path, jpegs, times_ms, **options):
    """Writes JPEGs of any sizes at any times as one stream of Motion JPEG."""
    with av.open(str(path), "w", **options) as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for content, time_ms in zip(jpegs, times_ms, strict=True):
            packet = av.Packet(content)
            packet.stream, packet.time_base = stream, Fraction(1, 1000)
            packet.pts = packet.dts = time_ms
            container.mux(packet)
    return path


def several(path, *streams):
    """Writes streams of (frames, height, width, codec) beside each other."""
    with av.open(str(path), "w") as container:
        added = []
        for _, height, width, codec in streams:
            stream = container.add_stream(codec, rate=10)
            stream.height, stream.width = height, width
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            added.append(stream)
        for stream, (count, height, width, _) in zip(added, streams, strict=True):
            for step in range(count):
                frame = av.VideoFrame.from_ndarray(picture(step, height, width), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    return path
