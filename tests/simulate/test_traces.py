"""Traces: everybody meets the same requests, and they are what the scenario says."""

from typing import Any

import numpy as np
import pytest

from controller.core.document import parse
from controller.core.errors import InputError
from rampart.simulate.scenario import Scenario
from rampart.simulate.traces import Traces, draw


def a_scenario(**overrides: Any) -> Scenario:
    """Return a function with 100 requests a second of which one in a thousand fails."""
    values = {"requests_per_second": 100, "base_failure_rate": 0.001, "horizon_minutes": 20}
    return parse(Scenario, values | overrides, "the scenario")


def some_traces(rollouts: int = 40, **overrides: Any) -> Traces:
    """Return traces of that function."""
    return draw(a_scenario(**overrides), rollouts, seed=1, name="story")


def test_a_good_release_meets_exactly_the_traffic_of_the_bad_one() -> None:
    bad, good = some_traces(regression=0.5), some_traces()
    assert bad.regressed.sum() > 0
    assert good.regressed.sum() == 0
    for field in ("requests", "shared", "chances", "visible_seconds", "phase_seconds", "begin_steps"):
        assert (getattr(bad, field) == getattr(good, field)).all(), field


def test_the_same_seed_and_name_draw_the_same() -> None:
    scenario = a_scenario()
    first, again = draw(scenario, 3, 1, "a"), draw(scenario, 3, 1, "a")
    assert (first.requests == again.requests).all()
    for other in (draw(scenario, 3, 2, "a"), draw(scenario, 3, 1, "b")):
        assert (first.requests != other.requests).any()


def test_traffic_and_failures_are_as_many_as_the_scenario_says() -> None:
    traces = some_traces(400, regression=0.1, diurnal=0, noise=0)
    requests = traces.requests.sum()
    assert requests == pytest.approx(400 * 20 * 6_000, rel=0.001)
    assert traces.shared.sum() == pytest.approx(0.001 * requests, rel=0.02)
    assert traces.regressed.sum() == pytest.approx(0.1 * requests, rel=0.002)


def test_a_total_break_fails_every_request_and_none_twice() -> None:
    traces = some_traces(regression=1.0)
    assert (traces.shared + traces.regressed == traces.requests).all()


def test_a_burst_is_three_minutes_long_and_begins_in_the_first_ten() -> None:
    traces = some_traces(burst={"failure_rate": 0.2})
    is_on = traces.shared > 0.05 * traces.requests
    assert set(is_on.sum(axis=1).tolist()) == {18}
    assert not is_on[:, 13 * 6 :].any()


def test_a_late_onset_spares_the_minutes_before() -> None:
    traces = some_traces(regression=0.5, onset_minutes=6)
    assert traces.regressed[:, : 6 * 6].sum() == 0
    assert (traces.regressed[:, 6 * 6 :] > 0).all()


def test_over_dispersion_keeps_the_mean_and_spreads_the_minutes() -> None:
    even, uneven = (some_traces(300, base_failure_rate=0.01, overdispersion_shape=shape) for shape in (0, 0.5))
    assert uneven.shared.sum() == pytest.approx(even.shared.sum(), rel=0.1)
    assert uneven.of_minutes(uneven.shared).std() > 3 * even.of_minutes(even.shared).std()


def test_cloudwatch_shows_a_minute_as_late_as_the_scenario_says() -> None:
    traces = some_traces(missing_share=0.2, late_share=0.5, late_seconds=200)
    after_end = traces.visible_seconds - 60 * np.arange(1, 21)
    shown = np.isfinite(after_end)
    assert 0.1 < 1 - shown.mean() < 0.3
    assert after_end[shown].min() >= 30
    assert after_end[shown].max() <= 120
    lateness = traces.complete_seconds[shown] - traces.visible_seconds[shown]
    assert set(np.round(lateness, 6).tolist()) == {0, 200}


def test_clusters_leave_the_failure_rate_as_it_is() -> None:
    traces = some_traces(300, cluster=30, base_failure_rate=0.01)
    assert 30 * traces.shared.sum() == pytest.approx(0.01 * traces.requests.sum(), rel=0.05)


@pytest.mark.parametrize(
    ("field", "value", "line"),
    [
        ("regression", 1.5, "the scenario: regression: input should be less than or equal to 1, not 1.5"),
        (
            "delay_seconds",
            [120, 30],
            "write two numbers of seconds from 0 to 3600, the lower one first, not a list",
        ),
        ("step_seconds", 7, "step_seconds: write a divisor of 60, not 7"),
        ("burts", {}, "the scenario: burts: unknown field; did you mean 'burst'?"),
        ("cluster", 2_000, "the scenario: cluster: 2000 are more than the requests of a step"),
    ],
)
def test_what_cannot_be_simulated_is_refused_in_one_line(field: str, value: Any, line: str) -> None:
    with pytest.raises(InputError) as refused:
        a_scenario(**{field: value})
    assert line in str(refused.value)
