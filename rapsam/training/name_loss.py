"""A lesson about names: mask features shall tell linearly of which class a pixel is.

An auxiliary semantic segmentation, as MaX-DeepLab has one (Wang et al., CVPR 2021): queries get the class of
their object from features that are pooled over its mask, so each pixel must bring its share. The classes of
things are learnt from thousands of pixels an image instead of from a handful of queries.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from rapsam.training.batch import ObjectSample


class NameReadout(nn.Module):
    """Reads the class of every pixel from mask features with one linear layer.

    Args:
        width: Channels of the features.
        num_classes: K.
    """

    def __init__(self, width: int, num_classes: int) -> None:
        super().__init__()
        self.readout = nn.Conv2d(width, num_classes, 1)
        # The same beginning in every process, without a seed.
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    def forward(self, features: Tensor, samples: Sequence[ObjectSample]) -> Tensor:
        """Computes the cross-entropy, the mean over the pixels of each segment, summed over the segments.

        Args:
            features: (B * T, C, h, w) of samples with T frames each.
            samples: B of them; segments of unknown classes and pixels in no segment teach nothing.
        """
        logits: Tensor = self.readout(features)
        total = features.new_zeros(())
        frames = len(features) // len(samples)
        for place, sample in enumerate(samples):
            known = sample.classes >= 0
            if not bool(known.any()):
                continue
            shares = F.interpolate(
                sample.masks[known].flatten(0, 1)[:, None].float(), size=features.shape[-2:], mode="area"
            )
            # (N, T, h, w): how much of a pixel a segment covers.
            shares = shares.reshape(-1, frames, *features.shape[-2:])
            own = F.log_softmax(logits[place * frames : (place + 1) * frames], dim=1)
            said = (own[:, sample.classes[known]].transpose(0, 1) * shares).sum(dim=(1, 2, 3))
            total = total - (said / shares.sum(dim=(1, 2, 3)).clamp(min=1e-6)).sum()
        return total
