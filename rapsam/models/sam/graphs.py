"""The deployable graphs of the family: tensor-only modules with static shapes, and their contracts."""

from __future__ import annotations

from torch import Tensor, nn

from rapsam.contract import MAX_PROMPTS, MAX_SIDE, GraphContract
from rapsam.errors import InputError, unknown_name
from rapsam.models.sam.contracts import Shape, decoder_contract, encoder_contract, published_decoder_contract
from rapsam.models.sam.encoder import ImageEncoder
from rapsam.models.sam.mask_decoder import enlarged_masks
from rapsam.models.sam.model import Sam
from rapsam.models.sam.published_graphs import PublishedDecoder, PublishedEncoder
from rapsam.models.sam.repvit import RepVit
from rapsam.models.sam.rewrites.decoder import LEARNED_TOKENS, DeployedDecoder
from rapsam.models.sam.rewrites.prompts import DenseMap, SlotTokens
from rapsam.models.sam.rewrites.repvit import deployed_repvit
from rapsam.models.sam.rewrites.tiny_vit import deployed_tiny_vit
from rapsam.models.sam.rewrites.vit import deployed_vit
from rapsam.models.sam.tiny_vit import TinyVit
from rapsam.models.sam.vit import Vit
from rapsam.tasks.preprocess import MEAN, STD, check_network_size

GRAPHS = ("encoder", "decoder")


class EncoderGraph(nn.Module):
    """Image to embedding; normalises inside.

    Attributes:
        mean: The colour that is subtracted: of ViT in whole levels, see `deployed_vit`.
        inverse_std: What the difference is multiplied by.
    """

    mean: Tensor
    inverse_std: Tensor

    def __init__(self, model: Sam) -> None:
        super().__init__()
        like = model.prompt_encoder.no_mask
        mean, std = (like.new_tensor(colour) for colour in (MEAN, STD))
        self.encoder, subtracted = _deployed(model.image_encoder, mean, std)
        self.register_buffer("mean", subtracted.view(1, 3, 1, 1))
        self.register_buffer("inverse_std", 1 / std.view(1, 3, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        """Maps an image (1, 3, H, W), 0..255, to its embedding (1, 256, H / 16, W / 16)."""
        return self.encoder((image - self.mean) * self.inverse_std)  # type: ignore[no-any-return]


class DecoderGraph(nn.Module):
    """Embedding and prompts in slots to four masks and IoUs for each."""

    def __init__(self, model: Sam, size: tuple[int, int], *, enlarged: bool = False) -> None:
        super().__init__()
        self.enlarged = enlarged
        prompts, stride = model.prompt_encoder, model.image_encoder.stride
        positions = prompts.position.grid((size[0] // stride, size[1] // stride))
        self.tokens = SlotTokens(prompts, size, LEARNED_TOKENS)
        self.dense = DenseMap(prompts)
        self.decoder = DeployedDecoder(model.mask_decoder, positions)

    def forward(
        self,
        embedding: Tensor,
        points: Tensor,
        point_labels: Tensor,
        mask_prompt: Tensor,
        has_mask_prompt: Tensor,
    ) -> tuple[Tensor, ...]:
        """Returns mask logits (1, K, 4, 4 h, 4 w), predicted IoU (1, K, 4), and if asked (1, K, 4, H, W)."""
        tokens, hidden = self.tokens(points[0], point_labels[0])
        given = has_mask_prompt.reshape(-1, 1, 1, 1)
        image = embedding + self.dense(mask_prompt[0], given)
        masks, iou = self.decoder(image, tokens, hidden)
        more = (enlarged_masks(masks),) if self.enlarged else ()
        return tuple(each.unsqueeze(0) for each in (masks, iou, *more))


def build_graph(
    model: Sam, graph: str, size: tuple[int, int], num_prompts: int, slots: int, *, enlarged: bool = False
) -> tuple[nn.Module, GraphContract]:
    """Makes one deployable graph; the model is copied, not changed.

    Args:
        model: The trained network.
        graph: One of `GRAPHS`.
        size: Image (height, width): multiples of 32, at most 2048, or the one square that the encoder takes.
        num_prompts: Prompts per pass of the decoder.
        slots: For points and corners of boxes, per prompt.
        enlarged: Whether the decoder returns masks at the sides of the image too.

    Returns:
        A module in eval mode, and its contract.

    Raises:
        InputError: If graph, size or number of prompts cannot be used.
    """
    shape = _checked(model, graph, size, num_prompts, slots)._replace(enlarged=enlarged)
    module: nn.Module
    if graph == "encoder":
        module, contract = EncoderGraph(model), encoder_contract(shape)
    else:
        module, contract = DecoderGraph(model, size, enlarged=enlarged), decoder_contract(shape)
    return module.eval().requires_grad_(False), contract


def published_graph(
    model: Sam, graph: str, size: tuple[int, int], num_prompts: int, slots: int, *, enlarged: bool = False
) -> tuple[nn.Module, GraphContract]:
    """Returns a graph as the trainable network computes it; arguments as `build_graph`.

    It shares the weights of the model, which is in eval mode. Its decoder takes no empty slots, and a mask
    with every prompt.
    """
    shape = _checked(model, graph, size, num_prompts, slots)._replace(enlarged=enlarged)
    if graph == "encoder":
        return PublishedEncoder(model), encoder_contract(shape)
    return PublishedDecoder(model, enlarged=enlarged), published_decoder_contract(shape)


def check_size(model: Sam, size: tuple[int, int]) -> None:
    """Raises `InputError` unless the network takes images of this height and width."""
    check_network_size(size)
    side = model.config.encoder.fixed_size
    if side is not None and size != (side, side):
        raise InputError(
            f"size {size[0]}x{size[1]} for {model.name}, whose encoder knows one size only; "
            f"expected {side}x{side}"
        )
    if max(size) > MAX_SIDE:
        raise InputError(f"size {size[0]}x{size[1]} is too large; expected sides of at most {MAX_SIDE}")


def _checked(model: Sam, graph: str, size: tuple[int, int], num_prompts: int, slots: int) -> Shape:
    check_size(model, size)
    if not 1 <= num_prompts <= MAX_PROMPTS:
        raise InputError(f"{num_prompts} prompts per pass; expected 1 to {MAX_PROMPTS}")
    if graph not in GRAPHS:
        raise unknown_name("graph", graph, GRAPHS)
    return Shape(size, model.image_encoder.stride, num_prompts, slots, enlarged=False)


def _deployed(encoder: ImageEncoder, mean: Tensor, std: Tensor) -> tuple[ImageEncoder, Tensor]:
    """Rewrites an encoder; returns with it the colour to subtract from the images that it takes."""
    if isinstance(encoder, RepVit):
        return deployed_repvit(encoder), mean
    if isinstance(encoder, TinyVit):
        return deployed_tiny_vit(encoder), mean
    assert isinstance(encoder, Vit), type(encoder)
    levels = mean.round()
    return deployed_vit(encoder, (levels - mean) / std), levels
