"""Forest plot: what each change does to the number of errors, with its interval."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import ticker

from coursework.figures import style
from coursework.training import effects

LOOKS = {  # marker and color of each answer, to be told apart in gray print
    "fewer errors": ("o", style.TRAIN),
    "more errors": ("s", style.VALIDATION),
    "not resolved": ("D", "0.6"),
}


def forest(record, title):
    """Ratio of error rates, variation to base, a row for each variation.

    Beside each row are the number of parameters and the mean training time.

    Args:
        record: what ``trials.run`` gives.
        title: str.
    """
    found = effects.effects(record)
    figure, axes = plt.subplots(figsize=(9.5, 0.27 * len(found) + 1.7))
    axes.axvline(1, color="0.6", linewidth=1, zorder=0)
    for row, effect in enumerate(found.values()):
        marker, color = LOOKS[effect.answer]
        axes.plot([effect.low, effect.high], [row, row], color=color)
        axes.plot(effect.ratio, row, marker, color=color)
    axes.plot(1, -1, "|", color="0.3", markersize=9)
    axes.set_yticks(range(-1, len(found)), [effects.BASE, *found])
    axes.set_ylim(len(found) - 0.4, -2.4)
    axes.tick_params(axis="y", length=0)
    _write_costs(axes, [record["trials"][name] for name in (effects.BASE, *found)])
    _ratio_axis(axes)
    seeds = len(record["seeds"])
    axes.set_xlabel(f"errors relative to the base (bar: 95 % interval, {seeds} seeds)")
    axes.set_title(title)
    for answer, (marker, color) in LOOKS.items():
        axes.plot([], [], marker + "-", color=color, label=answer)
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def _write_costs(axes, rows):
    """Parameters and mean training time, right of each row, and a line above them."""
    texts = [f"{'parameters':>10}{'training':>10}"]
    for trials in rows:
        seconds = np.mean([trial["seconds"] for trial in trials])
        texts.append(f"{trials[0]['parameters']:>10,}{seconds:>8.0f} s")
    beside = axes.secondary_yaxis("right")
    beside.set_yticks(range(-2, len(rows) - 1), texts, fontsize=8, family="monospace")
    beside.tick_params(length=0)
    beside.spines[:].set_visible(False)


def _ratio_axis(axes):
    """A logarithmic axis with ticks such as ½ and 2, as many as have room."""
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    steps = (1, 2, 5) if high / low > 10 else (1, 1.5, 2, 3, 5, 7)
    axes.xaxis.set_major_locator(ticker.LogLocator(subs=steps))
    axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda x, _: f"{x:g}×"))
    axes.xaxis.set_minor_locator(ticker.NullLocator())
