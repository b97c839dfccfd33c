"""Tables in Markdown, for the notebooks' output and for the READMEs."""

import statistics

from IPython.display import Markdown, display

from coursework import records
from coursework.training import effects, metrics

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


def learnt(record):
    """Say how well the networks of an experiment know their train images.

    Args:
        record: what ``trials.run`` gives, with ``train_accuracy`` in each trial.
    """
    worst = {
        row: min(trial["train_accuracy"] for trial in trials)
        for row, trials in record["trials"].items()
    }
    low = {row: accuracy for row, accuracy in worst.items() if accuracy < 0.99}
    others = ", ".join(f"{row} ({accuracy:.1%})" for row, accuracy in low.items())
    findings(
        f"{len(worst) - len(low)} of {len(worst)} networks classify at least 99 % of "
        "their train images correctly, with every seed"
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
        listed = "; ".join(
            f"{row} ({found[row].ratio:.2f}×, {found[row].low:.2f} to "
            f"{found[row].high:.2f})"
            for row in rows
        )
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
        (choice, row, *(_effect(each.get(row)) for each in found.values()))
        for choice, row in reasons.items()
    ]
    table(["choice", "variation", "errors on lines", "errors on digits"], rows)


def _effect(effect):
    if effect is None:
        return ""
    bold = "" if effect.answer == "not resolved" else "**"
    return f"{bold}{effect.ratio:.2f}×{bold} ({effect.low:.2f} to {effect.high:.2f})"


def candidates(record):
    """Show every recipe that was tried for digits, best first.

    Args:
        record: what ``make sweep`` writes: ``trials``, row → results of some folds.
    """
    rows = []
    base = record["trials"][effects.BASE]
    for row, trials in record["trials"].items():
        errors = [trial["errors"] for trial in trials]
        seconds = statistics.mean(trial["seconds"] for trial in trials)
        cost = seconds / statistics.mean(trial["seconds"] for trial in base)
        rate = sum(errors) / sum(trial["tested"] for trial in trials)
        counts = ", ".join(map(str, errors))
        cost = f"{cost:.2f}×"
        rows.append((rate, row, counts, f"{trials[0]['parameters']:,}", cost))
    columns = ["recipe", "errors, fold by fold", "parameters", "training time"]
    table(["accuracy", *columns], [(f"{1 - r[0]:.3%}", *r[1:]) for r in sorted(rows)])


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
