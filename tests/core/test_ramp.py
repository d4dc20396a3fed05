"""The ramp: weights by hand-made tables, never down, never above half, and there in a bounded number of steps."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.ramp import HALF_WEIGHT, MOST_GUARDED_STEPS, Budget, first_weight, next_weight

BUSY, MEDIUM, SMALL = 300_000.0, 6_000.0, 60.0
"""Requests a minute: 5,000, 100 and 1 a second."""
A_SECOND = Budget(finest=10)
FINE = Budget(finest=1)
WHOLE_PERCENTS = Budget(finest=100)


@pytest.mark.parametrize(
    ("budget", "traffic", "weight"),
    [
        # A second of the traffic of the three minutes that it takes to notice: 1 / 180, which is 55.6 basis points.
        (A_SECOND, MEDIUM, 50),
        (A_SECOND, BUSY, 50),
        (FINE, MEDIUM, 55),
        (WHOLE_PERCENTS, MEDIUM, 100),
        (Budget(seconds=5, finest=10), MEDIUM, 270),
        (Budget(seconds=5, finest=100), MEDIUM, 200),
        # Twenty requests where a second has fewer: 20 / (3 x 60), 20 / (3 x 600), 20 / (3 x 20).
        (A_SECOND, SMALL, 1_110),
        (A_SECOND, 600.0, 110),
        (A_SECOND, 20.0, 3_330),
        (WHOLE_PERCENTS, SMALL, 1_100),
        # 20 / (3 x 12) is above the half.
        (A_SECOND, 12.0, HALF_WEIGHT),
        (A_SECOND, 1.0, HALF_WEIGHT),
        # A budget in requests is taken at its word, but the candidate gets five requests a minute.
        (Budget(requests=1_000, finest=10), MEDIUM, 550),
        (Budget(requests=2, finest=1), MEDIUM, 8),
        (Budget(requests=2, finest=10), MEDIUM, 10),
        (Budget(requests=2, finest=10), 20.0, 2_500),
        # Without traffic nothing can be lost.
        (A_SECOND, 0.0, HALF_WEIGHT),
        (WHOLE_PERCENTS, 0.0, HALF_WEIGHT),
    ],
)
def test_the_first_weight_spends_the_budget_if_all_that_reaches_the_candidate_fails(
    budget: Budget, traffic: float, weight: int
) -> None:
    assert first_weight(budget, traffic) == weight


@pytest.mark.parametrize(
    ("budget", "weight", "excesses", "rises_to"),
    [
        # 100 / (6,000 x 3 x U): with U = 1 it is 55 basis points, with 0.1 555, with 0.01 5,555.
        (A_SECOND, 50, [(MEDIUM, 1.0)], 50),
        (A_SECOND, 50, [(MEDIUM, math.inf)], 50),
        (A_SECOND, 50, [(MEDIUM, 0.1)], 200),
        (A_SECOND, 200, [(MEDIUM, 0.1)], 550),
        (A_SECOND, 550, [(MEDIUM, 0.1)], 550),
        (FINE, 200, [(MEDIUM, 0.1)], 555),
        (WHOLE_PERCENTS, 200, [(MEDIUM, 0.1)], 500),
        (A_SECOND, 2_000, [(MEDIUM, 0.01)], HALF_WEIGHT),
        # A fifth more is worth a shift, and less is not, unless it comes to the half.
        (A_SECOND, 450, [(MEDIUM, 0.1)], 550),
        (A_SECOND, 460, [(MEDIUM, 0.1)], 460),
        (A_SECOND, 4_900, [(MEDIUM, 0.01)], HALF_WEIGHT),
        # Never down, never above the half.
        (A_SECOND, 1_000, [(MEDIUM, 1.0)], 1_000),
        (A_SECOND, HALF_WEIGHT, [(MEDIUM, 1.0)], HALF_WEIGHT),
        (A_SECOND, HALF_WEIGHT, [(MEDIUM, 0.0)], HALF_WEIGHT),
        # In requests.
        (Budget(requests=20, finest=10), 50, [(MEDIUM, 0.1)], 110),
        (Budget(requests=2_000), 50, [(MEDIUM, 0.5)], 200),
        # Of two members: 110 requests of 3 x (6,000 x 0.01 + 600 x 0.1), and one that nothing is known of.
        (A_SECOND, 2_000, [(MEDIUM, 0.01), (600.0, 0.1)], 3_050),
        (A_SECOND, 200, [(MEDIUM, 0.01), (600.0, math.inf)], 550),
        # Where nobody calls nothing is lost.
        (A_SECOND, 1_000, [(0.0, math.inf)], 4_000),
        (A_SECOND, 1_000, [(MEDIUM, 0.01), (0.0, math.inf)], 4_000),
        (A_SECOND, 1_000, [], 4_000),
    ],
)
def test_the_next_weight_is_what_the_highest_plausible_excess_leaves_of_the_budget(
    budget: Budget, weight: int, excesses: list[tuple[float, float]], rises_to: int
) -> None:
    assert next_weight(budget, weight, excesses) == rises_to


def test_a_budget_in_seconds_is_twenty_requests_at_least_and_one_in_requests_is_exact() -> None:
    assert [A_SECOND.at(traffic) for traffic in (0.0, SMALL, 1_200.0, MEDIUM, BUSY)] == [20, 20, 20, 100, 5_000]
    assert [Budget(requests=3, finest=10).at(traffic) for traffic in (0.0, BUSY)] == [3, 3]
    assert Budget(requests=3, seconds=60).at(BUSY) == 3


BUDGETS = st.builds(
    Budget,
    st.none() | st.integers(1, 1_000_000),
    st.integers(0, 3_600),
    st.integers(1, 10_000),
)
EXCESSES = st.lists(st.tuples(st.floats(0, 1e7), st.floats(0, 1) | st.just(math.inf)), max_size=4)


@given(BUDGETS, st.floats(0, 1e7))
def test_the_first_weight_is_something_and_never_above_the_half(budget: Budget, traffic: float) -> None:
    weight = first_weight(budget, traffic)
    assert 0 < weight <= HALF_WEIGHT
    assert weight % budget.finest == 0 or weight == HALF_WEIGHT


@given(BUDGETS, st.integers(1, HALF_WEIGHT), EXCESSES)
def test_a_weight_never_falls_or_more_than_quadruples_or_passes_the_half(
    budget: Budget, weight: int, excesses: list[tuple[float, float]]
) -> None:
    wanted = next_weight(budget, weight, excesses)
    assert weight <= wanted <= HALF_WEIGHT
    assert wanted <= max(4 * weight, budget.finest)
    assert wanted in (weight, HALF_WEIGHT) or wanted % budget.finest == 0


@given(BUDGETS, st.integers(1, HALF_WEIGHT), st.floats(1, 1e7), st.floats(0, 1), st.floats(0, 1))
def test_a_candidate_that_may_be_worse_gets_no_more(
    budget: Budget, weight: int, traffic: float, one: float, other: float
) -> None:
    better, worse = sorted((one, other))
    assert next_weight(budget, weight, [(traffic, worse)]) <= next_weight(budget, weight, [(traffic, better)])


@pytest.mark.parametrize("finest", [1, 7, 10, 30, 100, 300, 1_000, 3_000, 6_000, 10_000])
def test_a_candidate_without_fault_comes_to_the_half_whatever_the_finest_step(finest: int) -> None:
    budget, weights = Budget(finest=finest), [first_weight(Budget(finest=finest), MEDIUM)]
    while weights[-1] < HALF_WEIGHT:
        weights.append(next_weight(budget, weights[-1], [(MEDIUM, 0.001)]))
        assert weights[-1] > weights[-2], f"the ramp stands still at {weights}"
    assert len(weights) <= 8


def smallest_rise(weight: int, finest: int) -> int:
    """Return the lowest weight to which a ramp ever rises from here."""
    for paid in range(weight + 1, HALF_WEIGHT + 1):
        # So many requests of 10,000 a minute, all of which may fail for three minutes, pay for `paid` basis points.
        wanted = next_weight(Budget(requests=3 * paid, finest=finest), weight, [(10_000.0, 1.0)])
        if wanted > weight:
            return wanted
    raise AssertionError(f"the ramp never rises from {weight}")


@pytest.mark.parametrize("finest", [1, 2, 10, 100])
def test_no_ramp_has_more_steps_than_the_estimate_of_history_events_takes_it_to_have(finest: int) -> None:
    weights = [finest]
    while weights[-1] < HALF_WEIGHT:
        weights.append(smallest_rise(weights[-1], finest))
    assert len(weights) + 1 <= MOST_GUARDED_STEPS  # and the one at full weight
    assert finest > 1 or len(weights) + 1 > MOST_GUARDED_STEPS - 8
