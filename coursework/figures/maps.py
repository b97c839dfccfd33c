"""Class activation maps over the images that they are of."""

import matplotlib.pyplot as plt
import numpy as np
from scipy import stats

from coursework import visualize
from coursework.data import lines
from coursework.figures import style, tables
from coursework.studies import naming, similarity
from coursework.training import effects

TILE = 1.3  # inches, of an image
SMALL = 10  # points, the smallest labels
LOOKS = {  # marker and color of each method
    "Grad-CAM": ("s", style.VALIDATION),
    "HiResCAM": ("o", style.TRAIN),
    "ink": ("x", "0.5"),
    "uniform": ("+", "0.5"),
}
METHODS = {
    "gradcam": "Grad-CAM",
    "hirescam": "HiResCAM",
    "subtracted": "HiResCAM,\nblack subtracted",
}
BESIDE = 1.6  # inches, for the names of the rows
STRONGEST = 3  # feature maps that ``cam_steps`` shows
DIMMED = 0.55  # brightness of an image under its map


def map_grid(images, classes, rows, title, ranks=None, common=False):
    """Images in a row, and below each of them its maps, one row for each method.

    Under each map is the class that it shows evidence for; a map without any says so.

    Args:
        images: (N, height, width, 1 or 3) uint8, N at most 8; three channels are lines.
        classes: (N,) ints, of the images, written above them.
        rows: dict, (name, method) → ``visualize.Maps`` of the images.
        title: str.
        ranks: dict, name → method → N rank correlations, written under the maps.
        common: bool, one scale for all maps of a row, not one for each map.
    """
    label = 0.5 if ranks or images.shape[-1] == 3 else 0.3  # inches, under a map
    size = BESIDE + TILE * len(images), (TILE + label) * (1 + len(rows)) + 0.3
    names = [f"{naming.short(name)}\n{METHODS[method]}" for name, method in rows]
    gray = "label " * (images.shape[-1] == 1)
    above = [gray + _class_name(images, "", each) for each in classes]
    figure, grid = style.picture_grid(["image", *names], above, size, fontsize=SMALL)
    for axes, image in zip(grid[0], images, strict=True):
        axes.imshow(visualize.as_shown(image))
    for line, ((name, method), maps) in zip(grid[1:], rows.items(), strict=True):
        notes = _notes(images, maps)
        if ranks:
            found = ranks[naming.label(name)][METHODS[method]]
            notes = [
                f"{n}\nρ = {_signed(r)}" for n, r in zip(notes, found, strict=True)
            ]
        scaled = maps.maps / maps.maps.max() if common else maps.scaled()
        for axes, image, values, note in zip(line, images, scaled, notes, strict=True):
            axes.imshow(_over(image, values))
            axes.set_xlabel(note, fontsize=SMALL, labelpad=2)
    figure.suptitle(title, fontsize=12)
    return figure


def _notes(images, maps):
    """What is written under maps: the class of each, and its probability."""
    notes = []
    for index, target in enumerate(maps.targets):
        name = _class_name(images, maps.head, target)
        note = f"{name} ({maps.probabilities[index]:.0%})"
        notes.append(note + "\nno evidence" * bool(maps.without_evidence[index]))
    return notes


def better_in_images(ranks, names):
    """For how many maps HiResCAM agrees better than Grad-CAM, as words for a title.

    Args:
        ranks: as in ``map_grid``.
        names: its names that count.
    """
    pairs = [
        zip(ranks[n]["HiResCAM"], ranks[n]["Grad-CAM"], strict=True) for n in names
    ]
    higher = [hires > grad for pair in pairs for hires, grad in pair]
    share = f"{sum(higher)} of {len(higher)} maps"
    return f"HiResCAM agrees better with the experiment than Grad-CAM in {share}"


def _class_name(images, head, label):
    """The name of a class of a head; those of lines on two lines of text."""
    if head in lines.ATTRIBUTE_NAMES:
        return lines.ATTRIBUTE_NAMES[head][label]
    if images.shape[-1] == 1:
        return str(label)
    length, width, *rest = lines.class_name(label).split()
    return f"{length} {width}\n{' '.join(rest)}"


def cam_steps(image, feature_maps, weights, placed):
    """How Grad-CAM makes its map: feature maps, weights, sum, ReLU, overlay.

    Args:
        image: (height, width, 1 or 3) uint8.
        feature_maps: (h, w, K) floats.
        weights: (K,) floats, one for each feature map.
        placed: (height, width) floats 0…1, the map on the pixels of the image.
    """
    shown = np.argsort(-np.abs(weights))[:STRONGEST]
    total = feature_maps @ weights
    panels = {"image": None}
    for number in shown:
        name = f"feature map {number}\nweight {_signed(weights[number], 3)}"
        panels[name] = feature_maps[..., number]
    panels |= {"weighted sum\nof all": total, "ReLU": np.maximum(total, 0)}
    panels["on the image"] = None
    figure, grid = plt.subplots(1, len(panels), figsize=(len(panels) * TILE, 2.2))
    for axes, (caption, values) in zip(grid, panels.items(), strict=True):
        if values is not None:
            _draw_signed(axes, values)
        axes.set_title(caption, fontsize=SMALL, loc="center")
    _draw(grid[0], visualize.as_shown(image))
    _draw(grid[-1], _over(image, placed))
    figure.suptitle("Grad-CAM highlights the background of the seven", fontsize=12)
    return figure


def against_experiment(image, maps, fall, ink):
    """Maps before the ReLU beside what the score loses at each position.

    Args:
        image: (height, width, 1 or 3), pixels 0…255.
        maps: dict, method → (h, w) floats.
        fall: (h, w) floats, the fall of the score without the position.
        ink: (h, w) bool, positions that the correlation is over.
    """
    figure, grid = plt.subplots(1, 4, figsize=(8.8, 3.2))
    _draw(grid[0], visualize.as_shown(image))
    grid[0].set_title("image", fontsize=11, loc="center")
    rhos = {
        name: stats.spearmanr(values[ink], fall[ink]).statistic
        for name, values in maps.items()
    }
    panels = {"fall of the score": fall} | maps
    for axes, (name, values) in zip(grid[1:], panels.items(), strict=True):
        _draw_signed(axes, values)
        axes.set_title(name, fontsize=11, loc="center")
        note = "red: for the class, blue: against"
        note = f"ρ = {_signed(rhos[name])}" if name in rhos else note
        scale = f"color scale: ±{np.abs(values).max():.2g}"
        axes.set_xlabel(f"{note}\n{scale}", fontsize=SMALL)
    best, worst = max(rhos, key=rhos.get), min(rhos, key=rhos.get)
    title = f"{best} agrees with the experiment (ρ = {_signed(rhos[best])}), "
    title += f"{worst} less (ρ = {_signed(rhos[worst])})"
    figure.suptitle(title, fontsize=12)
    return figure


def agreement(ranks, shares):
    """How well maps agree with the experiment, and how much is where nothing can fall.

    Args:
        ranks: dict, name → method → list of rank correlations.
        shares: the same of the positive map's shares at positions without ink.
    """
    size = 9.6, 0.36 * len(ranks) + 1.9
    figure, (left, right) = plt.subplots(1, 2, figsize=size, sharey=True)
    _means(left, ranks, ("Grad-CAM", "HiResCAM", "ink"))
    _means(right, shares, ("Grad-CAM", "HiResCAM", "uniform"))
    left.set_yticks(range(len(ranks)), ranks)
    left.set(xlim=(-0.4, 1.02), ylim=(len(ranks) - 0.5, -0.5))
    count = len(next(iter(ranks.values()))["HiResCAM"])
    note = f"mean of {count} images, 95 %; dotted: a random map"
    left.set_xlabel(f"rank correlation with the experiment\n({note})")
    right.set_xlabel("share of the map at positions without ink\n(0 is correct)")
    left.set_title(f"HiResCAM is better in {better(ranks)} of {len(ranks)}")
    right.set_title("Maps of every network mark empty positions")
    return figure


def _means(axes, results, methods):
    """Means and their intervals, a row for each network or head."""
    for method in methods:
        marker, color = LOOKS[method]
        found = [similarity.mean_interval(each[method]) for each in results.values()]
        means, halves = zip(*found, strict=True)
        look = {"fmt": marker, "color": color, "label": method}
        axes.errorbar(means, range(len(results)), xerr=halves, **look)
    axes.axvline(0, color="0.6", linestyle=":")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.22), ncols=3)


def causes(ranks, shares):
    """Show Grad-CAM with each of two changes, and with both.

    Args:
        ranks, shares: dict, method → list, of one network; as in ``agreement``.
    """
    rows = []
    for method in ("Grad-CAM", "HiResCAM"):
        for black in ("", ", black subtracted"):
            rank, half = similarity.mean_interval(ranks[method + black])
            share, around = similarity.mean_interval(shares[method + black])
            averaged = "yes" if method == "Grad-CAM" else "no"
            cells = [method + black, averaged, "yes" if black else "no"]
            cells += [f"{_signed(rank, 3)} ± {half:.3f}", f"{share:.1%} ± {around:.1%}"]
            rows.append(cells)
    columns = ["map", "gradient averaged", "black subtracted"]
    columns += ["rank correlation (95 %)", "map at positions without ink (95 %)"]
    tables.table(columns, rows)


def answers(found):
    """Show the scores of the two answers of a neuron, and where their maps are.

    Args:
        found: dict, answer → what ``positions.answer`` gives.
    """
    rows = []
    for answer, each in found.items():
        cells = [answer, _signed(each["black"], 1), _signed(each["lines"], 1)]
        cells.append(f"{each['raised']} of {each['images']}")
        cells += [f"{each['beside']:.1%} ± {each['half']:.1%}"]
        rows.append([*cells, f"{each['other']:.0%}", f"{each['uniform']:.0%}"])
    columns = ["answer", "score of a black image", "mean score of its lines"]
    columns += ["lines that raise it", "map beside the line (95 %)"]
    columns += ["tuned network's map", "uniform map"]
    tables.table(columns, rows)


def map_findings(measured):
    """Show what ``Q3/3_class_activation_maps`` found, from what its record holds."""
    ranks, shares = measured["agreement"], measured["without ink"]
    digits, lined = (shares[f"baseline, {data}"] for data in ("digits", "lines"))
    short, long = (measured["answers"][name] for name in ("short", "long"))
    tables.findings(
        "**Order of the positions.** HiResCAM agrees better with the experiment than "
        f"Grad-CAM in {better(ranks)} of {len(ranks)} networks and heads (paired "
        f"tests, Holm's correction): {_both(ranks, 'baseline, digits')}. The tuned "
        f"networks are the stronger evidence: {_both(ranks, 'tuned, digits')}; "
        f"{_both(ranks, 'tuned, lines')}.",
        "**A rule without a gradient.** HiResCAM agrees better than the amount of ink "
        f"in {better(ranks, 'HiResCAM', 'ink')} of {len(ranks)}, Grad-CAM in "
        f"{better(ranks, 'Grad-CAM', 'ink')}.",
        f"**Empty background.** {_empty(digits, 'Grad-CAM')} of the baseline's "
        "Grad-CAM for digits is at positions without ink, "
        f"{_empty(lined, 'HiResCAM')} of its HiResCAM for lines. It is gradient × the "
        "features of black.",
        f"**One neuron, two answers.** The score of *short* is {short['black']:.1f} on "
        f"a black image; {short['raised']} of {short['images']} short lines raise it. "
        f"That of *long* is {_signed(long['black'], 1)}; {long['raised']} of "
        f"{long['images']} long lines raise it.",
    )


def _empty(shares, method):
    mean, uniform = (np.mean(shares[each]) for each in (method, "uniform"))
    return f"{mean:.0%} (uniform map: {uniform:.0%})"


def _both(ranks, name):
    means = [_signed(np.mean(ranks[name][m])) for m in ("HiResCAM", "Grad-CAM")]
    return f"{means[0]} against {means[1]} ({name})"


def better(results, method="HiResCAM", than="Grad-CAM"):
    """How many networks and heads a method agrees with surely better: a paired test."""
    ps = effects.holm(
        [stats.ttest_rel(x[method], x[than]).pvalue for x in results.values()]
    )
    higher = [np.mean(x[method]) > np.mean(x[than]) for x in results.values()]
    return int(((ps < 0.05) & higher).sum())


def _signed(value, digits=2):
    return tables.minus(f"{value:.{digits}f}")


def _over(image, scaled):
    """An image with a map 0…1 over it, (height, width, 3) floats 0…1."""
    return visualize.overlay(image * DIMMED, scaled, alpha=0.8)


def _draw(axes, picture):
    axes.imshow(picture)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _draw_signed(axes, values):
    most = np.abs(values).max() or 1
    axes.imshow(values, cmap=style.SIGNED, vmin=-most, vmax=most)
    axes.set(xticks=[], yticks=[])
