import numpy as np

from rapsam.evaluation.semantic_map import semantic_map
from rapsam.tasks.geometry import ImageGeometry


def _logits(probabilities):
    return np.log(np.array(probabilities, np.float32))


def _geometry(padded, content, original):
    return ImageGeometry(padded_size=padded, content_size=content, original_size=original)


def test_queries_that_agree_outvote_a_surer_one():
    class_logits = _logits([[0.7, 0.1, 0.2], [0.05, 0.45, 0.5], [0.05, 0.45, 0.5]])
    mask_logits = np.full((3, 4, 4), 60, np.float32)
    mask_logits[1, :, 2:] = -60
    found = semantic_map(class_logits, mask_logits, _geometry((4, 4), (4, 4), (4, 4)))
    # Left 0.8 against 1.0; right, where one of the two is silent, 0.75 against 0.55.
    assert (found[:, :2] == 1).all()
    assert (found[:, 2:] == 0).all()


def test_no_pixel_is_void_and_padding_is_cut_off():
    class_logits = _logits([[0.02, 0.01, 0.97]])
    mask_logits = np.full((1, 8, 8), -3, np.float32)
    found = semantic_map(class_logits, mask_logits, _geometry((32, 32), (24, 32), (300, 400)))
    assert found.shape == (300, 400)
    assert found.dtype == np.int32
    assert (found == 0).all()


def test_it_is_the_definition():
    rng = np.random.default_rng(0)
    class_logits = rng.normal(size=(7, 5)).astype(np.float32)
    mask_logits = rng.normal(size=(7, 9, 11)).astype(np.float32)
    found = semantic_map(class_logits, mask_logits, _geometry((9, 11), (9, 11), (9, 11)))
    probability = np.exp(class_logits) / np.exp(class_logits).sum(1, keepdims=True)
    scores = np.einsum("qc,qhw->chw", probability[:, :4], 1 / (1 + np.exp(-mask_logits)))
    np.testing.assert_array_equal(found, scores.argmax(0))
