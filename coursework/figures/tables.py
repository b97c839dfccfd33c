"""Tables in Markdown, for the notebooks' output and for the READMEs."""

import re

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


def minus(text):
    """A text with "−" in place of the hyphen before a number."""
    return re.sub(r"-(?=\d)", "−", text)


def listed(words, nothing="none"):
    """ "a, b and c"; ``nothing`` of no words."""
    *most, last = [str(word) for word in words] or [nothing]
    return f"{', '.join(most)} and {last}" if most else last


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
    errors = [f"errors, {name} (95 % interval of the rate)" for name in names]
    alone = [f"only {name} wrong" for name in names]
    table(["seed", *errors, *alone, "*p* (McNemar)"], rows)


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
    sentences = []
    for answer, found in by_answer(record).items():
        rows = "; ".join(f"{row} {effect}" for row, effect in found.items())
        sentences.append(f"**{name}, {answer}:** {rows or 'none'}.")
    findings(*sentences)


def by_answer(record):
    """dict, answer → row → ``effects.Effect``, the largest effect first."""
    found = effects.effects(record)
    order = sorted(found, key=lambda row: found[row].ratio)
    answers = {}
    for answer in ("fewer errors", "more errors", "not resolved"):
        rows = reversed(order) if answer == "more errors" else order
        answers[answer] = {r: found[r] for r in rows if found[r].answer == answer}
    return answers


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
        [choice, row] + [_marked(each.get(row)) for each in found.values()]
        for choice, row in reasons.items()
    ]
    table(["choice", "variation", "errors on lines", "errors on digits"], rows)


def _marked(effect):
    """An effect, bold where it is resolved; empty for None."""
    if effect is None:
        return ""
    return str(effect) if effect.answer == "not resolved" else f"**{effect}**"


def candidates(first, finals):
    """Show what was tried to improve a recipe, on one fold and on the others.

    Args:
        first: what ``trials.run`` gives of all changes, on fold 0 of the train part.
        finals: the same of the best of them, on the other folds.
    """
    rows = []
    for name, tried in first["trials"].items():
        folds = [tried, finals["trials"].get(name, [])]
        errors = [", ".join(str(trial["errors"]) for trial in fold) for fold in folds]
        rows.append((name, f"{tried[0]['parameters']:,}", *errors))
    tested = f"errors in {tried[0]['tested']:,} digits"
    columns = ["change", "parameters", f"{tested}, first fold", "other two folds"]
    table(columns, rows)


def thresholds(found):
    """Show where each curve crosses one half, and its slope there.

    Args:
        found: what ``unseen_lines.psychometric`` gives.
    """
    names = next(iter(found.values()))["thresholds"]
    rows = [
        [name] + [_crossing(result["thresholds"][name]) for result in found.values()]
        for name in names
    ]
    table(["threshold (slope)", *found], rows)


def _crossing(pair):
    value, slope = pair
    return "–" if value != value else f"{value:.2f} ({slope:.2f})"


def percentages(found, what):
    """Show shares as percent: dict, row → column → float 0…1; ``what`` the rows are."""
    columns = [what, *next(iter(found.values()))]
    rows = [
        [name] + [f"{value:.0%}" for value in each.values()]
        for name, each in found.items()
    ]
    table(columns, rows)


def extremes(found):
    """Show the answer to a large line under the strongest of each intervention.

    Args:
        found: dict, network → what ``unseen_lines.interventions`` gives.
    """
    rows = {
        name: {what: means[0] for what, means in curves.items() if "varied" not in what}
        for name, curves in found.items()
    }
    percentages(rows, "network")


def sure_outside(summary):
    """Show how sure networks are of images that have no answer.

    Args:
        summary: dict, kind → network → what ``unseen_lines.summary`` gives.
    """
    rows = [
        (kind, name, f"{s['confidence']:.2f}", f"{s['sure']:.0%}", f"{s['auc']:.3f}")
        for kind, each in summary.items()
        for name, s in each.items()
    ]
    columns = ["images", "network", "median confidence", "more than 0.9 sure"]
    table([*columns, "area under the ROC curve"], rows)


def unseen_findings(results):
    """Show what ``Q2/2_unseen_lines`` found, from what its record holds."""
    seeds = [
        value
        for name, (value, _) in results["psychometric"]["length"]["thresholds"].items()
        if name.startswith("four heads")
    ]
    after = results["robustness"]["after"]
    images = results["robustness"]["images"]
    held = "width varied, same ink"
    after_training = results["interventions_after"]["width"]
    wide, repaired = (curves[held][-1] for curves in after_training.values())
    noise = after["noise"]
    half = next(
        k for k, n in enumerate(noise["correct"]["four heads"]) if n <= images / 2
    )
    shares = [correct[half] / images for correct in noise["correct"].values()]
    remedy = results["remedy"]
    findings(
        f"The threshold of the length is {min(seeds):.2f} to {max(seeds):.2f} px in "
        "three seeds.",
        "A thick line darkened to the ink of a thin one is called thick with "
        f"probability {wide:.2f}; after training with augmented lines, {repaired:.2f}.",
        f"Under noise of {noise['severities'][half]} gray levels all four heads are "
        f"right for {shares[0]:.0%} of the lines; after training with augmented lines, "
        f"{shares[1]:.0%}.",
        f"That training leaves {remedy['errors']} joint errors in "
        f"{remedy['tested']:,} test lines.",
    )
