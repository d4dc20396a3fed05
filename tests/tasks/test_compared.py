"""Deployments whose versions are compared, from the event to the end, over the metrics of their traffic."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from controller.core.deployment import Status
from tests.engine import walker
from tests.engine.faults import THROTTLE, always
from tests.engine.traffic import Traffic
from tests.engine.world import World
from tests.tasks.walks import arrive, resume

COUNTS = {
    "name": "orders",
    "namespace": "Shop",
    "version_dimension": "version",
    "requests": "Requests",
    "failures": "Failures",
}
LINEAR = "Linear10PercentEvery1Minute"


def share(of_candidate: float, of_baseline: float = 0.001) -> Callable[[str], float]:
    """Return the share of its requests that a version fails."""
    return lambda version: of_candidate if version == "2" else of_baseline


def deployed(
    world: World, failing: Callable[[str], float], per_minute: float = 600, **fields: Any
) -> walker.Execution:
    """Deploy a candidate without any alarm into steady traffic, and return its execution when it has ended."""
    traffic = {name: fields.pop(name) for name in ("handled", "duration_ms") if name in fields}
    world.target(**({"comparison": {}, "strategy": LINEAR} | fields))
    Traffic(world, per_minute, failing, **traffic).past().flow(120)
    return world.push(world.upload())


def reasons(world: World, execution: walker.Execution, transition: str = "JUDGED") -> list[str]:
    """Return what teams were told of a deployment's looks."""
    told = world.ports.deployments.events(execution.name)
    return [event.reason for event in told if event.transition == transition]


def test_a_candidate_that_fails_is_rolled_back_with_both_versions_counts(world: World) -> None:
    execution = deployed(world, share(0.2))
    assert execution.error == "RolledBack"
    record = world.record(execution.name)
    assert (world.alias(), record.status, record.refused) == ("version 1", Status.ROLLED_BACK, True)
    assert execution.cause.startswith("step 2/10: checkout version 2 fails more than version 1: ")
    assert " requests (20%) failed against " in execution.cause
    assert execution.cause.endswith(" to 1, and 100 to 1 is enough")
    assert world.ports.deployments.tried("checkout", record.what).refused_by == execution.name


def test_a_candidate_as_flaky_as_its_baseline_is_promoted_when_code_deploy_would(world: World) -> None:
    execution = deployed(world, share(0.02, 0.02))
    assert execution.status == "SUCCEEDED"
    shifts = world.record(execution.name).shifts
    assert [made.weight for made in shifts] == list(range(1_000, 11_000, 1_000))
    # The first step takes until the minute after next begins, and the others a minute each.
    assert (shifts[-1].at - shifts[0].at).total_seconds() <= 10 * 60


def test_a_candidate_that_answers_its_failures_itself_is_rolled_back_by_its_own_counts(world: World) -> None:
    counted = {"metrics": [COUNTS]}
    execution = deployed(world, share(0.3, 0.02), handled="Shop", comparison=counted)
    assert execution.error == "RolledBack"
    assert "failed (orders) against" in execution.cause


def test_without_its_own_counts_such_a_candidate_looks_well(world: World) -> None:
    assert deployed(world, share(0.3, 0.02), handled="Shop").status == "SUCCEEDED"


def test_trouble_that_both_versions_have_is_held_in_words_and_rolls_nothing_back(world: World) -> None:
    began = world.clock.now() + 180
    trouble: Callable[[str], float] = lambda version: 0.3 if began <= world.clock.now() < began + 600 else 0.001  # noqa: E731
    execution = deployed(world, trouble)
    assert execution.status == "SUCCEEDED"
    held = [reason for reason in reasons(world, execution) if "both versions are in trouble" in reason]
    assert len(held) == 1  # it is told once
    assert "and not checkout version 2 alone" in held[0]


def test_a_guarded_ramp_rises_by_evidence_and_is_promoted(world: World) -> None:
    execution = deployed(world, share(0.001), 6_000, strategy="guarded")
    assert execution.status == "SUCCEEDED"
    weights = [made.weight for made in world.record(execution.name).shifts]
    assert weights[0] == 55
    assert weights[-2:] == [5_000, 10_000]
    rises = list(itertools.pairwise(weights[:-1]))
    assert all(before < here <= 4 * before for before, here in rises)
    assert len(weights) < 12


def test_a_guarded_ramp_costs_a_broken_release_about_its_budget(world: World) -> None:
    execution = deployed(world, share(1.0), 6_000, strategy="guarded")
    assert execution.error == "RolledBack"
    record = world.record(execution.name)
    assert [made.weight for made in record.shifts] == [55]
    assert record.verdict is not None
    assert record.verdict.evidence["comparisons"][0]["candidate"]["failures"] <= 100


def test_a_slower_candidate_is_held_for_a_person_and_told_once(world: World) -> None:
    execution = deployed(
        world,
        share(0.001),
        duration_ms=lambda version: 90.0 if version == "2" else 10.0,
        strategy="Canary10Percent10Minutes",
        max_hold="10m",
        when_unclear="roll_back",
    )
    assert execution.error == "RolledBack"
    assert "still unclear after a hold of 10m: checkout version 2 is slower than version 1" in execution.cause
    assert not world.record(execution.name).refused
    assert len([reason for reason in reasons(world, execution) if "is slower" in reason]) == 2  # held, and ended


def test_metrics_that_cannot_be_read_for_good_roll_back_when_the_hold_is_over(world: World) -> None:
    world.target(comparison={}, strategy=LINEAR, max_hold="10m")
    Traffic(world, 600).past().flow(60)
    execution = arrive(world, "Judge")
    world.fault = always("GetMetricData", THROTTLE)
    assert resume(execution).error == "RolledBack"
    assert "still unclear after a hold of 10m: the metrics could not be read" in execution.cause
    assert not world.record(execution.name).refused


def test_metrics_that_cannot_be_read_for_a_while_only_hold(world: World) -> None:
    world.target(comparison={}, strategy=LINEAR)
    Traffic(world, 600).past().flow(60)
    execution = arrive(world, "Judge")
    world.fault = always("GetMetricData", THROTTLE)
    world.at(150, lambda: setattr(world, "fault", lambda operation, moment: None))
    assert resume(execution).status == "SUCCEEDED"
    assert any("the metrics could not be read" in reason for reason in reasons(world, execution))


def test_a_role_that_may_not_read_metrics_rolls_back_at_once(world: World) -> None:
    world.target(comparison={}, strategy=LINEAR)
    Traffic(world, 600).past().flow(60)
    execution = arrive(world, "Judge")
    world.fault = always("GetMetricData")
    assert resume(execution).error == "RolledBack"
    assert "not authorized" in execution.cause


@pytest.mark.parametrize(
    ("rule", "status"),
    [
        ({"metric": "error_rate", "above": "5%"}, Status.PROMOTED),
        ({"metric": "error_rate", "above": "0.5%"}, Status.ROLLED_BACK),
        ({"metric": "error_rate", "above": "0.5%", "then": "observe"}, Status.PROMOTED),
        ({"metric": "duration", "above": "5ms", "over": "2m"}, Status.ROLLED_BACK),
    ],
    ids=str,
)
def test_a_rule_is_about_the_candidates_own_numbers(world: World, rule: dict[str, Any], status: Status) -> None:
    execution = deployed(world, share(0.02, 0.02), comparison=False, rules=[rule])
    assert world.record(execution.name).status is status


def test_requests_that_are_still_to_come_are_no_news(world: World) -> None:
    world.target(comparison={"min_requests": 100}, strategy="Canary10Percent5Minutes")
    Traffic(world, 60).past().flow(60)
    execution = world.push(world.upload())
    assert execution.status == "SUCCEEDED"
    held = (world.record(execution.name).shifts[1].at - world.record(execution.name).shifts[0].at).total_seconds()
    assert held > 15 * 60
    assert len(reasons(world, execution)) == 2  # each of its steps passed


def test_a_broken_release_of_a_function_called_once_a_minute_is_rolled_back(world: World) -> None:
    execution = deployed(world, share(1.0, 0.0), 1, strategy="guarded")
    assert execution.error == "RolledBack"
    assert "checkout version 2 fails more than version 1" in execution.cause


def test_a_member_that_has_the_artifact_already_is_neither_compared_with_itself_nor_held_to_rules(
    world: World,
) -> None:
    world.function("basket")
    members = [{"function": "checkout"}, {"function": "basket"}]
    release = world.upload()
    world.target("basket", members=members[1:], strategy="AllAtOnce")
    assert world.run("basket-first", {"target": "basket", "artifact": release.model_dump()}).status == "SUCCEEDED"
    world.target(members=members, comparison={}, strategy=LINEAR, rules=[{"metric": "error_rate", "above": "5%"}])
    for function, failing in (("checkout", 0.001), ("basket", 0.2)):  # what is live there is nobody's release
        Traffic(world, 600, share(failing, failing), function=function).past().flow(120)
    execution = world.run("both", {"target": "checkout", "artifact": release.model_dump()})
    assert execution.status == "SUCCEEDED"
    record = world.record("both")
    assert [(member.baseline, member.candidate) for member in record.members] == [("1", "2"), ("2", "2")]
    assert record.verdict
    compared = {each["candidate"]["version"] for each in record.verdict.evidence["comparisons"]}
    assert compared == {"checkout version 2"}
