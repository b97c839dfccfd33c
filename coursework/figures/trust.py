"""Tests of class activation maps: Q3/4_can_maps_be_trusted.

A circle is the map of the trained network with its 95 % interval, filled where it
passes the test; a cross is the same kind of map with shuffled weights; a dashed line is
a rule that needs no network.
"""

import matplotlib.pyplot as plt
import numpy as np

from coursework.figures import style, tables
from coursework.studies import maps as map_study
from coursework.training import metrics

RANDOM, RULE = "0.45", style.VALIDATION
MARKS = {  # of ``similarities``: marker, color, label
    "seed": ("o", style.TRAIN, "same line, other seed"),
    "color": ("s", "black", "same line, other color"),
    "random": ("x", RANDOM, "same line, shuffled weights"),
    "other": ("|", RULE, "another line"),
}
UNITS = ("share on the line", "rank correlation", "changed", "rank correlation")
NAMES = {
    "plain_lines": "baseline",
    "tuned_lines": "tuned CNN",
    "four_head_lines: length": "four heads: length",
    "four_head_lines: angle": "four heads: angle",
}


def map_grid(image, rows):
    """Maps of one image, a row for each network, each map scaled to its maximum.

    Args:
        image: (height, width, 3) uint8, a line; its outline is drawn on each map.
        rows: dict, label → what ``maps.maps_of`` gives for one image.
    """
    kinds = list(next(iter(rows.values())))
    size = 1.2 * (len(kinds) + 1) + 1, 1.2 * len(rows) + 0.4
    figure, grid = plt.subplots(len(rows), len(kinds) + 1, figsize=size)
    outline = image.any(axis=-1)
    for line, (label, maps) in zip(grid, rows.items(), strict=True):
        shown = image[..., ::-1] if "color" in label else image
        line[0].imshow(shown)
        line[0].set_ylabel(label, rotation=0, ha="right", va="center")
        for axes, kind in zip(line[1:], kinds, strict=True):
            axes.imshow(maps[kind][0], vmin=0, vmax=max(maps[kind].max(), 1e-9))
            axes.contour(outline, [0.5], colors="white", linewidths=0.7)
    for axes, kind in zip(grid[0], ["image", *kinds], strict=True):
        axes.set_title(kind.replace(", ", "\n").replace("d g", "d\ng"), fontsize=10)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
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
        axes.set(title=NAMES[name], xlim=(0, 1.04), xlabel="share on the line")
        axes.xaxis.set_major_formatter(style.percent)
    passed = [map_study.verdicts_of_pointing(result) for result in found.values()]
    better = sum(verdict is True for each in passed for verdict in each.values())
    return _finish(
        figure, grid, f"{_many(better)} of a layer points better than an edge filter"
    )


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
            axes.set(title=f"{NAMES[name]}: {where}", xlim=(-0.1, 1.02))
    for axes in grid[-1]:
        axes.set_xlabel("mean rank correlation with the map")
    whole = found["tuned_lines"]["whole image"]
    shared = {kind: row["random"] / row["seed"] for kind, row in whole.items()}
    most = max(shared, key=shared.get)
    title = f"Shuffled weights keep {shared[most]:.0%} of the similarity of {most}"
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
    for side, marker, color, shift in (
        ("wrong", "o", style.TRAIN, -0.12),
        ("right", "s", "black", 0.12),
    ):
        shares = np.array([row[side] for row in rows.values()]) / digits
        ends = np.array([metrics.wilson(row[side], digits) for row in rows.values()])
        looks = {"fmt": marker, "color": color, "capsize": 2}
        label = f"{side} digits" + (", same margin" if side == "right" else "")
        spans = np.abs(ends.T - shares)
        axes.errorbar(shares, places + shift, xerr=spans, label=label, **looks)
    values = [row["random"] for row in found["rows"].values()]
    label = "shuffled weights (all digits)"
    axes.plot(values, places[: len(values)], "x", color=RANDOM, label=label)
    axes.axvline(
        found["rules"]["random pixels"]["value"],
        **{"color": RULE, "linestyle": "--", "zorder": 0},
    )
    _name_rows(axes, rows)
    axes.set(
        xlim=(0, 1), xlabel=f"predictions changed by deleting {found['pixels']} px"
    )
    axes.xaxis.set_major_formatter(style.percent)
    best = max(found["rows"], key=lambda kind: found["rows"][kind]["value"])
    title = f"Most predictions change by {best}: {found['rows'][best]['value']:.0%}"
    return _finish(figure, [axes], title)


def gaps(found):
    """Where a gap hurts, where maps are high, and how well the two agree.

    Args:
        found: what ``map_interventions.agreement`` gives.
    """
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(10.5, 3.9), width_ratios=[1.1, 1]
    )
    effect = np.array(found["effect"])
    positions = found["positions"]
    left.plot(positions, effect / effect.mean(), "o-", color="black", linewidth=2.5)
    left.annotate("effect of a gap", (positions[6], 1.62), ha="center")
    looks = zip(
        ("-", "--", ":", "-."), ("Grad", "HiRes", "Layer", "integ"), strict=True
    )
    for line, start in looks:
        kind = next(k for k in reversed(found["profiles"]) if k.startswith(start))
        left.plot(positions, found["profiles"][kind], line, label=kind)
    left.set(xlabel="position along the line, px from its middle", ylim=(0, 1.8))
    left.set(ylabel="relative to the mean", title="Along the line")
    left.legend(fontsize=9, loc="lower center")
    rules = {name: rule["value"] for name, rule in found["rules"].items()}
    _draw(
        right, found["rows"], rules | {"uniform": 0}, map_study.verdicts_of_gaps(found)
    )
    right.set(title="Agreement with the effect", xlabel="mean rank correlation")
    passed = sum(map_study.verdicts_of_gaps(found).values())
    title = f"{_many(passed)} knows better than a simple rule where a gap hurts"
    return _finish(figure, [right], title)


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
    counts = map_study.passed(results)
    all_tests = sum(count == len(tests) for count in counts.values())
    return _finish(figure, grid, f"{_many(all_tests)} passes all four tests")


# --- sentences ------------------------------------------------------------------------


def pointing_sentence(found):
    """Show how maps compare with the rules; ``found`` as for ``pointing``."""
    of_layers = [
        row["value"]
        for result in found.values()
        for kind, row in result["rows"].items()
        if kind != map_study.ON_INK_ONLY
    ]
    rules = found["tuned_lines"]["rules"]
    tables.findings(
        f"Maps of a layer point at the line for {min(of_layers):.0%} to "
        f"{max(of_layers):.0%} of the images, edges for {rules['Sobel']['value']:.0%}, "
        f"a blob in the middle for {rules['center blob']['value']:.0%}.",
        f"{rules['Sobel']['energy']:.0%} of the energy of edges is on the line; of maps of "
        f"a layer, {_most_energy(found):.0%} at most.",
    )


def _most_energy(found):
    return max(
        row["energy"]
        for result in found.values()
        for kind, row in result["rows"].items()
        if kind != map_study.ON_INK_ONLY
    )


def similarity_sentence(found):
    """Show what learning adds to the similarity; ``found`` as for ``similarities``."""
    for name, result in found.items():
        rows = {kind: row["added"] for kind, row in result["on the line"].items()}
        best = max(rows, key=lambda kind: rows[kind]["value"])
        least = min(rows, key=lambda kind: rows[kind]["value"])
        tables.findings(
            f"{NAMES[name]}: on the line, learning adds most to the similarity of "
            f"{best} ({_with_interval(rows[best])}) and least to that of {least} "
            f"({_with_interval(rows[least])})."
        )


def deletion_sentence(found):
    """Show what survives correction; ``found`` is network → ``deletion``."""
    for name, result in found.items():
        verdicts = map_study.verdicts_of_deletion(result)
        better = [kind for kind, verdict in verdicts.items() if verdict]
        orders = result["rows"] | result["rules"]
        unequal = [
            k for k, r in orders.items() if r["p_wrong_or_right"] < map_study.LEVEL
        ]
        tables.findings(
            f"`{name}`, {result['digits']} wrong and as many right digits: more "
            f"predictions change than by random pixels with {_listed(better)}.",
            f"`{name}`: wrong and right digits of the same margin differ with "
            f"{_listed(unequal)}.",
        )


def gaps_sentence(found):
    """Show how maps agree with the effect; ``found`` is seed → ``agreement``."""
    for seed, result in found.items():
        rows, rule = result["rows"], result["rules"]["the middle"]["value"]
        best = max(rows, key=lambda kind: rows[kind]["value"])
        effect = result["effect"]
        middle = len(effect) // 2
        tables.findings(
            f"{seed}: a gap in the middle lowers the score by "
            f"{effect[middle - 1] / 2 + effect[middle] / 2:.1f}, a missing end by "
            f"{effect[0] / 2 + effect[-1] / 2:.1f}; {result['still_long']:.0%} of the "
            "answers are still *long*.",
            f"{seed}: the best map, {best}, has correlation "
            f"{_with_interval(rows[best])} with the effect, the middle {rule:.2f}.",
        )


def findings(results):
    """Show what the chapter found and what it recommends.

    Args:
        results: what the notebook's record holds.
    """
    tests, counts = map_study.tests(results), map_study.passed(results)
    most = max(counts.values())
    names = list(tests)
    best = {name: _best(rows, passed) for name, (rows, _, passed) in tests.items()}
    tables.findings(
        *(
            f"*{name}*: passed by {_listed([k for k, v in passed.items() if v])}."
            for name, (_, _, passed) in tests.items()
        ),
        f"At most {most} of the four tests are passed: {_listed_most(counts, most)}.",
        f"**Recommendation.** To find the pixels on which a prediction rests, use "
        f"{best[names[2]]}; to compare networks, {best[names[1]]}; and check what a map "
        "suggests by changing the image.",
    )


def _best(rows, passed):
    """The kind with the largest value among those that pass, else "no map"."""
    kinds = [kind for kind, verdict in passed.items() if verdict]
    return max(kinds, key=lambda kind: rows[kind]["value"], default="no map")


def _listed_most(counts, most):
    return _listed([kind for kind, count in counts.items() if count == most])


def _listed(kinds):
    return "; ".join(kinds) or "none"


def _with_interval(row):
    return f"{row['value']:.2f}, 95 % interval {row['low']:.2f} to {row['high']:.2f}"


# --- parts ----------------------------------------------------------------------------


def _many(count):
    return "No kind of map" if not count else f"{count} of {len(map_study.KINDS)} kinds"


def _panels(count, height=3.9):
    figure, grid = plt.subplots(1, count, figsize=(11, height), sharey=True)
    return figure, grid


def _draw(axes, rows, rules, passed):
    """One test: circles with intervals, crosses, dashed lines."""
    for place, (kind, row) in enumerate(rows.items()):
        fill = style.TRAIN if passed[kind] else "white"
        span = [[row["value"] - row["low"]], [row["high"] - row["value"]]]
        looks = {"color": style.TRAIN, "markerfacecolor": fill, "capsize": 2}
        axes.errorbar(row["value"], place, xerr=span, fmt="o", **looks)
        if "random" in row:
            axes.plot(row["random"], place, "x", color=RANDOM)
    for name, value in rules.items():
        axes.axvline(value, color=RULE, linestyle="--", zorder=0)
        axes.annotate(
            name,
            (value, len(rows) - 0.45),
            rotation=90,
            **{"ha": "right", "va": "bottom", "fontsize": 9, "color": "#92400e"},
        )
    _name_rows(axes, rows)


def _name_rows(axes, rows):
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color="0.93")


def _finish(figure, grid, title):
    handles, labels = grid[0].get_legend_handles_labels()
    if not handles:
        handles = _legend()
        labels = [handle.get_label() for handle in handles]
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return figure


def _legend():
    circle = {"marker": "o", "color": style.TRAIN, "linestyle": ""}
    return [
        plt.Line2D([], [], **circle, label="passes"),
        plt.Line2D([], [], **circle, markerfacecolor="white", label="does not pass"),
        plt.Line2D(
            [], [], marker="x", color=RANDOM, linestyle="", label="shuffled weights"
        ),
        plt.Line2D([], [], color=RULE, linestyle="--", label="rule without a network"),
    ]
