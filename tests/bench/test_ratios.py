"""Ratios and their intervals."""

import math

import numpy as np
import pytest

from bench.ratios import geometric_mean, mean, ratio, resampled_means, share


def test_the_interval_of_a_mean_is_about_two_standard_errors_wide_each_way() -> None:
    values = np.random.default_rng(1).normal(10, 2, 400)
    found = mean(resampled_means([values], 1)[0])
    assert found.value == pytest.approx(values.mean())
    assert found.high - found.low == pytest.approx(2 * 1.96 * 2 / 20, rel=0.15)


def test_what_two_policies_share_does_not_widen_the_interval_of_their_ratio() -> None:
    luck = np.random.default_rng(1).lognormal(0, 1, 400)
    found = ratio(*resampled_means([luck, 2 * luck], 1))
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5))


def test_a_geometric_mean_weighs_halves_and_doubles_alike() -> None:
    rows = [resampled_means([np.full(10, a), np.full(10, b)], 1) for a, b in ((1.0, 2.0), (2.0, 1.0))]
    assert geometric_mean([row[0] for row in rows], [row[1] for row in rows]).value == pytest.approx(1)


def test_no_event_in_many_rollouts_still_leaves_room_above() -> None:
    # Wilson's interval for 0 of n reaches to z^2 / (n + z^2).
    found = share(0, 1_000)
    assert found.value == 0
    assert found.low == pytest.approx(0, abs=1e-12)
    assert found.high == pytest.approx(1.96**2 / (1_000 + 1.96**2), rel=1e-3)
    assert math.isnan(share(0, 0).value)
