"""Gradient ascent finds what a filter was made to look for."""

import keras
import numpy as np
import pytest
from keras import layers

from coursework import visualize
from coursework.visualize import pictures

from foreign_models import chain

SIZE = 5
KERNELS = np.random.default_rng(0).normal(size=(SIZE, SIZE, 1, 4)).astype(np.float32)
KERNELS -= KERNELS.mean(axis=(0, 1))  # neither bright nor dark
BEST = np.maximum(KERNELS, 0).sum(axis=(0, 1, 2))  # of an image, without a bias


def make_model(kernels=KERNELS, biases=(0, 0, 0, 0), separate_relu=False):
    """One convolution with given kernels on 16×16 gray pixels 0…255."""
    activation = None if separate_relu else "relu"
    convolution = layers.Conv2D(len(biases), SIZE, activation=activation, name="conv1")
    model = chain(
        (16, 16, 1),
        layers.Rescaling(1 / 255),
        convolution,
        layers.ReLU(name="relu1") if separate_relu else layers.Identity(),
        layers.GlobalAveragePooling2D(),
        layers.Dense(2, activation="softmax", name="out"),
    )
    convolution.set_weights([kernels, np.array(biases, np.float32)])
    return model


@pytest.fixture(scope="module")
def model():
    """Active, inactive on a gray image, hopeless, and active."""
    keras.utils.set_random_seed(0)
    return make_model(biases=(1, -0.5, -1e6, 1))


@pytest.mark.parametrize(
    ("separate", "layer", "jitter", "background"),
    [
        (False, "conv1", 0, 0.5),
        (False, "conv1", 2, 0),
        (True, "conv1", 0, 0),
        (True, "relu1", 2, 0.5),
    ],
)
def test_the_middle_unit_wants_its_kernel_s_signs(separate, layer, jitter, background):
    """White where its weights are positive, else black: nothing activates it more."""
    model = make_model(separate_relu=separate)
    options = {"objective": "center", "jitter": jitter, "background": background}
    found = visualize.filters(model, layer, **options)
    for image, kernel in zip(found.images, np.moveaxis(KERNELS, -1, 0), strict=True):
        white = image[6:11, 6:11] > 127  # what the middle unit of 12×12 sees
        assert (white == (kernel > 0))[np.abs(kernel) > 0.1].all()
    assert found.after == pytest.approx(BEST, rel=0.02)


def test_inactive_filters_are_activated_and_hopeless_ones_are_dead(model):
    found = visualize.filters(model, "conv1")
    assert found.objectives[0] == found.objectives[3] == "channel"
    assert found.objectives[1] == "center"
    assert found.statuses[2] == "dead"  # at its best it is still inactive
    assert found.layer == "conv1"
    assert found.units.tolist() == [0, 1, 2, 3]
    alone = visualize.filters(model, "conv1", objective="channel", rate=0.2)
    assert alone.statuses[1] == alone.statuses[2] == "dead"
    assert alone.images[2].std() < 0.02 * 255  # left as it was: even, a little noise
    assert (alone.images.min(), alone.images.max()) == (0, 255)
    responses = visualize.activations(model, alone.images, "conv1")["conv1"]
    own = responses[range(4), :, :, range(4)].mean(axis=(1, 2))
    assert alone.after == pytest.approx(own, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("background", [0, 0.5])
def test_a_filter_that_few_images_activate_is_activated(background):
    """Inactive on an even image, active only on one that is very like its kernel."""
    model = make_model(biases=-0.9 * BEST, separate_relu=True)
    found = visualize.filters(model, "relu1", background=background)
    assert found.objectives == ["center"] * 4
    assert "dead" not in found.statuses
    given = visualize.activations(model, found.images, "relu1")["relu1"]
    assert (given[range(4), :, :, range(4)].max(axis=(1, 2)) > 0).all()


WITHOUT_WEIGHTS = KERNELS * (1, 0, 1, 1)


@pytest.mark.parametrize(
    ("kernels", "biases", "options", "statuses"),
    [
        (WITHOUT_WEIGHTS, (1, 1, 1, 1), {}, ["ok", "dead", "ok", "ok"]),
        (np.abs(KERNELS), (0, 0, 0, 0), {}, ["saturated"] * 4),
        (  # black that stays black is not saturated
            *(-np.abs(KERNELS), (1, 1, 1, 1)),
            {"background": 0, "objective": "channel"},
            ["ok"] * 4,
        ),
    ],
)
def test_the_status_of_a_filter(kernels, biases, options, statuses):
    found = visualize.filters(make_model(kernels, biases), "conv1", **options)
    assert found.statuses == statuses
    assert (found.images == 0).mean() > 0.9 or "background" not in options


def test_channels_that_may_not_change_keep_the_background():
    keras.utils.set_random_seed(0)
    model = chain((8, 8, 3), layers.Conv2D(4, 3, activation="relu", name="conv1"))
    options = {"steps": 5, "l2": 1e-6, "total_variation": 1e-6, "background": 0.25}
    part = visualize.filters(model, "conv1", channels=(0, 2), **options)
    whole = visualize.filters(model, "conv1", **options)
    assert (part.images[..., 1] == np.float32(255 * 0.25)).all()
    assert (np.ptp(part.images[..., [0, 2]], axis=(1, 2)) > 0).all()
    assert (np.ptp(whole.images[..., 1], axis=(1, 2)) > 0).all()


def test_filters_can_be_taken_and_joined(model):
    found = visualize.filters(model, "conv1", steps=2)
    some = found.take([3, 1])
    assert some.units.tolist() == [3, 1]
    assert (some.images == found.images[[3, 1]]).all()
    assert some.objectives == [found.objectives[3], found.objectives[1]]
    assert (some.kernels == found.kernels[[3, 1]]).all()
    new = visualize.filters(model, "conv1", units=[0, 1], steps=3)
    both = some.join(new)
    assert both.units.tolist() == [0, 1, 3]
    assert (both.images == [*new.images, found.images[3]]).all()
    assert both.statuses == [*new.statuses, found.statuses[3]]


@pytest.mark.parametrize("units", [3, [3], np.array([3], np.uint8)])
def test_each_filter_is_maximized_by_itself(model, units):
    """A filter's image does not depend on which others are looked at."""
    together = visualize.filters(model, "conv1", steps=20, pixels=[0, 255])
    alone = visualize.filters(model, "conv1", units, steps=20)
    assert alone.units.tolist() == [3]
    assert alone.images[0] == pytest.approx(together.images[3], abs=0.5)


def test_a_seed_repeats(model):
    first, second, other = (
        visualize.filters(model, "conv1", seed=seed, steps=10, jitter=2).images
        for seed in (1, 1, 2)
    )
    assert (first == second).all()
    assert (first != other).any()


def test_regularized_images_are_smoother_and_nearer_to_the_even_one(model):
    free, smooth, near, blurred, coarse = (
        visualize.filters(model, "conv1", units=[0, 3], steps=60, **options).images
        for options in (
            *({}, {"total_variation": 1.0}, {"l2": 10.0}),
            *({"blur": 1.0}, {"decorrelate": True}),
        )
    )
    for images in (smooth, blurred, coarse):
        assert (
            np.abs(np.diff(images, axis=1)).sum() < np.abs(np.diff(free, axis=1)).sum()
        )
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
    assert found.kernels is None


@pytest.mark.parametrize("layer", ["norm1", "pool1", "tokens", "dense1"])
def test_any_layer_has_images(layer):
    keras.utils.set_random_seed(0)
    model = chain(
        (8, 8, 3),
        layers.Conv2D(4, 3),
        layers.BatchNormalization(name="norm1"),
        layers.MaxPooling2D(2, name="pool1"),
        layers.Reshape((9, 4), name="tokens"),
        layers.Dense(5, name="dense1"),
    )
    found = visualize.filters(model, layer, steps=5)
    assert np.isfinite(found.images).all()
    rises = found.after > found.before
    assert (rises | (np.array(found.statuses) == "dead")).all()
    assert rises.any()


@pytest.mark.parametrize("first", [layers.ZeroPadding2D(2), layers.Rescaling(0.1)])
def test_kernels_are_those_of_a_layer_that_reads_the_image(first):
    convolution = layers.Conv2D(4, 5, name="conv1")
    model = chain((12, 12, 3), first, convolution, layers.Conv2D(3, 3, name="conv2"))
    found = visualize.filters(model, "conv1", units=[2], steps=1)
    assert (found.kernels == convolution.kernel.numpy()[..., 2]).all()
    assert visualize.filters(model, "conv2", steps=1).kernels is None


def test_progress_is_told_for_each_portion():
    told, model = [], chain((4, 4, 1), layers.Flatten(), layers.Dense(100, name="out"))
    visualize.filters(model, "out", steps=1, progress=lambda *n: told.append(n))
    assert told == [(50, 100), (100, 100)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": "conv9"}, "no layer named 'conv9'"),
        ({"units": [4]}, r"units are \[4\]; conv1 has 0…3"),
        ({"units": 1.5}, "units are 1.5"),
        ({"objective": "mean"}, "no objective 'mean'; known: channel"),
        ({"steps": 0}, "steps is 0; expected a whole number, at least 1"),
        ({"steps": 1.5}, "steps is 1.5; expected a whole number"),
        ({"jitter": -1}, "jitter is -1; expected a whole number"),
        ({"channels": 1}, "channels are 1; the image has 0…0"),
        ({"channels": []}, r"channels are \[\]; the image has 0…0"),
        ({"background": 2}, "background is 2; expected a share, 0…1"),
        ({"l2": -1}, "l2 is -1; expected at least 0"),
        ({"rate": np.inf}, "rate is inf; expected more than 0"),
        ({"rate": -1}, "rate is -1; expected more than 0"),
        ({"pixels": (1, 0)}, r"pixels are \(1.0, 0.0\); expected the lower end"),
    ],
)
def test_what_is_refused(model, options, message):
    with pytest.raises(ValueError, match=message):
        visualize.filters(model, **{"layer": "conv1"} | options)


def test_an_unknown_setting_is_a_type_error(model):
    with pytest.raises(TypeError, match="speed"):
        visualize.filters(model, "conv1", speed=3)


# --- the pictures ---------------------------------------------------------------------

RED, ORANGE, BLUE = (204, 0, 0), (230, 128, 0), (26, 102, 204)


def sheet_of(statuses, objectives, **options):
    count = len(statuses)
    values = np.zeros(count, np.float32)
    found = visualize.Filters(
        np.full((count, 8, 8, 1), 100, np.float32),
        *("conv1", np.arange(count), objectives, values, values, statuses, None),
    )
    return visualize.filter_sheet(found, ["a"], **options)


def colors_of(page):
    return {color for _, color in page.getcolors(1 << 16)}


@pytest.mark.parametrize(
    ("statuses", "objectives", "frames"),
    [
        (
            ["dead", "saturated", "ok", "ok"],
            ["center", "channel", "center", "channel"],
            {RED, ORANGE, BLUE},
        ),
        (["ok"] * 3, ["center"] * 3, set()),  # all alike
        (["ok", "dead"], ["center"] * 2, {RED}),
    ],
)
def test_frames_are_colored_by_what_became_of_a_filter(statuses, objectives, frames):
    page = sheet_of(statuses, objectives)
    assert colors_of(page) & {RED, ORANGE, BLUE} == frames


def test_sheets_of_the_same_columns_have_tiles_of_the_same_size():
    few, many = (sheet_of(["ok"] * n, ["unit"] * n, columns=6) for n in (6, 12))
    assert few.width == many.width
    assert few.height < many.height


def test_kernels_of_chosen_channels_are_side_by_side_as_signed_maps():
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
    assert len(colors_of(visualize.kernel_sheet(kernels, ["k"]))) > 50
