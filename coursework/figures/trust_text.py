"""What the tests of class activation maps found, in sentences with their numbers."""

import numpy as np

from coursework.figures import tables
from coursework.studies import maps as map_study
from coursework.studies import naming


def pointing(found):
    """Show how maps compare with the rules.

    Args:
        found: dict, network → what ``maps.pointing`` gives.
    """
    of_layers = [
        row
        for result in found.values()
        for kind, row in result["rows"].items()
        if kind != map_study.ON_INK_ONLY
    ]
    pointed = [row["value"] for row in of_layers]
    energy = [row["energy"] for row in of_layers]
    rules = found["tuned_lines"]["rules"]
    tables.findings(
        f"Maps of a layer point at {min(pointed):.0%} to {max(pointed):.0%} of the "
        f"lines, edges at {rules['Sobel']['value']:.0%}, a blob in the middle of the "
        f"image at {rules['center blob']['value']:.0%}.",
        f"{min(energy):.0%} to {max(energy):.0%} of the energy of these maps is on the "
        f"line, {rules['Sobel']['energy']:.0%} of that of the edges.",
    )


def similarity(found):
    """Show what learning adds to the similarity.

    Args:
        found: dict, network → what ``maps.similarities`` gives.
    """
    for name, result in found.items():
        rows = {kind: row["added"] for kind, row in result["on the line"].items()}
        best, least = (choose(rows, key=_value_in(rows)) for choose in (max, min))
        tables.findings(
            f"{naming.label(name)}: on the line, learning adds most to the similarity "
            f"of {best}, {_interval(rows[best])}, and least to that of {least}, "
            f"{_interval(rows[least])} (95 % intervals)."
        )


def deletion(found):
    """Show what survives correction.

    Args:
        found: dict, network → what ``map_interventions.deletion`` gives.
    """
    for name, result in found.items():
        passed = map_study.verdicts_of_deletion(result)
        brightest = result["rules"]["brightest pixels"]["value"]
        tables.findings(
            f"`{name}`, {result['digits']} wrong and as many right digits: more "
            "predictions change than by random pixels with "
            f"{tables.listed(kind for kind in passed if passed[kind])}. The brightest "
            f"pixels change {brightest:.0%}.",
            f"`{name}`, wrong and right digits: {_fragile(result)}.",
        )


def _fragile(result):
    unequal = map_study.unequally_fragile(result)
    which = f"those differ that are deleted by {tables.listed(unequal)}"
    neither = "neither is resolved to be more fragile, by any order"
    return f"at the same margin, {which if unequal else neither}"


def gaps(found):
    """Show where a gap lowers the score, and how well maps agree.

    Args:
        found: dict, seed → what ``map_interventions.agreement`` gives.
    """
    for seed, result in found.items():
        rows, rule = result["rows"], result["rules"]["the middle"]["value"]
        best = max(rows, key=_value_in(rows))
        effect = np.array(result["effect"])
        half = len(effect) // 2
        tables.findings(
            f"{seed}: a gap in the middle lowers the score by "
            f"{effect[half - 1 : half + 1].mean():.1f}, a missing end by "
            f"{effect[[0, -1]].mean():.1f}; least, {effect.min():.1f}, does a gap "
            f"{abs(result['positions'][effect.argmin()]):g} px from the middle. "
            f"{result['still_long']:.0%} of the answers stay *long*.",
            f"{seed}: the best agreement, {_interval(rows[best])}, is that of {best}, "
            f"but {rows[best]['other_line']:.2f} with the effect in another line. The "
            f"rule *the middle* has {rule:.2f}.",
        )


def findings(results):
    """Show what the chapter found and what it recommends.

    Args:
        results: what the notebook's record holds.
    """
    pointing_, learning, deleting, _ = map_study.tests(results).values()
    pointed, added, deleted = pointing_.rows, learning.rows, deleting.rows
    sharpest = pointing_.best_of_a_layer
    learned, found = (max(rows, key=_value_in(rows)) for rows in (added, deleted))
    least = min(added, key=_value_in(added))
    tables.findings(
        f"Edges point at {pointing_.rules['Sobel']:.0%} of the lines, the best map of "
        f"a layer, {sharpest}, at {pointed[sharpest]['value']:.0%}. Pointing at the "
        "line is no proof of anything learned.",
        f"Learning adds {_interval(added[learned])} to the similarity of {learned} on "
        f"the line, and {_interval(added[least])} to {least}.",
        f"Deleting the ten highest pixels of {found} changes "
        f"{deleted[found]['value']:.0%} of the predictions, ten random stroke pixels "
        f"{deleting.rules['random pixels']:.0%}. Of wrong and right digits, "
        f"{_fragile(results['deletion']['plain_mnist'])}.",
        f"{_beyond_the_middle(results['gaps'])}.",
        f"**Recommendation:** {recommendation(results)}.",
    )


def _beyond_the_middle(found):
    verdicts = map_study.with_every_seed(found)
    better = tables.listed(kind for kind, verdict in verdicts.items() if verdict)
    differences = ", ".join(
        f"{result['rows'][map_study.ON_INK_ONLY]['beyond_rule']['value']:+.2f} ({seed})"
        for seed, result in found.items()
    )
    who = better if better != "none" else "no map"
    return (
        f"With both seeds, {who} knows better than the rule *the middle* where a gap "
        f"lowers the score of *long*; {map_study.ON_INK_ONLY}: {differences}"
    )


def recommendation(results):
    """str: which kind of map to use for what; true whatever the tests gave."""
    _, learned, counting, _ = (test.best for test in map_study.tests(results).values())
    return (
        f"to find the pixels on which a prediction rests, use {counting}; to see what "
        f"learning changed, {learned}; and before you believe a map, change the image "
        "where it is high"
    )


def _value_in(rows):
    return lambda kind: rows[kind]["value"]


def _interval(row):
    return f"{row['value']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"
