"""Makes tests/fixtures/network.npz: python -m tests.make_network_fixture

Outputs of rapsam_nano with formula weights in its three modes, so that a clone without the golden files
notices when a network changes. Make it anew only with the golden files at hand to prove the change right.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

import rapsam
from rapsam.export.parity.sample_images import draw_scene
from rapsam.models.rapsam.model import RapSamOutput
from rapsam.tasks.preprocess import normalise_and_pad

PATH = Path(__file__).with_name("fixtures") / "network.npz"
BOXES = torch.tensor([[[10.0, 12.0, 40.0, 50.0], [70.0, 30.0, 76.0, 36.0]]])


def make_outputs() -> dict[str, np.ndarray]:
    """Runs object, prompt and clip mode on drawn scenes of 60x90 pixels."""
    model = rapsam.build_model("rapsam_nano", checkpoint="formula")
    frames = [normalise_and_pad(draw_scene(seed, (60, 90))) for seed in (5, 6)]
    images = torch.from_numpy(np.concatenate([frame.pixels for frame in frames]))
    with torch.no_grad():
        modes = {
            "object": model(images[:1]),
            "prompt": model(images[:1], prompts=BOXES, image_sizes=[frames[0].geometry.content_size]),
            "clip": model(images, num_frames=2),
        }
    return {f"{mode}.{name}": array for mode, out in modes.items() for name, array in _sampled(out).items()}


def _sampled(output: RapSamOutput) -> dict[str, np.ndarray]:
    arrays = {"features": output.features[:, ::16, ::4, ::4]}
    for i, stage in enumerate(output.stages):
        arrays[f"class_logits{i}"] = stage.class_logits[:, ::10, ::7]
        arrays[f"mask_logits{i}"] = stage.mask_logits[:, ::10, ..., ::4, ::4]
        arrays[f"iou{i}"] = stage.iou
        arrays[f"queries{i}"] = stage.queries[:, ::10, ::8]
    return {name: tensor.numpy() for name, tensor in arrays.items()}


if __name__ == "__main__":
    np.savez_compressed(PATH, **make_outputs())
    print(f"{PATH}: {PATH.stat().st_size} bytes")
