"""What the tests of class activation maps found, in sentences with their numbers."""

import collections

import numpy as np

from coursework.figures import tables, trust
from coursework.studies import maps as map_study
from coursework.studies import naming


def pointing(found):
    """Show how maps compare with the rules.

    Args:
        found: dict, network → what ``maps.pointing`` gives.
    """
    each = [_of_layers(result["rows"]).values() for result in found.values()]
    pointed = [row["value"] for rows in each for row in rows]
    energy = [row["energy"] for rows in each for row in rows]
    rules, rows = (found["tuned_lines"][key] for key in ("rules", "rows"))
    best = max(_of_layers(rows), key=_value_in(rows))
    tables.findings(
        f"Maps of a layer point at {min(pointed):.0%} to {max(pointed):.0%} of the "
        f"lines, the Sobel filter at {rules['Sobel']['value']:.0%}, a blob in the "
        f"middle of the image at {rules['center blob']['value']:.0%}.",
        f"{min(energy):.0%} to {max(energy):.0%} of the energy of these maps is on the "
        f"line; of the Sobel filter's energy, {rules['Sobel']['energy']:.0%}.",
        f"{naming.label('tuned_lines')}: {best} points at {rows[best]['value']:.0%}, "
        f"with shuffled weights at {rows[best]['random']:.0%}.",
    )


def _of_layers(rows):
    return {kind: rows[kind] for kind in rows if kind != map_study.ON_INK_ONLY}


def similarity(found):
    """Show what learning adds to the similarity, and what another class changes.

    Args:
        found: dict, network → what ``maps.similarities`` gives.
    """
    for name, result in found.items():
        on_line = result["on the line"]
        rows = {kind: row["added"] for kind, row in on_line.items()}
        best, least = (choose(rows, key=_value_in(rows)) for choose in (max, min))
        alike = [
            kind
            for kind, row in on_line.items()
            if row["class"]["value"] >= row["seed"]["value"]
        ]
        sentences = [
            f"{naming.label(name)}: on the line, learning adds {_interval(rows[best])} "
            f"to the similarity of {best}, the largest value, and "
            f"{_interval(rows[least])} to that of {least}, the smallest (95 % "
            "intervals)."
        ]
        if alike:
            sentences.append(
                f"{naming.label(name)}: the map of another class is at least as "
                f"similar as that of another seed for {tables.listed(alike)}."
            )
        tables.findings(*sentences)


def deletion(found):
    """Show what survives correction.

    Args:
        found: dict, network → what ``map_interventions.deletion`` gives.
    """
    for name, result in found.items():
        passed = map_study.verdicts_of_deletion(result)
        shares = [f"{rule} {row['value']:.0%}" for rule, row in result["rules"].items()]
        better = [
            f"{kind} ({result['rows'][kind]['value']:.0%})"
            for kind in passed
            if passed[kind]
        ]
        tables.findings(
            f"{naming.label(name)}, {result['digits']} wrong and as many right digits: "
            f"better than both rules ({', '.join(shares)}) and than the same map with "
            f"shuffled weights: {tables.listed(better)}.",
            f"{naming.label(name)}: {_fragile(result)}.",
        )


def _fragile(result):
    unequal = map_study.unequally_fragile(result)
    if unequal:
        orders = tables.listed(unequal)
        return f"wrong and right digits of the same margin differ by {orders}"
    row = result["rows"][map_study.ON_INK_ONLY]
    return (
        "a difference between wrong and right digits of the same margin is not "
        f"resolved ({map_study.ON_INK_ONLY} change {row['wrong']} and {row['right']} "
        f"of {result['digits']})"
    )


def gaps(found):
    """Show where a gap lowers the score, and how well maps agree.

    Args:
        found: dict, seed → what ``map_interventions.agreement`` gives.
    """
    for seed, result in found.items():
        rows, rule = result["rows"], result["rules"]["the middle"]["value"]
        effect = np.array(result["effect"])
        effect, half = (effect + effect[::-1]) / 2, len(effect) // 2
        agreeing = "; ".join(_agreement(rows, kind) for kind in trust.PROFILES)
        tables.findings(
            f"{seed}: a gap in the middle lowers the score by {effect[half]:.1f}, a "
            f"missing end by {effect[0]:.1f}, a gap "
            f"{abs(result['positions'][effect.argmin()]):g} px from the middle least, "
            f"by {effect.min():.1f} (means of both sides). {result['still_long']:.0%} "
            "of the answers stay *long*.",
            f"{seed}: correlation with the effect of a gap (with that in another line; "
            f"with shuffled weights): {agreeing}. The rule *the middle* has "
            f"{rule:.2f}.",
        )


def _agreement(rows, kind):
    row = rows[kind]
    controls = f"{row['other_line']:.2f}; {row['random']:.2f}"
    return tables.minus(f"{kind} {row['value']:.2f} ({controls})")


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
    again = results["deletion"]["tuned_mnist"]
    tables.findings(
        f"The Sobel filter points at {pointing_.rules['Sobel']:.0%} of the lines, the "
        f"best map of a layer, {sharpest}, at {pointed[sharpest]['value']:.0%}. "
        "Pointing at the line is no proof of anything learned.",
        f"Learning adds {_interval(added[learned])} to the similarity of {learned} on "
        f"the line, and {_interval(added[least])} to that of {least}.",
        f"Deleting the ten pixels that {found} rank highest changes "
        f"{deleted[found]['value']:.0%} of the baseline's predictions (tuned CNN: "
        f"{again['rows'][found]['value']:.0%}), the ten brightest "
        f"{deleting.rules['brightest pixels']:.0%} "
        f"({again['rules']['brightest pixels']['value']:.0%}). Both the method and the "
        "deletion compare with black.",
        f"{_beyond_the_middle(results['gaps'])}.",
        f"**Recommendation:** {recommendation(results)}.",
    )


def _beyond_the_middle(found):
    counts = collections.Counter(
        kind
        for result in found.values()
        for kind, better in map_study.verdicts_of_gaps(result).items()
        if better
    )
    rule = "the effect of a gap better than the rule *the middle*"
    if not counts:
        return f"No map agrees with {rule}, with any seed"
    better = [f"{k} with {n} of {len(found)} seeds" for k, n in counts.items()]
    others = "no other map with any seed"
    return f"Maps that agree with {rule}: {tables.listed(better)}; {others}"


def recommendation(results):
    """str: which kind of map to use for what; true whatever the tests gave."""
    _, learning, deleting, _ = map_study.tests(results).values()
    return (
        f"to find pixels whose deletion changes a prediction, use {deleting.best}. To "
        f"see what learning changed, use {' or '.join(_not_below(learning))}. Do not "
        "take a map as evidence if it looks the same with shuffled weights or for "
        "another class. Before you believe a map, change the image where it is high"
    )


def _not_below(test):
    """The best kind that passes a test, and those whose intervals reach into its."""
    if test.best not in test.rows:
        return [test.best]
    least = test.rows[test.best]["low"]
    return [
        k for k, row in test.rows.items() if test.verdicts[k] and row["high"] > least
    ]


def _value_in(rows):
    return lambda kind: rows[kind]["value"]


def _interval(row):
    text = f"{row['value']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"
    return tables.minus(text)
