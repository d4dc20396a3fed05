"""The split of an alias: binomial at any weight, and the same luck for every weight."""

import itertools
import math

import numpy as np
import pytest

from rampart.simulate.split import thinned

CHANCES = np.linspace(0.0005, 0.9995, 1_000)


def binomial_quantile(counts: int, share: float, chance: float) -> int:
    """Return the smallest number whose cumulative probability reaches `chance`."""
    total, odds = 0.0, math.log(share / (1 - share))
    for number in range(counts + 1):
        ways = math.lgamma(counts + 1) - math.lgamma(number + 1) - math.lgamma(counts - number + 1)
        total += math.exp(ways + number * odds + counts * math.log1p(-share))
        if total >= chance:
            return number
    return counts


def split(counts: int, share: float) -> list[int]:
    """Return how many reach the candidate, for every chance."""
    found: list[int] = thinned(np.full(len(CHANCES), counts), share, CHANCES).tolist()
    return found


@pytest.mark.parametrize(
    ("counts", "share"), [(1, 0.5), (7, 0.3), (60, 0.5), (500, 0.02), (40, 0.9), (9_000, 0.003)]
)
def test_few_requests_split_exactly_as_the_binomial_says(counts: int, share: float) -> None:
    assert split(counts, share) == [binomial_quantile(counts, share, chance) for chance in CHANCES]


@pytest.mark.parametrize(("counts", "share"), [(400, 0.1), (1_000, 0.5), (5_000, 0.02), (2_000, 0.9)])
def test_many_requests_split_to_less_than_one_beside_it(counts: int, share: float) -> None:
    exact = [binomial_quantile(counts, share, chance) for chance in CHANCES]
    assert max(abs(a - b) for a, b in zip(split(counts, share), exact, strict=True)) <= 1


def test_all_of_the_traffic_or_none_leaves_nothing_to_chance() -> None:
    assert set(split(1_000, 0.0)) == {0}
    assert set(split(1_000, 1.0)) == {1_000}


@pytest.mark.parametrize("counts", [5, 100, 3_000])
def test_more_weight_never_takes_requests_away(counts: int) -> None:
    by_weight = [split(counts, weight) for weight in (0.001, 0.01, 0.1, 0.3, 0.5, 0.9, 1.0)]
    for less, more in itertools.pairwise(by_weight):
        assert all(a <= b for a, b in zip(less, more, strict=True))
