"""Class activation maps over the images that they are of."""

import matplotlib.pyplot as plt
import numpy as np
from scipy import stats

from coursework import visualize
from coursework.data import lines
from coursework.figures import style, tables
from coursework.studies import naming, similarity
from coursework.training import effects

TILE = 1.05  # inches, of an image
LOOKS = {  # marker and color of each method
    "Grad-CAM": ("s", style.VALIDATION),
    "HiResCAM": ("o", style.TRAIN),
    "ink": ("x", "0.5"),
}
METHODS = {"gradcam": "Grad-CAM", "hirescam": "HiResCAM"}
BESIDE = 1.5  # inches, for the names of the rows
STRONGEST = 4  # feature maps that ``cam_steps`` shows
DIMMED = 0.55  # brightness of an image under its map


def map_grid(images, classes, rows, title):
    """Images in a row, and below each of them its maps, one row for each method.

    Under each map is the class that it shows evidence for; a map without any says so.

    Args:
        images: (N, height, width, 1 or 3) uint8, N at most 8; three channels are lines.
        classes: (N,) ints, of the images, written above them.
        rows: dict, (name, method) → ``visualize.Maps`` of the images.
        title: str.
    """
    size = BESIDE + TILE * len(images), (TILE + 0.3) * (1 + len(rows)) + 0.4
    names = [f"{naming.short(name)}\n{METHODS[method]}" for name, method in rows]
    above = [_class_name(images, "class", label) for label in classes]
    figure, grid = style.picture_grid(["image", *names], above, size, fontsize=9)
    for axes, image in zip(grid[0], images, strict=True):
        axes.imshow(visualize.as_shown(image))
        axes.title.set_fontsize(8)
    for line, maps in zip(grid[1:], rows.values(), strict=True):
        for index, axes in enumerate(line):
            axes.imshow(_over(images[index], maps.scaled()[index]))
            label = _class_name(images, maps.head, maps.targets[index])
            note = f" ({maps.probabilities[index]:.0%})"
            note += "\nno evidence" if maps.without_evidence[index] else ""
            axes.set_xlabel(label + note, fontsize=8, labelpad=2)
    figure.suptitle(title, fontsize=11)
    return figure


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
    captions = [f"map {k}\nweight {weights[k]:+.3f}".replace("-", "−") for k in shown]
    captions = ["image", *captions, "weighted sum\nof all maps", "ReLU"]
    captions.append("over the image")
    size = 8 * TILE + 0.8, TILE + 0.75
    figure, (grid,) = style.picture_grid([""], captions, size, fontsize=8)
    grid[0].imshow(visualize.as_shown(image))
    signed = [*(feature_maps[..., k] for k in shown), total]
    for axes, values in zip(grid[1:], signed, strict=False):
        _draw_signed(axes, values)
    grid[6].imshow(np.maximum(total, 0), cmap=style.SCALE)
    grid[7].imshow(_over(image, placed))
    figure.suptitle("Grad-CAM highlights the background of the seven", fontsize=11)
    return figure


def against_experiment(image, maps, fall, counted):
    """Maps before the ReLU beside what the score loses at each position.

    Args:
        image: (height, width, 1 or 3), pixels 0…255.
        maps: dict, method → (h, w) floats.
        fall: (h, w) floats, the fall of the score without the position.
        counted: (h, w) bool, positions that the correlation is over.
    """
    panels = {"the score falls by": fall} | maps
    names = ["image", *panels]
    figure, (grid,) = style.picture_grid([""], names, (8.4, 2.8), fontsize=9)
    grid[0].imshow(visualize.as_shown(image))
    for axes, values in zip(grid[1:], panels.values(), strict=True):
        _draw_signed(axes, values)
        rho = stats.spearmanr(values[counted], fall[counted]).statistic
        axes.set_xlabel(f"rank correlation {_signed(rho)}", fontsize=9)
    grid[1].set_xlabel("red: falls, blue: rises", fontsize=9)
    figure.suptitle("What the score loses without each position, and two maps")
    return figure


def agreement(results):
    """How well maps agree with the experiment, by network and head.

    Args:
        results: dict, name → method → list of rank correlations.
    """
    figure, axes = plt.subplots(figsize=(8.4, 0.36 * len(results) + 1.4))
    for row, found in enumerate(results.values()):
        for method, (marker, color) in LOOKS.items():
            mean, half = similarity.mean_interval(found[method])
            label = method if row == 0 else None
            axes.errorbar(mean, row, xerr=half, fmt=marker, color=color, label=label)
    axes.axvline(0, color="0.6", linestyle=":")
    axes.set_yticks(range(len(results)), results)
    axes.set(xlim=(-0.4, 1.02), ylim=(len(results) - 0.5, -0.5))
    axes.set_xlabel("rank correlation with the experiment (bar: 95 % interval)")
    axes.set_title(
        f"HiResCAM agrees better than Grad-CAM in {better(results)} of "
        f"{len(results)} networks and heads"
    )
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def causes(found):
    """Show how Grad-CAM agrees with the experiment when one part of it is changed.

    Args:
        found: dict, method → list of rank correlations, of one network.
    """
    changes = {
        "Grad-CAM": "nothing",
        "Grad-CAM, black subtracted": "the features of a black image are subtracted",
        "HiResCAM": "the gradient is not averaged",
    }
    rows = []
    for method, change in changes.items():
        mean, half = similarity.mean_interval(found[method])
        rows.append((change, f"{_signed(mean)} ± {half:.2f}"))
    tables.table(["change of Grad-CAM", "rank correlation (95 % interval)"], rows)


def map_findings(measured):
    """Show what ``Q3/3_class_activation_maps`` found, from what its record holds."""
    results, outside = measured["agreement"], measured["beside the line"]
    sentences = [
        f"HiResCAM agrees better with the experiment than Grad-CAM in "
        f"{better(results)} of {len(results)} networks and heads (paired tests, "
        "corrected by Holm's method)."
    ]
    for method in ("Grad-CAM", "HiResCAM", "ink"):
        name = min(results, key=lambda name: np.mean(results[name][method]))
        mean, half = similarity.mean_interval(results[name][method])
        sentences.append(
            f"{method}: lowest rank correlation with the experiment for {name}, "
            f"{_signed(mean)} ± {half:.2f} (95 % interval)."
        )
    sentences.append(
        f"Of the maps for *short* {outside['short']:.0%} is more than 2 px from the "
        f"line, of those for *long* {outside['long']:.0%}; by chance "
        f"{outside['any, by chance']:.0%}."
    )
    tables.findings(*sentences)


def better(results):
    """How many networks and heads HiResCAM agrees with surely better: a paired test."""
    ps = effects.holm(
        [stats.ttest_rel(x["HiResCAM"], x["Grad-CAM"]).pvalue for x in results.values()]
    )
    higher = [np.mean(x["HiResCAM"]) > np.mean(x["Grad-CAM"]) for x in results.values()]
    return int(((ps < 0.05) & higher).sum())


def _signed(value):
    return f"{value:.2f}".replace("-", "−")


def _over(image, scaled):
    """An image with a map 0…1 over it, (height, width, 3) floats 0…1."""
    return visualize.overlay(image * DIMMED, scaled, alpha=0.8)


def _draw_signed(axes, values):
    most = np.abs(values).max() or 1
    axes.imshow(values, cmap=style.SIGNED, vmin=-most, vmax=most)
