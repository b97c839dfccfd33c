"""Scores of maps that can be counted by hand, and whether the network matters."""

import keras
import numpy as np
import pytest
from keras import layers
from scipy import stats

from coursework import visualize
from coursework.data import lines
from coursework.training import networks
from coursework.visualize import evaluation, maps, sanity

MASK = np.zeros((1, 4, 4), bool)
MASK[0, 1, :2] = True


def score(values):
    made = np.zeros((1, 4, 4))
    for place, value in values.items():
        made[0][place] = value
    return visualize.evaluate_maps(made, MASK)


def test_a_map_on_the_mask():
    assert score({(1, 0): 3, (1, 1): 1}) == visualize.Scores(1, 1, 1, 0, 1)


def test_a_map_half_beside_the_mask():
    result = score({(1, 0): 1, (3, 3): 3})
    assert result.pointing == 0
    assert result.energy == 0.25
    assert result.rank_accuracy == 0.5


def test_equal_pixels_share_their_ranks():
    """Three pixels are highest, one of them on the mask; two ranks for three."""
    result = score({(1, 0): 2, (0, 0): 2, (3, 3): 2})
    assert result.pointing == pytest.approx(1 / 3)
    assert result.rank_accuracy == pytest.approx(2 * (1 / 3) / 2)


def test_blank_maps_count_apart():
    made = np.zeros((2, 4, 4))
    made[0, 1, 1] = 1
    result = visualize.evaluate_maps(made, np.repeat(MASK, 2, axis=0))
    assert result == visualize.Scores(1, 1, 0.5 + 0.5 / 15, 0.5, 2)
    assert np.isnan(visualize.evaluate_maps(np.zeros((1, 4, 4)), MASK).energy)


def test_the_flat_map_scores_the_area_in_everything():
    images = np.zeros((1, 4, 4, 3))
    images[0, 1, :2, 0] = 255
    results = visualize.baselines(images, MASK)
    area = results["area"]
    assert area.pointing == area.energy == area.rank_accuracy == pytest.approx(2 / 16)
    assert 0 < results["center blob"].energy < 1


def test_the_sobel_map_follows_the_edges_of_any_channel():
    images = np.zeros((1, 5, 5, 3))
    images[0, 2, 2, 1] = 1
    strength = visualize.sobel(images)[0]
    assert strength[2, 2] == 0
    assert strength[2, 1] == strength[1, 2] == strength[2, 3] == 2
    assert strength[0].max() == 0


@pytest.mark.parametrize(
    ("made", "masks", "message"),
    [
        (
            np.ones((2, 4, 4)),
            MASK,
            r"maps have shape \(2, 4, 4\) and masks \(1, 4, 4\)",
        ),
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


def test_deletion_and_insertion_of_a_pixel_that_is_all():
    """Sure while pixel (1, 2) is there: the best map has it first, the worst last."""
    weights = np.zeros((16, 1))
    weights[6] = 100
    image = keras.Input((4, 4, 1))
    x = layers.Dense(1, activation="sigmoid")(layers.Flatten()(image))
    model = keras.Model(image, x)
    model.set_weights([weights, np.array([-50.0])])
    images = np.ones((2, 4, 4, 1))
    made = np.tile(np.linspace(0.1, 0.5, 16).reshape(4, 4), (2, 1, 1))
    made[0, 1, 2], made[1, 1, 2] = 9, 0
    ones = np.ones(2, int)
    found = maps.Maps(
        made, made, "gradcam", "x", model.output_names[0], ones, ones, ones, True
    )
    deletion, insertion = visualize.deletion_and_insertion(
        model, images, found, steps=16
    )
    assert deletion == pytest.approx([0.5 / 16, 1 - 0.5 / 16])
    assert insertion == pytest.approx([1 - 0.5 / 16, 0.5 / 16])


# --- sanity ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def images():
    return lines.build(per_class=1, seed=3).images[::12]


def test_equal_maps_are_alike_and_others_are_not():
    random = np.random.default_rng(0)
    some, other = random.random((2, 3, 28, 28))
    assert visualize.similarity(some, some) == pytest.approx((1, 1))
    spearman, ssim = visualize.similarity(some, other)
    assert abs(spearman) < 0.1
    assert ssim < 0.2
    assert visualize.similarity(some, 1 - some)[0] == pytest.approx(-1)


def test_rank_correlation_is_scipy_s_and_blank_maps_count():
    random = np.random.default_rng(0)
    some, other = random.integers(0, 9, (2, 5, 8, 8)) / 8
    expected = [
        stats.spearmanr(a.ravel(), b.ravel()).statistic
        for a, b in zip(some, other, strict=True)
    ]
    assert sanity._spearman(some, other) == pytest.approx(expected)
    blank = np.zeros((5, 8, 8))
    assert (sanity._spearman(some, blank) == 0).all()
    assert (sanity._spearman(blank, blank) == 1).all()


def test_layers_are_randomized_from_the_top_and_the_model_stays(images):
    keras.utils.set_random_seed(0)
    model = networks.small_cnn()
    before = model.get_weights()
    result = visualize.sanity_check(model, images)
    weighted = [layer.name for layer in model.layers if layer.weights]
    assert result.layers == weighted[::-1]
    assert len(result.spearman) == len(result.ssim) == len(weighted)
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))


def test_each_repeat_begins_with_the_learnt_weights(images, monkeypatch):
    model, original, begun = networks.small_cnn(), sanity._randomize, []

    def recorded(copy, random):
        begun.append(copy.get_weights())
        yield from original(copy, random)

    monkeypatch.setattr(sanity, "_randomize", recorded)
    result = visualize.sanity_check(model, images, repeats=2)
    assert len(begun) == 2
    assert len(result.layers) == len(result.spearman) == len(set(result.layers))
    for weights in begun:
        pairs = zip(weights, model.get_weights(), strict=True)
        assert all((a == b).all() for a, b in pairs)


def test_shuffled_copies_share_nothing_with_the_model(images):
    model, random = networks.small_cnn(), np.random.default_rng(0)
    model.set_weights([random.uniform(0.5, 1, w.shape) for w in model.get_weights()])
    before = model.get_weights()
    for path, copy in visualize.randomized(model, images):
        changed, same = copy.get_layer(path).get_weights(), model.get_layer(path)
        pairs = list(zip(changed, same.get_weights(), strict=True))
        assert any((a != b).any() for a, b in pairs)
        assert all((np.sort(a.ravel()) == np.sort(b.ravel())).all() for a, b in pairs)
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))


def test_no_repeat_is_refused(images):
    with pytest.raises(ValueError, match="received repeats=0"):
        visualize.sanity_check(networks.small_cnn(), images, repeats=0)


def test_a_map_that_ignores_the_weights_fails(images, monkeypatch):
    """Edges of the image instead of a gradient: nothing changes, whatever is random."""
    original = maps.class_activation_maps

    def edges(model, images, **options):
        found = original(model, images, **options)
        return maps.dataclasses.replace(found, maps=visualize.sobel(images))

    monkeypatch.setattr(maps, "class_activation_maps", edges)
    result = visualize.sanity_check(networks.small_cnn(), images)
    assert result.spearman == pytest.approx([1] * len(result.layers))
    assert not result.passed


def test_the_copy_does_what_the_model_does(images):
    """Normalization computes with its first weights until it is told of others."""
    keras.utils.set_random_seed(0)
    image = keras.Input((28, 28, 3))
    normalization = layers.Normalization()
    normalization.adapt(images.astype(np.float32) + 400)
    x = layers.Conv2D(2, 3, name="conv1")(normalization(image))
    model = keras.Model(image, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))
    copy = sanity._copy(model, images)
    assert copy.predict(images, verbose=0) == pytest.approx(
        model.predict(images, verbose=0), rel=1e-5
    )
    result = visualize.sanity_check(model, images)
    assert result.layers == [model.layers[-1].name, "conv1"]


def test_blank_maps_have_no_deletion_and_ties_are_broken_at_random(images):
    model = networks.small_cnn()
    found = visualize.class_activation_maps(model, images[:2])
    values = np.zeros_like(found.maps)
    values[1, 3, 4] = 1
    found = maps.dataclasses.replace(found, maps=values)
    for scores in visualize.deletion_and_insertion(model, images[:2], found, steps=2):
        assert np.isnan(scores).tolist() == [True, False]
    ranks = evaluation._ranks(values, np.random.default_rng(0))
    assert ranks[1, 3, 4] == 0
    order = ranks[0].ravel()
    assert sorted(order) == list(range(28 * 28))
    assert abs(np.corrcoef(order, np.arange(28 * 28))[0, 1]) < 0.2


def test_repeats_have_an_error_and_the_cascade_can_be_left_out(images):
    model = networks.small_cnn()
    whole = visualize.sanity_check(model, images, repeats=3)
    last = visualize.sanity_check(model, images, repeats=3, cascade=False)
    assert last.layers == whole.layers[-1:]
    assert last.spearman == pytest.approx(whole.spearman[-1:])
    assert last.spearman_error == pytest.approx(whole.spearman_error)
    assert 0 < last.ssim_error < 0.5
    once = visualize.sanity_check(model, images)
    assert once.spearman_error is None


@pytest.mark.parametrize(("count", "steps"), [(2, 4), (1, 0)])
def test_deletion_asks_for_a_map_of_each_image(count, steps, images):
    model = networks.small_cnn()
    found = visualize.class_activation_maps(model, images[:1])
    with pytest.raises(ValueError, match="expected a map for each image"):
        visualize.deletion_and_insertion(model, images[:count], found, steps=steps)


def test_one_image_cannot_be_compared(images):
    with pytest.raises(ValueError, match="1 of 1 images have a map with evi"):
        visualize.sanity_check(networks.small_cnn(), images[:1])


def test_blank_maps_are_left_out_of_the_sanity_check():
    """The output is the mean pixel: something speaks for bright images alone."""
    image = keras.Input((8, 8, 1))
    x = layers.Conv2D(1, 1, use_bias=False, name="conv1")(image)
    x = layers.Dense(1, use_bias=False)(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(image, x)
    model.set_weights([np.ones(w.shape) for w in model.get_weights()])
    random = np.random.default_rng(0)
    images = random.uniform(0.1, 1, (4, 8, 8, 1)).astype(np.float32)
    images[2:] *= -1
    whole = visualize.sanity_check(model, images, target=0)
    assert whole == visualize.sanity_check(model, images[:2], target=0)
    with pytest.raises(ValueError, match="1 of 3 images have a map"):
        visualize.sanity_check(model, images[1:], target=0)
