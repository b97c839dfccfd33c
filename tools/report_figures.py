"""The figures of the reports: made for the width of a page.

Curves, scores, confusions and variations are drawn from the records; pictures of data,
layers, filters and maps are in ``report_pictures``.
"""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from keras import layers

from coursework import figures, paths, records
from coursework.data import lines
from coursework.figures import diagram, style, training, trust, unseen
from coursework.studies import naming
from coursework.studies import sample_efficiency as sample_study
from coursework.training import heads

import report_pictures

WIDTH = report_pictures.WIDTH
DPI = 300
STYLE = {
    "font.size": 7,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "lines.markersize": 2.8,
    "lines.linewidth": 1,
    "axes.linewidth": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
}
Q1_NETWORKS = "plain_lines", "plain_mnist", "tuned_lines", "tuned_mnist"
TENFOLD = 10  # losses that range farther have a mark at powers of ten alone


def draw_all(known):
    """All figures of the reports: file name → bytes of a PNG.

    Args:
        known: dict, name → record, of networks and studies.

    Raises:
        OSError, ValueError, KeyError: a record, a field or a sheet is missing.
    """
    drawn = {}
    with mpl.rc_context():
        mpl.use("Agg")
        figures.use_style()
        plt.rcParams.update(STYLE)
        for name, draw in DRAWN.items():
            figure = draw(known)
            drawn[f"{name}.png"] = style.as_png(figure, DPI)
            plt.close(figure)
    return drawn


def _panels(*shape, height, **options):
    return plt.subplots(*shape, figsize=(WIDTH, height), **options)


# --- from the records -----------------------------------------------------------------


def learning_curves(known):
    """Accuracy above, loss below, for the four networks of the first question."""
    figure, grid = _panels(2, 4, height=2.35, sharex="col")
    for (top, bottom), name in zip(grid.T, Q1_NETWORKS, strict=True):
        training.draw_curves(top, known[name]["history"], "accuracy")
        training.draw_curves(bottom, known[name]["history"], "loss")
        top.set_title(naming.label(name))
        loss = known[name]["history"]["loss"]
        far = max(loss) > TENFOLD * min(loss)
        style.plain_log_axis(bottom, labelled=(1,) if far else range(1, 10))
        bottom.set(xlabel="epoch", ylabel=None)
    style.stretch_towards_one(grid[0])
    for axes in grid[0, 1:]:
        axes.set_yticklabels([])
    grid[0, 0].set_ylabel("accuracy (stretched)")
    grid[1, 0].set_ylabel("loss (logarithmic)")
    return style.finish(figure, "", grid[0, 0], columns=3)


def head_learning_curves(known):
    """Accuracy and loss of all heads together and of each."""
    figure = figures.head_learning_curves(known["four_head_lines"]["history"], "")
    figure.set_size_inches(WIDTH, 3)
    return figure


def f_scores(known):
    """Each of the 96 classes for the baseline; each digit for both."""
    figure, (left, right) = _panels(1, 2, height=2.2, width_ratios=[3.4, 1])
    scores = figures.data.lines_by_kind(known["plain_lines"]["test"]["f1"])
    lowest = min(0.99, scores.min())
    picture = left.imshow(scores, vmin=lowest, vmax=1, aspect="auto", cmap="Greys_r")
    where = {"ha": "center", "va": "center", "fontsize": 7}
    for row, column in np.argwhere(scores < 1):
        score = scores[row, column]
        color = "white" if picture.norm(score) < 0.5 else "black"
        left.text(column, row, f"{score:.4f}".lstrip("0"), color=color, **where)
    figures.data.label_kinds(left, 1, 1)
    left.set(title="baseline, lines: F-score of each class", ylabel=None)
    looks = ("s", style.VALIDATION), ("o", style.TRAIN)
    for name, (marker, color) in zip(Q1_NETWORKS[1::2], looks, strict=True):
        scores, look = known[name]["test"]["f1"], {"label": naming.label(name)}
        right.plot(scores, range(len(scores)), marker, color=color, **look)
    right.set(title="digits", yticks=range(10), xlabel="F-score (not from 0)")
    right.locator_params(axis="x", nbins=3)
    right.invert_yaxis()
    right.grid(axis="y", color="0.9")
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower right")
    return figure


def confusions(known):
    """True by predicted class of the networks that make errors."""
    figure, grid = _panels(1, 3, height=2.85)
    _draw_classes(grid[0], known["plain_lines"])
    for axes, name in zip(grid[1:], Q1_NETWORKS[1::2], strict=True):
        _draw_counts(axes, known[name]["confusion"], range(10))
    for axes, name in zip(grid, ("plain_lines", *Q1_NETWORKS[1::2]), strict=True):
        wrong = known[name]["test"]["errors"]
        axes.set_title(f"{naming.label(name)}: {wrong} wrong")
    return figure


def _draw_classes(axes, record):
    """Too small for colors: every error a ring, whatever its count."""
    confusion = np.array(record["confusion"])
    right = np.diag(np.diag(confusion))
    training.draw_confusion(axes, right, numbered=False)
    true, predicted = np.nonzero(confusion - right)
    size = {"markersize": 4.5, "markeredgewidth": 0.8, "markerfacecolor": "none"}
    axes.plot(predicted, true, "o", color=style.VALIDATION, **size)
    block = lines.CLASSES // 4
    names = [lines.class_name(k * block).split()[:2] for k in range(4)]
    where = [(k + 0.5) * block - 0.5 for k in range(4)]
    axes.set_xticks(where, ["\n".join(name) for name in names])
    axes.set_yticks(where, ["\n".join(name) for name in names])
    axes.set(xlabel="predicted class", ylabel="true class")


def _draw_counts(axes, confusion, names):
    """Every error with its number; of two classes the right ones, too."""
    training.draw_confusion(axes, np.array(confusion), numbered=True)
    for text in axes.texts:
        column, row = text.get_position()
        text.set(fontsize=7, visible=column != row or len(names) == 2)
    shown = range(0, len(names), 1 if len(names) <= 10 else 3)
    axes.set_xticks(shown, [names[k] for k in shown])
    axes.set_yticks(shown, [names[k] for k in shown])
    axes.set(xlabel="predicted", ylabel="true")


def confusions_of_heads(known):
    """A matrix for each head."""
    figure, grid = _panels(1, 4, height=1.75, width_ratios=(1, 1, 1, 1.5))
    found = known["four_head_lines"]["test"]["heads"]
    for axes, name in zip(grid, heads.NAMES, strict=True):
        _draw_counts(axes, found[name]["confusion"], lines.ATTRIBUTE_NAMES[name])
        axes.set_title(f"{name}: {found[name]['errors']} wrong")
    return figure


def variations(known):
    """What was tried on lines and on digits, in the same order."""
    figure, grid = _panels(1, 2, height=3.1, sharey=True)
    for axes, name in zip(grid, ("lines", "mnist"), strict=True):
        figures.draw_forest(axes, known[f"variations_{name}"], limits=(0.25, 7))
        axes.set(title=naming.DATA[name], xlabel="errors relative to the base")
    figures.forest_legend(figure)
    return figure


def measured(known):
    """Where each attribute's answer changes, and what two heads use."""
    figure = plt.figure(figsize=(WIDTH, 4.4))
    above, below = figure.subfigures(2, 1, height_ratios=(1, 1.1))
    grid = above.subplots(1, 4, sharey=True)
    found = known["unseen_lines"]["psychometric"]
    for axes, (attribute, result) in zip(grid, found.items(), strict=True):
        unseen.draw_psychometric(axes, attribute, result)
        axes.set_ylabel("probability" if attribute == "length" else "")
        axes.set_title(f"“{unseen.UPPER[attribute]}”")
    style.finish(above, "", grid[0], columns=5)
    _draw_interventions(below, known)
    return figure


def interventions(known):
    """What the length and the width head use, before and after the remedy."""
    return _draw_interventions(plt.figure(figsize=(WIDTH, 2.6)), known)


def _draw_interventions(figure, known):
    found = known["unseen_lines"]["interventions_after"]
    grid = figure.subplots(1, 4, sharey=True)
    times = "before", "after"
    panels = [
        (attribute, *panel)
        for attribute, each in found.items()
        for panel in zip(times, each.values(), strict=True)
    ]
    for axes, (attribute, when, curves) in zip(grid, panels, strict=True):
        short = {what.replace(attribute, "size"): c for what, c in curves.items()}
        unseen.draw_interventions(axes, short, attribute)
        axes.set_title(f"{attribute}, {when}")
        axes.set_xlabel(f"{attribute} in px, or that of a\nfull line with the same ink")
    grid[0].set_ylabel("probability of long, thick")
    return style.finish(figure, "", grid[0], columns=5)


def sample_efficiency(known):
    """Test error against images a class; the last point is the full training."""
    accuracies = sample_study.accuracies(known["sample_efficiency"])
    images = known["plain_lines"]["dataset"]["test"]
    figure = figures.sample_efficiency(accuracies, images, "")
    figure.set_size_inches(0.72 * WIDTH, 1.9)
    return figure


def probes(known):
    """What a linear probe reads after each layer, trained and untrained."""
    study = known["activations"]["probes"]
    panels = [("lines", "length"), ("lines", "angle"), ("digits", "digit")]
    figure, grid = _panels(1, len(panels), height=2.0)
    for axes, (kind, label) in zip(grid, panels, strict=True):
        figures.draw_probes(axes, study[kind], label)
        for line in axes.lines:
            line.set_markersize(3)
    grid[1].set_yticklabels([])
    return style.finish(figure, "", grid[0])


def map_tests(known):
    """The four tests of class activation maps."""
    figure = trust.summary(known["map_tests"])
    figure.suptitle("")
    figure.set_size_inches(WIDTH, 2.9)
    (legend,) = figure.legends
    legend.remove()
    marks = legend.legend_handles
    figure.legend(handles=marks, loc="outside lower center", ncols=3)
    return figure


# --- the network of question 2 --------------------------------------------------------


def network(_):
    """The four-head network, drawn from the saved model, stage by stage."""
    model, _ = records.load("four_head_lines", paths.ROOT / "models")
    stages = _stages(diagram.parents_of(model))
    depths, sides = diagram.place({name: above for name, (_, above) in stages.items()})
    boxes = {
        name: ((depths[name], -sides[name]), members[0], _told(members), above)
        for name, (members, above) in stages.items()
    }
    figure, axes = _panels(height=3.1)
    diagram.draw_boxes(axes, boxes, fontsize=7)
    axes.set(xlim=(-0.45, max(depths.values()) + 0.45), ylim=(-3.45, 0.45))
    axes.axis("off")
    return figure


def _stages(parents):
    """Layers that learn or take the image, each with the layers that follow it.

    Returns:
        dict, name of the first → (its layers, names of the stages before it).
    """
    stages, stage_of = {}, {}
    for layer, above in parents.items():
        starts = isinstance(layer, layers.InputLayer | layers.Conv2D | layers.Dense)
        first = layer.name if starts else stage_of[above[0].name]
        stage_of[layer.name] = first
        if starts:
            stages[first] = [layer], [stage_of[parent.name] for parent in above]
        else:
            stages[first][0].append(layer)
    return stages


def _told(members):
    kinds = [diagram.kind_of(layer) for layer in members]
    shape = "×".join(map(str, members[-1].output.shape[1:]))
    parameters = sum(layer.count_params() for layer in members)
    counted = [f"{parameters:,} parameters"] if parameters else []
    return "\n".join([f"{members[0].name} → {shape}", *kinds, *counted])


DRAWN = report_pictures.DRAWN | {
    "report_learning_curves": learning_curves,
    "report_f_scores": f_scores,
    "report_confusions": confusions,
    "report_variations": variations,
    "report_sample_efficiency": sample_efficiency,
    "report_network": network,
    "report_head_learning_curves": head_learning_curves,
    "report_head_confusions": confusions_of_heads,
    "report_measured": measured,
    "report_interventions": interventions,
    "report_probes": probes,
    "report_map_tests": map_tests,
}
