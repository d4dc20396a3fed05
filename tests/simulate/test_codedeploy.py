"""CodeDeploy's way, as its user guide describes it."""

import numpy as np
import pytest

from rampart.simulate import codedeploy, flagger
from rampart.simulate.codedeploy import ANY_FAILURE, CANARY, LINEAR, ORDINARY, Alarm, Ramp
from tests.simulate.test_traces import some_traces

NEVER = Alarm(1.0)
"""A failure rate is never above 1."""


def test_linear_shifts_ten_percent_at_the_start_of_each_minute_and_the_last_part_after_nine() -> None:
    assert LINEAR.weights == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
    assert CANARY.weights == (0.1,) * 5
    traces = some_traces(regression=1.0, base_failure_rate=0)
    watched = codedeploy.watch(traces, LINEAR)
    for rollout in range(traces.rollouts):
        begin = int(traces.begin_steps[rollout])
        shares = watched.regressed[rollout] / traces.requests[rollout, : watched.regressed.shape[1]]
        assert (shares[:begin] == 0).all()
        by_minute = shares[begin : begin + 54].reshape(9, 6).mean(axis=1)
        assert by_minute == pytest.approx(LINEAR.weights, abs=0.03)
        assert (shares[begin + 54 :] == 1).all()


@pytest.mark.parametrize(("ramp", "minutes"), [(LINEAR, 9.0), (CANARY, 5.0)])
def test_a_release_that_nobody_stops_is_promoted_when_all_is_shifted(ramp: Ramp, minutes: float) -> None:
    found = codedeploy.watch(some_traces(), ramp).under(ORDINARY)
    assert set(found.promoted.tolist()) == {minutes}
    assert not found.is_rolled_back.any()


def test_who_never_rolls_back_pays_for_the_whole_regression() -> None:
    traces = some_traces(regression=0.3)
    watched = codedeploy.watch(traces, LINEAR)
    found = watched.under(NEVER)
    rest = traces.regressed[:, watched.regressed.shape[1] :].sum(axis=1)
    assert (found.failed == watched.regressed.sum(axis=1) + rest).all()
    assert found.failed_by_minute[-1] == pytest.approx(found.failed.mean())
    at_once = codedeploy.watch(traces, Ramp("all at once", ())).under(NEVER)
    late = np.arange(traces.steps) >= traces.begin_steps[:, None]
    assert (at_once.failed == (traces.regressed * late).sum(axis=1)).all()


def test_the_alias_is_back_at_the_step_after_the_first_evaluation_that_sees_a_breach() -> None:
    traces = some_traces(regression=1.0, base_failure_rate=0)
    found = codedeploy.watch(traces, CANARY).under(ANY_FAILURE)
    shown = traces.visible_seconds.min(axis=1)
    evaluated = traces.phase_seconds + 60 * np.ceil((shown - traces.phase_seconds) / 60)
    back = (np.floor(evaluated / 10) + 1) * 10
    assert found.rolled_back == pytest.approx((back - 10 * traces.begin_steps) / 60)


def test_three_out_of_three_takes_longer_than_one_and_a_minute_without_requests_is_no_datapoint() -> None:
    traces = some_traces(regression=1.0)
    watched = codedeploy.watch(traces, LINEAR)
    once, thrice = watched.under(Alarm(0.05, 1, 1)), watched.under(Alarm(0.05, 3, 3))
    assert (once.rolled_back < thrice.rolled_back).all()
    assert once.failed.mean() < thrice.failed.mean()
    silent = some_traces(missing_share=1.0, regression=1.0)
    assert not codedeploy.watch(silent, LINEAR).under(ANY_FAILURE).is_rolled_back.any()


def test_no_alarm_counts_any_more_when_all_is_shifted() -> None:
    traces = some_traces(regression=1.0, onset_minutes=9.9)
    for ramp in (LINEAR, CANARY):
        assert not codedeploy.watch(traces, ramp).under(ORDINARY).is_rolled_back.any()


@pytest.mark.parametrize("regression", [1.0, 0.1, 0.01])
def test_the_oracle_is_no_worse_than_any_configuration_that_spares_the_good_release(regression: float) -> None:
    bad, good = some_traces(regression=regression), some_traces()
    best = codedeploy.oracle(bad, good)
    assert best.false_share <= codedeploy.MOST_FALSE
    assert len(list(codedeploy.configurations())) == 44
    for configuration in codedeploy.configurations():
        if codedeploy.play(good, configuration).is_rolled_back.mean() <= codedeploy.MOST_FALSE:
            assert best.outcomes.failed.mean() <= codedeploy.play(bad, configuration).failed.mean()


def test_flagger_rolls_back_at_the_interval_after_the_failed_checks_that_it_counts_to() -> None:
    traces = some_traces(regression=1.0)
    assert set(flagger.play(traces, 1).rolled_back.tolist()) == {2.0}
    assert set(flagger.play(traces, 5).rolled_back.tolist()) == {6.0}


def test_flagger_promotes_a_good_release_after_six_minutes_and_takes_silence_for_failure() -> None:
    assert set(flagger.play(some_traces(), 1).promoted.tolist()) == {6.0}
    assert flagger.play(some_traces(requests_per_second=0.001), 5).is_rolled_back.all()


def test_flagger_leaves_what_it_promoted_failing() -> None:
    traces = some_traces(regression=0.005, base_failure_rate=0)
    found = flagger.play(traces, 1)
    promoted = ~np.isnan(found.promoted)
    assert promoted.any()
    late = np.arange(traces.steps) >= traces.begin_steps[:, None] + 36
    assert (found.failed >= (traces.regressed * late).sum(axis=1))[promoted].all()
