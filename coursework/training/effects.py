"""What a change does to the number of errors, from trials with paired seeds."""

import typing

import numpy as np
from scipy import stats

BASE = "base"  # the row that the others are compared with
LEVEL = 0.05  # below which a corrected p counts


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


def effects(record):
    """What each variation of a record does to the number of errors.

    For each seed, the difference of the logarithms of the errors of variation and base;
    the mean, its interval and p are those of Student's t over the seeds. Half an error
    is added to every count, so that a count of zero has a logarithm.

    Args:
        record: what ``trials.as_record`` gives, with ``errors`` in each trial.

    Returns:
        dict, row → ``Effect``.
    """
    log_errors = {
        row: np.log([trial["errors"] + 0.5 for trial in trials])
        for row, trials in record["trials"].items()
    }
    base = log_errors.pop(BASE)
    tests = {
        row: stats.ttest_1samp(values - base, 0) for row, values in log_errors.items()
    }
    corrected = holm([test.pvalue for test in tests.values()])
    found = {}
    for (row, test), p in zip(tests.items(), corrected, strict=True):
        interval = test.confidence_interval(0.95)
        mean = np.mean(log_errors[row] - base)
        change = "fewer errors" if mean < 0 else "more errors"
        answer = change if p < LEVEL else "not resolved"
        limits = np.exp([mean, interval.low, interval.high]).tolist()
        found[row] = Effect(*limits, float(p), answer)
    return found


def holm(p_values):
    """p-values corrected for their number (Holm, 1979), in the given order."""
    p_values = np.asarray(p_values)
    order = p_values.argsort()
    factors = np.arange(len(p_values), 0, -1)
    stepped = np.maximum.accumulate(p_values[order] * factors)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(stepped, 1)
    return corrected
