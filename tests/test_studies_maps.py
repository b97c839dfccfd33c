"""The tests of maps: what they measure, and that they find what was planted."""

import keras
import numpy as np
import pytest
from scipy import stats

from coursework import records, visualize
from coursework.data import lines, unseen
from coursework.studies import map_interventions, maps
from coursework.training import metrics, networks

KIND = "HiResCAM (last layer)"


@pytest.fixture(scope="module")
def tuned():
    keras.utils.set_random_seed(0)
    return networks.small_cnn()


@pytest.fixture(scope="module")
def four_heads():
    keras.utils.set_random_seed(0)
    return networks.four_head_cnn()


@pytest.fixture(scope="module")
def some():
    return lines.build(per_class=1, seed=3).take(slice(None, None, 8))


def test_every_network_has_its_layers_and_the_last_is_the_default(tuned, some):
    assert set(maps.LAYERS) == set(records.NOTEBOOKS)
    default = visualize.class_activation_maps(tuned, some.images[:1])
    assert default.layer == maps.LAYERS["tuned_lines"]["last layer"]


def test_maps_are_those_of_the_layer_the_head_and_the_class(four_heads, some):
    found = maps.maps_of(four_heads, "four_head_lines", some.images, 5, "angle")
    assert list(found) == list(maps.KINDS)
    expected = visualize.class_activation_maps(
        four_heads, some.images, "relu3", "angle", 5, "hirescam"
    )
    assert (found[KIND] == expected.maps).all()


def test_shuffled_weights_are_the_same_values_in_another_order(tuned):
    before = tuned.get_weights()
    network = maps.shuffled(tuned, seed=1)
    for ours, theirs in zip(network.get_weights(), before, strict=True):
        assert (np.sort(ours, axis=None) == np.sort(theirs, axis=None)).all()
    assert (network.get_weights()[0] != before[0]).any()
    again = maps.shuffled(tuned, seed=1, network=maps.shuffled(tuned, seed=2))
    assert all(map(np.array_equal, again.get_weights(), network.get_weights()))
    assert all(map(np.array_equal, before, tuned.get_weights()))


class TestPointing:
    def test_hits_are_counted_and_maps_without_evidence_are_none(self, some):
        masks = lines.masks(some.images)
        on_line = masks.astype(float)
        on_line[0] = 0
        found = maps.pointing({KIND: on_line}, {KIND: 1.0 - masks}, some.images, masks)
        row = found["rows"][KIND]
        assert row["value"] == (len(masks) - 1) / len(masks)
        assert (row["random"], row["energy"]) == (0, 1)
        assert row["without_evidence"] == 1 / len(masks)
        assert (row["low"], row["high"]) == metrics.wilson(len(masks) - 1, len(masks))
        assert found["rules"]["image itself"] == {"value": 1, "energy": 1}
        assert found["rules"]["area"]["value"] == pytest.approx(masks.mean())

    def test_a_kind_passes_that_beats_edges_and_shuffled_weights(self):
        found = {
            "rows": {k: {"low": 0.9, "random": 0.7} for k in maps.KINDS},
            "rules": {"Sobel": {"value": 0.8}},
        }
        found["rows"][KIND] = {"low": 0.5, "random": 0.2}
        found["rows"]["LayerCAM (first layer)"] = {"low": 0.9, "random": 0.95}
        verdicts = maps.verdicts_of_pointing(found)
        assert verdicts[KIND] is verdicts["LayerCAM (first layer)"] is False
        assert verdicts[maps.ON_INK_ONLY] is None
        assert sum(verdict is True for verdict in verdicts.values()) == 4


class TestSimilarity:
    def test_it_is_spearmans_and_that_of_the_library(self):
        first, second = np.random.default_rng(0).random((2, 4, 6, 6)).round(1)
        everywhere, half = np.ones(first.shape, bool), first > 0.3
        found = maps.spearman(first, second, everywhere)
        assert found.mean() == pytest.approx(visualize.similarity(first, second)[0])
        expected = stats.spearmanr(first[2][half[2]], second[2][half[2]])[0]
        assert maps.spearman(first, second, half)[2] == pytest.approx(expected)

    def test_constant_maps_are_like_nothing(self):
        ones, random = np.ones((1, 3, 3)), np.random.default_rng(0).random((1, 3, 3))
        assert maps.spearman(ones, random, random > -1) == [0]

    def test_what_learning_adds_is_the_difference_from_shuffled_weights(self):
        random = np.random.default_rng(0)
        original, noise = random.random((2, 30, 8, 8))
        masks = random.random(original.shape) < 0.5
        learned = dict.fromkeys(maps.KINDS, original)
        others = {"seed": learned, "class": learned, "other": learned}
        others["random"] = [dict.fromkeys(maps.KINDS, noise)]
        others["random"][0][KIND] = original
        found = maps.similarities(learned, others, masks)["on the line"]
        assert "other" not in found[KIND]
        assert found[KIND]["added"]["value"] == pytest.approx(0)
        row = found["LayerCAM (last layer)"]
        assert row["seed"]["value"] == pytest.approx(1)
        assert row["random"]["shuffles"] == [row["random"]["value"]]
        assert row["added"]["value"] == pytest.approx(1 - row["random"]["value"])
        assert row["added"]["low"] > 0.8
        assert row["added"]["p"] < 1e-6

    def test_of_networks(self, tuned, some):
        same = some.classes, some.classes ^ 1
        masks = lines.masks(some.images)
        pair, shuffled = (tuned, tuned), maps.shuffled(tuned)
        found = maps.compare_seeds(
            "tuned_lines", pair, shuffled, some.images, masks, same, repeats=1
        )
        original = maps.maps_of(tuned, "tuned_lines", some.images, same[0])
        for kind, row in found["whole image"].items():
            evidence = ~maps.without_evidence(original[kind])
            assert row["seed"]["value"] == pytest.approx(evidence.mean())
            assert row["random"]["value"] < row["seed"]["value"]


class TestDeletion:
    def test_each_wrong_digit_gets_a_right_one_of_its_margin(self):
        scores = np.array([2.0, 0.3, 0.31, 1.9, 5.0])
        outputs = np.stack([scores, 0 * scores], axis=1)
        probabilities = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)

        class Model:
            def predict(self, images, **_):
                return probabilities

        truth = np.array([1, 1, 0, 0, 0])  # the first two are wrong
        chosen, predicted = map_interventions.matched(Model(), None, truth)
        assert chosen.tolist() == [0, 1, 3, 2]
        assert predicted.tolist() == [0, 0, 0, 0]

    def test_only_the_highest_pixels_of_the_stroke_go(self):
        images = np.zeros((1, 4, 4, 1), np.uint8)
        images[0, :2, :, 0] = 9
        order = np.zeros((1, 4, 4))
        order[0, 0, 1], order[0, 1, 3], order[0, 3, 3] = 1, 2, 3  # the last is black
        left = map_interventions.without_highest(images, order, 2)
        gone = np.argwhere(images[0, ..., 0] != left[0, ..., 0])
        assert gone.tolist() == [[0, 1], [1, 3]]
        assert (images[0, :2] == 9).all()

    def test_shares_and_tests(self):
        keras.utils.set_random_seed(0)
        model = networks.small_cnn((28, 28, 1), 10)
        digits = np.random.default_rng(0).integers(0, 256, (60, 28, 28, 1), np.uint8)
        truth = model.predict(digits, verbose=0).argmax(axis=1)
        truth[:5] += 1
        shuffled = maps.shuffled(model)
        given = model, shuffled, "tuned_lines", digits, truth
        found = map_interventions.deletion(*given, pixels=9)
        assert (found["digits"], found["pixels"]) == (5, 9)
        for row in (found["rows"] | found["rules"]).values():
            assert row["value"] == (row["wrong"] + row["right"]) / 10
            assert row["low"] <= row["value"] <= row["high"]
        assert found["rules"]["random pixels"]["p"] == 1

    def test_a_kind_passes_that_beats_every_rule_and_shuffled_weights(self):
        row = {"value": 0.5, "random": 0.2, "p": 0.01}
        rows = {
            "passes": row,
            "as with shuffled weights": row | {"random": 0.5},
            "as the brightest pixels": row | {"value": 0.4},
            "not resolved": row | {"p": 0.06},
        }
        rules = {"random pixels": {"value": 0.1}, "brightest pixels": {"value": 0.4}}
        verdicts = maps.verdicts_of_deletion({"rows": rows, "rules": rules})
        assert [kind for kind in verdicts if verdicts[kind]] == ["passes"]

    def test_the_p_is_that_of_the_closest_control(self):
        changed, none = np.arange(40) < 20, np.zeros(40, bool)
        close = changed & (np.arange(40) != 3)
        found = map_interventions._changes(changed, [none, close])
        assert found["p"] == 1
        assert map_interventions._changes(changed, [none])["p"] < 1e-4


class TestGaps:
    positions = np.arange(-6.5, 7)

    @pytest.fixture
    def chosen(self):
        return unseen.sample(6, seed=1).but(lengths=15)

    def test_a_line_without_a_piece_is_a_line_with_a_gap(self, chosen):
        (piece,) = map_interventions.gaps(chosen, [0.0], size=4.0)
        left = chosen.draw().astype(int) - piece
        assert np.abs(left - unseen.with_gap(chosen, 4.0)).max() <= 1

    def test_every_gap_takes_the_same_ink_from_inside_the_line(self, chosen):
        pieces = map_interventions.gaps(chosen, self.positions)
        ink = pieces.sum(axis=(2, 3, 4), dtype=float) / 255
        assert ink == pytest.approx(np.tile(2 * chosen.widths, (14, 1)), abs=0.1)
        assert (pieces <= chosen.draw()).all()

    def test_the_effect_is_on_the_score_before_the_sigmoid(self, four_heads, chosen):
        full = chosen.draw()
        score = map_interventions.length_scores(four_heads, full)
        probability = four_heads.predict(full, verbose=0)[0][:, 0]
        assert 1 / (1 + np.exp(-score)) == pytest.approx(probability, abs=1e-5)
        pieces = map_interventions.gaps(chosen, self.positions)
        effect = map_interventions.effects_of_gaps(four_heads, full, pieces)
        after = map_interventions.length_scores(four_heads, full - pieces[3])
        assert effect[:, 3] == pytest.approx(score - after, abs=1e-4)

    def test_a_profile_is_the_mean_over_the_ink_of_a_gap(self, chosen):
        pieces = map_interventions.gaps(chosen, self.positions)
        flat = np.full((6, 28, 28), 3.0)
        assert map_interventions.profiles(flat, pieces) == pytest.approx(3)

    def test_maps_and_rules_are_compared_with_the_effect(self, four_heads, chosen):
        shuffled = maps.shuffled(four_heads)
        given = four_heads, shuffled, chosen, self.positions
        found = map_interventions.agreement(*given)
        assert len(found["effect"]) == len(found["positions"]) == 14
        row, rule = found["rows"][KIND], found["rules"]["the middle"]["value"]
        assert row["beyond_rule"]["value"] == pytest.approx(row["value"] - rule)
        assert row["low"] <= row["value"] <= row["high"]
        assert np.mean(found["profiles"][KIND]) == pytest.approx(1)
