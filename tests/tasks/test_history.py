"""Plan, where versions are compared: it reads a week of traffic, and refuses what cannot go by the evidence."""

from typing import Any

import pytest

from controller.core.criteria import Then
from controller.core.deployment import Deployment, Status
from tests.engine.faults import THROTTLE, Fault, always
from tests.engine.traffic import Traffic
from tests.engine.world import World
from tests.tasks.walks import arrive, holder

COUNTS = {
    "name": "orders",
    "namespace": "Shop",
    "version_dimension": "version",
    "requests": "Requests",
    "failures": "Failures",
}


def planned(world: World, artifact: Any = None, **fields: Any) -> Deployment:
    """Return the record of a deployment that has just been planned, of a target that is compared."""
    world.target(**({"comparison": {}, "strategy": "Canary10Percent5Minutes"} | fields))
    return world.record(arrive(world, "Publish").name)


def test_what_was_usual_is_recorded_before_anything_moves(world: World) -> None:
    Traffic(world, 60, lambda version: 0.01).past()
    record = planned(world)
    (member,) = record.members
    # Of this hour and the one before it, the story has the minutes; of the rest of the week, the hours.
    assert member.requests_per_minute == 60
    assert member.requests_last_week == pytest.approx(7 * 24 * 3_600, rel=0.02)
    errors, slow = record.subjects
    assert errors.name == "errors"
    assert errors.usual.rate == pytest.approx(0.01, rel=0.02)
    assert errors.usual.requests == pytest.approx(24 * 3_600, rel=0.1)
    assert (slow.name, slow.slow_ms, slow.then) == ("slowness", 10, Then.HOLD)
    assert record.expects_evidence
    week = f"{member.requests_last_week:,.0f}"
    assert record.reason == (
        "planned Canary10Percent5Minutes: 10% for 5m, 100% for 5m; "
        f"compared with the baseline, at the {week} requests of the last week"
    )


def test_of_a_function_that_nobody_calls_no_evidence_is_expected_and_the_plan_says_so(world: World) -> None:
    record = planned(world)
    assert not record.expects_evidence
    assert [subject.name for subject in record.subjects] == ["errors"]
    assert record.reason.endswith(
        "; without evidence, because the 0 requests of the last week are too few to compare by"
    )


def test_what_nobody_calls_is_promoted_without_evidence_and_the_end_says_so(world: World) -> None:
    world.target(comparison={}, strategy="Canary10Percent5Minutes")
    execution = world.push(world.upload())
    assert world.record(execution.name).status is Status.PROMOTED
    judged = [e.reason for e in world.ports.deployments.events(execution.name) if e.transition == "JUDGED"]
    assert "without evidence: checkout version 2 has served 0 requests" in judged[0]


def test_the_terms_are_those_of_the_start_whatever_becomes_of_the_target(world: World) -> None:
    record = planned(
        world,
        comparison={"min_failures": 7, "slower": "ignore"},
        rules=[{"metric": "error_rate", "above": "5%"}],
        when_unclear="promote",
        max_hold="10m",
    )
    assert record.comparison is not None
    assert (record.comparison.min_failures, record.when_unclear, record.max_hold_seconds) == (7, "promote", 600)
    assert [str(rule) for rule in record.rules] == ["error_rate above 5%"]
    assert record.approval_seconds == 86_400


def test_an_applications_own_counts_are_compared_too(world: World) -> None:
    Traffic(world, 60, lambda version: 0.02, handled="Shop").past()
    record = planned(world, comparison={"metrics": [COUNTS]})
    assert [subject.name for subject in record.subjects] == ["errors", "orders", "slowness"]
    assert record.subjects[0].usual.failures == 0
    assert record.subjects[1].usual.rate == pytest.approx(0.02, rel=0.02)


@pytest.mark.parametrize(
    ("per_minute", "guarded", "weight"),
    [
        (6_000, {}, 55),
        (6_000, {"smallest_weight": "1%"}, 100),
        (6_000, {"budget": 1_000}, 555),
        (60, {}, 1_111),
        (6, {}, 5_000),
    ],
)
def test_a_guarded_ramp_starts_at_what_the_traffic_of_late_makes_of_its_budget(
    world: World, per_minute: float, guarded: dict[str, Any], weight: int
) -> None:
    Traffic(world, per_minute).past(3)
    record = planned(world, strategy={"guarded": guarded})
    assert [step.weight for step in record.steps] == [weight, 10_000]
    assert f"planned guarded: {weight / 100:g}% first, then what the evidence pays for" in record.reason


def test_a_guarded_ramp_that_nobody_calls_starts_at_the_half(world: World) -> None:
    assert [step.weight for step in planned(world, strategy="guarded").steps] == [5_000, 10_000]


def test_a_request_for_a_guarded_ramp_without_a_comparison_is_refused(world: World) -> None:
    world.target(comparison=False)
    request = {"target": "checkout", "artifact": world.upload().model_dump(), "strategy": "guarded"}
    execution = world.run("by-hand", request)
    assert execution.error == "Rejected"
    assert execution.cause == (
        "execution input: strategy: target checkout has its comparison off, which it goes by"
    )
    assert holder(world) is None


def test_a_target_with_a_guarded_ramp_and_no_comparison_is_refused(world: World) -> None:
    world.target(comparison=False, strategy="guarded")
    cause = world.run("by-hand", {"target": "checkout", "artifact": world.upload().model_dump()}).cause
    assert cause.endswith("comparison: the guarded strategy goes by it; leave it on, or write another strategy")


@pytest.mark.parametrize(
    ("fields", "asks"),
    [
        ({"comparison": False}, False),
        ({"comparison": {}, "strategy": "AllAtOnce"}, False),
        ({"comparison": {}}, True),
    ],
    ids=["comparison off", "all at once", "compared"],
)
def test_metrics_are_read_only_where_there_is_something_to_compare(
    world: World, fields: dict[str, Any], asks: bool
) -> None:
    world.fault = always("GetMetricData")
    world.target(**fields)
    execution = world.push(world.upload())
    assert (execution.error == "Rejected") is asks
    assert ("not authorized" in execution.cause) is asks


def test_a_passing_trouble_of_the_metrics_does_not_end_a_deployment_at_its_start(world: World) -> None:
    world.target(comparison={})
    world.fault = Fault(1, error=THROTTLE, operation="GetMetricData")
    assert world.push(world.upload()).status == "SUCCEEDED"


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({}, 180),
        ({"comparison": False}, 60),
        ({"final_bake": "1m"}, 60),
        ({"strategy": "AllAtOnce"}, 300),
        ({"strategy": "Canary10Percent5Minutes"}, 300),
    ],
    ids=["compared", "comparison off", "said so", "all at once", "longer anyway"],
)
def test_the_final_bake_waits_for_the_last_minutes_that_can_be_compared(
    world: World, fields: dict[str, Any], seconds: int
) -> None:
    record = planned(world, **({"strategy": "Linear50PercentEvery1Minute"} | fields))
    assert record.steps[-1].bake_seconds == seconds
