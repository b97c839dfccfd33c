"""The reports' rows of pictures: data, errors, and what is inside the networks.

Made from the datasets and the saved networks for the width of a page. Complete sheets
are among the notebooks' own figures.
"""

import functools
import textwrap

import matplotlib.pyplot as plt
import numpy as np

from coursework import figures, paths, records, visualize
from coursework.data import lines, mnist, splits, unseen
from coursework.figures import maps as map_figures
from coursework.figures import style
from coursework.studies import (
    activations,
    ascent,
    class_images,
    naming,
    positions,
    similarity,
)
from coursework.studies import filters as filter_study
from coursework.training import heads

WIDTH = 6.7  # inches between the margins of a page
TILES = 8  # pictures in a row
LETTERS = 7  # points
LINES = (0, 55, 37, 90, 50, 40)  # the six classes that Q3 shows, and six digits
DIGITS = (0, 2, 3, 5, 7, 9)
SEVERITY = 2  # of each corruption, as the record counts them; 0 is none
STEPS = 100  # of gradient ascent, as in Q3/2
SHOWN = {  # filters of each convolution
    "plain_mnist": (8,),
    "tuned_mnist": (2, 2, 2, 2),
    "plain_lines": (8,),
    "tuned_lines": (2, 3, 3),
    "four_head_lines": (2, 3, 3),
}


def _network(name):
    return records.load(name, paths.ROOT / "models")[0]


@functools.cache
def _data_of(name):
    return (mnist if name.endswith("mnist") else lines).load()


def _grid(rows, columns, height):
    size = WIDTH, height
    return style.picture_grid(rows, columns, size, fontsize=LETTERS, pad=3)


def _fill(axes, pictures, notes=None, name="", above=None):
    """A row of pictures with a note below or above each and a name at the left."""
    for place, each in enumerate(pictures):
        axes[place].imshow(each, cmap="gray")
        if notes:
            axes[place].set_xlabel(notes[place], fontsize=LETTERS, labelpad=2)
        if above:
            axes[place].set_title(above[place], fontsize=LETTERS, loc="center", pad=3)
    if name:
        beside = {"rotation": 0, "ha": "right", "va": "center"}
        axes[0].set_ylabel(name, fontsize=LETTERS, **beside)


# --- data and errors ------------------------------------------------------------------


def datasets(_):
    """A line of each class, and digits of each class."""
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(WIDTH, 2.2), width_ratios=(12, 10)
    )
    figures.draw_contact_sheet(left, lines.load())
    left.set_title("lines: 96 classes")
    digits = mnist.load()
    first = [np.flatnonzero(digits.classes == k)[:TILES] for k in range(mnist.CLASSES)]
    sheet, _ = style.tile(digits.images[np.transpose(first).ravel()], mnist.CLASSES)
    right.imshow(sheet)
    right.axis("off")
    right.set_title("digits: 10 classes")
    return figure


def errors(known):
    """The wrong test images that three networks are surest of."""
    names = "plain_lines", "plain_mnist", "tuned_mnist"
    figure, grid = _grid([""] * len(names), [""] * TILES, 3.3)
    for axes, name in zip(grid, names, strict=True):
        dataset, classes = _data_of(name), class_images.names_of(name)
        chosen, answers = _surest(known, name, TILES)
        pairs = zip(dataset.classes[chosen], answers, strict=True)
        notes = [_mistake(classes[true], classes[said]) for true, said in pairs]
        row = naming.label(name).replace(", ", ",\n")
        _fill(axes, dataset.images[chosen], notes, row)
    return figure


def _surest(known, name, count):
    """Indices of wrong test images, the surest first, and the answers to them."""
    wrong = np.array(known[name]["test"]["wrong"])
    found = _network(name).predict(_data_of(name).images[wrong], verbose=0)
    order = np.argsort(-found.max(axis=1))[:count]
    return wrong[order], found[order].argmax(axis=1)


def _mistake(truth, answer):
    """The class, and below it what is wrong in the answer."""
    if " " not in truth:
        return f"{truth} → {answer}"
    pairs = zip(truth.split(), answer.split(), strict=True)
    wrong = [said for true, said in pairs if true != said]
    return f"{_two_lines(truth)}\n→ {' '.join(wrong)}"


def _two_lines(name):
    words = name.split()
    return f"{' '.join(words[:2])}\n{' '.join(words[2:])}"


def labels(_):
    """Lines of all lengths, widths and colors with the four labels of each."""
    data, angles = lines.load(), (0, 3, 6, 9, 1, 8, 4, 11)
    kinds = [divmod(kind, 2) for kind in range(TILES)]  # length and width, color
    classes = [(12 * k + a) * 2 + c for (k, c), a in zip(kinds, angles, strict=True)]
    test = splits.split(data.classes).test
    notes = [
        f"{length}, {width}, {color}\n{lines.ANGLES[angle]}°"
        for length, width, angle, color in lines.attributes_of(np.array(classes))
    ]
    figure, grid = _grid([""], [""] * TILES, 1.2)
    above = [_two_lines(lines.class_name(each)) for each in classes]
    images = activations.first_of(data, test, classes)
    _fill(grid[0], images, notes, "labels:\nlength, width, color\nangle", above)
    return figure


def damaged(known):
    """Two errors of the four heads under each kind of damage."""
    found, network = known["unseen_lines"]["robustness"], _network("four_head_lines")
    sample = unseen.sample(found["images"], seed=1)  # those of Q2/2
    truth = unseen.names_of(sample.levels())
    figure, grid = _grid(["", ""], [""] * TILES, 3.4)
    for axes, kind in zip(grid.T, unseen.CORRUPTIONS, strict=True):
        severity = found["after"][kind]["severities"][SEVERITY]
        unit = unseen.CORRUPTIONS[kind][2]
        images = unseen.corrupt(kind, sample, severity)
        outputs = network.predict(images, batch_size=512, verbose=0)
        answers = unseen.names_of(heads.predicted(outputs))
        wrong = [k for k in range(len(truth)) if answers[k] != truth[k]][:2]
        for place, k in zip(axes, wrong, strict=True):
            place.imshow(images[k])
            place.set_xlabel(_mistake(truth[k], answers[k]), fontsize=LETTERS)
        by_network = found["after"][kind]["correct"].values()
        before, after = (n[SEVERITY] / found["images"] for n in by_network)
        title = textwrap.fill(f"{kind}, {unit}: {severity:g}", 15)
        shares = f"{before:.0%} → {after:.0%}"
        axes[0].set_title(f"{title}\n{shares}", fontsize=LETTERS, loc="center")
    return figure


# --- inside the networks --------------------------------------------------------------


def activation_rows(_):
    """One test image in each network, a row each."""
    found = {}
    for name in naming.NETWORKS:
        data, label = _data_of(name), 7 if name.endswith("mnist") else 55
        image = activations.first_of(data, splits.split(data.classes).test, [label])
        found[name] = image, visualize.activations(_network(name), image)
    return figures.activation_overview(found, (WIDTH, 3.3), LETTERS)


def filter_rows(_):
    """Images that activate filters of every network and the classes of every head."""
    rows = {}
    for name, counts in SHOWN.items():
        subject, columns = _subject(name), []
        stages = filter_study.stages(subject.model)
        for count, (convolution, relu) in zip(counts, stages.items(), strict=True):
            scores = filter_study.center_units(subject.model, relu, list(range(count)))
            seen = filter_study.inside_field(subject.model, relu, subject.real[0])
            columns += [
                (convolution, filter_study.cropped(image, seen))
                for image in subject.regularized(scores, STEPS)
            ]
        rows[naming.label(name)] = columns
    rows["classes of\ntuned, digits"] = _classes("tuned_mnist", ["class"], TILES)
    rows["classes of\nthe four heads"] = _classes("four_head_lines", heads.NAMES, 2)
    figure, grid = _grid(list(rows), [""] * TILES, 0.57 * len(rows))
    for axes, columns in zip(grid, rows.values(), strict=True):
        names, images = zip(*columns, strict=True)
        _fill(axes, [visualize.as_shown(i) for i in images], above=names)
    return figure


def _subject(name):
    """A network with the regularizers of Q3/2."""
    data = _data_of(name)
    train = data.images[splits.split(data.classes).train[::50]]
    spectrum = ascent.amplitude_root(train)
    channels = [0] if name.endswith("mnist") else [0, 2]
    jitter = 0 if name.startswith("plain") else 2
    return ascent.Subject(_network(name), train, channels, spectrum, jitter)


def _classes(name, outputs, most):
    subject, found = _subject(name), []
    for head in outputs:
        scores = class_images.class_scores(subject.model, head)
        images = subject.regularized(scores, STEPS)
        each = list(zip(class_images.names_of(name, head), images, strict=True))
        found += each[:: len(each) // most][:most]
    return found


# --- class activation maps ------------------------------------------------------------


def maps(known):
    """HiResCAM of all networks and heads, and of wrong digits."""
    figure, grid = _grid([""] * 7, [""] * 12, 3.6)
    digits, drawn = _data_of("plain_mnist"), _data_of("plain_lines")
    six = activations.first_of(digits, splits.split(digits.classes).test, DIGITS)
    rows = {"baseline": _cams("plain_mnist", six), "tuned": _cams("tuned_mnist", six)}
    _map_block(grid[:3, :6], six, [f"label {k}" for k in DIGITS], rows)
    six = activations.first_of(drawn, splits.split(drawn.classes).test, LINES)
    rows = {"baseline": _cams("plain_lines", six), "tuned": _cams("tuned_lines", six)}
    rows |= {f"{n} head": _cams("four_head_lines", six, head=n) for n in heads.NAMES}
    names = [lines.class_name(k).replace(" ", "\n", 2) for k in LINES]
    _map_block(grid[:, 6:], six, names, rows)
    for axes in grid[3, :6]:
        axes.set_visible(False)
    wrong, answers = _surest(known, "plain_mnist", 6)
    labels = digits.classes[wrong]
    rows = {"for the\nanswer": answers, "for the\nlabel": labels}
    images = digits.images[wrong]
    rows = {n: _cams("plain_mnist", images, target=t) for n, t in rows.items()}
    titles = [f"{label} → {k}" for label, k in zip(labels, answers, strict=True)]
    _map_block(grid[4:, :6], images, titles, rows)
    return figure


def _cams(name, images, **options):
    layer = positions.LAYERS[name]
    options["method"] = "hirescam"
    return visualize.class_activation_maps(_network(name), images, layer, **options)


def _map_block(grid, images, names, rows):
    """Images, and below them their maps, a row for each network or head."""
    _fill(grid[0], images, name="image", above=names)
    for axes, (name, cams) in zip(grid[1:], rows.items(), strict=True):
        pairs = zip(images, cams.scaled(), strict=True)
        dimmed = [(image * map_figures.DIMMED, each) for image, each in pairs]
        over = [visualize.overlay(*pair, alpha=0.8) for pair in dimmed]
        _fill(axes, over, name=name)


def experiment(known):
    """A seven without each position, two maps, and how all maps agree with that."""
    digits, network = _data_of("plain_mnist"), _network("plain_mnist")
    seven = activations.first_of(digits, splits.split(digits.classes).test, [7])
    pictures = {"image": seven[0]}
    for method in ("gradcam", "hirescam"):
        cams = visualize.class_activation_maps(network, seven, "pool1", method=method)
        pictures[map_figures.METHODS[method]] = cams.coarse[0]
    below, above = positions.split_at(network, "pool1")
    features, black = below.predict(np.concatenate([seven, 0 * seven]), verbose=0)
    fall = positions.fall_of_score(above, features, black, 0, 7)
    pictures["fall of the score"] = np.maximum(fall, 0)
    figure = plt.figure(figsize=(WIDTH, 2.05))
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.35))
    for axes, (name, picture) in zip(
        left.subplots(2, 2).flat, pictures.items(), strict=True
    ):
        axes.imshow(picture, cmap="gray" if name == "image" else style.SCALE)
        axes.set_title(name, fontsize=LETTERS, loc="center")
        axes.axis("off")
    _agreement(right.subplots(), known["class_activation_maps"]["agreement"])
    return figure


def _agreement(axes, ranks):
    for method, (marker, color) in map_figures.LOOKS.items():
        of_method = [each[method] for each in ranks.values() if method in each]
        if of_method:
            found = [similarity.mean_interval(values) for values in of_method]
            means, halves = zip(*found, strict=True)
            look = {"fmt": marker, "color": color, "label": method}
            axes.errorbar(means, range(len(ranks)), xerr=halves, **look)
    axes.axvline(0, color="0.6", linestyle=":", label="random map")
    axes.set_yticks(range(len(ranks)), ranks)
    axes.invert_yaxis()
    axes.set_xlabel("rank correlation with the experiment")
    axes.figure.legend(loc="outside lower center", ncols=4)


DRAWN = {
    "report_data": datasets,
    "report_errors": errors,
    "report_labels": labels,
    "report_damaged": damaged,
    "report_activations": activation_rows,
    "report_filters": filter_rows,
    "report_experiment": experiment,
    "report_maps": maps,
}
