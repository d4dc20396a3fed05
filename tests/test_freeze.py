"""Freezes: windows of a target and the line of a stage hold up what goes forward, and never what goes back."""

from datetime import UTC, datetime, timedelta

import pytest

from controller.core.deployment import Status
from controller.core.errors import InputError
from controller.core.freeze import FreezeWindow, freeze_at
from controller.core.target import parse_target
from rampart.embedded.aws_lambda.runner import RunRequest, RunResult
from tests.builders import a_word
from tests.engine.world import World
from tests.tasks.walks import arrive, ask, holder, resume

HOUR = 3600.0
WEEKEND = FreezeWindow(cron="0 16 * * FRI", lasts="64h", time_zone="Europe/Berlin")


def at(text: str) -> datetime:
    """Return a moment of UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "until"),
    [
        ("2026-11-27 14:59:59", None),  # Friday, before four in the afternoon in Berlin
        ("2026-11-27 15:00:00", "2026-11-30 07:00"),
        ("2026-11-30 06:59:59", "2026-11-30 07:00"),
        ("2026-11-30 07:00:00", None),
        ("2026-07-03 14:00:00", "2026-07-06 06:00"),  # in summer Berlin is another hour ahead
        ("2026-07-03 13:59:00", None),
        (
            "2026-03-28 12:00:00",
            "2026-03-30 07:00",
        ),  # 64 hours all the same when the clocks change
    ],
)
def test_a_window_opens_by_the_clock_of_its_time_zone_and_lasts_as_long_as_it_says(
    moment: str, until: str | None
) -> None:
    freeze = freeze_at([WEEKEND], None, at(moment))
    assert (freeze and freeze.until) == (at(until) if until else None)


def test_of_several_windows_the_one_that_lasts_longest_says_until_when() -> None:
    nightly = FreezeWindow(cron="0 18 * * *", lasts="14h")
    freeze = freeze_at([nightly, WEEKEND, nightly], None, at("2026-11-28 01:00"))
    assert freeze is not None
    assert freeze.reason == "frozen until 2026-11-30 07:00 UTC, by '0 16 * * FRI' (Europe/Berlin)"


def test_a_window_that_opens_again_before_it_has_closed_lasts_on() -> None:
    window = FreezeWindow(cron="0 * * * *", lasts="90m")
    freeze = freeze_at([window], None, at("2026-11-28 01:10"))
    assert freeze is not None
    assert freeze.until == at("2026-11-28 02:30")


def test_a_stopped_line_is_the_reason_whatever_the_windows_say() -> None:
    freeze = freeze_at([], a_word("ada", "the shop is down"), at("2026-11-28 01:00"))
    assert freeze is not None
    assert (freeze.reason, freeze.until) == ("the line was stopped by ada: the shop is down", None)


@pytest.mark.parametrize(
    ("window", "line"),
    [
        ('{"cron": "0 16 * * FRI2", "lasts": "1h"}', "freeze[0].cron: write five fields such as"),
        ('{"cron": "@daily", "lasts": "1h"}', "freeze[0].cron: write five fields such as"),
        ('{"cron": "0 16 * * FRI", "lasts": "5d"}', "freeze[0].lasts: a window lasts for 3d at most, not 5d"),
        ('{"cron": "0 16 * * FRI", "lasts": "0s"}', "freeze[0].lasts: a window lasts for 3d at most, not 0s"),
        ('{"cron": "0 16 * * FRI"}', "freeze[0].lasts: this field is required"),
        (
            '{"cron": "0 16 * * FRI", "lasts": "1h", "time_zone": "Berlin"}',
            "freeze[0].time_zone: write a time zone such as",
        ),
        (
            '{"cron": "0 16 * * FRI", "lasts": "1h", "time_zone": "../../etc/passwd"}',
            "freeze[0].time_zone: write a time zone such as",
        ),
    ],
)
def test_a_window_that_cannot_be_used_is_told_in_one_line(window: str, line: str) -> None:
    document = (
        '{"version": 1, "source": {"bucket": "releases", "key": "*.zip"}, "members": [{"function": "orders"}], '
        f'"strategy": "AllAtOnce", "freeze": [{window}]}}'
    )
    with pytest.raises(InputError) as refused:
        parse_target("orders", document, "target orders")
    assert str(refused.value).startswith(f"target orders: {line}")
    assert "\n" not in str(refused.value)


# ---- In the world -----------------------------------------------------------------------------------------------


@pytest.fixture
def world() -> World:
    """An account with a ramp of four steps under one alarm."""
    world = World()
    world.function()
    world.alarm("errors")
    world.target(alarms=["errors"], strategy="Linear25PercentEvery10Minutes", final_bake="5m")
    world.alarm_events = True
    return world


def window(world: World, begins_in: float, lasts: str) -> dict[str, str]:
    """Return a window of this day that begins in so many seconds, to the minute."""
    begins = world.now() + timedelta(seconds=begins_in)
    return {"cron": f"{begins.minute} {begins.hour} {begins.day} {begins.month} *", "lasts": lasts}


def stop(world: World) -> str:
    """Stop the line, and return the answer."""
    return ask(world, None, "stop-the-line", by="ada", reason="the shop is down")


def test_a_start_waits_until_the_line_goes_on_and_then_begins_within_seconds(world: World) -> None:
    assert stop(world).startswith("the line is stopped")
    (name,) = world.take_in(world.upload()).started
    world.wait(2 * HOUR)
    record = world.record(name)
    assert (record.status, record.reason) == (
        Status.PENDING,
        "waits to begin: the line was stopped by ada: the shop is down",
    )
    assert world.told(name) == ["WAITING"]
    assert world.alias() == "version 1"
    assert ask(world, None, "release-the-line") == "the line goes on; 1 deployment had been held up"
    world.wait(30)
    assert world.alias() == "version 1 with 25% on version 2"
    world.machine.finish(name)
    assert world.record(name).status is Status.PROMOTED


def test_a_start_in_a_window_begins_when_that_has_closed(world: World) -> None:
    world.target(strategy="AllAtOnce", final_bake="1m", freeze=[window(world, 0, "40h")])
    execution = world.push(world.upload())
    record = world.record(execution.name)
    assert record.status is Status.PROMOTED
    shifted = record.shifts[0].at - record.started_at
    assert timedelta(hours=39, minutes=58) < shifted < timedelta(hours=40, minutes=1)


def test_of_several_that_wait_for_the_end_of_a_freeze_only_the_newest_begins(world: World) -> None:
    stop(world)
    first = world.take_in(world.upload("release = 1", "checkout/1.zip")).started[0]
    world.wait(60)
    second = world.take_in(world.upload("release = 2", "checkout/2.zip")).started[0]
    world.wait(60)
    assert world.record(first).status is Status.SKIPPED
    ask(world, None, "release-the-line")
    world.machine.finish(second)
    assert world.record(second).status is Status.PROMOTED


def test_what_has_begun_holds_its_weight_is_told_once_and_goes_on(world: World) -> None:
    (name,) = world.take_in(world.upload()).started
    world.wait(60)
    stop(world)
    world.wait(5 * HOUR)
    assert world.alias() == "version 1 with 25% on version 2"
    held = [n["reason"] for n in world.ports.bus.told if "held" in n["reason"]]
    assert held == ["step 1/4: held, the line was stopped by ada: the shop is down"]
    ask(world, None, "release-the-line")
    world.wait(5)
    assert world.alias() == "version 1 with 50% on version 2"
    world.machine.finish(name)
    assert world.record(name).status is Status.PROMOTED


def test_a_window_holds_the_next_step_of_what_has_begun(world: World) -> None:
    world.target(strategy="Linear25PercentEvery10Minutes", freeze=[window(world, 300, "6h")])
    (name,) = world.take_in(world.upload()).started
    world.wait(5 * HOUR)
    assert world.alias() == "version 1 with 25% on version 2"
    world.machine.finish(name)
    assert world.record(name).status is Status.PROMOTED


def test_what_is_held_up_is_still_rolled_back_by_an_alarm_and_by_a_person(world: World) -> None:
    (name,) = world.take_in(world.upload()).started
    world.wait(60)
    stop(world)
    world.wait(HOUR)
    world.set_alarm("errors", "ALARM")
    world.wait(3)
    assert world.alias() == "version 1"
    world.set_alarm("errors", "OK")
    ask(world, None, "release-the-line")
    (name,) = world.take_in(world.upload("release = 2", "checkout/2.zip")).started
    world.wait(60)
    stop(world)
    ask(world, name, "abort")
    assert world.alias() == "version 1"


def test_a_stopped_line_holds_up_a_promotion_that_somebody_asks_for(world: World) -> None:
    (name,) = world.take_in(world.upload()).started
    world.wait(60)
    stop(world)
    ask(world, name, "promote")
    world.wait(HOUR)
    assert world.alias() == "version 1 with 25% on version 2"
    ask(world, None, "release-the-line")
    world.machine.finish(name)
    assert world.record(name).status is Status.PROMOTED


def test_a_candidate_that_has_all_of_the_traffic_is_promoted_all_the_same(world: World) -> None:
    world.target(strategy="AllAtOnce", final_bake="10m")
    (name,) = world.take_in(world.upload()).started
    world.wait(60)
    stop(world)
    world.machine.finish(name)
    assert world.record(name).status is Status.PROMOTED


def test_a_hotfix_passes_with_its_reason_on_record(world: World) -> None:
    stop(world)
    artifact = world.upload().model_dump()
    hotfix = {"reason": "the shop is down", "by": "kim"}
    world.run("fix", {"target": "checkout", "artifact": artifact, "hotfix": hotfix})
    record = world.record("fix")
    assert record.status is Status.PROMOTED
    assert record.hotfix is not None
    assert record.hotfix.reason == "the shop is down"


def test_a_freeze_that_does_not_end_refuses_what_waits_and_rolls_back_what_has_begun(world: World) -> None:
    (begun,) = world.take_in(world.upload()).started
    world.wait(60)
    stop(world)
    world.function("basket")
    world.target("basket")
    (waiting,) = world.take_in(world.upload("release = 2", "basket/1.zip")).started
    for name, status in ((begun, Status.ROLLED_BACK), (waiting, Status.REJECTED)):
        world.machine.finish(name)
        record = world.record(name)
        assert (record.status, record.refused) == (status, False)
        assert "the line was stopped by ada" in record.reason
        assert record.ended_at
        assert timedelta(days=3) <= record.ended_at - record.started_at < timedelta(days=3, hours=2)


# ---- Before the first shift -------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["Publish", "Verify"])
def test_a_candidate_that_is_on_its_way_when_the_line_is_stopped_gets_no_traffic_until_it_goes_on(
    world: World, state: str
) -> None:
    name = arrive(world, state).name
    stop(world)
    world.machine.release(name)
    world.wait(5 * HOUR)
    assert (world.alias(), world.record(name).status) == ("version 1", Status.IN_PROGRESS)
    assert world.told(name) == ["PLANNED", "PUBLISHED", "VERIFIED", "JUDGED"]
    held = [n["reason"] for n in world.ports.bus.told if "held" in n["reason"]]
    assert held == ["before any traffic: held, the line was stopped by ada: the shop is down"]
    assert ask(world, None, "release-the-line") == "the line goes on; 1 deployment had been held up"
    world.wait(5)
    assert world.alias() == "version 1 with 25% on version 2"
    world.machine.finish(name)
    record = world.record(name)
    assert (record.status, record.frozen_since) == (Status.PROMOTED, None)


def test_a_window_that_opens_while_a_hook_is_waited_for_holds_the_first_step_until_it_has_closed(
    world: World,
) -> None:
    world.hook_function()
    asked: list[str] = []

    def answer(request: RunRequest) -> RunResult:
        asked.append(request.function)
        world.clock.advance(700 if request.function == "acceptance" else 0)
        return RunResult(b'{"outcome": "PASS"}', None, 10.0)

    world.answer = answer
    hooks = [{"function": "acceptance", "at": "before_traffic"}]
    ping = [{"name": "ping", "payload": {}}]
    frozen = [window(world, 300, "5h")]
    world.target(strategy="AllAtOnce", final_bake="1m", hooks=hooks, test_events=ping, freeze=frozen)
    execution = world.push(world.upload())
    record = world.record(execution.name)
    assert record.status is Status.PROMOTED
    shifted = record.shifts[0].at - record.started_at
    assert timedelta(hours=5, minutes=4) < shifted < timedelta(hours=5, minutes=6)
    assert asked == ["checkout", "acceptance"]  # once, and not again when the window has closed


def test_a_first_deployment_makes_no_alias_while_the_line_is_stopped(world: World) -> None:
    world.aws("DeleteAlias", FunctionName="checkout", Name="live")
    name = arrive(world, "Verify").name
    stop(world)
    world.machine.release(name)
    world.wait(2 * HOUR)
    assert world.aws("ListAliases", FunctionName="checkout")["Aliases"] == []
    ask(world, None, "release-the-line")
    world.machine.finish(name)
    assert (world.record(name).status, world.alias()) == (Status.PROMOTED, "version 2")


@pytest.mark.parametrize("how", ["alarm", "look", "abort"])
def test_what_is_held_before_its_first_shift_is_still_ended(world: World, how: str) -> None:
    world.alarm_events = how == "alarm"
    name = arrive(world, "Verify").name
    stop(world)
    world.machine.release(name)
    world.wait(HOUR)
    if how == "abort":
        ask(world, name, "abort")
    else:
        world.set_alarm("errors", "ALARM")
    world.wait(1_000)
    record = world.record(name)
    assert (record.status, record.refused, holder(world)) == (Status.ROLLED_BACK, False, None)
    assert (world.alias(), record.shifts) == ("version 1", ())


def test_a_hotfix_that_is_on_its_way_when_the_line_is_stopped_passes(world: World) -> None:
    hotfix = {"reason": "the shop is down", "by": "kim"}
    world.start("fix", {"target": "checkout", "artifact": world.upload().model_dump(), "hotfix": hotfix})
    world.machine.walk_to("fix", "Verify")
    stop(world)
    world.machine.finish("fix")
    assert world.record("fix").status is Status.PROMOTED


def test_a_freeze_before_the_first_shift_that_does_not_end_rolls_back_and_blames_nothing(world: World) -> None:
    execution = arrive(world, "Verify")
    stop(world)
    resume(execution)
    record = world.record(execution.name)
    assert (record.status, record.refused, record.shifts) == (Status.ROLLED_BACK, False, ())
    assert record.reason == (
        "before any traffic: held for 3d, and still the line was stopped by ada: the shop is down"
    )
    assert record.ended_at
    assert timedelta(days=3) <= record.ended_at - record.started_at < timedelta(days=3, hours=1)


def test_a_line_that_is_stopped_again_holds_what_was_about_to_make_its_first_shift(world: World) -> None:
    name = arrive(world, "Verify").name
    stop(world)
    world.machine.release(name)
    world.wait(HOUR)
    ask(world, None, "release-the-line")
    stop(world)
    world.wait(HOUR)
    assert (world.alias(), world.record(name).status) == ("version 1", Status.IN_PROGRESS)


def test_whoever_stops_a_stopped_line_is_told_who_did_and_a_line_that_goes_is_not_released(world: World) -> None:
    assert ask(world, None, "release-the-line") == "the line is not stopped"
    stop(world)
    assert ask(world, None, "stop-the-line") == "the line was stopped by ada already: the shop is down"
    assert ask(world, None, "release-the-line") == "the line goes on; no deployment had been held up"


def test_the_line_is_no_deployments(world: World) -> None:
    with pytest.raises(InputError, match="leave it out: stop-the-line is for all deployments"):
        ask(world, "checkout-1", "stop-the-line")
