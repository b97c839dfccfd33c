"""Tables in Markdown, for the notebooks' output and for the READMEs."""

import statistics

from IPython.display import Markdown, display

from coursework import records
from coursework.training import effects, metrics

RULES = {"": "---", "l": ":---", "r": "---:"}
LEARNT = 0.99  # train accuracy from which a network knows its images


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


def learnt(record):
    """Say how well the networks of an experiment know their train images.

    Args:
        record: what ``trials.run`` gives, with ``train_accuracy`` in each trial.
    """
    worst = {
        row: min(trial["train_accuracy"] for trial in trials)
        for row, trials in record["trials"].items()
    }
    low = {row: accuracy for row, accuracy in worst.items() if accuracy < LEARNT}
    others = ", ".join(f"{row} ({accuracy:.1%})" for row, accuracy in low.items())
    findings(
        f"{len(worst) - len(low)} of {len(worst)} networks classify at least "
        f"{LEARNT:.0%} of their train images correctly, with every seed"
        + (f"; the others, worst seed: {others}." if low else ".")
    )


def resolved(name, record):
    """Say which changes of an experiment lead to fewer and to more errors.

    Args:
        name: str, of the dataset.
        record: what ``trials.run`` gives.
    """
    found = effects.effects(record)
    sentences = []
    for answer in ("fewer errors", "more errors", "not resolved"):
        rows = [row for row, effect in found.items() if effect.answer == answer]
        rows.sort(key=lambda row: found[row].ratio, reverse=answer == "more errors")
        listed = "; ".join(f"{row} {found[row]}" for row in rows)
        sentences.append(f"**{name}, {answer}:** {listed or 'none'}.")
    findings(*sentences)


def choices(reasons):
    """Show what was chosen for the final networks, and the variations behind it.

    Args:
        reasons: dict, choice → row of the variations that changes it.
    """
    found = {}
    for dataset in ("lines", "mnist"):
        name = f"variations_{dataset}"
        found[dataset] = effects.effects(records.read_study(name))
    rows = [
        (choice, row, *(_marked(each.get(row)) for each in found.values()))
        for choice, row in reasons.items()
    ]
    table(["choice", "variation", "errors on lines", "errors on digits"], rows)


def _marked(effect):
    """An effect, bold where it is resolved; empty for None."""
    if effect is None:
        return ""
    return str(effect) if effect.answer == "not resolved" else f"**{effect}**"


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
