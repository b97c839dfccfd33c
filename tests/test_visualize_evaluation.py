"""Scores of maps that can be counted by hand, and whether the network matters."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers
from scipy import stats

from coursework import visualize

from foreign_models import chain

MASK = np.zeros((1, 4, 4), bool)
MASK[0, 1, :2] = True
IMAGES = np.random.default_rng(1).uniform(0, 255, (6, 12, 12, 3)).astype(np.float32)


def map_of(values):
    made = np.zeros((1, 4, 4))
    for place, value in values.items():
        made[0][place] = value
    return made


@pytest.mark.parametrize(
    ("values", "pointing", "energy", "rank_accuracy"),
    [
        ({(1, 0): 3, (1, 1): 1}, 1, 1, 1),
        ({(1, 0): 1, (3, 3): 3}, 0, 0.25, 0.5),
        ({(1, 0): 2, (0, 0): 2, (3, 3): 2}, 1 / 3, 1 / 3, 1 / 3),  # they share ranks
    ],
)
def test_scores_by_hand(values, pointing, energy, rank_accuracy):
    found = visualize.evaluate_maps(map_of(values), MASK)
    assert dataclasses.astuple(found) == pytest.approx(
        (pointing, energy, rank_accuracy, 0, 1)
    )


def test_blank_maps_count_apart():
    made = np.concatenate([map_of({(1, 1): 1}), map_of({})])
    result = visualize.evaluate_maps(made, np.repeat(MASK, 2, axis=0))
    assert result == visualize.Scores(1, 1, 0.5 + 0.5 / 15, 0.5, 2)
    assert np.isnan(visualize.evaluate_maps(map_of({}), MASK).energy)


def test_maps_without_any_network():
    images = np.zeros((1, 4, 4, 3))
    images[0, 1, :2, 0] = 255
    results = visualize.baselines(images, MASK)
    area = results["area"]
    assert area.pointing == area.energy == area.rank_accuracy == pytest.approx(2 / 16)
    assert 0 < results["center blob"].energy < 1
    images = np.zeros((1, 5, 5, 3))
    images[0, 2, 2, 1] = 1
    edges = visualize.sobel(images)[0]
    assert edges[2].tolist() == [0, 2, 0, 2, 0]
    assert edges[:, 2].tolist() == [0, 2, 0, 2, 0]


@pytest.mark.parametrize(
    ("made", "masks", "message"),
    [
        (np.ones((2, 4, 4)), MASK, r"shape \(2, 4, 4\) and masks \(1, 4, 4\)"),
        (np.ones((0, 4, 4)), MASK[:0], "N at least 1"),
        (-np.ones((1, 4, 4)), MASK, "negative or not finite"),
        (np.full((1, 4, 4), np.nan), MASK, "negative or not finite"),
        (np.ones((1, 4, 4)), ~MASK & MASK, "a mask is empty"),
    ],
)
def test_what_cannot_be_scored(made, masks, message):
    with pytest.raises(ValueError, match=message):
        visualize.evaluate_maps(made, masks)


# --- deletion and insertion -----------------------------------------------------------


def one_pixel_model():
    """Sure while pixel (1, 2) of 4×4 is there, and sure of the opposite without it."""
    last = layers.Dense(1, activation="sigmoid", name="out")
    model = chain((4, 4, 1), layers.Conv2D(1, 1, name="conv1"), layers.Flatten(), last)
    weights = np.zeros((16, 1))
    weights[6] = 100
    ones = np.ones((1, 1, 1, 1)), np.zeros(1)
    model.set_weights([*ones, weights, np.array([-50.0])])
    return model


def with_maps(model, images, made):
    found = visualize.class_activation_maps(model, images, target=1)
    return dataclasses.replace(found, maps=made.astype(np.float32))


def test_deletion_and_insertion_of_a_pixel_that_is_all():
    """The best map has it first, the worst last; a blank one has no order."""
    images, model = np.ones((3, 4, 4, 1)), one_pixel_model()
    made = np.tile(np.linspace(0.1, 0.5, 16).reshape(4, 4), (3, 1, 1))
    made[0, 1, 2], made[1, 1, 2], made[2] = 9, 0, 0
    maps = with_maps(model, images, made)
    deletion, insertion = visualize.deletion_and_insertion(
        model, images, maps, steps=16
    )
    half = 0.5 / 16
    assert deletion == pytest.approx([half, 1 - half, np.nan], nan_ok=True)
    assert insertion == pytest.approx([1 - half, half, np.nan], nan_ok=True)


def test_pixels_of_equal_height_are_taken_at_random():
    """In the image's order the pixel would go at the same time with every seed."""
    images, model = np.ones((1, 4, 4, 1)), one_pixel_model()
    maps = with_maps(model, images, map_of({(3, 3): 1}))
    found = {
        float(
            visualize.deletion_and_insertion(model, images, maps, 16, seed=seed)[0][0]
        )
        for seed in range(8)
    }
    assert len(found) > 2


@pytest.mark.parametrize(("count", "steps"), [(2, 4), (1, 0)])
def test_deletion_asks_for_a_map_of_each_image(count, steps):
    images, model = np.ones((2, 4, 4, 1)), one_pixel_model()
    maps = visualize.class_activation_maps(model, images[:1])
    with pytest.raises(ValueError, match="expected a map for each image"):
        visualize.deletion_and_insertion(model, images[:count], maps, steps=steps)


# --- similarity -----------------------------------------------------------------------


def test_similar_maps():
    random = np.random.default_rng(0)
    some, other = random.integers(0, 9, (2, 3, 28, 28)) / 8
    pairs = zip(some, other, strict=True)
    expected = [stats.spearmanr(a.ravel(), b.ravel()).statistic for a, b in pairs]
    spearman, ssim = visualize.similarity(some, other)
    assert spearman == pytest.approx(np.mean(expected))
    assert ssim < 0.2
    blank = np.zeros_like(some)
    assert visualize.similarity(some, some) == pytest.approx((1, 1))
    assert visualize.similarity(some, 1 - some)[0] == pytest.approx(-1)
    assert visualize.similarity(some, blank)[0] == 0
    assert visualize.similarity(blank, blank)[0] == 1


# --- sanity ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model():
    """Normalization computes with its first weights until it is told of others."""
    keras.utils.set_random_seed(0)
    normalization = layers.Normalization()
    normalization.adapt(IMAGES + 400)
    return chain(
        (12, 12, 3),
        normalization,
        layers.Conv2D(4, 3, activation="relu", name="conv1"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(3, name="out"),
    )


def test_layers_are_randomized_from_the_top_and_the_model_stays(model):
    before = model.get_weights()
    for path, copy in visualize.randomized(model, IMAGES):
        changed, same = copy.get_layer(path).get_weights(), model.get_layer(path)
        pairs = list(zip(changed, same.get_weights(), strict=True))
        assert any((a != b).any() for a, b in pairs)
        assert all((np.sort(a.ravel()) == np.sort(b.ravel())).all() for a, b in pairs)
    once = visualize.sanity_check(model, IMAGES)
    assert once.layers == ["out", "conv1"]
    assert len(once.spearman) == len(once.ssim) == 2
    assert once.spearman_error is None
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))


def test_repeats_begin_anew_and_the_cascade_can_be_left_out(model):
    whole = visualize.sanity_check(model, IMAGES, repeats=3)
    last = visualize.sanity_check(model, IMAGES, repeats=3, cascade=False)
    assert last.layers == whole.layers[-1:]
    assert last.spearman == pytest.approx(whole.spearman[-1:])
    assert last.spearman_error == pytest.approx(whole.spearman_error)
    assert 0 < last.ssim_error < 0.5
    of_conv1 = visualize.sanity_check(model, IMAGES, repeats=2, method="eigencam")
    assert of_conv1.spearman[0] == pytest.approx(1)  # "out" alone is random, twice
    assert of_conv1.spearman[1] < 0.99


def test_a_map_that_ignores_the_weights_fails(model):
    """Of a score that is made from the image itself: nothing changes it."""
    image = keras.Input((12, 12, 3))
    same = layers.AveragePooling2D(1, name="same")(image)
    whole = keras.Model(image, [model(image), same])
    check = visualize.sanity_check(
        *(whole, IMAGES),
        layer="same",
        score=lambda outputs: keras.ops.mean(outputs[1] ** 2, axis=(1, 2, 3)),
    )
    assert check.spearman == pytest.approx([1] * len(check.layers))
    assert not check.passed


def test_images_without_a_map_are_left_out():
    """The output is the mean pixel: there is evidence in bright images alone."""
    last = layers.Dense(1, use_bias=False)
    first = layers.Conv2D(1, 1, use_bias=False, name="conv1")
    model = chain((8, 8, 1), first, layers.GlobalAveragePooling2D(), last)
    model.set_weights([np.ones(w.shape) for w in model.get_weights()])
    images = np.random.default_rng(0).uniform(0.1, 1, (4, 8, 8, 1)).astype(np.float32)
    images[2:] *= -1
    whole = visualize.sanity_check(model, images, target=0)
    assert whole == visualize.sanity_check(model, images[:2], target=0)
    with pytest.raises(ValueError, match="1 of 3 images have a map with evidence"):
        visualize.sanity_check(model, images[1:], target=0)
    with pytest.raises(ValueError, match="received repeats=0"):
        visualize.sanity_check(model, images, repeats=0)
