"""Evidence: its mean is never above 1 while the candidate is no worse, and nothing but more failures raises it."""

import itertools
import math
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.evidence import (
    MOST_PER_MINUTE,
    EvidenceAgainst,
    Minute,
    Usual,
    highest_excess,
    log_evidence,
    log_mean,
)

EXACT = 1 + 1e-9
"""What a mean of at most 1 may come to in floats."""
TINY = 1e-9
LOG_MOST = math.log(MOST_PER_MINUTE)
TOLERANCES = (1.0, 1.25, 2.0)
A_WEEK = 7 * 24 * 60

CELLS = [
    (candidate, baseline, failures)
    for candidate in (1, 2, 3, 7, 20, 60)
    for baseline in (1, 2, 5, 20, 100)
    for failures in (1, 2, 3, 5, 10, 20, 40)
    if failures <= candidate + baseline
]
"""Requests of both versions in a minute, and how many of all of them failed."""


def log_evidence_against(usual: Usual, minutes: Sequence[Minute]) -> float:
    """Return the logarithm of the evidence of all minutes that the candidate fails more than is usual."""
    evidence = EvidenceAgainst(usual)
    for minute in minutes:
        evidence.add(minute)
    return evidence.log


def ways(candidate: int, baseline: int, failures: int, odds: float = 1.0) -> Iterator[tuple[Minute, float]]:
    """Yield each way in which the failures may fall to the two versions, with its probability.

    Fisher's noncentral hypergeometric distribution: given their sum, the failures of two versions whose odds of
    failing differ by the ratio `odds`; with 1 it is the ordinary one.
    """
    weights = {
        mine: math.comb(candidate, mine) * math.comb(baseline, failures - mine) * odds**mine
        for mine in range(max(0, failures - baseline), min(candidate, failures) + 1)
    }
    for mine, weight in weights.items():
        yield Minute(candidate, mine, baseline, failures - mine), weight / sum(weights.values())


def mean_after(history: Sequence[Minute], cell: tuple[int, int, int], tolerance: float = 1.0) -> float:
    """Return the mean of the evidence after one more minute of a candidate that is just not worse."""
    return sum(
        chance * math.exp(log_evidence([*history, minute], tolerance))
        for minute, chance in ways(*cell, odds=tolerance)
    )


@pytest.mark.parametrize("tolerance", TOLERANCES)
def test_the_mean_of_the_evidence_of_one_minute_is_never_above_one(tolerance: float) -> None:
    means = {cell: mean_after([], cell, tolerance) for cell in CELLS}
    assert len(means) > 150
    assert {cell: mean for cell, mean in means.items() if mean > EXACT} == {}
    assert max(means.values()) > 0.99  # a rule that never says anything would pass as well


@pytest.mark.parametrize("tolerance", TOLERANCES)
def test_a_candidate_that_is_better_than_it_must_be_has_a_lower_mean(tolerance: float) -> None:
    cell = (20, 20, 10)
    found = sum(c * math.exp(log_evidence([m], tolerance)) for m, c in ways(*cell, odds=tolerance / 2))
    assert found < mean_after([], cell, tolerance)


SMALL = [cell for cell in itertools.product((1, 3, 8), (2, 9), (1, 2, 4)) if cell[2] <= cell[0] + cell[1]]


@pytest.mark.parametrize("tolerance", TOLERANCES)
def test_the_mean_over_two_minutes_is_never_above_one_though_the_second_share_goes_by_the_first(
    tolerance: float,
) -> None:
    means = {}
    for first, second, other in itertools.product(SMALL, SMALL[:6], SMALL[-6:]):
        means[first, second, other] = sum(
            chance * mean_after([minute], second if minute.candidate_failures else other, tolerance)
            for minute, chance in ways(*first, odds=tolerance)
        )
    assert len(means) > 500
    assert max(means.values()) <= EXACT


def failing(minutes: int) -> list[Minute]:
    """Return minutes in which the candidate fails a little more."""
    return [Minute(50, 3, 50, 2 - number % 2) for number in range(minutes)]


# The 61st minute is the last at which a regression may have begun.
@pytest.mark.parametrize("minutes", [0, 1, 2, 59, 60, 61, 62, 200])
@pytest.mark.parametrize("tolerance", TOLERANCES)
def test_whatever_has_been_seen_one_more_minute_does_not_raise_the_mean(minutes: int, tolerance: float) -> None:
    history = failing(minutes)
    before = math.exp(log_evidence(history, tolerance))
    for cell in [(1, 1, 1), (3, 5, 2), (20, 20, 10), (60, 100, 5), (10, 1000, 30)]:
        assert mean_after(history, cell, tolerance) <= before * EXACT


@st.composite
def a_minute(draw: st.DrawFn, most: int = 10_000) -> Minute:
    """Draw what two versions served and failed in a minute."""
    candidate, baseline = draw(st.integers(0, most)), draw(st.integers(0, most))
    return Minute(candidate, draw(st.integers(0, candidate)), baseline, draw(st.integers(0, baseline)))


MINUTES = st.lists(a_minute(), max_size=8)
ANY_TOLERANCE = st.sampled_from(TOLERANCES)


@given(MINUTES, ANY_TOLERANCE)
def test_a_candidate_without_failures_has_nothing_against_it(minutes: list[Minute], tolerance: float) -> None:
    clean = [minute._replace(candidate_failures=0) for minute in minutes]
    assert log_evidence(clean, tolerance) <= TINY


@given(MINUTES, a_minute(), ANY_TOLERANCE)
def test_no_single_minute_multiplies_the_evidence_by_more_than_thirty(
    minutes: list[Minute], last: Minute, tolerance: float
) -> None:
    grown = log_evidence([*minutes, last], tolerance) - log_evidence(minutes, tolerance)
    assert grown <= LOG_MOST + TINY


@given(st.lists(a_minute(), min_size=1, max_size=8), st.data(), ANY_TOLERANCE)
def test_one_more_failure_of_the_candidate_never_speaks_for_it(
    minutes: list[Minute], data: st.DataObject, tolerance: float
) -> None:
    at = data.draw(st.integers(0, len(minutes) - 1))
    mine, failed, *rest = minutes[at]
    worse = [*minutes[:at], Minute(max(mine, failed + 1), failed + 1, *rest), *minutes[at + 1 :]]
    same = [*minutes[:at], Minute(max(mine, failed + 1), failed, *rest), *minutes[at + 1 :]]
    assert log_evidence(worse, tolerance) >= log_evidence(same, tolerance) - TINY


@given(st.lists(a_minute(), min_size=1, max_size=8), st.data(), ANY_TOLERANCE)
def test_one_more_failure_of_the_baseline_never_speaks_against_the_candidate(
    minutes: list[Minute], data: st.DataObject, tolerance: float
) -> None:
    at = data.draw(st.integers(0, len(minutes) - 1))
    mine, failed, others, others_failed = minutes[at]
    others = max(others, others_failed + 1)
    same = [*minutes[:at], Minute(mine, failed, others, others_failed), *minutes[at + 1 :]]
    better = [*minutes[:at], Minute(mine, failed, others, others_failed + 1), *minutes[at + 1 :]]
    assert log_evidence(better, tolerance) <= log_evidence(same, tolerance) + TINY


@given(MINUTES, st.integers(1, 50), st.integers(1, 99), st.floats(0, 1))
def test_a_trouble_that_hits_both_versions_alike_speaks_against_neither(
    minutes: list[Minute], hundreds: int, percent: int, failing_share: float
) -> None:
    ours, theirs = percent * hundreds, (100 - percent) * hundreds
    burst = Minute(ours, ours * failing_share, theirs, theirs * failing_share)
    assert log_evidence([*minutes, burst]) <= log_evidence(minutes) + TINY


@given(a_minute(100))
def test_a_minute_in_which_a_version_served_nothing_says_nothing(minute: Minute) -> None:
    alone = minute._replace(baseline_requests=0, baseline_failures=0)
    absent = minute._replace(candidate_requests=0, candidate_failures=0)
    assert log_evidence([alone]) == pytest.approx(0, abs=TINY)
    assert log_evidence([absent]) == pytest.approx(0, abs=TINY)


def test_without_minutes_there_is_no_evidence() -> None:
    assert log_evidence([]) == 0.0


# By hand: a failure of the candidate multiplies by r / (1 + (r - 1) w), which at w = 1/2 is 2 r / (r + 1).
def test_one_failure_at_even_shares_is_worth_what_the_formula_says() -> None:
    factors = [2 * r / (r + 1) for r in (1.5, 3, 10, 100, 10_000)]
    expected = sum(factors) / 5 / 2 + 1 / 2
    assert math.exp(log_evidence([Minute(100, 1, 100, 0)])) == pytest.approx(expected, rel=1e-12)


def test_one_failure_of_the_baseline_is_worth_what_the_formula_says() -> None:
    factors = [2 / (r + 1) for r in (1.5, 3, 10, 100, 10_000)]
    expected = sum(factors) / 5 / 2 + 1 / 2
    assert math.exp(log_evidence([Minute(100, 0, 100, 1)])) == pytest.approx(expected, rel=1e-12)


def test_a_total_break_convicts_in_its_second_minute_and_not_in_its_first() -> None:
    broken = Minute(100, 100, 9_900, 0)
    # Half of the belief times 30, and half of it that the regression is still to come: 15.5.
    assert math.exp(log_evidence([broken])) == pytest.approx(15.5)
    # (15 + 1/120) x 30, and what is left of the other half: 1/2 - 1/120.
    assert math.exp(log_evidence([broken] * 2)) == pytest.approx(450.25 + 1 / 2 - 1 / 120)


def test_a_regression_that_begins_an_hour_after_the_start_is_found_as_well() -> None:
    quiet, broken = [Minute(100, 0, 100, 0)] * 60, [Minute(100, 20, 100, 0)] * 4
    assert math.exp(log_evidence(quiet + broken)) > 100


def test_a_slow_leak_after_shared_trouble_is_not_acquitted_for_the_time_before() -> None:
    shared, leaking = [Minute(500, 50, 500, 60)] * 20, [Minute(500, 60, 500, 10)] * 6
    assert math.exp(log_evidence(shared + leaking)) > 100


@pytest.mark.parametrize("tolerance", [1.0, 1.25])
def test_a_tolerated_excess_says_nothing_and_a_larger_one_does(tolerance: float) -> None:
    slightly = [Minute(1_000, 130, 1_000, 100)] * 10
    plainly = [Minute(1_000, 300, 1_000, 100)] * 10
    assert (log_evidence(slightly, tolerance) < 0) is (tolerance > 1)
    assert log_evidence(plainly, tolerance) > math.log(100)


def test_a_tolerance_beyond_every_odds_ratio_leaves_nothing_to_say() -> None:
    assert log_evidence([Minute(100, 100, 100, 0)] * 5, 10_000.0) == 0.0


@pytest.mark.parametrize(
    "minute",
    [Minute(1e12, 1e12, 1e12, 0), Minute(1e12, 0, 1e12, 1e12), Minute(1, 1, 1e12, 1e12), Minute(1e12, 1, 1, 1)],
    ids=["all of it", "none of it", "one of many", "many to one"],
)
def test_a_week_of_the_busiest_minutes_does_not_overflow(minute: Minute) -> None:
    assert math.isfinite(log_evidence([minute] * A_WEEK))
    assert math.isfinite(log_evidence_against(Usual(1e12, 10), [minute] * A_WEEK))
    assert math.isfinite(highest_excess([minute] * A_WEEK))


# What was usual counts for seldom called functions alone: 24 hours at one request a minute, two of which failed.
DAY = Usual(1_440, 2)


def test_the_usual_rate_is_taken_with_three_deviations_and_five_failures() -> None:
    assert DAY.rate == pytest.approx(2 / 1_440)
    assert DAY.highest_rate == pytest.approx((2 + 3 * math.sqrt(2) + 5) / 1_440)
    assert (Usual(0, 0).rate, Usual(0, 0).highest_rate, Usual(4, 0).highest_rate) == (0.0, 1.0, 1.0)


@pytest.mark.parametrize("usual", [DAY, Usual(1_440, 0), Usual(200, 20), Usual(50, 10), Usual(20, 9)])
@pytest.mark.parametrize("share", [1.0, 0.5, 0.0])
def test_the_mean_against_the_usual_is_never_above_one_while_the_rate_is_no_higher(
    usual: Usual, share: float
) -> None:
    rate = usual.highest_rate * share
    for served in (1, 2, 5, 10, 30):
        mean = sum(
            math.comb(served, failed)
            * rate**failed
            * (1 - rate) ** (served - failed)
            * math.exp(log_evidence_against(usual, [Minute(served, failed, 0, 0)]))
            for failed in range(served + 1)
        )
        assert mean <= EXACT


def test_a_few_failures_of_a_seldom_called_candidate_are_many_where_hardly_any_were_usual() -> None:
    broken = [Minute(1, 1, 0, 0)] * 4
    assert math.exp(log_evidence_against(DAY, broken[:1])) < 100
    assert math.exp(log_evidence_against(DAY, broken)) > 100
    assert log_evidence_against(DAY, [Minute(1, 0, 0, 0)] * 20) < 0


def test_where_most_requests_usually_fail_the_usual_says_nothing() -> None:
    assert log_evidence_against(Usual(100, 95), [Minute(10, 10, 0, 0)] * 5) == 0.0
    assert log_evidence_against(Usual(0, 0), [Minute(10, 10, 0, 0)] * 5) == 0.0


@given(st.lists(a_minute(1_000), min_size=1, max_size=5))
def test_no_single_minute_multiplies_the_evidence_against_the_usual_by_more_than_thirty(
    minutes: list[Minute],
) -> None:
    grown = log_evidence_against(DAY, minutes) - log_evidence_against(DAY, minutes[:-1])
    assert grown <= LOG_MOST + TINY


def test_the_mean_of_two_evidences_is_that_of_their_numbers() -> None:
    assert math.exp(log_mean(math.log(3), math.log(5))) == pytest.approx(4)
    assert log_mean(5_000.0, -5_000.0) == pytest.approx(5_000 - math.log(2))


# By hand: excess 6 - 100 x 5 / 900, variance (6 + 5) x 100 / 900, over the candidate's 100 requests.
def test_the_highest_excess_is_what_was_seen_and_its_deviations_and_three_failures() -> None:
    expected = (6 - 500 / 900 + 2.45 * math.sqrt(11 / 9) + 3) / 100
    assert highest_excess([Minute(100, 6, 900, 5)]) == pytest.approx(expected)


@pytest.mark.parametrize("minutes", [[], [Minute(0, 0, 10, 1)], [Minute(10, 1, 0, 0)]])
def test_before_both_versions_were_seen_any_excess_is_plausible(minutes: list[Minute]) -> None:
    assert highest_excess(minutes) == math.inf


def test_three_failures_are_plausible_however_well_it_went() -> None:
    assert highest_excess([Minute(100, 0, 100, 0)] * 3) == pytest.approx(3 / 300)
    assert highest_excess([Minute(100, 0, 100, 50)]) > 3 / 100  # being better is no excess, but it is luck


@given(st.lists(a_minute(1_000), min_size=1, max_size=5), st.integers(1, 100))
def test_what_was_seen_is_always_plausible(minutes: list[Minute], more: int) -> None:
    seen = [m._replace(candidate_requests=m.candidate_requests + more, baseline_requests=1_000) for m in minutes]
    excess = sum(m.candidate_failures - m.candidate_requests * m.baseline_failures / 1_000 for m in seen)
    assert highest_excess(seen) > excess / sum(m.candidate_requests for m in seen)
