"""Figures show what they say."""

import numpy as np
import pytest
from matplotlib import pyplot as plt
from PIL import Image

from coursework import figures, paths, visualize
from coursework.data import lines
from coursework.studies import activations
from coursework.training import heads, metrics


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def test_tiles_stand_in_reading_order_and_red_is_red(few_lines):
    first = few_lines.images[::5]  # one of each class
    sheet, pitch = figures.tile(first, 12)
    assert sheet.shape == (8 * 30 + 2, 12 * 30 + 2, 3)
    for index in (0, 1, 13, 95):
        top, left = index // 12 * pitch[0] + 2, index % 12 * pitch[1] + 2
        assert (sheet[top : top + 28, left : left + 28] == first[index]).all()
    assert (sheet[:, :2] == figures.BACKGROUND).all()


def test_grey_images_and_a_short_last_row():
    sheet, _ = figures.tile(np.full((3, 4, 4, 1), 9, np.uint8), 2)
    assert sheet.shape == (14, 14, 3)
    assert (sheet[8:12, 2:6] == 9).all()
    assert (sheet[8:, 8:] == figures.BACKGROUND).all()


def test_the_contact_sheet_names_all_classes(few_lines):
    axes = figures.contact_sheet(few_lines).axes[0]
    rows = [label.get_text() for label in axes.get_yticklabels()]
    columns = [label.get_text() for label in axes.get_xticklabels()]
    assert rows[:3] == ["short thin red", "short thin blue", "short thick red"]
    assert columns == [f"{angle}°" for angle in range(0, 180, 15)]
    kinds = figures.lines_by_kind(np.arange(96))
    for row in range(8):
        for column in range(12):
            name = lines.class_name(kinds[row, column])
            assert name == f"{rows[row]} {columns[column]}"


def test_learning_curves_take_a_perfect_accuracy():
    history = {
        "accuracy": [0.5, 1.0, 1.0],
        "val_accuracy": [0.4, 0.99, 0.98],
        "loss": [1, 0.1, 0.01],
        "val_loss": [1, 0.2, 0.3],
    }
    left, right = figures.learning_curves(history, "x").axes
    labels = [text.get_text() for text in left.get_legend().get_texts()]
    assert labels == ["train", "validation"]
    assert right.get_yscale() == "log"


def test_a_confusion_matrix_has_numbers_only_for_few_classes():
    small = figures.confusion_matrix(np.eye(3, dtype=int) * 7, list("abc"))
    assert [text.get_text() for text in small.axes[0].texts] == ["7", "7", "7"]
    names = [lines.class_name(index) for index in range(96)]
    large = figures.confusion_matrix(np.eye(96, dtype=int), names)
    assert not large.axes[0].texts


def test_galleries_folds_and_scores_can_be_drawn(few_lines):
    confusion = np.eye(96, dtype=int)
    names = [lines.class_name(index) for index in range(96)]
    figures.folded_confusions(metrics.fold(confusion, lines.LEVELS))
    gallery = figures.error_gallery(
        few_lines.images[:2], np.array([0, 1]), np.eye(96)[[3, 4]], names
    )
    title = gallery.axes[0].get_title()
    assert title == f"{names[0]}\n→ {names[3]} (100%)"
    figures.error_gallery(few_lines.images[:0], [], np.eye(96)[:0], names)


def test_f_scores_are_those_below_1_the_lowest_first():
    names = [str(index) for index in range(20)]
    scores = np.ones(20)
    scores[[3, 7, 9]] = 0.9, 0.5, 0.7
    (axes,) = figures.f_scores(scores, names, most=2).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["7", "9"]
    assert axes.lines[0].get_xdata().tolist() == [0.5, 0.7]
    assert axes.get_title() == "17 of 20 classes have F-score 1; the lowest 2:"
    (axes,) = figures.f_scores(scores[:10], names[:10]).axes  # few classes: all
    assert len(axes.get_yticklabels()) == 10


def test_error_rates_count_all_seeds_of_a_network_by_what_a_filter_sees():
    visibility = np.array([0.1, 0.1, 0.3, 0.4, 0.6, 0.9])
    first = np.array([True, True, False, False, True, False])
    wrong = {"one": [first, first], "two": [~first, first]}
    (axes,) = figures.error_by_visibility(visibility, wrong, "title").axes
    counts = [text.get_text() for text in axes.texts]
    assert counts == ["4", "0", "0", "2", "0", *("2", "1", "1", "1", "1")]
    points = [line.get_ydata() for line in axes.lines if line.get_marker() == "o"]
    assert [y for (*_, y) in filter(len, points)] == [1, 1]  # 4 of 4 and 2 of 2
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels[0] == "0% to 20%\n(33.3% of lines)"
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["one", "two"]


def test_layers_show_the_same_channels_and_every_unit():
    image = np.full((1, 4, 4, 3), 255)
    before, after = np.zeros((2, 1, 4, 4, 8))
    before[0, 0, 0] = np.arange(8)
    outputs = {"image": image, "conv": before, "relu": after, "dense": np.eye(5)[:1]}
    axes = figures.layers(outputs).axes
    titles = [each.get_title() for each in axes if each.get_title()]
    assert titles == [f"channel {k}" for k in (7, 6, 5, 4, 3, 2)] * 2
    names = [each.texts[0].get_text() for each in axes if each.texts]
    assert names == ["image\n4×4×3", "conv\n4×4×8", "relu\n4×4×8", "dense\n5"]
    assert [bar.get_height() for bar in axes[-1].patches] == [1, 0, 0, 0, 0]


def test_saved_figures_are_palette_pictures(sandbox):
    figure, axes = plt.subplots()
    axes.plot([0, 1])
    assert str(figures.save(figure, "line")) == "reports/figures/line.png"
    with Image.open(sandbox / "reports" / "figures" / "line.png") as picture:
        assert picture.mode == "P"


def test_sample_efficiency_draws_means_and_every_seed():
    accuracies = {"plain": {100: [0.9, 0.8], 10: [0.5]}, "tuned": {10: [0.6], 20: [1]}}
    axes = figures.sample_efficiency(accuracies, 1000, "title").axes[0]
    plain, tuned = (
        next(line for line in axes.lines if line.get_label().startswith(name))
        for name in accuracies
    )
    assert list(plain.get_xdata()) == [10, 100]
    assert plain.get_ydata() == pytest.approx([0.5, 0.15])
    assert tuned.get_ydata() == pytest.approx([0.4, 0.0005])  # half an error of 1000
    assert sum(line.get_linestyle() == "None" for line in axes.lines) == 4
    axes.figure.canvas.draw()
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert {"0.1 %", "1 %", "10 %"} <= set(labels)
    assert [label.get_text() for label in axes.get_xticklabels()] == ["10", "20", "100"]


def head_history():
    keys = ["loss", *(f"{name}_loss" for name in heads.NAMES)]
    keys += [f"{name}_accuracy" for name in heads.NAMES]
    history = {key: [0.5, 0.9, 1.0] for key in keys}
    history |= {f"val_{key}": [0.4, 0.2, 0.3] for key in keys}
    return history | {"val_joint_accuracy": [0.1, 0.5, 1.0]}


def test_learning_curves_of_heads_show_each_and_all_together():
    axes = figures.head_learning_curves(head_history(), "x").axes
    titles = [each.get_title() for each in axes[:5]]
    assert titles == ["all four heads", *heads.NAMES]
    joint, length = axes[:2]
    assert [line.get_label() for line in joint.lines] == ["validation"]
    assert joint.lines[0].get_ydata().tolist() == [0.1, 0.5, figures.MOST_ACCURATE]
    assert [line.get_label() for line in length.lines][:2] == ["train", "validation"]


def test_head_errors_are_means_over_the_seeds():
    histories = [
        {f"{name}_accuracy": [0.5, a] for name in heads.NAMES} for a in (0.8, 0.9)
    ]
    record = {"trials": {"base": [{"history": history} for history in histories]}}
    (axes,) = figures.head_errors(record, ["base"], "x").axes
    assert len(axes.lines) == 4
    assert axes.lines[0].get_ydata() == pytest.approx([0.5, 0.15])


@pytest.fixture
def strips():
    """A stage of a convolution and a ReLU, a vector of three, and an output."""
    convolution = np.random.default_rng(0).normal(size=(2, 4, 4, 5))
    rectified = np.zeros((2, 2, 2, 5))
    rectified[0, 0, 0, [1, 4]] = 5, 6
    stages = [
        {"conv": convolution, "relu": rectified},
        {"dense": np.array([[1.0, 0, 3], [2, 2, 2]])},
        {"class": np.array([[0.1, 0.2], [0.3, 0.4]])},
    ]
    images = np.zeros((2, 4, 4, 1), np.uint8)
    names, answers = ["one", "two"], ["a", "b"]
    return figures.activation_strips(images, stages, names, answers, outputs=["class"])


def test_a_stage_shows_the_same_channels_and_says_which(strips):
    titles = [axes.get_title() for axes in strips.axes[1:]]
    layers = [title.split("\n")[0] for title in titles]
    assert layers == ["conv", "relu", "dense", "class"]
    assert all("\nchannels 1, 4\n" in title for title in titles[:2])
    assert titles[1] == "relu\n2×2×5\nchannels 1, 4\n0…6"
    assert titles[0].split("\n")[3].startswith("−")
    assert titles[2:] == ["dense\n3\nall\n0…3", "class\n2\nall\n0…1"]
    first = strips.axes[2].images  # of relu: image by image, channel by channel
    assert [picture.get_array().max() for picture in first] == [5, 6, 0, 0]


def test_what_is_left_of_a_square_is_not_drawn_as_zero(strips):
    dense = strips.axes[3].images[0].get_array()
    assert np.ma.filled(dense, np.nan).tolist()[0] == [1, 0]
    assert np.ma.getmaskarray(dense).tolist() == [[False, False], [False, True]]


def test_outputs_have_the_scale_of_probabilities(strips):
    assert strips.axes[4].images[0].get_clim() == (0, 1)
    assert strips.axes[3].images[0].get_clim() == (0, 3)
    shown = [label.get_text() for label in strips.axes[4].get_yticklabels()]
    assert shown == ["→ a", "→ b"]


def test_probes_are_drawn_beside_chance():
    chance = {"color": 0.5, "angle": 1 / 12}
    accuracies = {
        "scale": {"color": 0.6, "angle": 0.2},
        "relu": {"color": 1, "angle": 0.9},
    }
    axes = figures.probe_curves(accuracies, chance, "title").axes[0]
    curves = {line.get_label(): list(line.get_ydata()) for line in axes.lines[:2]}
    assert curves == {"color": [0.6, 1], "angle": [0.2, 0.9]}
    levels = [line.get_ydata()[0] for line in axes.lines[2:]]
    assert levels == pytest.approx([1 / 12, 0.5])
    assert [text.get_text() for text in axes.texts] == ["chance 8%", "chance 50%"]


def test_the_table_of_probes_is_white_at_chance_and_black_at_all():
    chance = {"color": 0.5, "angle": 1 / 12}
    accuracies = {
        "color_relu": {"angle": 1 / 12, "color": 1.0},
        "angle_relu": {"angle": 1.0, "color": 0.75},
    }
    axes = figures.probe_table(accuracies, chance, "title").axes[0]
    shades = np.asarray(axes.images[0].get_array())
    assert shades == pytest.approx(np.array([[1, 0], [0.5, 1]]))
    assert axes.images[0].get_clim() == (0, 1)
    assert [text.get_text() for text in axes.texts] == ["100%", "8%", "75%", "100%"]
    rows = [label.get_text() for label in axes.get_yticklabels()]
    assert rows == ["color_relu", "angle_relu"]


@pytest.mark.parametrize("colored", [True, False])
def test_filters_are_ordered_by_the_angle_they_prefer(colored):
    responses = np.zeros((3, 12, 2))
    responses[0, 9], responses[1, 3], responses[2, 6] = 1, 2, 3
    tuning = activations.Tuning(
        responses, np.array([135, 45, 90]), np.ones(3), np.zeros(3)
    )
    figure = figures.tuning_map(tuning, "title", colored)
    assert len(figure.axes) == 1 + colored
    assert figure.axes[0].images[0].get_array().argmax(axis=1).tolist() == [3, 6, 9]
    shown = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert shown == ["1", "2", "0"]


def some_maps(values):
    """Maps as a method gives them, of images of lines."""
    count = len(values)
    same = np.zeros(count, np.int64)
    return visualize.Maps(
        maps=np.asarray(values, np.float32),
        method="gradcam",
        layer="relu1",
        head="class",
        targets=same,
        probabilities=same.astype(np.float32),
        predictions=same,
        placed=True,
    )


def test_maps_lie_over_their_images_and_blank_ones_are_marked(few_lines):
    images = few_lines.images[:2]
    values = np.zeros((2, 28, 28))
    values[0, 3, 4] = 5
    columns, notes = figures.over_images(images, {"Grad-CAM": some_maps(values)})
    assert list(columns) == ["image", "Grad-CAM"]
    assert columns["image"] == pytest.approx(images / 255)
    assert notes == [(1, 1, "blank")]
    blank = columns["Grad-CAM"][1]
    assert blank == pytest.approx(images[1] / 255 * figures.DIMMED)
    brightest = columns["Grad-CAM"][0].sum(axis=-1).argmax()
    assert brightest == 3 * 28 + 4


def test_a_table_of_pictures_has_a_column_each_and_names_its_rows(few_lines):
    images = few_lines.images[:3] / 255
    small = np.ones((3, 4, 4, 3))
    columns = {"image": images, "small": small}
    figure = figures.picture_table(columns, ["a", "b", "c"], [(1, 1, "blank")])
    assert [axes.get_title() for axes in figure.axes] == ["image", "small"]
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["a", "b", "c"]
    assert [t.get_text() for t in figure.axes[1].texts] == ["blank"]
    shown = figure.axes[0].images[0].get_array()
    whole = images.repeat(4, axis=1).repeat(4, axis=2)
    assert (shown[2:114, 2:114] == whole[0]).all()
    assert (shown[2 + 2 * 116 : 114 + 2 * 116, 2:114] == whole[2]).all()


def test_activations_share_a_scale_and_only_positive_ones_count():
    values = np.zeros((2, 2, 2, 2))
    values[0, 0, 0] = 4, 0
    values[1, 0, 0] = 1, -9
    values[1, 1, 1] = 2, 2
    shown = figures.brightness(values)
    full, none, half, whole = (
        shown[0, 0, 0],
        shown[0, 1, 1],
        shown[1, 0, 0],
        shown[1, 1, 1],
    )
    assert full == pytest.approx(whole)
    assert (half != none).any()
    assert (half != full).any()


def test_scores_of_maps_are_written_and_missing_ones_stay_white():
    scores = {"energy": np.array([[0.5, np.nan], [1, 0]])}
    figure = figures.map_score_table(
        scores, {"energy": "energy on the line"}, ["Grad-CAM", "anywhere"], ["a", "b"]
    )
    (axes,) = figure.axes
    texts = {text.get_position(): text.get_text() for text in axes.texts}
    assert texts == {(0, 0): "0.50", (0, 1): "1.00", (1, 1): "0.00"}


def test_dependence_shows_every_map_and_skips_methods_without_any():
    points = {
        "Grad-CAM": [("first", 0.1, 5), ("last", -0.4, 2)],
        "LayerCAM": [],
        "occlusion": [(None, 0.3, 9)],
    }
    (axes,) = figures.dependence(points, "t").axes
    drawn = {
        c.get_label(): np.asarray(c.get_offsets()).tolist()
        for c in axes.collections
        if len(c.get_offsets())
    }
    assert drawn == {"Grad-CAM": [[0.1, 5], [-0.4, 2]], "occlusion": [[0.3, 9]]}
    assert axes.get_xlim()[0] < -0.4


def paired_record():
    counts = {"base": (100, 120, 90), "half": (50, 61, 44), "same": (99, 125, 88)}
    trials = {
        row: [{"errors": n, "parameters": 1234, "seconds": 2.0} for n in every]
        for row, every in counts.items()
    }
    return {"seeds": [0, 1, 2], "trials": trials}


def test_a_forest_has_a_row_for_each_change_with_its_cost():
    figure = figures.forest(paired_record(), "title")
    axes, beside = figure.axes[0], figure.axes[0].child_axes[0]
    figure.canvas.draw()
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["base", "half", "same"]
    costs = [label.get_text().split() for label in beside.get_yticklabels()]
    assert costs[0] == ["errors", "parameters", "training"]
    assert costs[1:3] == [["310", "1,234", "2", "s"], ["155", "1,234", "2", "s"]]
    ratio = next(x for x in axes.lines if x.get_marker() == "o")
    assert ratio.get_xdata() == pytest.approx(0.5, rel=0.02)
    assert axes.get_xscale() == "log"


def test_errors_of_each_seed_are_dots_also_where_there_are_none():
    trials = {
        row: [{"errors": count, "tested": 100} for count in counts]
        for row, counts in {"base": (0, 0), "padding: none": (7, 90)}.items()
    }
    record = {"trials": trials, "seeds": [0, 1]}
    axes = figures.seed_errors(record, "title").axes[0]
    assert [line.get_xdata().tolist() for line in axes.lines] == [[0, 0], [7, 90]]
    assert axes.get_xlim()[0] == 0


class TestFilters:
    """Pictures and sheets of the chapter on filters."""

    def test_rows_and_columns_are_labeled(self, few_lines):
        images = figures.shown_images(few_lines.images[:2])
        figure = figures.picture_rows(
            {"raw": images, "best": images},
            ["a", "b"],
            "title",
            {"raw": "score"},
            [(1, 0, "7: 90%")],
        )
        grid = np.array(figure.axes).reshape(2, 2)
        assert [axes.get_title(loc="center") for axes in grid[0]] == ["a", "b"]
        assert [axes.get_ylabel() for axes in grid[:, 0]] == ["raw", "best"]
        assert grid[0, 1].texts[0].get_text() == "score"
        assert grid[1, 0].get_xlabel() == "7: 90%"

    def test_weights_are_shown_by_sign_in_the_colors_of_the_image(self):
        kernels = np.zeros((1, 1, 2, 3))
        kernels[0, 0, 0, 0], kernels[0, 0, 1, 2] = 2, -1
        assert figures.shown_weights(kernels)[0, 0].tolist() == [[1, 0, 0], [0, 0, 0]]
        negative = figures.shown_weights(kernels, sign=-1)[0, 0]
        assert negative.tolist() == [[0, 0, 0], [0, 0, 0.5]]

    def test_the_images_of_a_sheet_can_be_read_again(self, sandbox):
        random = np.random.default_rng(0)
        images = random.integers(0, 256, (10, 28, 28, 1))
        images[:, 0, 0] = 0
        classes = {("regularized", "tuned_mnist", "class"): images}
        names = {("tuned_mnist", "class"): list(map(str, range(10)))}
        figures.class_sheets(classes, names)
        path = paths.figures() / "classes_tuned_mnist.png"
        tiles = np.array(figures.regularized_tiles(path))
        assert tiles.shape == (10, 84, 84, 3)
        assert tiles[:, 1::3, 1::3, 0] == pytest.approx(images[..., 0], abs=8)
