"""What a change does to the number of errors: paired, with an interval, corrected."""

import numpy as np
import pytest
from scipy import stats

from coursework.training import effects


def make_record(**errors):
    trials = {row: [{"errors": n} for n in counts] for row, counts in errors.items()}
    return {"trials": trials}


def test_the_ratio_is_the_geometric_mean_over_pairs():
    record = make_record(base=[100, 200, 400], half=[50, 100, 200])
    found = effects.effects(record)["half"]
    assert found.ratio == pytest.approx(0.5, rel=0.01)
    assert found.low < found.ratio < found.high < 0.52
    assert found.answer == "fewer errors"


def test_the_interval_is_student_s_of_the_log_differences():
    base, other = np.array([90, 110, 130, 70, 100]), np.array([100, 130, 120, 100, 99])
    found = effects.effects(make_record(base=base, other=other))["other"]
    difference = np.log(other + 0.5) - np.log(base + 0.5)
    half = stats.t.ppf(0.975, 4) * difference.std(ddof=1) / np.sqrt(5)
    expected = np.exp(difference.mean() + np.array([-half, half]))
    assert (found.low, found.high) == pytest.approx(tuple(expected))
    assert found.answer == "not resolved"


def test_pairing_resolves_what_the_spread_between_seeds_would_hide():
    base = np.array([100, 200, 400, 800, 1600])
    found = effects.effects(make_record(base=base, more=base * 1.2))["more"]
    assert found.answer == "more errors"
    assert stats.ttest_ind(np.log(base), np.log(base * 1.2)).pvalue > 0.5


@pytest.mark.parametrize(
    ("counts", "low", "answer"),
    [([5, 6, 7], 4.4, "more errors"), ([1, 0, 2], 0.4, "not resolved")],
)
def test_few_errors_are_compared_exactly(counts, low, answer):
    """As a coin toss for each error; that seeds agree by chance proves nothing."""
    found = effects.effects(make_record(base=[0, 0, 0], other=counts))["other"]
    assert found.low == pytest.approx(low, rel=0.05)
    assert found.high == np.inf
    assert found.answer == answer


def test_no_errors_at_all_say_nothing():
    found = effects.effects(make_record(base=[0, 0, 0], same=[0, 0, 0]))["same"]
    assert found == (1, 0, np.inf, 1, "not resolved")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([0.01], [0.01]),
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),  # the textbook's example
        ([0.5, 0.9], [1, 1]),
    ],
)
def test_holm(given, expected):
    assert effects.holm(given) == pytest.approx(expected)


def test_two_hundred_changes_that_do_nothing():
    """Without the correction, about ten of them would seem to matter."""
    rng = np.random.default_rng(0)
    rows = {f"row {k}": rng.poisson(400, 5) for k in range(200)}
    found = effects.effects(make_record(base=rng.poisson(400, 5), **rows))
    assert sum(effect.answer != "not resolved" for effect in found.values()) <= 2
