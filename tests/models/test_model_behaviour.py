"""What training and callers rely on, beyond the golden figures."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import rapsam
from rapsam.errors import InputError
from rapsam.models.rapsam.deform_conv import DeformConv2d
from rapsam.models.rapsam.rewrites.deform_grid import GridDeformConv2d
from rapsam.models.rapsam.rewrites.deform_rows import RowGatherDeformConv2d
from tests.models.golden_models import golden_model


def random_image(height=64, width=96, batch=1):
    return torch.randn(batch, 3, height, width, generator=torch.Generator().manual_seed(0))


def test_nano_is_small():
    assert sum(p.numel() for p in golden_model("rapsam_nano").parameters()) <= 5_000_000


def test_all_variants_share_one_output_form():
    for name in ("rapsam_nano", "rapsam_r18", "rapsam_r50"):
        model = rapsam.build_model(name)
        with torch.no_grad():
            output = model(random_image(64, 64))
        assert len(output.stages) == 4
        for stage in output.stages:
            assert stage.class_logits.shape == (1, 100, 134)
            assert stage.mask_logits.shape == (1, 100, 16, 16)
            assert stage.iou.shape == (1, 100)
            assert stage.queries.shape[:2] == (1, 100)


def test_prompts_do_not_see_each_other():
    model = golden_model("rapsam_nano")
    prompts = torch.tensor([[[10.0, 12.0, 40.0, 50.0], [60.0, 20.0, 66.0, 26.0], [0.0, 0.0, 90.0, 60.0]]])
    with torch.no_grad():
        together = model(random_image(), prompts=prompts).stages[-1]
        alone = model(random_image(), prompts=prompts[:, 1:2]).stages[-1]
    torch.testing.assert_close(together.mask_logits[:, 1:2], alone.mask_logits, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(together.iou[:, 1:2], alone.iou, rtol=1e-4, atol=1e-4)


def test_a_point_is_a_small_box():
    model = golden_model("rapsam_nano")
    with torch.no_grad():
        point = model(random_image(), prompts=torch.tensor([[[30.0, 20.0]]])).stages[-1]
        box = model(random_image(), prompts=torch.tensor([[[27.0, 17.0, 33.0, 23.0]]])).stages[-1]
    torch.testing.assert_close(point.mask_logits, box.mask_logits)


def test_images_of_a_batch_do_not_mix():
    model = golden_model("rapsam_nano")
    images = random_image(batch=2)
    with torch.no_grad():
        both, second = model(images).stages[-1], model(images[1:]).stages[-1]
    torch.testing.assert_close(both.class_logits[1:], second.class_logits, rtol=1e-3, atol=5e-2)


def test_a_clip_of_one_frame_is_an_image():
    model = golden_model("rapsam_nano")
    with torch.no_grad():
        clip, image = model(random_image(), num_frames=1), model(random_image())
    torch.testing.assert_close(clip.stages[-1].mask_logits[:, :, 0], image.stages[-1].mask_logits)


def test_memory_layout_does_not_change_the_result():
    model = golden_model("rapsam_nano")
    image = random_image()
    with torch.no_grad():
        plain = model(image).stages[-1].queries
        other = model(image.to(memory_format=torch.channels_last)).stages[-1].queries
    assert torch.equal(plain, other)


def gradients(output_of):
    torch.manual_seed(0)
    model = rapsam.build_model("rapsam_nano").train()
    with torch.no_grad():
        # Otherwise all masks start empty or full, and dead ReLUs hide a broken path.
        model.load_state_dict(golden_model("rapsam_nano").state_dict())
    stages = output_of(model).stages
    loss = sum(
        (s.class_logits**2).mean() + (s.mask_logits**2).mean() + (s.iou**2).mean() + (s.queries**2).mean()
        for s in stages
    )
    loss.backward()
    return {n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0}


def parameters_of(*prefixes):
    return {n for n, _ in rapsam.build_model("rapsam_nano").named_parameters() if n.startswith(prefixes)}


def test_gradients_in_object_mode():
    unreached = gradients(lambda model: model(random_image()))
    assert unreached == parameters_of("prompt_encoder", "decoder.prompt_adapter")


def test_gradients_in_prompt_mode():
    prompts = torch.rand(1, 12, 4, generator=torch.Generator().manual_seed(1)) * 30
    prompts[..., 2:] += prompts[..., :2] + 2
    unreached = gradients(lambda model: model(random_image(), prompts=prompts))
    assert unreached == parameters_of("decoder.object_queries", "decoder.object_adapter")


def test_backbone_norms_keep_their_statistics_in_training():
    model = rapsam.build_model("rapsam_nano").train()
    before = model.backbone.bn1.running_mean.clone()
    model(random_image())
    assert torch.equal(model.backbone.bn1.running_mean, before)
    assert model.neck.upsamplers[0].up_norm.running_mean.abs().sum() > 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"images": torch.zeros(1, 3, 50, 64)}, "50x64"),
        ({"images": torch.zeros(3, 64, 64)}, "[3, 64, 64]"),
        ({"images": torch.zeros(0, 3, 64, 64)}, "[0, 3, 64, 64]"),
        ({"images": torch.zeros(1, 3, 64, 64, dtype=torch.uint8)}, "torch.uint8"),
        (
            {"images": torch.zeros(1, 3, 32, 32), "prompts": torch.zeros(1, 1, 4), "image_sizes": [(40, 32)]},
            "(40, 32)",
        ),
        (
            {
                "images": torch.zeros(1, 3, 32, 32),
                "prompts": torch.zeros(1, 1, 4),
                "image_sizes": [(8, 8, 3)],
            },
            "(8, 8, 3)",
        ),
        ({"images": torch.zeros(1, 3, 32, 32), "prompts": torch.full((1, 1, 4), torch.nan)}, "NaN"),
        ({"images": torch.zeros(3, 3, 32, 32), "num_frames": 2}, "clips of 2"),
        ({"images": torch.zeros(1, 3, 32, 32), "prompts": torch.zeros(1, 2, 3)}, "[1, 2, 3]"),
        ({"images": torch.zeros(1, 3, 32, 32), "prompts": torch.zeros(1, 1, 4), "num_frames": 1}, "prompts"),
        (
            {"images": torch.zeros(1, 3, 32, 32), "prompts": torch.zeros(1, 1, 4), "image_sizes": []},
            "0 image sizes",
        ),
    ],
)
def test_wrong_shapes_are_named(arguments, says):
    images = arguments.pop("images")
    with pytest.raises(InputError) as caught:
        golden_model("rapsam_nano")(images, **arguments)
    assert says in str(caught.value)


def reference_deform_conv(x, offsets, modulation, weight):
    """The definition, tap by tap and pixel by pixel, in float64."""
    outputs, inputs = weight.shape[:2]
    height, width = x.shape[-2:]
    result = torch.zeros(outputs, height, width, dtype=torch.float64)
    for y in range(height):
        for column in range(width):
            for t in range(9):
                py = y - 1 + t // 3 + float(offsets[0, 2 * t, y, column])
                px = column - 1 + t % 3 + float(offsets[0, 2 * t + 1, y, column])
                sample = torch.zeros(inputs, dtype=torch.float64)
                for cy in (int(py // 1), int(py // 1) + 1):
                    for cx in (int(px // 1), int(px // 1) + 1):
                        if 0 <= cy < height and 0 <= cx < width:
                            share = (1 - abs(py - cy)) * (1 - abs(px - cx))
                            sample += share * x[0, :, cy, cx].double()
                tap = weight[:, :, t // 3, t % 3].double()
                result[:, y, column] += tap @ sample * float(modulation[0, t, y, column])
    return result


@given(seed=st.integers(0, 1000), reach=st.sampled_from([0.0, 0.7, 4.0, 40.0]))
def test_all_deformable_forms_follow_the_definition(seed, reach):
    torch.manual_seed(seed)
    conv = DeformConv2d(5, 3)
    x, modulation = torch.randn(1, 5, 4, 6), torch.rand(1, 9, 4, 6)
    offsets = torch.randn(1, 18, 4, 6) * reach
    with torch.no_grad():
        expected = reference_deform_conv(x, offsets, modulation, conv.weight)
        torch.testing.assert_close(conv(x, offsets, modulation)[0].double(), expected, rtol=1e-4, atol=1e-4)
        rows = RowGatherDeformConv2d(conv.weight, None, (4, 6))(x, offsets, modulation)
        torch.testing.assert_close(rows[0].double(), expected, rtol=1e-5, atol=1e-5)
        grid = GridDeformConv2d(conv.weight, None, (4, 6))(x, offsets, modulation)
        torch.testing.assert_close(grid[0].double(), expected, rtol=1e-4, atol=1e-4)


def test_one_image_size_serves_the_batch():
    model = golden_model("rapsam_nano")
    images, prompts = random_image(batch=2), torch.tensor([[[10.0, 12.0]], [[30.0, 40.0]]])
    with torch.no_grad():
        single = model(images, prompts=prompts, image_sizes=(60, 90)).stages[-1]
        each = model(images, prompts=prompts, image_sizes=[(60, 90), (60, 90)]).stages[-1]
        unpadded = model(images, prompts=prompts).stages[-1]
    assert torch.equal(single.mask_logits, each.mask_logits)
    assert not torch.equal(single.mask_logits, unpadded.mask_logits)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_sixteen_bit_weights_keep_exact_positions(dtype):
    """A shift by 100.5 pixels: 16-bit positions would miss by several pixels on a wide map."""
    conv = DeformConv2d(1, 1)
    torch.nn.init.zeros_(conv.weight)
    conv.weight.data[0, 0, 1, 1] = 1
    x = torch.arange(256.0).expand(1, 1, 3, 256) / 256
    offsets = torch.zeros(1, 18, 3, 256)
    offsets[:, 9] = 100.5
    with torch.no_grad():
        shifted = conv.to(dtype)(x.to(dtype), offsets.to(dtype), torch.ones(1, 9, 3, 256, dtype=dtype))
    expected = (torch.arange(150.0) + 100.5) / 256
    torch.testing.assert_close(shifted[0, 0, 1, :150].float(), expected, rtol=0, atol=6e-3)


def test_autocast_trains():
    model = rapsam.build_model("rapsam_nano").train()
    with torch.autocast("cpu", torch.bfloat16):
        final = model(random_image()).stages[-1]
        loss = final.mask_logits.float().square().mean() + final.class_logits.float().square().mean()
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
