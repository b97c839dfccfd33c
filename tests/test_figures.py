"""Figures show what they say."""

import numpy as np
import pytest
from matplotlib import pyplot as plt
from PIL import Image

from coursework import figures, visualize
from coursework.data import lines
from coursework.figures import activations, style, tables, trust, trust_text
from coursework.studies import maps as map_study
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


def test_following_an_image_shows_one_channel_with_its_range():
    conv = np.zeros((4, 4, 3))
    conv[1, 1] = 1, 5, -2
    values = {"image": np.zeros((6, 6, 1), np.uint8), "conv1": conv, "channel": 1}
    values["kernel"] = np.ones((3, 3, 3))
    shown = ["image", "kernel", "conv1"]
    grid = figures.follow({"line": values}, shown, "title").axes
    assert grid[2].get_title() == "conv1, channel 1\n0 to 5"
    assert grid[2].images[0].get_array().max() == 5
    assert grid[0].get_ylabel() == "line"
    (frame,) = grid[0].patches
    assert (frame.get_xy(), frame.get_width()) == ((0.5, 0.5), 3)


def test_a_negative_value_makes_a_signed_scale():
    values = {"a": np.array([[[2.0], [1.0]]]), "b": np.array([[[2.0], [-1.0]]])}
    grid = figures.follow({"line": values | {"channel": 0}}, ["a", "b"], "title").axes
    assert [axes.images[0].get_clim() for axes in grid] == [(0, 2), (-2, 2)]


def test_the_spread_of_channels_is_sorted():
    values = np.zeros((2, 1, 1, 3))
    values[1] = 6, 2, 4
    (axes,) = figures.channel_spread(("a", values), ("b", values / 2), "x").axes
    assert axes.lines[0].get_ydata().tolist() == [1, 2, 3]
    assert axes.lines[1].get_ydata().tolist() == [0.5, 1, 1.5]


@pytest.fixture
def table():
    """Two images: a convolution and its ReLU, three units, and 96 classes."""
    conv = np.random.default_rng(0).normal(size=(2, 4, 4, 5))
    relu = np.zeros((2, 2, 2, 5))
    relu[0, 0, 0, 4] = 6
    units = np.array([[1.0, 0, 3], [2, 2, 2]])
    outputs = {"conv1": conv, "relu1": relu, "norm1": relu, "pool1": relu}
    outputs |= {"dense1": units, "relu2": units, "class": np.eye(96)[[54, 0]]}
    images = np.zeros((2, 4, 4, 3), np.uint8)
    return figures.activation_table("plain_lines", images, outputs, ["one", "a b c"])


def test_a_stage_shows_the_same_channel_and_says_which(table):
    titles = [axes.get_title() for axes in table.axes if axes.get_title()]
    assert len(titles) == 8
    assert titles[1:3] == ["conv1\nchannel 4", "relu1\nchannel 4"]
    assert titles[5] == "dense1\n3 units"
    assert [table.axes[k].get_ylabel() for k in (0, 8)] == ["one", "a\nb c"]


def test_scales_are_of_columns_and_units_that_do_not_exist_are_not_drawn(table):
    assert table.axes[1].images[0].get_clim() == table.axes[9].images[0].get_clim()
    units = table.axes[5].images[0].get_array()
    assert np.ma.getmaskarray(units).tolist() == [[False, False], [False, True]]
    classes = table.axes[7].images[0]
    assert classes.get_clim() == (0, 1)
    assert np.argwhere(classes.get_array() == 1).tolist() == [[4, 3]]  # long thin red


def test_a_sheet_has_all_channels_of_all_layers(sandbox):
    image, conv = np.ones((2, 4, 4, 3)), np.ones((2, 4, 4, 20))
    outputs = {"scale": image, "conv": conv, "d": np.ones((2, 70))}
    links = figures.write_sheets("plain_lines", outputs, ["a 0°", "b"])
    assert links[0] == "[a 0°](../reports/figures/activations_plain_lines_a_0.png)"
    path = sandbox / "reports" / "figures" / "activations_plain_lines_a_0.png"
    with Image.open(path) as picture:
        assert picture.size == (930, 3 * 22 + (2 * 58 + 2) + 2 * 14)


CELLS = {
    "angle": {"trained": 1.0, "untrained": 0.9, "gain": 0.1, "p": 0.001},
    "color": {"trained": 0.8, "untrained": 0.9, "gain": -0.2, "p": 0.001},
}


def probe_study():
    return {
        "images": 1000,
        "pixels": {"angle": {"probe": 0.3}, "color": {"probe": 0.9, "sum": 1.0}},
        "layers": {"plain_lines": {"pool1": CELLS, "relu2": CELLS}},
    }


def test_probes_are_drawn_beside_pixels_chance_and_untrained_ones():
    angle, color = figures.probes(probe_study(), ["angle", "color"], "title").axes
    named = [line for line in angle.lines if line.get_label()[0] != "_"]
    points = {line.get_label(): line.get_xdata()[0] for line in named}
    expected = {"untrained": 0.1, "trained": 0.0005, "pixels": 0.7, "chance": 11 / 12}
    assert points == pytest.approx(expected)  # no error of 1000: half an error
    rows = [label.get_text() for label in angle.get_yticklabels()]
    assert rows == ["baseline, pool1", "baseline, relu2"]
    assert [tick.get_text() for tick in angle.get_xticklabels()][-1] == "none"
    assert color.get_xscale() == "log"


def test_titles_of_probes_say_where_training_helps():
    title = figures.probe_title(probe_study(), ["angle", "color"])
    assert title.endswith("the angle in 2 of 2 and the color in 0 of 2 layers")


@pytest.fixture
def said(monkeypatch):
    """What a function shows as findings."""
    shown = []
    monkeypatch.setattr(tables, "findings", lambda *each: shown.extend(each))
    return shown


def test_findings_of_probes_name_layers_that_training_made_worse(said):
    study = probe_study()
    layers = study["layers"]["plain_lines"]
    worse = {"trained": 0.8, "untrained": 0.9, "gain": -0.1, "p": 0.001}
    layers["pool1"] = layers["pool1"] | {"angle": worse}
    figures.probe_findings(study)
    assert "30.0% from the pixels, 90.0% from the best untrained" in said[0]
    assert "100.00% from the best trained" in said[0]
    harder = "Training makes the angle harder to read in baseline pool1 (80.0%, "
    assert said[2:] == [harder + "untrained 90.0%)."]  # the color: pixels are better
    layers["pool1"]["angle"] = worse | {"p": 0.2}
    said.clear()
    figures.probe_findings(study)
    assert len(said) == 2


def test_errors_of_the_tuned_networks_last_stages_are_counted(said):
    study = probe_study()
    study["layers"]["tuned_lines"] = {
        "relu3": {k: {**v, "trained": 0.99} for k, v in CELLS.items()},
        "relu4": CELLS,
    }
    figures.probe_findings(study)
    assert "angle 10 → 0, color 10 → 200; untrained: angle 100 → 100" in said[-1]


def test_heads_are_compared_with_untrained_heads():
    cell = {"trained": 0.6, "untrained": 0.8}
    found = {f"{name}_relu": dict.fromkeys(heads.NAMES, cell) for name in heads.NAMES}
    found["length_relu"] = {n: {"trained": 1.0, "untrained": 0.7} for n in heads.NAMES}
    found["length_relu"]["angle"] = {"trained": 0.25, "untrained": 0.16}
    text = figures.heads_sentence({"layers": {"four_head_lines": found}})
    assert "60% to 100% (untrained heads on the same layer 70% to 80%" in text
    assert "of the angle 25% to 60% (16% to 80%, chance 8.3%)" in text


def test_inactive_channels_are_counted_and_named():
    found = {"tuned_lines": {"relu1": (0, 16)}, "plain_mnist": {"relu2": (2, 1024)}}
    text = activations.inactive_sentence(found, {"a": 9600, "b": 7000, "c": 9600})
    assert text == (
        "Inactive in 7,000 or 9,600 test images: 2 of 1,040 channels "
        "(baseline, digits: 2 of the 1,024 in relu2)."
    )


def test_tuning_is_beside_that_of_untrained_filters():
    few = {"trained": [0.4, 0.6], "untrained": [0.1, 0.1, 0.2], "p": 0.01}
    found = {"plain_lines": few, "tuned_mnist": few | {"p": 0.3}}
    figure = figures.tuning(found, figures.tuning_title(found))
    assert figure.get_suptitle().endswith("than untrained ones (not: tuned, digits)")
    axes = figure.axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["baseline, lines", "tuned, digits"]
    bars = [line for line in axes.lines if line.get_color() == "black"]
    medians = [line.get_xdata()[0] for line in bars]
    assert medians == pytest.approx([0.1, 0.5, 0.1, 0.5])


def some_maps(values):
    """Maps as a method gives them, of images of lines."""
    count = len(values)
    same = np.zeros(count, np.int64)
    return visualize.Maps(
        maps=np.asarray(values, np.float32),
        coarse=np.asarray(values, np.float32),
        method="gradcam",
        layer="relu1",
        head="class",
        targets=same,
        probabilities=same.astype(np.float32),
        predictions=same,
        placed=True,
    )


class TestMaps:
    """Pictures of the chapter on class activation maps."""

    def test_a_map_without_evidence_says_so_and_leaves_the_image(self, few_lines):
        values = np.zeros((2, 28, 28))
        values[0, 3, 4] = 5
        rows = {("tuned_lines", "gradcam"): some_maps(values)}
        figure = figures.map_grid(few_lines.images[:2], [0, 55], rows, "title")
        grid = np.array(figure.axes).reshape(2, 2)
        assert [axes.get_ylabel() for axes in grid[:, 0]] == [
            "image",
            "tuned\nGrad-CAM",
        ]
        assert grid[0, 1].get_title(loc="center") == "long thin\nblue 45°"
        assert grid[1, 0].get_xlabel() == "short thin\nred 0° (0%)"
        assert grid[1, 1].get_xlabel().endswith("no evidence")
        brightest = grid[1, 0].images[0].get_array().sum(axis=-1).argmax()
        assert brightest == 3 * 28 + 4

    def test_agreement_counts_what_a_paired_test_resolves(self):
        random = np.random.default_rng(0)
        low = random.uniform(0, 0.5, 20)
        same = {"Grad-CAM": low, "HiResCAM": low + random.normal(0, 0.1, 20)}
        better = {"Grad-CAM": low, "HiResCAM": low + 0.3 + random.normal(0, 0.1, 20)}
        results = {"a": same | {"ink": low}, "b": better | {"ink": low}}
        title = figures.agreement(results).axes[0].get_title()
        assert "in 1 of 2 networks" in title


def maps_record(p):
    """A record of Q3/4 in which all kinds of maps are alike."""
    row = {"value": 0.5, "low": 0.4, "high": 0.6, "p": p}
    row |= {"random": 0.2, "other_line": 0.1, "energy": 0.3, "added": dict(row)}
    row |= {"beyond_rule": dict(row), "wrong": 4, "right": 5, "p_wrong_or_right": 1.0}
    row |= {"seed": 0.8, "color": 0.7, "other": 0.1}
    rows = dict.fromkeys(map_study.KINDS, row)
    names = ("Sobel", "center blob", "random pixels", "brightest pixels", "the middle")
    both = {"rows": rows, "rules": dict.fromkeys(names, row | {"value": 0.3})}
    lines_ = dict.fromkeys(("whole image", "on the line"), rows)
    along = {"positions": [-1, 0, 1, 2], "effect": [1, 2, 2, 1], "still_long": 1}
    along |= {"profiles": {kind: [1] * 4 for kind in map_study.KINDS}}
    return {
        "pointing": {"tuned_lines": both, "plain_lines": both},
        "similarity": {"tuned_lines": lines_, "four_head_lines: length": lines_},
        "deletion": {"plain_mnist": both | {"digits": 10, "pixels": 10}},
        "gaps": {"seed 0": both | along, "seed 1": both | along},
    }


def test_titles_of_the_tests_of_maps_follow_from_the_numbers():
    good, bad = maps_record(p=0.001), maps_record(p=0.5)
    titles = {
        trust.summary(good)._suptitle.get_text(),
        trust.summary(bad)._suptitle.get_text(),
        trust.gaps(bad["gaps"])._suptitle.get_text(),
        trust.pointing(good["pointing"])._suptitle.get_text(),
    }
    assert titles == {
        "6 kinds of maps pass all four tests",
        "No kind of map passes all four tests",
        "No kind of map surely beats a simple rule with every seed",
        "6 kinds of maps of a layer point better than an edge filter",
    }


def test_a_mark_is_filled_where_the_test_is_passed():
    for record, fill in (
        (maps_record(p=0.001), style.TRAIN),
        (maps_record(p=1), "white"),
    ):
        axes = trust.summary(record).axes[2]
        circles = [line for line in axes.lines if line.get_marker() == "o"]
        assert len(circles) == len(map_study.KINDS)
        assert {circle.get_markerfacecolor() for circle in circles} == {fill}
    pointing = trust.summary(maps_record(p=1)).axes[0]
    assert [line.get_marker() for line in pointing.lines].count("D") == 1


def test_pictures_and_sentences_of_the_tests_of_maps(few_lines, capsys):
    record = maps_record(p=0.001)
    trust.similarities(record["similarity"])
    trust.deletion(record["deletion"]["plain_mnist"])
    maps = dict.fromkeys(map_study.KINDS, np.ones((1, 28, 28)))
    figure = trust.map_grid(few_lines.images[0], {"trained": maps, "other": maps})
    assert len(figure.axes) == 2 * (len(map_study.KINDS) + 1)
    for write, found in (
        (trust_text.pointing, record["pointing"]),
        (trust_text.similarity, record["similarity"]),
        (trust_text.deletion, record["deletion"]),
        (trust_text.gaps, record["gaps"]),
        (trust_text.findings, record),
    ):
        write(found)
    capsys.readouterr()
    assert "before you believe a map" in trust_text.recommendation(record)
    assert "use no map" in trust_text.recommendation(maps_record(p=1))


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
