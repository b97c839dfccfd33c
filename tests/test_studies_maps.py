"""The study of our maps: which layers it looks at, what it chooses, what it counts."""

import keras
import numpy as np
import pytest

from coursework import records, visualize
from coursework.data import lines
from coursework.studies import maps
from coursework.studies.maps import Way
from coursework.training import networks


@pytest.fixture(scope="module")
def subjects(plain_cnn):
    keras.utils.set_random_seed(0)
    made = {
        "plain_lines": plain_cnn,
        "tuned_lines": networks.small_cnn(),
        "four_head_lines": networks.four_head_cnn(),
    }
    return {subject.title: subject for subject in maps.subjects_of(made)}


@pytest.fixture(scope="module")
def images():
    return lines.build(per_class=1, seed=3).images[::12]


def test_a_subject_for_each_head(subjects):
    heads = ("length", "width", "color", "angle")
    expected = [f"four_head_lines: {head}" for head in heads]
    assert list(subjects) == ["plain_lines", "tuned_lines", *expected]


def test_every_network_has_its_layers_and_the_last_is_the_default(subjects, images):
    assert set(maps.LAYERS) == set(records.NOTEBOOKS)
    for subject in subjects.values():
        for way in subject.ways():
            if way.depth:
                assert subject.network.get_layer(subject.layer(way))
        default = visualize.class_activation_maps(subject.network, images[:1])
        assert default.layer == subject.layer(Way("gradcam", "last"))


def test_ways_without_a_layer_are_left_out(subjects):
    ways = subjects["plain_lines"].ways()
    assert len(ways) == len(maps.WAYS) - len(maps.LAYER_METHODS)
    assert all(way.depth != "middle" for way in ways)
    assert subjects["tuned_lines"].ways() == list(maps.WAYS)


def test_maps_that_follow_the_ink_are_marked():
    assert Way("integrated_gradients").label == "integrated gradients●"
    assert Way("hirescam", "middle").label == "HiResCAM, middle"
    assert Way("occlusion").slow
    assert not Way("gradcam", "last").slow


def test_maps_are_those_of_the_layer_the_head_and_the_target(subjects, images):
    subject = subjects["four_head_lines: angle"]
    found = subject.maps(images, Way("layercam", "middle"), target=5)
    assert (found.layer, found.head, found.method) == ("relu2", "angle", "layercam")
    assert (found.targets == 5).all()
    expected = visualize.class_activation_maps(
        subject.network, images, "relu2", "angle", 5, "layercam"
    )
    assert (found.maps == expected.maps).all()


def sanity(left, error=None, other=0.2):
    alike = [left + other], [left + 0.1], error, error, other, 0.1
    return visualize.Sanity(["conv1"], *alike, without_evidence=0.0)


def test_a_check_is_passed_only_beyond_doubt_and_by_maps_that_depend_on_the_image():
    assert maps.passes(sanity(-0.05))
    assert maps.passes(sanity(-0.05, error=0.02))
    assert not maps.passes(sanity(-0.05, error=0.03))
    assert not maps.passes(sanity(0.01))
    assert not maps.passes(sanity(-0.3, other=0.6))


def test_the_ceiling_is_what_the_best_tent_of_the_grid_has_on_the_mask(subjects):
    """A mask of one pixel in the middle of a unit's field: its own tent is the best."""
    subject, masks = subjects["plain_lines"], np.zeros((1, 28, 28), bool)
    masks[0, 13, 9] = True
    first = Way("hirescam", "first")  # 22×22 places, each at a pixel
    assert maps.ceiling(subject, masks, first) == pytest.approx(1)
    pooled = Way("hirescam", "last")  # a place between two pixels, tents of 2 px
    assert maps.ceiling(subject, masks, pooled) == pytest.approx((0.75 / 2) ** 2)
    masks[0, 12:16, 8:12] = True
    assert maps.ceiling(subject, masks, pooled) == pytest.approx(1)
    coarse = Way("hirescam", "last")
    random = np.random.default_rng(0)
    found = random.random((1, 28, 28))
    share = (found * masks).sum() / found.sum()
    assert share < maps.ceiling(subjects["tuned_lines"], masks, coarse) < 0.5


def test_the_choice_is_the_sharpest_and_the_most_dependent(subjects, images):
    subject, masks = subjects["tuned_lines"], lines.masks(images)
    ways = [Way("layercam", depth) for depth in maps.DEPTHS]
    left = dict(zip(ways, (0.3, 0.1, 0.2), strict=True))
    checked = {way: sanity(left[way]) for way in ways}
    checked |= {Way("occlusion"): sanity(-1), Way("gradcam", "last"): None}
    alike = Way("gradcam", "first")
    checked[alike] = sanity(-0.5, other=0.9)  # the same map for all images
    energy = {
        way: visualize.evaluate_maps(subject.maps(images, way).maps, masks).energy
        for way in (*ways, alike)
    }
    choice = maps.choose(subject, images, masks, checked)
    assert choice.sharpest == max(energy, key=energy.get)
    assert choice.most_dependent == ways[1]
    assert maps.survival(checked[ways[1]]) == pytest.approx(0.1)


def test_nothing_is_chosen_where_all_maps_are_blank(subjects, images):
    """No class has a score above another where the last layer gives nothing."""
    network = networks.small_cnn()
    network.get_layer("class").set_weights(
        [np.zeros_like(w) for w in network.get_layer("class").get_weights()]
    )
    subject = maps.Subject("tuned_lines", "class", network)
    way = Way("gradcam", "last")
    assert maps.check_sanity(subject, images, way, repeats=1) is None
    assert maps.sharpness(subject, images, None, way) is None
    choice = maps.choose(subject, images, None, {way: sanity(0)})
    assert choice == (None, None)


def test_without_a_mask_insertion_minus_deletion_counts(subjects, images):
    subject, way = subjects["tuned_lines"], Way("layercam", "first")
    deletion, insertion, blank = maps.delete_and_insert(subject, images, way)
    assert maps.sharpness(subject, images, None, way) == insertion - deletion
    assert blank == 0


def test_scores_come_with_their_time(subjects, images):
    masks = lines.masks(images)
    subject, way = subjects["plain_lines"], Way("layercam", "first")
    found, milliseconds = maps.score(subject, images, masks, way)
    assert found == visualize.evaluate_maps(subject.maps(images, way).maps, masks)
    assert milliseconds > 0


def test_answers_are_probabilities_by_head(subjects, images):
    for title, heads in (("plain_lines", 1), ("four_head_lines: angle", 4)):
        answers = maps.answers(subjects[title].network, images)
        assert len(answers) == heads
        for shares in answers.values():
            assert shares.shape[0] == len(images)
            assert shares.sum(axis=1) == pytest.approx(1, abs=1e-5)
