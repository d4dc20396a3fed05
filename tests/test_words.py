"""What people say while a candidate bakes: pause, resume, promote, approve; and whom it does not help."""

from collections.abc import Callable

import pytest

from controller.control import MAX_PAUSE_MINUTES
from controller.core.deployment import Status
from controller.core.errors import InputError
from controller.core.notification import Severity
from tests.engine.traffic import Traffic
from tests.engine.world import World
from tests.tasks.walks import ask

HOUR = 3600.0


@pytest.fixture
def world() -> World:
    """An account with a canary of an hour under one alarm."""
    world = World()
    world.function()
    world.alarm("errors")
    world.target(alarms=["errors"], strategy="Canary10Percent60Minutes", final_bake="10m")
    world.alarm_events = True
    return world


def started(world: World) -> str:
    """Start a deployment, and return its name when its candidate has had traffic for a minute."""
    (name,) = world.take_in(world.upload()).started
    world.wait(60)
    assert world.alias() == "version 1 with 10% on version 2"
    return name


def ended(world: World, name: str) -> Status:
    """Return how a deployment ends."""
    world.machine.finish(name)
    return world.record(name).status


def minutes(world: World, name: str) -> float:
    """Return how long a deployment took."""
    record = world.record(name)
    assert record.ended_at
    return (record.ended_at - record.started_at).total_seconds() / 60


def reasons(world: World, name: str) -> list[str]:
    """Return the reasons of what teams were told."""
    return [told["reason"] for told in world.ports.bus.told if told["deployment_id"] == name]


# ---- Pause and resume -----------------------------------------------------------------------------------------


def test_a_pause_holds_the_weight_beyond_the_bake_and_whoever_resumes_lets_it_go_on(world: World) -> None:
    name = started(world)
    assert ask(world, name, "pause").endswith("UTC; checks go on")
    world.wait(3 * HOUR)
    assert world.alias() == "version 1 with 10% on version 2"
    assert world.record(name).reason == "step 1/2: pause by kim: it is night"
    asked = world.now()
    assert ask(world, name, "resume", reason="it is day") == f"deployment {name} goes on"
    world.wait(5)
    assert world.alias() == "version 2"
    assert (world.record(name).shifts[-1].at - asked).total_seconds() < 3
    assert ended(world, name) is Status.PROMOTED
    told = reasons(world, name)
    assert told.index("step 1/2: pause by kim: it is night") < told.index("step 1/2: resume by kim: it is day")
    assert [event for event in world.told(name) if event == "ASKED"] == ["ASKED", "ASKED"]


def test_pauses_and_resumptions_may_follow_each_other_as_often_as_anybody_likes(world: World) -> None:
    name = started(world)
    for _ in range(3):
        ask(world, name, "pause")
        world.wait(600)
        ask(world, name, "resume")
        world.wait(60)
    assert ended(world, name) is Status.PROMOTED
    assert 70 < minutes(world, name) < 75  # the bakes went on meanwhile
    assert len([told for told in world.told(name) if told == "ASKED"]) == 6


def test_what_is_paused_is_still_rolled_back_by_its_alarm(world: World) -> None:
    name = started(world)
    ask(world, name, "pause")
    world.wait(2 * HOUR)
    world.set_alarm("errors", "ALARM")
    world.wait(3)
    assert world.alias() == "version 1"
    assert ended(world, name) is Status.ROLLED_BACK


def test_what_is_paused_is_still_rolled_back_by_a_look() -> None:
    world = World()
    world.function()
    world.target(comparison={}, strategy="Canary10Percent60Minutes")
    Traffic(world, 600, lambda version: 0.0 if version == "1" else 0.5).past().flow(60)
    (name,) = world.take_in(world.upload()).started
    world.wait(30)
    ask(world, name, "pause")
    assert ended(world, name) is Status.ROLLED_BACK
    assert "fails more than version 1" in world.record(name).reason
    assert world.record(name).refused


def test_a_pause_that_nobody_ends_is_rolled_back_after_a_day(world: World) -> None:
    name = started(world)
    ask(world, name, "pause")
    assert ended(world, name) is Status.ROLLED_BACK
    assert MAX_PAUSE_MINUTES < minutes(world, name) < MAX_PAUSE_MINUTES + 35
    record = world.record(name)
    assert "nobody has resumed it until" in record.reason
    assert not record.refused


def test_the_time_of_a_pause_is_none_of_a_hold_for_evidence() -> None:
    world = World()
    world.function()
    world.alarm("errors")
    world.target(alarms=["errors"], strategy="Canary10Percent5Minutes", max_hold="30m")
    (name,) = world.take_in(world.upload()).started
    world.wait(60)
    ask(world, name, "pause")
    world.set_alarm("errors", "INSUFFICIENT_DATA")
    world.wait(2 * HOUR)
    ask(world, name, "resume")
    world.wait(10 * 60)
    assert world.record(name).status is Status.IN_PROGRESS
    world.set_alarm("errors", "OK")
    assert ended(world, name) is Status.PROMOTED


def test_who_says_what_was_said_already_changes_nothing_and_is_told_who_did(world: World) -> None:
    name = started(world)
    ask(world, name, "pause", by="ada")
    assert ask(world, name, "pause") == f"deployment {name} was paused by ada already"
    ask(world, name, "resume")
    assert ask(world, name, "resume") == f"deployment {name} is not paused"
    ask(world, name, "approve", by="ada")
    assert ask(world, name, "approve") == f"deployment {name} was approved by ada already"
    ask(world, name, "promote", by="ada")
    assert ask(world, name, "promote") == f"deployment {name} was told so by ada already"
    assert [told for told in world.told(name) if told == "ASKED"] == ["ASKED"] * 4
    ended(world, name)
    assert ask(world, name, "pause") == f"deployment {name} has ended already"


# ---- Promote ----------------------------------------------------------------------------------------------------


def test_who_promotes_now_waits_for_no_bake(world: World) -> None:
    name = started(world)
    asked = world.now()
    assert ask(world, name, "promote", reason="it is urgent").endswith("is promoted unless something fails")
    assert ended(world, name) is Status.PROMOTED
    assert world.alias() == "version 2"
    assert (world.now() - asked).total_seconds() < 10
    assert world.record(name).reason == "step 2/2: promote by kim: it is urgent"


def test_who_promotes_ends_a_pause(world: World) -> None:
    name = started(world)
    ask(world, name, "pause")
    ask(world, name, "promote")
    assert ended(world, name) is Status.PROMOTED
    assert minutes(world, name) < 3


def test_who_promotes_at_full_weight_ends_the_final_bake(world: World) -> None:
    world.target(strategy="AllAtOnce", final_bake="10m")
    (name,) = world.take_in(world.upload()).started
    world.wait(60)
    ask(world, name, "promote")
    assert ended(world, name) is Status.PROMOTED
    assert minutes(world, name) < 2


def test_what_fails_is_promoted_by_nobody(world: World) -> None:
    world.alarm_events = False
    name = started(world)
    world.set_alarm("errors", "ALARM")
    ask(world, name, "promote")
    assert ended(world, name) is Status.ROLLED_BACK
    assert world.alias() == "version 1"


@pytest.mark.parametrize("first", ["abort", "promote"])
def test_of_an_abort_and_a_promotion_in_the_same_second_the_abort_counts(world: World, first: str) -> None:
    name = started(world)
    second = {"abort": "promote", "promote": "abort"}[first]
    ask(world, name, first)
    ask(world, name, second)
    assert ended(world, name) is Status.ROLLED_BACK
    assert world.alias() == "version 1"


def test_an_abort_that_comes_right_before_the_record_is_closed_counts(world: World) -> None:
    name = started(world)
    world.machine.walk_to(name, "Promote")
    world.meanwhile("TransactWriteItems", lambda: ask(world, name, "abort"))
    assert ended(world, name) is Status.ROLLED_BACK
    assert world.alias() == "version 1"


def test_before_there_is_traffic_there_is_nothing_to_have_a_say_in_but_an_abort(world: World) -> None:
    (name,) = world.take_in(world.upload()).started
    world.go_on(lambda: name in world.ports.deployments.records)
    with pytest.raises(InputError, match="has not given its candidate any traffic yet; pause"):
        ask(world, name, "pause")
    ask(world, name, "abort")
    assert ended(world, name) is Status.ROLLED_BACK


# ---- Gates ------------------------------------------------------------------------------------------------------


def gated(world: World, **terms: str) -> str:
    """Start a deployment with a gate behind each of two steps, and return its name when the first one asks."""
    step = {"bake": "5m", "approval": terms or True}
    steps = [{"weight": "5%", **step}, {"weight": "50%", **step}]
    world.target(alarms=["errors"], strategy={"steps": steps}, final_bake="5m")
    (name,) = world.take_in(world.upload()).started
    world.wait(7 * 60)
    assert world.record(name).awaits_approval
    assert world.alias() == "version 1 with 5% on version 2"
    return name


def test_a_gate_asks_teams_for_a_person_and_each_needs_a_word_of_its_own(world: World) -> None:
    name = gated(world)
    asked = [n for n in world.ports.bus.told if "awaits approval until" in n["reason"]]
    assert [(n["severity"], n["weight_percent"]) for n in asked] == [(Severity.WARNING, 5.0)]
    ask(world, name, "approve")
    world.wait(3)
    assert world.alias() == "version 1 with 50% on version 2"
    world.wait(2 * HOUR)
    assert world.alias() == "version 1 with 50% on version 2"
    assert world.record(name).awaits_approval
    ask(world, name, "approve", by="ada")
    assert ended(world, name) is Status.PROMOTED
    told = reasons(world, name)
    assert "step 1/3: approve by kim: it is night" in told
    assert "step 2/3: approve by ada: it is night" in told


def test_a_word_before_the_gate_asks_is_a_word_for_it(world: World) -> None:
    world.target(strategy={"steps": [{"weight": "5%", "bake": "30m", "approval": True}]}, final_bake="5m")
    (name,) = world.take_in(world.upload()).started
    world.wait(60)
    ask(world, name, "approve")
    assert ended(world, name) is Status.PROMOTED
    assert 35 < minutes(world, name) < 38
    assert not any("awaits approval" in reason for reason in reasons(world, name))


def test_checks_go_on_while_a_gate_waits(world: World) -> None:
    name = gated(world)
    world.set_alarm("errors", "ALARM")
    world.wait(3)
    assert world.alias() == "version 1"
    assert ended(world, name) is Status.ROLLED_BACK


@pytest.mark.parametrize(("then", "status"), [("roll_back", Status.ROLLED_BACK), ("go_on", Status.PROMOTED)])
def test_a_gate_to_which_nobody_comes_does_as_the_target_says(world: World, then: str, status: Status) -> None:
    name = gated(world, within="4h", then=then)
    assert ended(world, name) is status
    least = {"roll_back": 4 * 60, "go_on": 8 * 60}[then]
    assert least < minutes(world, name) < least + 90
    assert any("nobody has approved within 4h" in reason for reason in reasons(world, name))
    assert not world.record(name).refused


def test_a_gate_before_the_promotion_holds_any_strategy_at_full_weight(world: World) -> None:
    world.target(strategy="AllAtOnce", final_bake="5m", approval={"within": "2h"})
    (name,) = world.take_in(world.upload()).started
    world.wait(HOUR)
    assert world.alias() == "version 2"
    assert world.record(name).awaits_approval
    ask(world, name, "approve")
    world.wait(3)
    assert world.record(name).status is Status.PROMOTED


# ---- At any moment ----------------------------------------------------------------------------------------------

WORDS = ("pause", "approve", "promote")


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("nth", [1, 2, 3, 4, 6, 9, 13])
@pytest.mark.parametrize("operation", ["TransactWriteItems", "UpdateAlias", "UpdateItem", "GetItem", "GetAlias"])
@pytest.mark.parametrize("verb", WORDS)
def test_a_word_that_meets_a_call_is_neither_lost_nor_harmful(
    world: World, verb: str, operation: str, nth: int, moment: str
) -> None:
    """Whatever is being written just then: it is promoted in the end, and somebody who paused is obeyed first."""
    world.target(strategy="Linear20PercentEvery1Minute", final_bake="1m")
    (name,) = world.take_in(world.upload()).started
    world.go_on(lambda: world.record(name).step_index == 1 if name in world.ports.deployments.records else False)
    answers: list[str] = []
    say: Callable[[], None] = lambda: answers.append(ask(world, name, verb))  # noqa: E731
    world.meanwhile(operation, say, moment, nth)
    world.wait(20 * 60)
    is_late = not answers or "has ended already" in answers[0]
    if verb == "pause" and not is_late:
        assert world.record(name).status is Status.IN_PROGRESS
        assert world.record(name).pause
        ask(world, name, "resume")
    assert ended(world, name) is Status.PROMOTED
    assert world.alias() == "version 2"
    assert world.told(name).count("ASKED") == {"pause": 2}.get(verb, 1) * (not is_late)
    assert Status.DRIFTED not in world.told(name)
