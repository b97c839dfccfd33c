"""Tests of class activation maps: Q3/4_can_maps_be_trusted.

A circle is the map of the trained network with its 95 % interval, filled where it
passes the test; a cross is the same kind of map with shuffled weights; a dashed line is
a rule that needs no network.
"""

import matplotlib.pyplot as plt
import numpy as np

from coursework.figures import style
from coursework.studies import maps as map_study
from coursework.studies import naming
from coursework.training import metrics

RANDOM, RULE = "0.45", style.VALIDATION
MARKS = {  # of ``similarities``: marker, color, label
    "seed": ("o", style.TRAIN, "same line, other seed"),
    "color": ("s", "black", "same line, other color"),
    "random": ("x", RANDOM, "same line, shuffled weights"),
    "other": ("|", RULE, "another line"),
}
PROFILES = ("Grad-CAM (last layer)", "HiResCAM (last layer)", "integrated gradients")
UNITS = (  # of the tests, and on what each is done
    "share of lines\n(tuned CNN)",
    "rank correlation\n(tuned CNN)",
    "share of digits\n(baseline)",
    "rank correlation\n(length head)",
)
VERDICTS = {  # passed → marker, its fill
    True: ("o", style.TRAIN),
    False: ("o", "white"),
    None: ("D", "0.8"),
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
    for line, (label, maps) in zip(grid, rows.items(), strict=True):
        line[0].imshow(image[..., ::-1] if "color" in label else image)
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
    figure, grid = _panels(len(found))
    for axes, (name, result) in zip(grid, found.items(), strict=True):
        rules = {k: result["rules"][k]["value"] for k in ("Sobel", "center blob")}
        passed = map_study.verdicts_of_pointing(result)
        _draw(axes, result["rows"], rules, passed)
        axes.set(title=naming.label(name), xlim=(0, 1.04), xlabel="share on the line")
        axes.xaxis.set_major_formatter(style.percent)
    passed = [map_study.verdicts_of_pointing(result) for result in found.values()]
    better = {kind for each in passed for kind in each if each[kind] is True}
    than = "better than an edge filter"
    title = _title(better, " of a layer", f"points {than}", f"point {than}")
    return _finish(figure, grid, title, constructed=True)


def similarities(found):
    """Similarity of maps on the whole image and on the line, networks in rows.

    Args:
        found: dict, network → what ``maps.similarities`` gives.
    """
    figure, grid = plt.subplots(
        len(found), 2, figsize=(9.5, 2.7 * len(found) + 0.9), sharey=True, squeeze=False
    )
    for line, (name, result) in zip(grid, found.items(), strict=True):
        for axes, (where, rows) in zip(line, result.items(), strict=True):
            _draw_similarities(axes, rows)
            axes.set(title=f"{naming.label(name)}: {where}", xlim=(-0.1, 1.02))
    for axes in grid[-1]:
        axes.set_xlabel("mean rank correlation with the map")
    rows = found["tuned_lines"]["whole image"].items()
    shares = [r["random"] / r["seed"] for kind, r in rows if "first" in kind]
    title = (
        f"First layer: shuffled weights reach {min(shares):.0%} to {max(shares):.0%} "
        "of the similarity of two trained networks"
    )
    return _finish(figure, grid.ravel(), title)


def _draw_similarities(axes, rows):
    places = np.arange(len(rows))
    for mark, (marker, color, label) in MARKS.items():
        values = [row.get(mark) for row in rows.values()]
        if None not in values:
            looks = {"marker": marker, "color": color, "label": label}
            axes.plot(values, places, linestyle="", markersize=8, **looks)
    axes.axvline(0, color="0.8", zorder=0)
    _name_rows(axes, rows)


def deletion(found):
    """Share of predictions that change, of wrong digits and of right ones.

    Args:
        found: what ``map_interventions.deletion`` gives.
    """
    rows = found["rows"] | found["rules"]
    figure, axes = plt.subplots(figsize=(8.2, 4))
    digits, places = found["digits"], np.arange(len(rows))
    sides = (
        ("wrong", "wrong digits", -0.12, {"fmt": "o", "color": style.TRAIN}),
        ("right", "right digits, same margin", 0.12, {"fmt": "s", "color": "black"}),
    )
    for side, label, shift, look in sides:
        shares = np.array([row[side] for row in rows.values()]) / digits
        ends = np.array([metrics.wilson(row[side], digits) for row in rows.values()])
        spans = np.abs(ends.T - shares)
        look = {"label": label, "capsize": 2, **look}
        axes.errorbar(shares, places + shift, xerr=spans, **look)
    values = [row["random"] for row in found["rows"].values()]
    label = "shuffled weights (all digits)"
    axes.plot(values, places[: len(values)], "x", color=RANDOM, label=label)
    rule = {"color": RULE, "linestyle": "--", "label": "random pixels"}
    axes.axvline(found["rules"]["random pixels"]["value"], zorder=0, **rule)
    _name_rows(axes, rows)
    axes.set_xlim(0, 1)
    axes.set_xlabel(f"predictions changed by deleting {found['pixels']} px")
    axes.xaxis.set_major_formatter(style.percent)
    best = max(found["rows"], key=lambda kind: found["rows"][kind]["value"])
    share = found["rows"][best]["value"]
    title = f"Deleting pixels by {best} changes {share:.0%} of the predictions"
    return _finish(figure, [axes], title)


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
        axes.plot(values, range(len(values)), "+", color="black", markersize=9)
        axes.set(title=f"Agreement, {seed}", xlabel="mean rank correlation")
        axes.sharey(others[0])
        axes.tick_params(axis="y", labelleft=axes is others[0])
    better = [k for k, passed in map_study.with_every_seed(found).items() if passed]
    rule = "a simple rule with every seed"
    title = _title(better, "", f"surely beats {rule}", f"surely beat {rule}")
    more = [("+", "black", "effect in another line")]
    return _finish(figure, others, title, more)


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
    axes.set(ylabel="relative to the mean", title="Along the line, seed 0")
    axes.legend(fontsize=9, loc="lower center")


def summary(results):
    """All tests beside one another, kinds of maps in rows.

    Args:
        results: what the notebook's record holds.
    """
    figure, grid = _panels(4, height=4.1)
    tests = map_study.tests(results)
    for axes, (name, (rows, rules, passed)) in zip(grid, tests.items(), strict=True):
        _draw(axes, rows, rules, passed)
        axes.set_title(name)
    for axes in grid[[0, 2]]:
        axes.set_xlim(0, 1.04)
        axes.xaxis.set_major_formatter(style.percent)
    for axes, label in zip(grid, UNITS, strict=True):
        axes.set_xlabel(label)
    best = [k for k, n in map_study.passed(results).items() if n == len(tests)]
    title = _title(best, "", "passes all four tests", "pass all four tests")
    return _finish(figure, grid, title, constructed=True)


# --- parts ----------------------------------------------------------------------------


def _title(kinds, what, singular, plural):
    """ "No kind of map passes …", "2 kinds of maps pass …"."""
    if len(kinds) > 1:
        return f"{len(kinds)} kinds of maps{what} {plural}"
    return f"{'One' if kinds else 'No'} kind of map{what} {singular}"


def _panels(count, height=3.9):
    figure, grid = plt.subplots(1, count, figsize=(11, height), sharey=True)
    return figure, grid


def _draw(axes, rows, rules, passed):
    """One test: circles with intervals, crosses, dashed lines."""
    for position, (kind, row) in enumerate(rows.items()):
        marker, fill = VERDICTS[passed[kind]]
        span = [[row["value"] - row["low"]], [row["high"] - row["value"]]]
        looks = {"color": style.TRAIN, "markerfacecolor": fill, "capsize": 2}
        axes.errorbar(row["value"], position, xerr=span, fmt=marker, **looks)
        if "random" in row:
            axes.plot(row["random"], position, "x", color=RANDOM)
    for value in rules.values():
        axes.axvline(value, color=RULE, linestyle="--", zorder=0)
    _name_rows(axes, rows)
    axes.set_ylim(len(rows) + 0.25, -0.6)
    for name, value in rules.items():
        low, high = axes.get_xlim()
        side = "right" if value > (low + high) / 2 else "left"
        text = f" {name} "
        looks = {"ha": side, "fontsize": 9, "color": "#92400e"}
        axes.annotate(text, (value, len(rows)), va="center", **looks)


def _name_rows(axes, rows):
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color="0.93")


def _finish(figure, grid, title, more=(), constructed=False):
    handles = grid[0].get_legend_handles_labels()[0] or _legend(more, constructed)
    figure.legend(handles=handles, loc="outside lower center", ncols=6)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return figure


def _legend(more, constructed):
    marks = [("o", style.TRAIN, "passes"), ("o", style.TRAIN, "does not")]
    marks += [("D", style.TRAIN, "by construction")] * constructed
    marks += [("x", RANDOM, "shuffled weights"), *more]
    handles = [
        plt.Line2D([], [], linestyle="", marker=marker, color=color, label=label)
        for marker, color, label in marks
    ]
    handles[1].set_markerfacecolor("white")
    if constructed:
        handles[2].set_markerfacecolor("0.8")
    rule = plt.Line2D(
        [], [], color=RULE, linestyle="--", label="rule without a network"
    )
    return [*handles, rule]
