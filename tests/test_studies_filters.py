"""What the chapter on filters measures, on images and networks that are made so."""

import keras
import numpy as np
import pytest
from keras import layers

from coursework import visualize
from coursework.data import lines
from coursework.studies import class_images, filters, similarity
from coursework.training import heads, networks

RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def tuned():
    keras.utils.set_random_seed(0)
    return networks.small_cnn()


@pytest.fixture(scope="module")
def four_heads():
    keras.utils.set_random_seed(0)
    return networks.four_head_cnn()


def some_images(count, channels=3):
    return RANDOM.uniform(0, 255, (count, 28, 28, channels)).astype(np.float32)


class TestNetworks:
    def test_stages_lead_from_convolutions_to_their_relu(self, tuned, plain_cnn):
        expected = {"conv1": "relu1", "conv2": "relu2", "conv3": "relu3"}
        assert filters.stages(tuned) == expected
        assert filters.stages(plain_cnn) == {"conv1": "relu1"}

    def test_untrained_networks_have_the_weights_of_their_start(self, tuned):
        keras.utils.set_random_seed(0)
        started = networks.four_head_cnn()
        other = filters.untrained({"four_head_lines": started, "tuned_lines": tuned})
        assert list(other) == ["four_head_lines", "tuned_lines"]
        again = other["four_head_lines"].get_weights()
        assert all(map(np.array_equal, started.get_weights(), again))

    def test_center_units_are_what_the_relu_gets_in_the_middle(self, tuned):
        images = some_images(3)
        before = visualize.activations(tuned, images, "norm2")["norm2"]
        scores = filters.predict(filters.center_units(tuned, "relu2"), images)
        assert scores == pytest.approx(before[:, 3, 3], abs=1e-5)
        some = filters.predict(filters.center_units(tuned, "relu2", [4, 1]), images)
        assert some == pytest.approx(before[:, 3, 3][:, [4, 1]], abs=1e-5)

    def test_what_the_center_unit_does_not_see_does_not_change_it(self, tuned):
        image = some_images(1)[0]
        seen = filters.inside_field(tuned, "relu2", image)[..., None]
        scores = filters.center_units(tuned, "relu2")
        outside, inside = np.where(seen, image, 255 - image), image.copy()
        inside[seen[..., 0]] = 0
        first, same, changed = filters.predict(scores, [image, outside, inside])
        assert same == pytest.approx(first, abs=1e-5)
        assert np.abs(changed - first).max() > 0.01
        shown = filters.dimmed(np.zeros((1, 28, 28, 3)), seen[..., 0])[0]
        assert ((shown > 0) == ~seen).all()


class TestPatches:
    def test_the_images_with_the_highest_scores_come_first(self):
        scores = np.array([[1, 5], [3, 4], [2, 6]])
        images = np.arange(3)[:, None, None, None] * np.ones((3, 2, 2, 1))
        patches, best = filters.top_images(scores, images, count=2)
        assert patches[:, :, 0, 0, 0].tolist() == [[1, 2], [2, 0]]
        assert best.tolist() == [3, 6]

    def test_likeness_forgives_a_shift_and_nothing_else(self):
        patches = some_images(4, channels=1)[:, None]
        moved = np.roll(patches[:, 0], (2, -3), axis=(1, 2))
        table = similarity.likeness(moved, patches, [0])
        assert np.diag(table) == pytest.approx(1)
        assert (table[~np.eye(4, dtype=bool)] < 0.3).all()
        mixed = np.concatenate([patches, some_images(4, channels=1)[:, None]], axis=1)
        half = np.diag(similarity.likeness(moved, mixed, [0]))
        assert (half > 0.4).all()
        assert (half < 0.7).all()
        assert (similarity.likeness(0 * moved, patches, [0]) == 0).all()

    def test_own_patches_are_compared_with_those_of_the_others(self):
        table = np.array([[0.5, 0.1, 0.3], [0.2, 0.6, 0.2], [0, 0, 0.4]])
        found = similarity.own_patches(table)
        assert found["own"] == pytest.approx(0.5)
        assert found["others"] == pytest.approx(0.4 / 3)
        assert found["gain"] == pytest.approx(0.5 - 0.4 / 3)
        assert found["margin"] == pytest.approx(4.303 * 0.0577 / 3**0.5, rel=0.01)


class TestSimilarity:
    def test_the_best_image_of_a_linear_unit_agrees_with_it_in_full(self):
        weights = RANDOM.normal(size=(4, 7, 7, 3))
        images = np.full((4, 28, 28, 3), 50.0)  # what is outside does not count
        images[:, 11:18, 11:18] = 255 * (weights > 0)  # the middle of 22×22 units
        found = similarity.against_optimum(images, weights, [0, 2])
        assert (found["correlation"], found["score"]) == pytest.approx((1, 1))
        assert abs(found["with_another_filter"]) < 0.3
        images[:, 11:18, 11:18, 0] = 0
        assert similarity.against_optimum(images, weights, [0, 2])["score"] < 0.8
        found = similarity.against_optimum(images, weights, [1])
        assert found["correlation"] == pytest.approx(1)

    def test_static_is_not_smooth_and_blots_are(self):
        static = np.zeros((28, 28, 3))
        static[4:24, 4:24] = RANDOM.integers(0, 2, (20, 20, 3)) * 255
        static[..., 1] = 0  # a channel that never changed does not count
        blots = static[::4, ::4].repeat(4, axis=0).repeat(4, axis=1)
        uniform = np.zeros((2, 28, 28, 3))
        uniform[1] = 255
        first, second = similarity.smoothness([static, blots])
        assert abs(first) < 0.1
        assert second > 0.6
        assert np.isnan(similarity.smoothness(uniform)).all()


def make_brightness_network():
    """One filter gives the brightness at each pixel ÷ 255, one its negative."""
    image = keras.Input((4, 4, 1))
    convolution = layers.Conv2D(2, 1, name="conv1")
    x = layers.Rescaling(1 / 255)(image)
    x = layers.ReLU(name="relu1")(convolution(x))
    model = keras.Model(image, layers.Dense(2)(layers.Flatten()(x)))
    convolution.set_weights([np.array([[[[2.0, -1.0]]]]), np.array([0.0, 0.5])])
    return model


class TestLayer:
    @pytest.fixture
    def tested(self):
        return np.stack([np.full((4, 4, 1), value) for value in (51.0, 204.0)])

    def test_how_much_of_the_optimum_images_reach(self, tested):
        shares = filters.share_of_optimum(make_brightness_network(), tested[:1], [0])
        assert shares[0] == pytest.approx(0.2)

    def test_filters_that_never_respond(self, tested):
        model = make_brightness_network()
        assert filters.inactive(model, "relu1", tested) == 0  # 0.5 − 0.2 is above 0
        assert filters.inactive(model, "relu1", tested[1:]) == 1

    def test_a_layer_is_examined_and_summed_up(self, tested):
        model = make_brightness_network()
        scores = filters.center_units(model, "relu1")
        images = np.stack([tested[1], 0 * tested[1]])
        options = {"background": 0, "objective": "center", "steps": 300}
        raw = visualize.filters(model, "relu1", **options)
        layer = filters.examine(model, "relu1", images, tested, [0], raw)
        own = np.diag(filters.predict(scores, images))
        assert own == pytest.approx([1.6, 0.5])
        assert layer.best == pytest.approx([1.6, 0.3])
        assert layer.seen.sum() == 1
        assert layer.weights[:, 0, 0, 0].tolist() == [2, -1]
        found = filters.summary(layer)
        assert (found["filters"], found["receptive_field_px"]) == (2, 1)
        assert found["raw_score"] == pytest.approx((2 / 1.6 + 0.5 / 0.3) / 2, rel=0.02)
        assert found["score"] == pytest.approx((1 + 0.5 / 0.3) / 2)


class TestClasses:
    def test_scores_lead_to_the_probabilities_of_the_heads(self, four_heads, tuned):
        images = some_images(3)
        expected = heads.probabilities(four_heads.predict(images, verbose=0))
        for head in heads.NAMES:
            model = class_images.class_scores(four_heads, head)
            exponents = np.exp(filters.predict(model, images))
            found = exponents / exponents.sum(axis=1, keepdims=True)
            assert found == pytest.approx(expected[head], abs=1e-5)

    def test_attributes_add_up_the_classes(self):
        scores = RANDOM.normal(size=(2, lines.CLASSES))
        shares = np.exp(scores)
        levels = lines.attributes_of(np.arange(lines.CLASSES))
        for column, attribute in enumerate(lines.ATTRIBUTES):
            found = np.exp(class_images.attribute_scores(scores, attribute))
            for level in range(found.shape[1]):
                wanted = shares[:, levels[:, column] == level].sum(axis=1)
                assert found[:, level] == pytest.approx(wanted)

    def test_what_is_recognized_is_counted_with_its_interval(self):
        scores = np.log([[0.7, 0.3], [0.6, 0.4], [0.2, 0.8]])
        found = class_images.recognized(scores, np.array([0, 1, 1]))
        assert (found["correct"], found["images"], found["chance"]) == (2, 3, 0.5)
        assert found["probabilities"] == pytest.approx([0.7, 0.4, 0.8])
        low, high = found["interval"]
        assert low < 2 / 3 < high

    def test_another_network_judges_each_image(self, four_heads, tuned):
        classes = {("raw", "four_head_lines", "width"): some_images(2)}
        models = {"four_head_lines": four_heads, "tuned_lines": tuned}
        judged = class_images.judge(classes, models)
        found = judged["raw", "four_head_lines", "width"]
        assert (found["itself"]["images"], found["other"]["images"]) == (2, 2)
        outputs = [("four_head_lines", name) for name in heads.NAMES]
        assert class_images.outputs(models) == [*outputs, ("tuned_lines", "class")]
