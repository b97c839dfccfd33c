"""What a change does to the number of errors, from trials with paired seeds."""

import typing

import numpy as np
from scipy import stats

BASE = "base"  # the row that the others are compared with
LEVEL = 0.05  # below which a corrected p counts
FEW = 30  # errors of all seeds together


class Effect(typing.NamedTuple):
    """What a variation does to the number of errors.

    Attributes:
        ratio: float, its error rate divided by the base's: geometric mean over seeds.
        low, high: float, 95 % interval of the ratio.
        p: float, of no difference, corrected for all rows of the experiment (Holm).
        answer: "fewer errors", "more errors" or "not resolved".
    """

    ratio: float
    low: float
    high: float
    p: float
    answer: str

    def __str__(self):
        """ "0.52× (0.45 to 0.60)": the ratio and its interval."""
        return f"{self.ratio:.2f}× ({self.low:.2f} to {self.high:.2f})"


def effects(record):
    """What each variation of a record does to the number of errors.

    For each seed, the difference of the logarithms of the errors of variation and base,
    half an error added to each so that zero has a logarithm; the mean, its interval and
    p are those of Student's t over the seeds. Where variation or base has fewer than
    ``FEW`` errors in all, chance in counting them is larger than the spread between
    seeds: interval and p are then those of an exact binomial test of the two sums.

    Args:
        record: what ``trials.as_record`` gives, with ``errors`` in each trial.

    Returns:
        dict, row → ``Effect``.
    """
    errors = {
        row: np.array([trial["errors"] for trial in trials])
        for row, trials in record["trials"].items()
    }
    base = errors.pop(BASE)
    tests = {row: _compare(counts, base) for row, counts in errors.items()}
    corrected = holm([p for *_, p in tests.values()])
    found = {}
    for (row, test), p in zip(tests.items(), corrected, strict=True):
        change = "fewer errors" if test[0] < 1 else "more errors"
        answer = change if p < LEVEL else "not resolved"
        found[row] = Effect(*test[:3], float(p), answer)
    return found


def _compare(counts, base):
    """Ratio, its interval and an uncorrected p."""
    differences = np.log(counts + 0.5) - np.log(base + 0.5)
    ratio = float(np.exp(differences.mean()))
    if min(counts.sum(), base.sum()) < FEW:
        return ratio, *_exact(int(counts.sum()), int(base.sum()))
    test = stats.ttest_1samp(differences, 0)
    interval = test.confidence_interval(0.95)
    return ratio, *np.exp(interval).tolist(), float(test.pvalue)


def _exact(count, base):
    """Interval of the ratio of two Poisson rates from one count of each, and p."""
    if count + base == 0:
        return 0.0, np.inf, 1.0
    test = stats.binomtest(count, count + base)
    low, high = test.proportion_ci(0.95)
    return low / (1 - low), high / (1 - high) if high < 1 else np.inf, test.pvalue


def holm(p_values):
    """p-values corrected for their number (Holm, 1979), in the given order."""
    p_values = np.asarray(p_values)
    order = p_values.argsort()
    factors = np.arange(len(p_values), 0, -1)
    stepped = np.maximum.accumulate(p_values[order] * factors)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(stepped, 1)
    return corrected
