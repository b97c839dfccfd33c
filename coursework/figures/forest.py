"""Forest plot: what each change does to the number of errors, with its interval."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import lines, ticker

from coursework.figures import style
from coursework.training import effects

LOOKS = {  # marker and color of each answer, different in gray print too
    "fewer errors": ("o", style.TRAIN),
    "more errors": ("s", style.VALIDATION),
    "not resolved": ("D", "0.6"),
}


def forest(record, title, limits=None, times=True):
    """Ratio of error rates, variation to base, a row for each variation.

    Beside each row are the errors of all seeds together, the number of parameters and
    the mean training time.

    Args:
        record: what ``trials.run`` gives.
        title: str.
        limits: (low, high), ends of the axis; None: around all that is finite.
        times: bool, False for trials of a sweep, which shared their machines with
            other work.
    """
    rows = list(record["trials"])
    figure, axes = plt.subplots(figsize=(9.5, 0.27 * len(rows) + 1.5))
    draw_forest(axes, record, limits)
    axes.set_title(title)
    _write_costs(axes, [record["trials"][name] for name in rows], times)
    forest_legend(figure)
    return figure


def draw_forest(axes, record, limits=None):
    """The same without title, costs and legend."""
    found = effects.effects(record)
    axes.axvline(1, color="0.6", linewidth=1, zorder=0)
    _ratio_axis(axes, limits or _range(found.values()))
    for row, effect in enumerate(found.values()):
        marker, color = LOOKS[effect.answer]
        ends = np.clip([effect.low, effect.high], *axes.get_xlim())
        axes.plot(ends, [row, row], color=color)
        axes.plot(effect.ratio, row, marker, color=color)
    axes.plot(1, -1, "|", color="0.3", markersize=9)
    axes.set_yticks(range(-1, len(found)), [effects.BASE, *found])
    axes.set_ylim(len(found) - 0.4, -2.4)
    axes.tick_params(axis="y", length=0)
    seeds = len(record["seeds"])
    axes.set_xlabel(f"errors relative to the base (bar: 95 % interval, {seeds} seeds)")


def forest_legend(figure):
    """Below a figure: what the markers mean."""
    handles = [
        lines.Line2D([], [], color=color, marker=marker, label=answer)
        for answer, (marker, color) in LOOKS.items()
    ]
    title = "after Holm's correction:"
    figure.legend(handles=handles, loc="outside lower center", ncols=3, title=title)


def _write_costs(axes, rows, times):
    """Errors, parameters and mean training time right of each row, and their names."""
    texts = [f"{'errors, sum':>12}{'parameters':>12}" + f"{'training':>10}" * times]
    for trials in rows:
        seconds = np.mean([trial["seconds"] for trial in trials])
        errors = sum(trial["errors"] for trial in trials)
        cost = f"{trials[0]['parameters']:>12,}" + f"{seconds:>8.0f} s" * times
        texts.append(f"{errors:>12,}{cost}")
    beside = axes.secondary_yaxis("right")
    beside.set_yticks(range(-2, len(rows) - 1), texts, fontsize=9, family="monospace")
    beside.tick_params(length=0)
    beside.spines[:].set_visible(False)


def _range(found):
    """Around all that is finite, and never narrower than from half to twice."""
    values = np.array([effect[:3] for effect in found]).ravel()
    values = values[np.isfinite(values) & (values > 0)]
    return min(values.min(), 0.5) / 1.15, max(values.max(), 2) * 1.15


def _ratio_axis(axes, limits):
    """A logarithmic axis with ticks that have room."""
    axes.set(xscale="log", xlim=limits)
    span = limits[1] / limits[0]
    steps = (1, 1.5, 2, 3, 5, 7) if span < 10 else (1, 2, 5) if span < 100 else (1,)
    axes.xaxis.set_major_locator(ticker.LogLocator(subs=steps))
    axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda x, _: f"{x:g}×"))
    axes.xaxis.set_minor_locator(ticker.NullLocator())
