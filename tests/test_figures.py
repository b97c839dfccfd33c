"""Figures show what they say."""

import numpy as np
import pytest
from matplotlib import pyplot as plt
from PIL import Image

from coursework import figures, visualize
from coursework.data import lines
from coursework.figures import (
    activations,
    diagram,
    filters,
    style,
    tables,
    trust,
    trust_text,
)
from coursework.studies import maps as map_study
from coursework.training import heads, networks

NAMES = [lines.class_name(index) for index in range(96)]


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def texts(labels):
    return [label.get_text() for label in labels]


def titles(figure):
    """Titles in the middle, as pictures have them."""
    return [axes.get_title() for axes in figure.axes if axes.get_title()]


def test_tiles_stand_in_reading_order_and_red_is_red(few_lines):
    first = few_lines.images[::5]  # one of each class
    sheet, pitch = style.tile(first, 12)
    assert sheet.shape == (8 * 30 + 2, 12 * 30 + 2, 3)
    for index in (0, 1, 13, 95):
        top, left = index // 12 * pitch[0] + 2, index % 12 * pitch[1] + 2
        assert (sheet[top : top + 28, left : left + 28] == first[index]).all()
    gray, _ = style.tile(np.full((3, 4, 4, 1), 9, np.uint8), 2)  # a short last row
    assert gray.shape == (14, 14, 3)
    assert (gray[8:12, 2:6] == 9).all()
    assert (gray[8:, 8:] == style.BACKGROUND).all()


def test_the_contact_sheet_names_all_classes(few_lines):
    axes = figures.contact_sheet(few_lines).axes[0]
    rows, columns = texts(axes.get_yticklabels()), texts(axes.get_xticklabels())
    kinds = figures.data.lines_by_kind(np.arange(96))
    for (row, column), index in np.ndenumerate(kinds):
        assert NAMES[index] == f"{rows[row]} {columns[column]}"


def test_saved_figures_are_palette_pictures(sandbox):
    figure, axes = plt.subplots()
    axes.plot([0, 1])
    assert str(figures.save(figure, "line")) == "reports/figures/line.png"
    with Image.open(sandbox / "reports" / "figures" / "line.png") as picture:
        assert picture.mode == "P"


class TestTraining:
    """Curves, scores, confusions, variations."""

    def test_curves_take_a_perfect_accuracy(self):
        history = {"accuracy": [0.5, 1.0, 1.0], "val_accuracy": [0.4, 0.99, 0.98]}
        history |= {"loss": [1, 0.1, 0.01], "val_loss": [1, 0.2, 0.3]}
        left, right = figures.learning_curves(history, "x").axes
        assert texts(left.get_legend().get_texts()) == ["train", "validation"]
        assert right.get_yscale() == "log"

    def test_curves_of_heads_show_each_and_all_together(self):
        keys = [f"{n}_{what}" for n in heads.NAMES for what in ("loss", "accuracy")]
        history = {key: [0.5, 0.9, 1.0] for key in ["loss", *keys]}
        history |= {f"val_{key}": [0.4, 0.2, 0.3] for key in history}
        history["val_joint_accuracy"] = [0.1, 0.5, 1.0]
        figure = figures.head_learning_curves(history, "x")
        joint, length = figure.axes[:2]
        assert titles(figure) == ["all four heads", *heads.NAMES]
        assert joint.lines[0].get_ydata().tolist() == [0.1, 0.5, style.MOST_ACCURATE]
        labels = [[line.get_label() for line in axes.lines] for axes in (joint, length)]
        assert labels == [["validation"], ["train", "validation"]]

    def test_errors_of_heads_are_means_over_the_seeds(self):
        trials = [
            {"history": {f"{name}_accuracy": [0.5, a] for name in heads.NAMES}}
            for a in (0.8, 0.9)
        ]
        (axes,) = figures.head_errors({"trials": {"base": trials}}, ["base"], "x").axes
        assert len(axes.lines) == 4
        assert axes.lines[0].get_ydata() == pytest.approx([0.5, 0.15])

    def test_a_confusion_matrix_has_numbers_only_for_few_classes(self):
        small = figures.confusion_matrix(np.eye(3, dtype=int) * 7, list("abc"))
        assert texts(small.axes[0].texts) == ["7", "7", "7"]
        assert not figures.confusion_matrix(np.eye(96, dtype=int), NAMES).axes[0].texts

    def test_a_confusion_is_folded_onto_the_attributes(self):
        figure = figures.confusion_by_attribute(np.eye(96, dtype=int))
        assert titles(figure) == list(lines.ATTRIBUTES)
        assert texts(figure.axes[0].texts) == ["48", "48"]

    def test_wrong_images_have_their_label_and_their_prediction(self, few_lines):
        images, truth, outputs = few_lines.images[:2], np.array([0, 1]), np.eye(96)[3:5]
        gallery = figures.error_gallery(images, truth, outputs, NAMES)
        assert titles(gallery)[0] == f"{NAMES[0]}\n→ {NAMES[3]} (100%)"
        figures.error_gallery(images[:0], [], outputs[:0], NAMES)

    def test_f_scores_are_those_below_1_the_lowest_first(self):
        names, scores = [str(index) for index in range(20)], np.ones(20)
        scores[[3, 7, 9]] = 0.9, 0.5, 0.7
        (axes,) = figures.f_scores(scores, names, most=2).axes
        assert texts(axes.get_yticklabels()) == ["7", "9"]
        assert axes.lines[0].get_xdata().tolist() == [0.5, 0.7]
        assert axes.get_title() == "17 of 20 classes have F-score 1; the lowest 2:"
        (axes,) = figures.f_scores(scores[:10], names[:10]).axes  # few classes: all
        assert len(axes.get_yticklabels()) == 10

    def test_error_rates_count_all_seeds_by_what_a_filter_sees(self):
        visibility = np.array([0.1, 0.1, 0.3, 0.4, 0.6, 0.9])
        first = np.array([True, True, False, False, True, False])
        wrong = {"one": [first, first], "two": [~first, first]}
        (axes,) = figures.error_by_visibility(visibility, wrong, "title").axes
        assert texts(axes.texts) == list("4002021111")
        points = [line.get_ydata() for line in axes.lines if line.get_marker() == "o"]
        assert [y for (*_, y) in filter(len, points)] == [1, 1]  # 4 of 4 and 2 of 2
        assert texts(axes.get_xticklabels())[0] == "0% to 20%\n(33.3% of lines)"

    def test_sample_efficiency_draws_means_and_every_seed(self):
        plain, tuned = {100: [0.9, 0.8], 10: [0.5]}, {10: [0.6], 20: [1]}
        both = {"plain_lines": plain, "tuned_lines": tuned}
        (axes,) = figures.sample_efficiency(both, 1000, "title").axes
        points = {line.get_label(): line.get_xydata().T for line in axes.lines}
        (images, errors), (_, others) = (
            points[f"{name}, lines, mean of the seeds"]
            for name in ("baseline", "tuned")
        )
        assert list(images) == [10, 100]
        assert errors == pytest.approx([0.5, 0.15])
        assert others == pytest.approx([0.4, 0.0005])  # half an error of 1000
        assert sum(line.get_linestyle() == "None" for line in axes.lines) == 4
        axes.figure.canvas.draw()
        assert {"0.1 %", "1 %", "10 %"} <= set(texts(axes.get_yticklabels()))

    def test_a_forest_has_a_row_for_each_change_with_its_cost(self):
        counts = {"base": (100, 120, 90), "half": (50, 61, 44), "same": (99, 125, 88)}
        trials = {
            row: [{"errors": n, "parameters": 1234, "seconds": 2.0} for n in every]
            for row, every in counts.items()
        }
        figure = figures.forest({"seeds": [0, 1, 2], "trials": trials}, "title")
        axes, beside = figure.axes[0], figure.axes[0].child_axes[0]
        figure.canvas.draw()
        assert texts(axes.get_yticklabels()) == list(counts)
        costs = [text.split() for text in texts(beside.get_yticklabels())]
        assert " ".join(costs[0]) == "errors, sum parameters training"
        assert costs[1:3] == [["310", "1,234", "2", "s"], ["155", "1,234", "2", "s"]]
        ratio = next(x for x in axes.lines if x.get_marker() == "o")
        assert ratio.get_xdata() == pytest.approx(0.5, rel=0.02)
        assert axes.get_xscale() == "log"


class TestDiagram:
    """The picture of a network shows every layer, in its place."""

    @pytest.mark.parametrize("build", [networks.small_cnn, networks.four_head_cnn])
    def test_every_layer_has_a_box(self, build):
        network = build()
        found = texts(diagram.draw(network).axes[0].texts)
        boxes = [text.split(":")[0] for text in found if text]
        assert boxes == [layer.name for layer in network.layers]

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("conv1", "conv1: 5×5 convolution\n28×28×16 · 1,200 parameters"),
            ("angle", "angle: 12 units, softmax\n12 · 180 parameters"),
            ("relu1", "relu1: ReLU\n14×14×16"),
        ],
    )
    def test_a_box_tells_kind_shape_and_parameters(self, name, text):
        layer = networks.four_head_cnn().get_layer(name)
        assert diagram.describe(layer) == text

    def test_layers_stand_below_what_they_take_and_heads_in_their_order(self):
        network = networks.four_head_cnn()
        parents = diagram.parents_of(network)
        rows, columns = diagram.place(parents)
        for layer, above in parents.items():
            assert all(rows[parent] < rows[layer] for parent in above)
        outputs = [columns[network.get_layer(name)] for name in heads.NAMES]
        assert outputs == [0, 1, 2, 3]
        assert columns[network.get_layer("conv1")] == 1.5
        assert len({(rows[layer], columns[layer]) for layer in parents}) == len(rows)

    def test_notes_stand_under_their_layers(self):
        axes = diagram.draw(networks.four_head_cnn(), {"angle": "a note"}).axes[0]
        places = {
            text.get_text().split(":")[0]: text.get_position() for text in axes.texts
        }
        assert places["a note"][0] == places["angle"][0]
        assert places["a note"][1] > places["angle"][1]


class TestActivations:
    """Pictures of layers, and what probes read from them."""

    def test_layers_show_the_same_channels_and_every_unit(self):
        before, after = np.zeros((2, 1, 4, 4, 8))
        before[0, 0, 0] = np.arange(8)
        outputs = {"image": np.full((1, 4, 4, 3), 255), "conv": before, "relu": after}
        figure = figures.layers(outputs | {"dense": np.eye(5)[:1]})
        assert titles(figure) == [f"channel {k}" for k in (7, 6, 5, 4, 3, 2)] * 2
        names = [axes.texts[0].get_text() for axes in figure.axes if axes.texts]
        assert names == ["image\n4×4×3", "conv\n4×4×8", "relu\n4×4×8", "dense\n5"]
        bars = [bar.get_height() for bar in figure.axes[-1].patches]
        assert bars == [1, 0, 0, 0, 0]

    def test_following_an_image_shows_one_channel_with_its_range(self):
        conv = np.zeros((4, 4, 3))
        conv[1, 1] = 1, 5, -2
        values = {"image": np.zeros((6, 6, 1), np.uint8), "kernel": np.ones((3, 3, 3))}
        values["conv1"], shown = conv, ["image", "kernel", "conv1"]
        line = {"line": values | {"channel": 1}}
        image, _, channel = figures.follow(line, shown, "title").axes
        assert channel.get_title() == "conv1, channel 1\n0 to 5"
        assert channel.images[0].get_array().max() == 5
        assert image.get_ylabel() == "line"
        (frame,) = image.patches
        assert (frame.get_xy(), frame.get_width()) == ((0.5, 0.5), 3)

    def test_a_negative_value_makes_a_signed_scale(self):
        values = {"a": np.array([[[2.0], [1.0]]]), "b": np.array([[[2.0], [-1.0]]])}
        line = {"line": values | {"channel": 0}}
        grid = figures.follow(line, ["a", "b"], "title").axes
        assert [axes.images[0].get_clim() for axes in grid] == [(0, 2), (-2, 2)]

    def test_the_spread_of_channels_is_sorted(self):
        values = np.zeros((2, 1, 1, 3))
        values[1] = 6, 2, 4
        (axes,) = figures.channel_spread(("a", values), ("b", values / 2), "x").axes
        assert axes.lines[0].get_ydata().tolist() == [1, 2, 3]
        assert axes.lines[1].get_ydata().tolist() == [0.5, 1, 1.5]

    @pytest.fixture
    def table(self):
        """Two images: a convolution and its ReLU, three units, and 96 classes."""
        conv = np.random.default_rng(0).normal(size=(2, 4, 4, 5))
        relu = np.zeros((2, 2, 2, 5))
        relu[0, 0, 0, 4] = 6
        units = np.array([[1.0, 0, 3], [2, 2, 2]])
        outputs = {"conv1": conv, "relu1": relu, "norm1": relu, "pool1": relu}
        outputs |= {"dense1": units, "relu2": units, "class": np.eye(96)[[54, 0]]}
        images = np.zeros((2, 4, 4, 3), np.uint8)
        names = ["one", "a b c"]
        return figures.activation_table("plain_lines", images, outputs, names)

    def test_a_stage_shows_the_same_channel_and_says_which(self, table):
        found = titles(table)
        assert len(found) == 8
        assert found[1:3] == ["conv1\nchannel 4", "relu1\nchannel 4"]
        assert found[5] == "dense1\n3 units"
        assert [table.axes[k].get_ylabel() for k in (0, 8)] == ["one", "a\nb c"]

    def test_scales_are_of_columns_and_missing_units_are_not_drawn(self, table):
        first, second, units, classes = (table.axes[k].images[0] for k in (1, 9, 5, 7))
        assert first.get_clim() == second.get_clim()
        hidden = np.ma.getmaskarray(units.get_array())
        assert hidden.tolist() == [[False, False], [False, True]]
        assert classes.get_clim() == (0, 1)
        place = np.argwhere(classes.get_array() == 1)
        assert place.tolist() == [[4, 3]]  # long thin red, 45°

    def test_a_sheet_has_all_channels_of_all_layers(self, sandbox):
        outputs = {"scale": np.ones((2, 4, 4, 3)), "conv": np.ones((2, 4, 4, 20))}
        outputs["d"] = np.ones((2, 70))
        links = figures.write_sheets("plain_lines", outputs, ["a 0°", "b"])
        assert links[0] == "[a 0°](../reports/figures/activations_plain_lines_a_0.png)"
        path = sandbox / "reports" / "figures" / "activations_plain_lines_a_0.png"
        with Image.open(path) as picture:
            assert picture.size == (930, 3 * 22 + (2 * 58 + 2) + 2 * 14)

    @pytest.fixture
    def study(self):
        cell = {"trained": 1.0, "untrained": 0.9, "gain": 0.1, "p": 0.001}
        worse = {"trained": 0.8, "untrained": 0.9, "gain": -0.2, "p": 0.001}
        by_label = {"angle": cell, "color": worse}
        pixels = {"angle": {"probe": 0.3}, "color": {"probe": 0.9, "sum": 1.0}}
        layers = {"plain_lines": {"pool1": by_label, "relu2": dict(by_label)}}
        return {"images": 1000, "pixels": pixels, "layers": layers}

    def test_probes_are_drawn_beside_pixels_chance_and_untrained_ones(self, study):
        angle, color = figures.probes(study, ["angle", "color"], "title").axes
        named = [line for line in angle.lines if line.get_label()[0] != "_"]
        points = {line.get_label(): line.get_xdata()[0] for line in named}
        expected = {"untrained": 0.1, "trained": 0.0005}  # no error: half an error
        expected |= {"pixels": 0.7, "chance": 11 / 12}
        assert points == pytest.approx(expected)
        rows = texts(angle.get_yticklabels())
        assert rows == ["baseline, pool1", "baseline, relu2"]
        assert color.get_xscale() == "log"
        assert texts(angle.get_xticklabels())[-1] == "none"

    def test_titles_of_probes_say_where_training_helps(self, study):
        title = figures.probe_title(study, ["angle", "color"])
        assert title.endswith("the angle in 2 of 2 and the color in 0 of 2 layers")

    @pytest.fixture
    def said(self, monkeypatch):
        """What a function shows as findings."""
        shown = []
        monkeypatch.setattr(tables, "findings", lambda *each: shown.extend(each))
        return shown

    def test_findings_name_layers_that_training_made_worse(self, study, said):
        worse = {"trained": 0.8, "untrained": 0.9, "gain": -0.1, "p": 0.001}
        pool1 = study["layers"]["plain_lines"]["pool1"]
        pool1["angle"] = worse
        figures.probe_findings(study)
        assert "30.0% from the pixels, 90.0% from the best untrained" in said[0]
        assert "100.00% from the best trained" in said[0]
        harder = "Training makes the angle harder to read in baseline pool1 (80.0%, "
        assert said[2:] == [harder + "untrained 90.0%)."]  # the color: pixels win
        pool1["angle"] = worse | {"p": 0.2}
        said.clear()
        figures.probe_findings(study)
        assert len(said) == 2

    def test_errors_of_the_tuned_networks_last_stages_are_counted(self, study, said):
        last = study["layers"]["plain_lines"]["relu2"]
        before = {label: cell | {"trained": 0.99} for label, cell in last.items()}
        study["layers"]["tuned_lines"] = {"relu3": before, "relu4": last}
        figures.probe_findings(study)
        expected = "angle 10 → 0, color 10 → 200; untrained: angle 100 → 100"
        assert expected in said[-1]

    def test_heads_are_compared_with_untrained_heads(self):
        cell = {"trained": 0.6, "untrained": 0.8}
        found = {
            f"{name}_relu": dict.fromkeys(heads.NAMES, cell) for name in heads.NAMES
        }
        best = {"trained": 1.0, "untrained": 0.7}
        found["length_relu"] = dict.fromkeys(heads.NAMES, best)
        found["length_relu"]["angle"] = {"trained": 0.25, "untrained": 0.16}
        text = figures.heads_sentence({"layers": {"four_head_lines": found}})
        assert "60% to 100% (untrained heads on the same layer 70% to 80%" in text
        assert "the angle for 25% to 60% (16% to 80%, chance 8.3%)" in text

    def test_inactive_channels_are_counted_and_named(self):
        found = {"tuned_lines": {"relu1": (0, 16)}, "plain_mnist": {"relu2": (2, 1024)}}
        tried = {"a": 9600, "b": 7000, "c": 9600}
        assert activations.inactive_sentence(found, tried) == (
            "Inactive in 7,000 or 9,600 test images: 2 of 1,040 channels and "
            "units (baseline, digits: 2 of the 1,024 in relu2)."
        )

    def test_tuning_is_beside_that_of_untrained_filters(self):
        few = {"trained": [0.4, 0.6], "untrained": [0.1, 0.1, 0.2], "p": 0.01}
        found = {"plain_lines": few, "tuned_mnist": few | {"p": 0.3}}
        title = figures.tuning_title(found)
        assert title.endswith("than untrained ones (not resolved: tuned, digits)")
        (axes,) = figures.tuning(found, "title").axes
        assert texts(axes.get_yticklabels()) == ["baseline, lines", "tuned, digits"]
        bars = [line for line in axes.lines if line.get_color() == "black"]
        medians = [line.get_xdata()[0] for line in bars]
        assert medians == pytest.approx([0.1, 0.5, 0.1, 0.5])


class TestFilters:
    def test_rows_and_columns_are_labeled(self, few_lines):
        images = filters.shown_images(few_lines.images[:2])
        rows, notes = {"raw": images, "best": images}, [(1, 0, "7: 90%")]
        figure = filters.picture_rows(rows, ["a", "b"], "x", notes)
        grid = np.array(figure.axes).reshape(2, 2)
        assert titles(figure) == ["a", "b"]
        assert [axes.get_ylabel() for axes in grid[:, 0]] == ["raw", "best"]
        assert grid[1, 0].get_xlabel() == "7: 90%"

    @pytest.mark.parametrize(("sign", "value"), [(1, [1, 0, 0]), (-1, [0, 0, 0.5])])
    def test_weights_are_shown_by_sign_in_the_colors_of_the_image(self, sign, value):
        kernels = np.array([[[[2.0, 0, 0], [0, 0, -1]]]])
        shown = filters.shown_weights(kernels, sign)[0, 0]
        assert shown.tolist() == [value, [0, 0, 0]][::sign]

    def test_gains_of_regularizers_are_resolved_after_correction(self, monkeypatch):
        values = np.linspace(0, 0.1, 12)
        gains = {"raw": values, "blur": values + values**2 + 0.05, "jitter": -values}
        gains["decay"] = values + np.tile([0.01, -0.01], 6)
        fixed = {"relative_response": 2, "smoothness": 0.5, "gain": 0.1, "margin": 0}
        record = {k: fixed | {"gains": each} for k, each in gains.items()}
        said, shown = [], []
        monkeypatch.setattr(figures.tables, "findings", said.append)
        monkeypatch.setattr(figures.tables, "table", lambda _, rows: shown.extend(rows))
        figures.regularizer_table({"tuned_mnist": record})
        assert "blur (digits), jitter (digits)" in said[0]
        assert said[1] == "Not resolved (Holm, 3 comparisons): decay (digits)."
        assert shown[0][-1] == ""
        assert shown[3][-1].endswith("0.000 ± 0.007")

    def test_recognition_is_beside_chance_and_the_untrained_network(self, few_lines):
        other = {"correct": 3, "images": 10, "interval": (0.06, 0.51), "chance": 0.1}
        other["probabilities"] = np.full(10, 0.25)
        other["answers"] = [0, *[3] * 8, 9]  # 0, 3 and 9 are right
        key = "tuned_mnist", "class"
        judged = {
            ("regularized", *key): {"other": other},
            ("untrained", *key): {"other": other | {"correct": 1}},
        }
        images = few_lines.images[:10]
        classes = {(kind, *key): images for kind in ("regularized", "untrained")}
        names = {key: list(map(str, range(10)))}
        kinds = "regularized", "untrained"
        figure = figures.class_images(classes, judged, names, 5, kinds)
        title = figure.get_suptitle()
        assert "3 of 10 digit images" in title
        assert "6% to 51%; by chance 1; before training 1" in title
        labels = [axes.get_ylabel() for axes in figure.axes[::5]]
        assert labels[0] == "trained\n0 to 4"
        assert labels[3] == "before training\n5 to 9"
        captions = [axes.get_xlabel() for axes in figure.axes[-2:]]
        assert captions == ["8: 25%", "9: 25% ✓"]


class TestMaps:
    def test_a_map_without_evidence_says_so_and_leaves_the_image(self, few_lines):
        values, same = np.zeros((2, 28, 28), np.float32), np.zeros(2, np.int64)
        values[0, 3, 4] = 5
        about = {"method": "gradcam", "layer": "relu1", "head": "class", "placed": True}
        about |= {"targets": same, "probabilities": 0.0 * same, "predictions": same}
        rows = {
            ("tuned_lines", "gradcam"): visualize.Maps(
                maps=values, coarse=values, **about
            )
        }
        figure = figures.map_grid(few_lines.images[:2], [0, 55], rows, "title")
        above, (first, second) = np.array(figure.axes).reshape(2, 2)
        assert [above[0].get_ylabel(), first.get_ylabel()] == [
            "image",
            "tuned\nGrad-CAM",
        ]
        assert above[1].get_title() == "long thin\nblue 45°"
        assert first.get_xlabel() == "short thin\nred 0° (0%)"
        assert second.get_xlabel().endswith("no evidence")
        brightest = first.images[0].get_array().sum(axis=-1).argmax()
        assert brightest == 3 * 28 + 4

    @pytest.mark.parametrize("common", [False, True])
    def test_maps_of_a_row_can_have_one_scale(self, few_lines, common):
        values, same = np.zeros((2, 28, 28), np.float32), np.zeros(2, np.int64)
        values[:, 3, 4] = 4, 1
        about = {"method": "gradcam", "layer": "relu1", "head": "class", "placed": True}
        about |= {"targets": same, "probabilities": 0.0 * same, "predictions": same}
        maps = visualize.Maps(maps=values, coarse=values, **about)
        rows, images = {("tuned_lines", "gradcam"): maps}, few_lines.images[:2]
        axes = figures.map_grid(images, [0, 0], rows, "", common=common).axes[2:]
        bright, dim = (each.images[0].get_array()[3, 4] for each in axes)
        assert np.allclose(bright, dim) != common

    def test_agreement_counts_what_a_paired_test_resolves(self):
        low, noise, other = np.random.default_rng(0).random((3, 20)) / 2
        same = {"Grad-CAM": low, "HiResCAM": low + noise - other, "ink": low}
        better = same | {"HiResCAM": low + 0.3 + noise / 5}
        shares = dict.fromkeys("ab", same | {"uniform": low})
        figure = figures.agreement({"a": same, "b": better}, shares)
        assert figure.axes[0].get_title().endswith("in 1 of 2")

    @staticmethod
    def record(p):
        """A record of Q3/4 in which all kinds of maps are alike."""
        row = {"value": 0.5, "low": 0.4, "high": 0.6, "p": p}
        row |= {"random": 0.2, "other_line": 0.1, "energy": 0.3, "added": dict(row)}
        row |= {"beyond_rule": dict(row), "wrong": 4, "right": 5}
        row |= {"p_wrong_or_right": 1.0}
        rows = dict.fromkeys(map_study.KINDS, row)
        rules = ("Sobel", "center blob", "random pixels", "brightest pixels")
        rules = dict.fromkeys((*rules, "the middle"), row | {"value": 0.3})
        both = {"rows": rows, "rules": rules, "digits": 10, "pixels": 10}
        both |= {"positions": [-1, 0, 1, 2], "effect": [1, 2, 2, 1], "still_long": 1}
        both |= {"profiles": {kind: [1] * 4 for kind in map_study.KINDS}}
        deleted = both | {"rules": {k: rules[k] for k in list(rules)[2:4]}}
        alike = dict.fromkeys(("seed", "class", "other", "added"), row)
        alike["random"] = row | {"shuffles": [0.1, 0.2, 0.3]}
        alike = dict.fromkeys(map_study.KINDS, alike)
        alike = {"whole image": alike, "on the line": alike}
        return {
            "pointing": {"tuned_lines": both, "plain_lines": both},
            "similarity": {"tuned_lines": alike, "four_head_lines: length": alike},
            "deletion": {"plain_mnist": deleted, "tuned_mnist": deleted},
            "gaps": {"seed 0": both, "seed 1": both},
        }

    @pytest.mark.parametrize(
        ("draw", "p", "title"),
        [
            ("summary", 0.001, "6 kinds of maps pass all four tests"),
            ("summary", 0.5, "No kind of map passes all four tests"),
            ("gaps", 1, "No kind of map agrees better than the rule with both seeds"),
            (
                "pointing",
                1,
                "6 kinds of maps of a layer point better than an edge filter",
            ),
        ],
    )
    def test_titles_follow_from_the_numbers(self, draw, p, title):
        record = self.record(p)
        figure = getattr(trust, draw)(record.get(draw, record))
        assert figure._suptitle.get_text() == title

    @pytest.mark.parametrize(("p", "fill"), [(0.001, style.TRAIN), (1, "white")])
    def test_a_mark_is_filled_where_the_test_is_passed(self, p, fill):
        pointing, _, deletion, _ = trust.summary(self.record(p)).axes
        circles = [line for line in deletion.lines if line.get_marker() == "o"]
        assert len(circles) == len(map_study.KINDS)
        assert {circle.get_markerfacecolor() for circle in circles} == {fill}
        assert [line.get_marker() for line in pointing.lines].count("D") == 1

    @pytest.mark.parametrize("kind", ["pointing", "similarity", "deletion", "gaps"])
    def test_every_test_has_its_sentences(self, kind, capsys):
        getattr(trust_text, kind)(self.record(0.001)[kind])
        trust_text.findings(self.record(0.001))
        assert capsys.readouterr().out

    def test_pictures_of_the_other_tests(self, few_lines):
        record = self.record(0.001)
        assert len(trust.similarities(record["similarity"]).axes) == 4
        (axes,) = trust.deletion(record["deletion"]["plain_mnist"]).axes
        assert texts(axes.get_yticklabels())[-1] == "brightest pixels"
        maps = dict.fromkeys(map_study.KINDS, np.ones((1, 28, 28)))
        figure = trust.map_grid(few_lines.images[0], {"trained": maps, "other": maps})
        assert len(figure.axes) == 2 * (len(map_study.KINDS) + 1)

    def test_what_is_recommended_passed(self):
        assert "use no map" in trust_text.recommendation(self.record(p=1))
        assert "use Grad-CAM" in trust_text.recommendation(self.record(p=0.001))
