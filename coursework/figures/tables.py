"""Tables in Markdown, for the notebooks' output and for the READMEs."""

import statistics

from IPython.display import Markdown, display

from coursework.training import metrics

RULES = {"": "---", "l": ":---", "r": "---:"}


def markdown(columns, rows, align=""):
    """A table that GitHub renders.

    Args:
        columns: names of the columns.
        rows: sequences of as many cells; anything that has a str.
        align: str, "l" or "r" for each column; empty leaves it to the reader.

    Returns:
        str of several lines.
    """
    rule = [RULES[side] for side in align] or [RULES[""]] * len(columns)
    lines = [columns, rule, *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def table(columns, rows):
    """Show a table under a notebook's cell; arguments as in ``markdown``."""
    display(Markdown(markdown(columns, rows)))


def findings(*sentences):
    """Show sentences, whose numbers the cell computed, as a list."""
    display(Markdown("\n".join(f"- {sentence}" for sentence in sentences)))


def paired(first, second, names, images):
    """Show two networks that were trained with the same seeds side by side.

    Args:
        first, second: lists of repeats, as records keep them, with ``seed``, ``errors``
            and ``wrong``; a seed that one of them lacks is left out.
        names: the two networks' names.
        images: int, how many each was tested on.
    """
    rows, other = [], {repeat["seed"]: repeat for repeat in second}
    for one, two in ((r, other[r["seed"]]) for r in first if r["seed"] in other):
        test = metrics.mcnemar(one["wrong"], two["wrong"])
        errors = [_errors(repeat["errors"], images) for repeat in (one, two)]
        rows.append((one["seed"], *errors, *test[:2], f"{test.p:.1g}"))
    columns = [
        "seed",
        *(f"errors, {name} (95 % interval of the rate)" for name in names),
    ]
    columns += [*(f"only {name} wrong" for name in names), "*p* (McNemar)"]
    table(columns, rows)


def _errors(errors, images):
    low, high = metrics.wilson(errors, images)
    return f"{errors} ({low:.3%} to {high:.3%})"


def variations(comparisons):
    """All variations and their base, accuracies as means over the seeds.

    Args:
        comparisons: list of ``variations.Comparison`` with the same base.
    """
    base = comparisons[0].base
    noise = statistics.stdev(trial.accuracy for trial in base)
    rows = [
        ("base", _accuracy(base), f"noise: {noise * 100:.3f} points", "", *_cost(base))
    ]
    for comparison in comparisons:
        differences = ", ".join(f"{value:+.1f}" for value in comparison.differences)
        effect = "" if comparison.effect == "none" else f"**{comparison.effect}**"
        trials = comparison.trials
        rows.append(
            (comparison.name, _accuracy(trials), differences, effect, *_cost(trials))
        )
    columns = [
        "what changed",
        "validation accuracy",
        "difference of each seed, in noise",
        "effect",
        "parameters",
        "seconds",
    ]
    return markdown(columns, rows)


def _accuracy(trials):
    return f"{statistics.mean(trial.accuracy for trial in trials):.2%}"


def _cost(trials):
    seconds = statistics.mean(trial.seconds for trial in trials)
    return f"{trials[0].parameters:,}", f"{seconds:.1f}"
