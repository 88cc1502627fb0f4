"""The single numbers in the results of an evaluation, by names such as "panoptic.pq"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec


def plain_figures(results: Mapping[str, msgspec.Struct]) -> dict[str, Any]:
    """Returns results as JSON has them: a figure without anything to compare is null."""
    figures: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(results))
    return figures


def numbers(results: Mapping[str, msgspec.Struct]) -> Iterator[tuple[str, float | None]]:
    """Lists the figures of results that are no figures of single classes."""
    return numbers_of(plain_figures(results))


def numbers_of(figures: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float | None]]:
    """Does the same for what `plain_figures` returned."""
    for name, value in figures.items():
        if isinstance(value, Mapping):
            yield from numbers_of(value, f"{prefix}{name}.")
        elif name == "clicks" and isinstance(value, list):
            if prefix == "boxes.":
                continue  # the number of clicks means nothing there
            yield from ((f"{prefix}noc@{entry['iou']:g}", entry["mean_clicks"]) for entry in value)
        elif name == "mean_iou" and isinstance(value, list):
            yield from ((f"{prefix}mean_iou@{click}", iou) for click, iou in enumerate(value, start=1))
        elif name == "windows":
            yield from ((f"{prefix}k={entry['frames']}", entry["quality"]["pq"]) for entry in value)
        elif value is None or isinstance(value, int | float):
            yield prefix + name, value
