"""Gradient ascent finds what a filter was made to look for."""

import keras
import numpy as np
import pytest
from keras import layers

from coursework import visualize
from coursework.training import networks
from coursework.visualize import pictures

RANDOM = np.random.default_rng(0)
SIZE = 5


def make_model(kernels, biases, *, separate_relu=False, pool=True):
    """One convolution with given kernels on 16×16 gray pixels 0…255."""
    image = keras.Input((16, 16, 1))
    x = layers.Rescaling(1 / 255)(image)
    activation = None if separate_relu else "relu"
    convolution = layers.Conv2D(len(biases), SIZE, activation=activation, name="conv1")
    x = convolution(x)
    x = layers.ReLU(name="relu1")(x) if separate_relu else x
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, layers.Dense(2, activation="softmax", name="out")(x))
    convolution.set_weights([kernels, biases])
    return model


@pytest.fixture(scope="module")
def kernels():
    random = RANDOM.normal(size=(SIZE, SIZE, 1, 4)).astype(np.float32)
    return random - random.mean(axis=(0, 1))  # neither bright nor dark


@pytest.fixture(scope="module")
def model(kernels):
    """Awake, asleep on a gray image, hopeless, and awake."""
    return make_model(kernels, np.array([1, -0.5, -1e6, 1], np.float32))


def middle_of(image):
    return image[6:11, 6:11, 0]  # what the middle unit of 12×12 sees


@pytest.mark.parametrize("jitter", [0, 2])
@pytest.mark.parametrize(
    ("separate", "layer"), [(False, "conv1"), (True, "conv1"), (True, "relu1")]
)
@pytest.mark.parametrize("blank", [0, 0.5])
def test_the_middle_unit_of_a_linear_layer_wants_its_kernel_s_signs(
    kernels, separate, layer, jitter, blank
):
    """White where its weights are positive, else black: nothing excites it more."""
    model = make_model(kernels, np.zeros(4, np.float32), separate_relu=separate)
    options = {"objective": "center", "jitter": jitter, "background": blank}
    found = visualize.filters(model, layer, **options)
    for index in range(4):
        kernel = kernels[..., 0, index]
        white = middle_of(found.images[index]) > 127
        assert (white == (kernel > 0))[np.abs(kernel) > 0.1].all()
    best = np.maximum(kernels, 0).sum(axis=(0, 1, 2))
    assert found.after == pytest.approx(best, rel=0.02)


def test_sleeping_filters_are_woken_and_hopeless_ones_are_dead(model):
    found = visualize.filters(model, "conv1")
    assert found.objectives[0] == found.objectives[3] == "channel"
    assert found.objectives[1] == "center"
    assert found.statuses[2] == "dead"  # at its best it still does not fire
    assert found.layer == "conv1"
    assert found.units.tolist() == [0, 1, 2, 3]
    alone = visualize.filters(model, "conv1", objective="channel")
    assert alone.statuses[1] == alone.statuses[2] == "dead"
    start = alone.images[2]
    assert start.std() < 0.02 * 255  # left as it was: a blank image with a little noise


def test_a_filter_that_a_test_image_wakes_is_woken(kernels):
    """Asleep on gray and on black, awake only on an image very much like its kernel."""
    best = np.maximum(kernels, 0).sum(axis=(0, 1, 2))
    model = make_model(kernels, (-0.9 * best).astype(np.float32), separate_relu=True)
    for blank in (0, 0.5):
        found = visualize.filters(model, "relu1", background=blank)
        assert found.objectives == ["center"] * 4
        assert "dead" not in found.statuses
        fires = visualize.activations(model, found.images, "relu1")["relu1"]
        assert (fires[np.arange(4), :, :, np.arange(4)].max(axis=(1, 2)) > 0).all()


def test_a_filter_without_weights_is_dead(kernels):
    dead = kernels.copy()
    dead[..., 1] = 0
    found = visualize.filters(make_model(dead, np.ones(4, np.float32)), "conv1")
    assert found.statuses[1] == "dead"
    assert found.statuses[0] != "dead"


def test_most_pixels_at_an_end_is_saturated(kernels):
    bright = np.abs(kernels)
    found = visualize.filters(make_model(bright, np.zeros(4, np.float32)), "conv1")
    assert found.statuses == ["saturated"] * 4


def test_black_that_stays_black_is_not_saturated(kernels):
    model = make_model(-np.abs(kernels), np.ones(4, np.float32))
    found = visualize.filters(model, "conv1", background=0, objective="channel")
    assert (found.images == 0).mean() > 0.9
    assert "saturated" not in found.statuses


@pytest.mark.parametrize("blank", [0, 0.25])
def test_channels_that_may_not_change_stay_blank(blank):
    keras.utils.set_random_seed(0)
    model = networks.small_cnn()
    options = {"background": blank, "steps": 5, "l2": 1e-6, "total_variation": 1e-6}
    part = visualize.filters(model, "relu2", channels=(0, 2), **options)
    whole = visualize.filters(model, "relu2", **options)
    assert (part.images[..., 1] == np.float32(255 * blank)).all()
    for channel in (0, 2):
        assert (np.ptp(part.images[..., channel], axis=(1, 2)) > 0).all()
    assert (np.ptp(whole.images[..., 1], axis=(1, 2)) > 0).all()


def test_some_of_the_filters_can_be_taken(model):
    found = visualize.filters(model, "conv1", steps=2)
    some = found.take([3, 1])
    assert some.units.tolist() == [3, 1]
    assert (some.images == found.images[[3, 1]]).all()
    assert some.objectives == [found.objectives[3], found.objectives[1]]
    assert (some.kernels == found.kernels[[3, 1]]).all()
    assert some.layer == "conv1"


def test_images_stay_in_the_pixel_range_and_the_score_is_that_of_the_image(model):
    found = visualize.filters(model, "conv1", objective="channel", rate=0.2)
    assert found.images.min() >= 0
    assert found.images.max() <= 255
    responses = visualize.activations(model, found.images, ["conv1"])["conv1"]
    own = responses[np.arange(4), :, :, np.arange(4)].mean(axis=(1, 2))
    assert found.after == pytest.approx(own, rel=1e-4, abs=1e-6)


def test_each_filter_climbs_for_itself(model):
    """A filter's image does not depend on which others are climbed for."""
    together = visualize.filters(model, "conv1", steps=20)
    alone = visualize.filters(model, "conv1", units=3, steps=20)
    assert alone.units.tolist() == [3]
    assert alone.images[0] == pytest.approx(together.images[3], abs=0.5)


def test_a_seed_repeats(model):
    options = {"steps": 10, "jitter": 2}
    first, second, other = (
        visualize.filters(model, "conv1", seed=seed, **options).images
        for seed in (1, 1, 2)
    )
    assert (first == second).all()
    assert (first != other).any()


def test_total_variation_makes_images_smoother_and_l2_keeps_them_blank(model):
    free, smooth, near = (
        visualize.filters(model, "conv1", units=[0, 3], **options).images
        for options in ({}, {"total_variation": 1.0}, {"l2": 10.0})
    )
    assert np.abs(np.diff(smooth, axis=1)).sum() < np.abs(np.diff(free, axis=1)).sum()
    assert np.abs(near - 127.5).mean() < np.abs(free - 127.5).mean()


def test_units_of_a_dense_layer(model):
    found = visualize.filters(model, "out", steps=20)
    assert found.images.shape == (2, 16, 16, 1)
    assert found.objectives == ["unit", "unit"]
    assert (found.after > found.before).all()
    dense = model.get_layer("out")
    pooled = keras.Model(model.inputs, dense.input).predict(found.images, verbose=0)
    logits = pooled @ dense.kernel.numpy() + dense.bias.numpy()
    assert found.after == pytest.approx(np.diag(logits), rel=1e-4)


def test_kernels_are_shown_where_the_layer_reads_the_image():
    tuned = networks.small_cnn()
    first = visualize.filters(tuned, "conv1", steps=1)
    assert first.kernels.shape == (16, 3, 3, 3)
    kernel = tuned.get_layer("conv1").kernel.numpy()
    assert (first.kernels[7] == kernel[..., 7]).all()
    assert visualize.filters(tuned, "conv2", steps=1).kernels is None


@pytest.mark.parametrize("layer", ["conv3", "norm2", "relu3", "pool1", "dense1"])
def test_any_layer_of_a_network_can_be_climbed(layer):
    keras.utils.set_random_seed(0)
    found = visualize.filters(networks.small_cnn(), layer, steps=5)
    assert np.isfinite(found.images).all()
    rises = found.after > found.before
    assert (rises | (np.array(found.statuses) == "dead")).all()
    assert rises.any()


def test_progress_is_told_for_each_portion():
    told = []
    model = networks.small_cnn(classes=100)
    visualize.filters(model, "class", steps=1, progress=lambda *n: told.append(n))
    assert told == [(50, 100), (100, 100)]


def test_units_of_any_kind_of_integer(model):
    for dtype in (np.uint8, np.int32, np.int64):
        units = np.array([3, 0], dtype)
        found = visualize.filters(model, "conv1", units, steps=1, pixels=[0, 255])
        assert found.units.tolist() == [3, 0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": "conv9"}, "no layer named 'conv9'"),
        ({"layer": "conv1", "units": [4]}, r"units are \[4\]; conv1 has 0…3"),
        ({"layer": "conv1", "units": 1.5}, "units are 1.5"),
        (
            {"layer": "conv1", "objective": "mean"},
            "no objective 'mean'; known: channel",
        ),
        (
            {"layer": "conv1", "steps": 0},
            "steps is 0; expected a whole number, at least 1",
        ),
        ({"layer": "conv1", "steps": 1.5}, "steps is 1.5; expected a whole number"),
        ({"layer": "conv1", "jitter": -1}, "jitter is -1; expected a whole number"),
        ({"layer": "conv1", "channels": 1}, "channels are 1; the image has 0…0"),
        ({"layer": "conv1", "channels": []}, r"channels are \[\]; the image has 0…0"),
        ({"layer": "conv1", "background": 2}, "background is 2; expected a share, 0…1"),
        ({"layer": "conv1", "l2": -1}, "l2 is -1; expected at least 0"),
        ({"layer": "conv1", "rate": np.inf}, "rate is inf; expected more than 0"),
        ({"layer": "conv1", "rate": -1}, "rate is -1; expected more than 0"),
        (
            {"layer": "conv1", "pixels": (1, 0)},
            r"pixels are \(1.0, 0.0\); expected the low",
        ),
    ],
)
def test_what_is_refused(model, options, message):
    with pytest.raises(ValueError, match=message):
        visualize.filters(model, **options)


def test_an_unknown_setting_is_a_type_error(model):
    with pytest.raises(TypeError, match="speed"):
        visualize.filters(model, "conv1", speed=3)


# --- the pictures ---------------------------------------------------------------------


def make_filters(statuses, objectives, shape=(8, 8, 1)):
    count = len(statuses)
    return visualize.Filters(
        images=np.full((count, *shape), 100, np.float32),
        layer="conv1",
        units=np.arange(count),
        objectives=objectives,
        before=np.zeros(count, np.float32),
        after=np.ones(count, np.float32),
        statuses=statuses,
        kernels=None,
    )


def colors_of(page):
    return {color for _, color in page.getcolors(1 << 16)}


RED, ORANGE, BLUE = (204, 0, 0), (230, 128, 0), (26, 102, 204)


def test_frames_say_what_became_of_a_filter():
    found = make_filters(
        ["dead", "saturated", "ok", "ok"], ["center", "channel", "center", "channel"]
    )
    assert {RED, ORANGE, BLUE} <= colors_of(pictures.filter_sheet(found, ["a"]))


def test_frames_are_left_out_where_all_filters_are_alike():
    same = make_filters(["ok"] * 3, ["center"] * 3)
    page = pictures.filter_sheet(same, ["a"])
    assert not {RED, ORANGE, BLUE} & colors_of(page)
    dead = make_filters(["ok", "dead"], ["center"] * 2)
    assert RED in colors_of(pictures.filter_sheet(dead, ["a"]))


def test_sheets_of_the_same_columns_have_tiles_of_the_same_size():
    few, many = (
        pictures.filter_sheet(make_filters(["ok"] * n, ["unit"] * n), [], columns=6)
        for n in (6, 12)
    )
    assert few.width == many.width
    assert few.height < many.height


def test_labels_stand_below_the_tiles_and_fit():
    tiles = np.zeros((4, 8, 8, 3))
    bare = visualize.tile(tiles, columns=4)
    short = visualize.tile(tiles, columns=4, labels=list("abcd"))
    assert short.shape[1] == bare.shape[1]
    assert short.shape[0] > bare.shape[0]
    assert (short[: bare.shape[0]] == bare).all()
    written = short[bare.shape[0] :]
    assert (written < 100).any()  # of each label something is there
    long = visualize.tile(tiles, columns=4, labels=["a very long label" * 3] * 4)
    assert long.shape[1] > short.shape[1]


def test_kernels_of_chosen_channels_stand_side_by_side_as_signed_maps():
    kernels = np.zeros((2, 5, 5, 3), np.float32)
    kernels[0, :, :, 0], kernels[0, :, :, 2] = 1, -1
    kernels[1, :, :, 1] = 9  # not asked for: it must not even count for the scale
    page = np.asarray(pictures.kernel_sheet(kernels, ["k"], channels=(0, 2)))
    body = page[-20:]  # a strip through the lowest pixels of the tiles
    first = body[:, : body.shape[1] // 2 - 4]
    left, right = first[10, 10].astype(int), first[10, -10].astype(int)
    assert left[0] > left[2] + 50  # positive: red
    assert right[2] > right[0] + 50  # negative: blue


@pytest.mark.parametrize("channels", [1, 3])
def test_kernels_are_shown_whole_by_default(channels):
    kernels = np.random.default_rng(0).normal(size=(4, 5, 5, channels))
    page = pictures.kernel_sheet(kernels, ["k"])
    assert len(colors_of(page)) > 50
