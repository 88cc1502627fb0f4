"""The eager network computes in full float32, also where a GPU would round by default."""

import numpy as np
import torch

from rapsam.inference.network import EagerNetwork
from rapsam.inference.reference import EagerRunner


class _Watching:
    """Says for every answer whether convolutions on a GPU would have rounded."""

    tasks = ("panoptic", "prompt")
    fit = "letterbox"

    def to(self, device):
        del device
        return self

    def _answer(self):
        rounds = torch.tensor([float(torch.backends.cudnn.allow_tf32)])
        return dict.fromkeys(("class_logits", "queries", "mask_logits", "iou"), rounds)

    def detect(self, frames):
        del frames
        return self._answer()

    def embed(self, pixels):
        del pixels
        return self._answer()

    def answer(self, embedding, prompts):
        del prompts
        return embedding

    def reference(self, graph, tensors):
        del graph, tensors
        return self._answer()


def test_nothing_is_rounded_to_tf32(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    network, nothing = EagerNetwork(_Watching(), "cpu", 32, 32), np.zeros(1, np.float32)
    assert not network.detect(nothing).class_logits.any()
    assert not network.embed(nothing).answer({"boxes": nothing}).iou.any()
    assert not EagerRunner(_Watching(), "encoder", "cpu").run({})["iou"].any()
    assert torch.backends.cudnn.allow_tf32
