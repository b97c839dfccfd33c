"""Tests of class activation maps: Q3/4_can_maps_be_trusted.

A circle is the map of the trained network with its 95 % interval, filled where it
passes the test; a cross is the same kind of map with shuffled weights; a dashed line is
what a map has to exceed.
"""

import matplotlib.pyplot as plt
import numpy as np

from coursework.figures import style, tables
from coursework.studies import maps as map_study
from coursework.studies import naming

RANDOM, RULE = "0.45", style.VALIDATION
MARKS = {  # of ``similarities``: marker, color, label, shift within its row
    "seed": ("^", style.TRAIN, "other seed", -0.22),
    "class": ("s", "black", "another class", 0),
    "random": ("x", RANDOM, "shuffled weights, three times", 0.22),
}
PROFILES = ("Grad-CAM (last layer)", "HiResCAM (last layer)", "integrated gradients")
UNITS = (  # of the tests, and on what each is done
    "share of lines\n(tuned, lines)",
    "difference of correlations\n(tuned, lines)",
    "share of digits\n(baseline, digits)",
    "difference of correlations\n(length head, two seeds)",
)
VERDICTS = {  # passed → marker, its fill, label
    True: ("o", style.TRAIN, "passes"),
    False: ("o", "white", "does not pass"),
    None: ("D", "0.8", "nonzero only on the line"),
}


def map_grid(image, rows):
    """Maps of one image, a row for each network, each map scaled to its maximum.

    Args:
        image: (height, width, 3) uint8, a line; its outline is drawn on each map.
        rows: dict, label → what ``maps.maps_of`` gives for one image.
    """
    kinds = list(next(iter(rows.values())))
    columns = [
        kind.replace(" layer)", "").replace(" (", "\n").replace("d g", "d\ng")
        for kind in ["image", *kinds]
    ]
    size = 1.2 * len(columns) + 1, 1.2 * len(rows) + 0.4
    figure, grid = style.picture_grid(rows, columns, size)
    outline = image.any(axis=-1)
    for line, maps in zip(grid, rows.values(), strict=True):
        line[0].imshow(image)
        for axes, kind in zip(line[1:], kinds, strict=True):
            axes.imshow(maps[kind][0], vmin=0, vmax=max(maps[kind].max(), 1e-9))
            axes.contour(outline, [0.5], colors="white", linewidths=0.7)
    title = "A network with shuffled weights draws maps, too"
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return figure


def pointing(found):
    """Share of maps that point at the line, a panel for each network.

    Args:
        found: dict, network → what ``maps.pointing`` gives.
    """
    figure, grid = plt.subplots(1, len(found), figsize=(11, 3.9), sharey=True)
    for axes, (name, result) in zip(grid, found.items(), strict=True):
        rules = {k: result["rules"][k]["value"] for k in ("Sobel", "center blob")}
        passed = map_study.verdicts_of_pointing(result)
        _draw(axes, result["rows"], rules, passed)
        axes.set(title=naming.label(name), xlabel="share on the line")
        _shares(axes)
    passed = [map_study.verdicts_of_pointing(result) for result in found.values()]
    better = {kind for each in passed for kind in each if each[kind] is True}
    than = "better than an edge filter"
    title = _title(better, " of a layer", f"points {than}", f"point {than}")
    given = {verdict for each in passed for verdict in each.values()}
    marks = [mark for verdict, mark in VERDICTS.items() if verdict in given]
    return _finish(figure, title, _legend(*marks))


def similarities(found):
    """Similarity of maps on the line, and what learning adds to it, a row each network.

    Args:
        found: dict, network → what ``maps.similarities`` gives.
    """
    size = 9.6, 3 * len(found) + 0.9
    figure, grid = plt.subplots(
        len(found), 2, figsize=size, sharey=True, sharex="col", squeeze=False
    )
    for (left, right), (name, result) in zip(grid, found.items(), strict=True):
        rows = result["on the line"]
        _draw_similarities(left, rows)
        left.set_title(naming.label(name))
        added = {kind: row["added"] for kind, row in rows.items()}
        nothing = {"learning adds nothing": 0.0}
        _draw(right, added, nothing, map_study.verdicts_of_learning(added))
        right.set_title("what learning adds")
    grid[-1, 0].set(xlabel="mean rank correlation on the line", xlim=(None, 1.02))
    grid[-1, 1].set_xlabel("other seed minus shuffled weights")
    title = f"Learning adds {_extremes(next(iter(found.values())))}"
    return _finish(figure, title, grid[0, 0].get_legend_handles_labels()[0])


def _extremes(result):
    """To which kind learning adds the largest value, and to which the smallest."""
    added = {k: row["added"]["value"] for k, row in result["on the line"].items()}
    kinds = (choose(added, key=added.get) for choose in (max, min))
    return ", ".join(tables.minus(f"{added[k]:.2f} to {k}") for k in kinds)


def _draw_similarities(axes, rows):
    for mark, (marker, color, label, shift) in MARKS.items():
        found = [row[mark] for row in rows.values() if mark in row]
        places = np.arange(len(found)) + shift
        if mark == "random":
            values = np.array([row["shuffles"] for row in found])
            places = places.repeat(values.shape[1])
            axes.plot(values.ravel(), places, marker, color=color, label=label)
        elif found:
            style.intervals(axes, found, places, fmt=marker, color=color, label=label)
    axes.axvline(0, color="0.8", zorder=0)
    _name_rows(axes, rows)


def deletion(found):
    """Share of predictions that change, of wrong digits and of right ones.

    Args:
        found: what ``map_interventions.deletion`` gives.
    """
    rows = found["rows"] | found["rules"]
    figure, axes = plt.subplots(figsize=(8.2, 4))
    for side, label, marker, color, shift in (
        ("wrong", "wrong digits", "^", style.TRAIN, -0.12),
        ("right", "right digits, same margin", "s", "black", 0.12),
    ):
        shares = style.shares([row[side] for row in rows.values()], found["digits"])
        places = np.arange(len(rows)) + shift
        style.intervals(axes, shares, places, fmt=marker, color=color, label=label)
    values = [row["random"] for row in found["rows"].values()]
    label = "shuffled weights (all digits)"
    axes.plot(values, range(len(values)), "x", color=RANDOM, label=label)
    for (rule, row), line in zip(found["rules"].items(), ("--", ":"), strict=True):
        axes.axvline(row["value"], color=RULE, linestyle=line, label=rule, zorder=0)
    _name_rows(axes, rows)
    passed = map_study.verdicts_of_deletion(found)
    for text in axes.get_yticklabels():
        if passed.get(text.get_text()):
            text.set_fontweight("bold")
    axes.set_xlabel(f"predictions changed by deleting {found['pixels']} px")
    _shares(axes)
    best = max(found["rows"], key=lambda kind: found["rows"][kind]["value"])
    share, bright = rows[best]["value"], rows["brightest pixels"]["value"]
    title = (
        f"{best.capitalize()} change {share:.0%}, the brightest pixels {bright:.0%} "
        "(bold: passes)"
    )
    handles = axes.get_legend_handles_labels()[0]
    return _finish(figure, title, handles, columns=3)


def gap_examples(images, positions, scores):
    """A line without a gap, and with gaps; what each costs.

    Args:
        images: (1 + G, 28, 28, 3) uint8, the whole line first.
        positions: (G,) floats, px from the middle; negative is toward the lower end.
        scores: (1 + G,) floats, of *long*.
    """
    falls = scores[0] - np.array(scores[1:])
    titles = [f"no gap:\nscore {scores[0]:.1f}"]
    titles += [
        tables.minus(f"gap at {position:+.1f} px:\nit falls by {fall:.1f}")
        for position, fall in zip(positions, falls, strict=True)
    ]
    figure = style.gallery(images, titles, len(images), size=1.5)
    for axes in figure.axes:
        axes.title.set_fontsize(10)
    least = positions[falls.argmin()]
    title = tables.minus(f"Of these gaps, that at {least:+.1f} px costs least")
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def gaps(found):
    """Where a gap lowers the score, where maps are high, and how well they agree.

    Args:
        found: dict, seed → what ``map_interventions.agreement`` gives; the profiles are
            those of the first one.
    """
    figure, (left, *others) = plt.subplots(
        1, 1 + len(found), figsize=(11, 4.1), width_ratios=[1.1] + [1] * len(found)
    )
    _draw_profiles(left, next(iter(found.values())))
    for axes, (seed, result) in zip(others, found.items(), strict=True):
        rules = {name: rule["value"] for name, rule in result["rules"].items()}
        verdicts = map_study.verdicts_of_gaps(result)
        _draw(axes, result["rows"], rules, verdicts)
        axes.axvline(0, color="0.8", zorder=0)
        values = [row["other_line"] for row in result["rows"].values()]
        axes.plot(values, range(len(values)), "+", color=style.TRAIN, markersize=9)
        axes.set(title=f"agreement, {seed}", xlabel="mean rank correlation")
        axes.sharey(others[0])
        axes.tick_params(axis="y", labelleft=axes is others[0])
    verdicts = map_study.with_every_seed(found)
    better = {kind for kind, verdict in verdicts.items() if verdict}
    rule = "better than the rule with both seeds"
    title = _title(better, "", f"agrees {rule}", f"agree {rule}")
    other = "+", "white", "effect in another line"
    return _finish(figure, title, _legend(VERDICTS[True], VERDICTS[False], other))


def _draw_profiles(axes, found):
    effect = np.array(found["effect"])
    positions = found["positions"]
    axes.plot(positions, effect / effect.mean(), "o-", color="black", linewidth=2.5)
    middle = np.mean(positions)
    axes.annotate("effect of a gap", (middle, 1.62), ha="center", weight="bold")
    looks = (("--", style.TRAIN), (":", "0.4"), ("-.", style.VALIDATION))
    for (line, color), kind in zip(looks, PROFILES, strict=True):
        profile = found["profiles"][kind]
        axes.plot(positions, profile, line, color=color, label=kind, linewidth=2)
    axes.set(xlabel="position along the line, px", ylim=(0, 1.8))
    axes.set(ylabel="relative to the mean", title="near an end a gap costs least")
    axes.legend(fontsize=10, loc="lower center")


def summary(results):
    """All tests beside one another, kinds of maps in rows.

    Args:
        results: what the notebook's record holds.
    """
    figure, grid = plt.subplots(1, 4, figsize=(11, 4.1), sharey=True)
    tests = map_study.tests(results)
    for axes, (name, (rows, rules, passed)) in zip(grid, tests.items(), strict=True):
        axes.set_title(name)
        if axes is not grid[-1]:
            _draw(axes, rows, rules, passed)
    _draw_both_seeds(grid[-1], results["gaps"], rules)
    for axes in grid[[0, 2]]:
        _shares(axes)
    for axes, label in zip(grid, UNITS, strict=True):
        axes.set_xlabel(label)
    counts = map_study.passed(results)
    best = {kind for kind, count in counts.items() if count == len(tests)}
    title = _title(best, "", "passes all four tests", "pass all four tests")
    other = "s", "white", "the same, seed 1"
    return _finish(figure, title, _legend(*VERDICTS.values(), other))


def _draw_both_seeds(axes, found, rules):
    marks = ("o", -0.18), ("s", 0.18)
    for (marker, shift), result in zip(marks, found.values(), strict=True):
        beyond = {kind: row["beyond_rule"] for kind, row in result["rows"].items()}
        passed = map_study.verdicts_of_gaps(result)
        _draw(axes, beyond, rules if marker == "o" else {}, passed, marker, shift)


# --- parts ----------------------------------------------------------------------------


def _title(kinds, what, singular, plural):
    """ "No kind of map passes …", "2 kinds of maps pass …"; kinds: a set."""
    if not kinds:
        return f"No kind of map{what} {singular}"
    if len(kinds) == 1:
        return f"One kind of map{what} {singular}"
    return f"{len(kinds)} kinds of maps{what} {plural}"


def _draw(axes, rows, rules, passed, round_marker="o", shift=0):
    """One test: circles with intervals, crosses, dashed lines."""
    for position, (kind, row) in enumerate(rows.items()):
        marker, fill, _ = VERDICTS[passed[kind]]
        marker = round_marker if marker == "o" else marker
        looks = {"color": style.TRAIN, "markerfacecolor": fill, "fmt": marker}
        style.intervals(axes, [row], [position + shift], **looks)
        if "random" in row:
            axes.plot(row["random"], position, "x", color=RANDOM)
    axes.vlines(list(rules.values()), -0.6, len(rows) - 0.5, RULE, "--", zorder=0)
    _name_rows(axes, rows)
    axes.set_ylim(len(rows) + 0.9, -0.6)
    for place, (name, value) in enumerate(rules.items()):
        side = "right" if value > np.mean(axes.get_xlim()) else "left"
        below = value, len(rows) + 0.55 * place
        axes.annotate(f" {name} ", below, ha=side, va="center", color="#92400e")


def _shares(axes):
    axes.set(xlim=(0, 1.04), xticks=[0, 0.5, 1])
    axes.xaxis.set_major_formatter(style.percent)


def _name_rows(axes, rows):
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color="0.93")


def _finish(figure, title, handles, columns=6):
    figure.legend(handles=handles, loc="outside lower center", ncols=columns)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return figure


def _legend(*marks):
    """Of marks (marker, fill, label), of crosses and dashed lines."""
    handles = [
        plt.Line2D([], [], ls="", marker=marker, c=style.TRAIN, mfc=fill, label=label)
        for marker, fill, label in marks
    ]
    cross = plt.Line2D([], [], ls="", marker="x", c=RANDOM, label="shuffled weights")
    rule = plt.Line2D([], [], ls="--", c=RULE, label="to be exceeded")
    return [*handles, cross, rule]
