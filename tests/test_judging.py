"""Candidates judged by what they serve: the real state machine and tasks, a strict CloudWatch, even traffic."""

from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from controller.core.decision import Decision
from controller.core.deployment import Deployment, Status, Transition
from controller.core.looks import history_events
from tests.engine.traffic import Traffic
from tests.engine.walker import Execution, definition
from tests.engine.world import World

BASE = 0.001
"""The share of requests that the baseline fails."""


def failing(rate: float) -> Callable[[str], float]:
    """Return a candidate that fails a share of its requests."""
    return lambda version: BASE if version == "1" else rate


def compared(strategy: Any = "guarded", **fields: Any) -> World:
    """Return a world whose target compares versions and names no alarm."""
    world = World()
    world.function()
    world.target(strategy=strategy, **({"comparison": {}} | fields))
    return world


def deploy(world: World, per_minute: float, rate: float, minutes: int = 90) -> Deployment:
    """Let a candidate that fails a share of its requests meet traffic that was there before, to its end."""
    if per_minute:
        Traffic(world, per_minute, failing(rate)).past().flow(minutes)
    return world.record(world.push(world.upload()).name)


def minutes_between(one: datetime, other: datetime | None) -> float:
    """Return the minutes from one moment to another."""
    assert other is not None
    return (other - one).total_seconds() / 60


def minutes_to_full_weight(record: Deployment) -> float:
    """Return the minutes from the first shift to the last."""
    return minutes_between(record.shifts[0].at, record.shifts[-1].at)


def test_a_good_release_ramps_by_its_budget_and_is_promoted_in_the_time_of_a_linear_one() -> None:
    record = deploy(compared(), 6_000, BASE)
    assert record.status is Status.PROMOTED
    weights = [made.weight for made in record.shifts]
    assert weights[0] == 55
    assert weights[-2:] == [5_000, 10_000]
    assert all(later <= 4 * earlier for earlier, later in pairwise(weights[:-1]))
    assert 8.5 <= minutes_to_full_weight(record) <= 9.5


def test_a_total_break_costs_about_a_second_of_traffic() -> None:
    record = deploy(compared(), 6_000, 1.0)
    assert record.status is Status.ROLLED_BACK
    assert [made.weight for made in record.shifts] == [55]
    seconds = minutes_between(record.shifts[0].at, record.ended_at) * 60
    assert seconds * 55 / 10_000 < 1.5
    assert record.refused


def test_a_release_that_fails_a_fiftieth_of_its_requests_is_rolled_back_at_a_fiftieth_of_the_traffic() -> None:
    record = deploy(compared(), 6_000, 0.02)
    assert record.status is Status.ROLLED_BACK
    assert record.shifts[-1].weight <= 220


def test_the_reason_has_the_counts_of_both_versions() -> None:
    record = deploy(compared(), 6_000, 0.5)
    assert record.reason == (
        "step 1: checkout version 2 fails more than version 1: 33 of 66 requests (50%) failed against 12 of 11,934 "
        "requests (0.101%) in the same 2 minutes; the odds that it is worse are 451 to 1, and 100 to 1 is enough"
    )


def test_a_release_as_flaky_as_its_baseline_is_promoted() -> None:
    world = compared("Linear10PercentEvery1Minute")
    Traffic(world, 600, lambda version: 0.2).past().flow(60)
    assert world.push(world.upload()).status == "SUCCEEDED"


def test_a_trouble_that_both_versions_share_holds_and_rolls_nothing_back() -> None:
    world = compared("Linear10PercentEvery1Minute")
    traffic = Traffic(world, 600, lambda version: BASE).past().flow(60)
    world.at(150, lambda: setattr(traffic, "failing", lambda version: 0.3))
    world.at(450, lambda: setattr(traffic, "failing", lambda version: BASE))
    execution = world.push(world.upload())
    assert execution.status == "SUCCEEDED"
    reasons = [event.reason for event in world.ports.deployments.events(execution.name)]
    assert any("both versions are in trouble, and not checkout version 2 alone" in reason for reason in reasons)
    assert minutes_to_full_weight(world.record(execution.name)) > 12


def test_a_named_strategy_keeps_its_times_when_all_is_well() -> None:
    record = deploy(compared("Linear10PercentEvery1Minute"), 6_000, BASE)
    moments = [made.at for made in record.shifts[1:]]
    assert {minutes_between(*pair) for pair in pairwise(moments)} == {1.0}
    assert minutes_to_full_weight(record) <= 10


def test_weights_that_are_compared_change_when_a_minute_begins() -> None:
    record = deploy(compared({"exponential": {"factor": "5%", "duration": "10m"}}), 600, BASE)
    assert [made.at.second for made in record.shifts[1:]] == [0] * 5


def test_a_function_that_is_asked_once_a_minute_is_judged_against_its_own_past() -> None:
    record = deploy(compared(), 1, 1.0)
    assert record.status is Status.ROLLED_BACK
    assert "3 of 3 requests (100%) failed" in record.reason


def test_requests_that_do_not_come_hold_a_step_and_are_no_success() -> None:
    world = compared("Canary10Percent5Minutes", max_hold="30m")
    Traffic(world, 60).past()
    record = world.record(world.push(world.upload()).name)
    assert record.status is Status.ROLLED_BACK
    assert record.reason.startswith(
        "step 1/2: nobody has approved within 1d, still unclear after a hold of 30m: checkout version 2 has served "
        "0 requests that can be compared, and 10 are asked for"
    )
    assert not record.refused
    (asked,) = [told for told in world.ports.bus.told if "awaits approval" in told["reason"]]
    assert (asked["severity"], asked["status"]) == ("WARNING", "IN_PROGRESS")


@pytest.mark.parametrize(("policy", "status"), [("promote", Status.PROMOTED), ("roll_back", Status.ROLLED_BACK)])
def test_what_is_still_unclear_after_a_hold_goes_as_its_target_says(policy: str, status: Status) -> None:
    world = compared("Canary10Percent5Minutes", max_hold="30m", when_unclear=policy)
    Traffic(world, 60).past()
    assert world.record(world.push(world.upload()).name).status is status


def test_a_function_that_nobody_calls_is_promoted_without_evidence() -> None:
    world = compared("Canary10Percent5Minutes")
    record = world.record(world.push(world.upload()).name)
    assert record.status is Status.PROMOTED
    assert "without evidence: checkout version 2 has served 0 requests" in record.reason


def test_failures_that_the_application_handles_are_seen_in_its_own_metric() -> None:
    own = {
        "name": "orders",
        "namespace": "Shop",
        "requests": "Requests",
        "failures": "Failures",
        "version_dimension": "version",
    }
    world = compared(comparison={"metrics": [own]})
    Traffic(world, 6_000, failing(0.3), handled="Shop").past().flow(60)
    record = world.record(world.push(world.upload()).name)
    assert record.status is Status.ROLLED_BACK
    assert "failed (orders)" in record.reason


def test_a_slower_release_is_held_and_told_of() -> None:
    world = compared("Linear10PercentEvery1Minute", max_hold="10m", when_unclear="roll_back")
    Traffic(world, 6_000, duration_ms=lambda version: 100.0 if version == "1" else 130.0).past().flow(60)
    record = world.record(world.push(world.upload()).name)
    assert record.status is Status.ROLLED_BACK
    assert "checkout version 2 is slower than version 1: " in record.reason
    assert "requests (100%) took more than 100 ms against 0 of " in record.reason


def test_metrics_that_cannot_be_read_hold_and_never_pass() -> None:
    world = compared("Canary10Percent5Minutes", max_hold="10m", when_unclear="promote")
    traffic = Traffic(world, 600).past().flow(60)
    assert traffic

    def unreadable(operation: str, moment: str) -> None:
        if operation == "GetMetricData" and world.clock.now() - began > 60:
            raise TimeoutError("CloudWatch does not answer")

    began = world.clock.now()
    world.fault = unreadable
    record = world.record(world.push(world.upload()).name)
    assert record.status is Status.ROLLED_BACK


def test_one_read_of_the_metrics_is_enough_for_a_look() -> None:
    world = compared()
    members = [{"function": name} for name in ("checkout", "basket", "search")]
    for name in ("basket", "search"):
        world.function(name)
    world.target(strategy="Canary10Percent5Minutes", comparison={}, members=members)
    for name in ("checkout", "basket", "search"):
        Traffic(world, 600, function=name).past().flow(30)
    reads: list[str] = []
    world.fault = lambda operation, moment: (
        reads.append(world.lambdas.caller) if (operation, moment) == ("GetMetricData", "before") else None
    )
    execution = world.push(world.upload())
    assert execution.status == "SUCCEEDED"
    looks = execution.path.count("Judge")
    assert len([caller for caller in reads if caller.startswith("Judge")]) == looks
    assert len(reads) == looks + 2


@pytest.mark.parametrize("strategy", ["AllAtOnce", "Canary10Percent5Minutes"])
def test_a_rule_waits_for_the_requests_that_are_usual_with_or_without_a_comparison(strategy: str) -> None:
    rules = [{"metric": "error_rate", "above": "5%"}]
    world = compared(strategy, comparison=False, rules=rules, max_hold="10m", when_unclear="roll_back")
    Traffic(world, 600).past()
    record = world.record(world.push(world.upload()).name)
    assert record.status is Status.ROLLED_BACK
    assert "rule error_rate above 5%: too few requests of checkout version 2 to tell" in record.reason


def test_a_rule_asks_nothing_of_a_function_that_nobody_calls() -> None:
    world = compared("AllAtOnce", comparison=False, rules=[{"metric": "error_rate", "above": "5%"}])
    assert world.push(world.upload()).status == "SUCCEEDED"


def transitions(execution: Execution) -> int:
    """Return how many states an execution entered, each retry counted, as Step Functions bills them."""
    tasks = sum(1 for name in execution.path if definition()["States"][name]["Type"] == "Task")
    return len(execution.path) + execution.attempts - tasks


def events(execution: Execution) -> int:
    """Return how many events the history of an execution has.

    Source: Step Functions API reference, HistoryEvent: a task is entered, scheduled, started, ended and exited, a
    callback submitted besides, each retry scheduled, started and failed; another state is entered and exited.
    """
    number = 2  # of the execution itself
    for name in execution.path:
        state = definition()["States"][name]
        number += 2 if state["Type"] != "Task" else 6 if name == "Bake" else 5
    return number + 3 * (transitions(execution) - len(execution.path))


def test_ten_steps_of_a_minute_take_fewer_than_sixty_transitions() -> None:
    world = compared("Linear10PercentEvery1Minute")
    Traffic(world, 600, failing(BASE)).past().flow(60)
    execution = world.push(world.upload())
    assert execution.status == "SUCCEEDED"
    assert len(world.record(execution.name).shifts) == 10
    assert transitions(execution) < 60


def test_a_bake_of_seven_days_leaves_fewer_than_eight_thousand_events() -> None:
    world = compared("Canary10Percent9999Minutes", final_bake="1h")
    execution = world.push(world.upload())
    assert execution.status == "SUCCEEDED"
    plan = world.record(execution.name).plan
    assert plan is not None
    assert events(execution) < 8_000
    assert events(execution) <= history_events(plan, 60)


def test_a_guarded_ramp_stays_within_the_history_that_was_planned_for() -> None:
    world = compared({"guarded": {"budget": 20}})
    Traffic(world, 6_000, failing(BASE)).past().flow(200)
    execution = world.push(world.upload())
    plan = world.record(execution.name).plan
    assert execution.status == "SUCCEEDED"
    assert plan is not None
    assert events(execution) <= history_events(plan, 60)


def test_a_hold_for_requests_is_no_news() -> None:
    world = compared()
    Traffic(world, 6_000, failing(BASE)).past().flow(60)
    execution = world.push(world.upload())
    judged = [e for e in world.ports.deployments.events(execution.name) if e.transition is Transition.JUDGED]
    assert Decision.HOLD.value not in [event.evidence["decision"] for event in judged]
