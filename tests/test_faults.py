"""Every single call of AWS in a story fails once, in every way, before its effect or after it.

Whatever fails, and whoever was calling, everything comes to rest: every deployment has ended, one version is behind
the alias and no weights, the right one, the claim is free, and each end was told under one id. What fails for a
moment is overcome.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from controller.core.deployment import Status
from controller.core.errors import MissingError
from tests.conftest import Tried
from tests.engine.faults import BROKEN, CRASH, DENIED, KILLED, LOST, THROTTLE, Fault, no_fault
from tests.engine.points import Point
from tests.engine.traffic import Traffic
from tests.engine.walker import Execution
from tests.engine.world import World, s3_event

FOR_A_MOMENT: dict[str, BaseException] = {"throttled": THROTTLE, "broken": BROKEN, "lost": LOST}
FOR_GOOD: dict[str, BaseException] = {"denied": DENIED, "crash": CRASH, "killed": KILLED}
"""What the task that meets them may not survive."""
MOMENTS = ("before", "after")

Story = Callable[[World], Execution]
"""Lets something happen, and returns the execution that it is about."""


def promoted(world: World) -> Execution:
    """Push a release that is good."""
    return world.push(world.upload())


def stopped_by_its_alarm(world: World) -> Execution:
    """Push a release during which an alarm fires, and says so."""
    world.at(70, lambda: world.set_alarm("errors", "ALARM"))
    return world.push(world.upload())


def found_red(world: World) -> Execution:
    """Push a release during which an alarm fires, of which nobody hears."""
    world.alarm_events = False
    return stopped_by_its_alarm(world)


def aborted(world: World) -> Execution:
    """Push a release whose execution is stopped by a person."""

    def stop() -> None:
        for name in world.ports.executions.started:
            world.stop(name)

    world.at(70, stop)
    return world.push(world.upload())


def left_behind(world: World) -> Execution:
    """Push a release whose execution is stopped by a person, of which nobody hears."""
    world.lose_status_events = True
    return aborted(world)


def superseding(world: World) -> Execution:
    """Push a release in the middle of another one's bake."""
    world.announce(s3_event(world.upload(), "event-1"))
    world.wait(70)
    return world.push(world.upload("release = 2", "checkout/2.zip"))


def compared(world: World) -> Execution:
    """Push a release that is good, and compared with its baseline."""
    return _under_traffic(world, lambda version: 0.0)


def convicted(world: World) -> Execution:
    """Push a release that fails half of its requests, without an alarm that would say so."""
    return _under_traffic(world, lambda version: 0.0 if version == "1" else 0.5)


def _under_traffic(world: World, failing: Callable[[str], float]) -> Execution:
    world.target(strategy="Linear50PercentEvery1Minute", comparison={}, max_hold="5m")
    Traffic(world, 60, failing).past(hours=3).flow(12)
    return world.push(world.upload())


STORIES: dict[Story, Status] = {
    promoted: Status.PROMOTED,
    stopped_by_its_alarm: Status.ROLLED_BACK,
    aborted: Status.ROLLED_BACK,
    found_red: Status.ROLLED_BACK,
    left_behind: Status.ROLLED_BACK,
    superseding: Status.PROMOTED,
    compared: Status.PROMOTED,
    convicted: Status.ROLLED_BACK,
}
ALWAYS_WHOLE = (promoted, stopped_by_its_alarm)
"""The stories that meet every fault each time; the others meet most of theirs at night."""
BY_DAY = {("lost", "after"), ("crash", "before")}
BY_DAY_LONG: dict[Story, set[tuple[str, str]]] = {compared: {("crash", "before")}, convicted: {("lost", "after")}}
"""Of the stories that take long."""


def settled(story: Story, fault: Point) -> tuple[World, Execution]:
    """Let a story happen with a fault in it, and all that follows from it."""
    world = World()
    world.function()
    world.alarm("errors")
    world.target(alarms=["errors"], test_events=[{"name": "ping", "payload": {}}])
    world.alarm_events = True
    world.fault = fault
    execution = story(world)
    world.settle()
    for _ in range(2):
        world.wait(300)
        world.reconcile()
        world.settle()
    world.fault = no_fault
    return world, execution


@cache
def _calm(story: Story) -> Fault:
    counter = Fault(0)
    settled(story, counter)
    return counter


def calls_of(story: Story) -> tuple[str, ...]:
    """Return the calls of a story in which nothing fails."""
    return tuple(_calm(story).calls)


def unrest(world: World) -> list[str]:
    """Return what is not as it must be when everything has ended, however it did."""
    deployments = world.ports.deployments
    claim = deployments.claim("checkout")
    try:
        alias = world.alias()
    except MissingError:
        alias = "nothing"
    holds = {
        f"the alias is on {alias}": alias == _right(world, alias),
        f"{claim} is not free": (claim.owner, claim.waiters) == (None, ()),
        "something is still to be told": not deployments.outbox,
        f"{world.deliveries.dead_letters} were given up": not world.deliveries.dead_letters,
    }
    found = [fault for fault, is_so in holds.items() if not is_so]
    return found + [fault for name in world.ports.executions.started for fault in _unrest_of(world, name)]


def _right(world: World, alias: str) -> str:
    """Return where the alias must be: on what is live, or where a first deployment has left it, and says so."""
    live, records = world.ports.deployments.live("checkout"), world.ports.deployments.records.values()
    if live:
        return f"version {live.versions['checkout']}"
    if any("is left on version 2" in record.reason for record in records):
        return "version 2"
    was_none = all(record.is_first or not record.members for record in records)
    return "nothing" if was_none and alias == "nothing" else "version 1"


def _unrest_of(world: World, name: str) -> list[str]:
    execution, record = world.machine.execution(name), world.record(name)
    told = [n for n in world.ports.bus.told if n["deployment_id"] == name and n["transition"] == "ENDED"]
    is_good = record.status in (Status.PROMOTED, Status.SKIPPED)
    holds = {
        f"{name} is {record.status}": record.status.is_over,
        f"{name}: teams were told {told}": {(n["event_id"], n["status"]) for n in told}
        == {(f"{name}.{record.sequence}", record.status)},
        f"{name}: the execution is {execution.status}": (execution.status == "SUCCEEDED") == is_good,
        f"{name}: its cause is {execution.cause!r}": bool(execution.cause) == (execution.status == "FAILED"),
    }
    return [fault for fault, is_so in holds.items() if not is_so]


def is_by_day(story: Story, kind: str, moment: str) -> bool:
    """Say whether a story meets a kind of fault each time, and not at night alone."""
    return story in ALWAYS_WHOLE or (kind, moment) in BY_DAY_LONG.get(story, BY_DAY)


def cases(faults: dict[str, BaseException]) -> list[Any]:
    """Return every story with every one of some faults; those that are left to the night say so."""
    return [
        pytest.param(
            *(story, kind, moment),
            id=f"{story.__name__}-{kind}-{moment}",
            marks=[]
            if story in ALWAYS_WHOLE or (kind, moment) in BY_DAY_LONG.get(story, BY_DAY)
            else [pytest.mark.nightly],
        )
        for story in STORIES
        for kind in faults
        for moment in MOMENTS
    ]


def wrongs(story: Story, moment: str, error: BaseException, *wanted: Status) -> dict[str, list[str]]:
    """Let each call of a story fail once, and return what is wrong after which."""
    found = {}
    for number, operation in enumerate(calls_of(story), start=1):
        if moment == "after" and not _calm(story).has_answered(operation):
            continue  # AWS refuses it: it has no effect after which something could go wrong
        fault = Fault(number, moment, error)
        world, execution = settled(story, fault)
        assert fault.fired == [operation]
        record = world.record(execution.name)
        wrong = unrest(world) + ([] if record.status in wanted else [f"{record.status}: {record.reason}"])
        if wrong:
            found[f"call {number}, {operation}"] = wrong
    return found


def test_there_are_enough_cases_to_speak_of_every_call() -> None:
    called = {operation for story in STORIES for operation in calls_of(story)}
    assert called == {
        *("GetFunction", "GetAlias", "UpdateFunctionCode", "PublishVersion", "Invoke", "UpdateAlias"),
        *("GetItem", "UpdateItem", "TransactWriteItems", "Query", "PutEvents", "HeadObject", "GetObject"),
        *("GetParameter", "GetParametersByPath", "DescribeAlarms", "DescribeAlarmHistory", "GetMetricData"),
        *("ListAliases", "ListProvisionedConcurrencyConfigs", "ListEventSourceMappings", "GetAccountSettings"),
        *("StartExecution", "SendTaskSuccess", "DescribeExecution"),
    }
    by_day = [case.values[0] for case in cases(FOR_A_MOMENT | FOR_GOOD) if not case.marks]
    assert sum(len(calls_of(story)) for story in by_day) > 3_500


@pytest.mark.parametrize(("story", "kind", "moment"), cases(FOR_A_MOMENT))
def test_what_fails_for_a_moment_is_overcome(story: Story, kind: str, moment: str, tried: Tried) -> None:
    assert wrongs(story, moment, FOR_A_MOMENT[kind], STORIES[story]) == {}
    tried("single faults", len(calls_of(story)))


@pytest.mark.parametrize(("story", "kind", "moment"), cases(FOR_GOOD))
def test_a_call_that_kills_its_task_leaves_everything_at_rest(
    story: Story, kind: str, moment: str, tried: Tried
) -> None:
    ends = STORIES[story], Status.ROLLED_BACK, Status.REJECTED
    assert wrongs(story, moment, FOR_GOOD[kind], *ends) == {}
    tried("single faults", len(calls_of(story)))
