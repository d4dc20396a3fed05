"""Our way in simulated traffic: the controller's own decisions, with the weights that it really writes."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from controller.core.comparison import compare
from controller.core.ramp import HALF_WEIGHT
from rampart.simulate import ours
from rampart.simulate.cloudwatch import BEGIN_MINUTE, Before
from rampart.simulate.latency import SlowScenario, alarm_minutes, draw_slow
from rampart.simulate.ours import GUARDED, Policy, target_with
from rampart.simulate.rollout import Rollout
from tests.simulate.test_traces import some_traces


def policy(strategy: str | dict[str, Any] = "Linear10PercentEvery1Minute") -> Policy:
    """Return what the controller does with a strategy."""
    return Policy(target_with(strategy))


def test_a_total_break_is_rolled_back_and_the_reason_names_both_versions() -> None:
    found = policy(GUARDED).play(some_traces(10, regression=1.0))
    assert found.is_rolled_back.all()
    assert np.isnan(found.promoted).all()
    assert all("version 2 fails more than version 1" in reason for reason in found.reasons)
    assert found.failed_by_minute[-1] == pytest.approx(found.failed.mean())


def test_a_good_release_is_promoted_and_costs_nothing() -> None:
    found = policy(GUARDED).play(some_traces(10))
    assert not found.is_rolled_back.any()
    assert (found.promoted >= 8.5).all()  # nine minutes, to the nearest one
    assert found.failed.sum() == 0


def test_who_compares_nothing_pays_for_the_whole_regression() -> None:
    traces = some_traces(5, regression=0.3)
    target = target_with("AllAtOnce").model_copy(update={"comparison": None})
    found = Policy(target).play(traces)
    since = np.arange(traces.steps) >= traces.begin_steps[:, None]
    assert found.failed.tolist() == (traces.regressed * since).sum(axis=1).tolist()
    assert found.promoted.tolist() == [0.0] * 5


def test_ours_on_codedeploys_ramp_is_charged_by_the_same_split() -> None:
    # The same weights in the same steps let the same requests through, whoever writes them.
    traces = some_traces(1, regression=0.3)
    rollout = Rollout(traces, 0)
    rollout.write_weight(0.1, 20.0)
    rollout.write_weight(0.2, 80.0)
    weights = np.array([[0.0] * 2 + [0.1] * 6 + [0.2] * (traces.steps - 8)])
    by_minute = traces.of_minutes(traces.regressed_at(weights))[0]
    assert rollout.failed_by_minute().tolist() == by_minute.tolist()
    list(rollout.shown(600.0))
    assert rollout.failed_by_minute().tolist() == by_minute.tolist()


def test_cloudwatch_never_shows_a_minute_before_its_time_and_both_versions_add_up_to_the_alias() -> None:
    traces = some_traces(1, regression=0.3, late_share=1.0, late_seconds=120)
    rollout = Rollout(traces, 0)
    rollout.write_weight(0.25, 0.0)
    early, late = list(rollout.shown(400.0)), list(rollout.shown(1_150.0))
    assert [seen.minute for seen in early] == np.flatnonzero(traces.visible_seconds[0] <= 400).tolist()
    for seen in late:
        assert (
            seen.candidate_requests + seen.baseline_requests == traces.of_minutes(traces.requests)[0, seen.minute]
        )
    final = {seen.minute: seen for seen in late}
    pending = [seen for seen in early if traces.complete_seconds[0, seen.minute] > 400]
    assert pending
    assert all(seen.candidate_failures == final[seen.minute].candidate_failures // 2 for seen in pending)


def test_weights_change_when_a_minute_begins_and_late_writes_are_on_record() -> None:
    for late in (0.0, 20.0):
        traces = some_traces(5, shift_late_seconds=[late, late])
        planned = policy(GUARDED)
        for number in range(traces.rollouts):
            driven = ours._Driven(planned._planned(traces, number), traces, number)
            driven.drive()
            later = driven.deployment.shifts[1:]
            assert later
            assert {made.at.second for made in later} == {int(late)}
            weights = [made.weight for made in driven.deployment.shifts]
            assert weights == sorted(weights)
            assert HALF_WEIGHT in weights


def test_silence_is_no_fault() -> None:
    found = policy(GUARDED).play(some_traces(5, missing_share=1.0))
    assert not found.is_rolled_back.any()


def test_plan_reads_the_traffic_of_the_minutes_before() -> None:
    traces = some_traces(1, diurnal=0, noise=0)
    planned = policy(GUARDED)._planned(traces, 0)
    assert planned.members[0].requests_per_minute == pytest.approx(6_000, rel=0.02)
    assert planned.expects_evidence
    assert planned.subjects[0].usual.rate == pytest.approx(0.001, rel=0.05)
    minutes = Before(traces, 0).read([planned.subjects[0].metrics(None)[0]], 0, 0)
    assert max(next(iter(minutes.values()))) == BEGIN_MINUTE - 1


def test_answers_that_are_slower_are_told_and_those_of_a_good_release_are_not() -> None:
    slow = draw_slow(SlowScenario(requests_per_second=50, slower=1.3), 5, 1)
    good = draw_slow(SlowScenario(requests_per_second=50), 5, 1)
    share = slow.candidate_slow.sum() / slow.candidate_requests.sum()
    assert share == pytest.approx(0.114, abs=0.01)  # of a normal: 1 - Phi(1.645 - ln(1.3) / 0.6)
    assert good.candidate_slow.sum() / good.candidate_requests.sum() == pytest.approx(0.05, abs=0.005)
    assert not np.isnan(ours.slow_minutes(slow)).any()
    assert np.isnan(ours.slow_minutes(good)).all()
    assert np.isnan(alarm_minutes(good, 3, 3)).all()


def test_an_alarm_on_the_percentile_goes_off_when_enough_minutes_in_a_row_are_high() -> None:
    good = draw_slow(SlowScenario(requests_per_second=1), 1, 1)
    times = np.array([[1.3, 1.1, 1.3, 1.3, 1.3, 1.0, 1.0, 1.0, 1.0, 1.0]])
    traces = dataclasses.replace(good, p95_times=times)
    assert alarm_minutes(traces, 1, 1).tolist() == [1]
    assert alarm_minutes(traces, 2, 3).tolist() == [3]
    assert alarm_minutes(traces, 3, 3).tolist() == [5]


def test_what_is_simulated_is_what_is_deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = []

    def eavesdropping(*arguments: Any, **named: Any) -> Any:
        heard.append(arguments)
        return compare(*arguments, **named)

    monkeypatch.setattr("controller.core.look.compare", eavesdropping)
    policy().play(some_traces(1))
    assert heard


def test_a_weight_that_would_be_written_after_the_horizon_changes_nothing_before_it() -> None:
    traces = some_traces(1, regression=0.3)
    rollout = Rollout(traces, 0)
    rollout.write_weight(1.0, 0.0)
    rollout.write_weight(0.0, 60.0 * traces.minutes)
    assert rollout.failed_by_minute().tolist() == traces.of_minutes(traces.regressed)[0].tolist()
