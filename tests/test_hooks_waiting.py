"""Hooks that answer later: what may come meanwhile, what breaks off, and those after a promotion."""

import json

import pytest

from controller.core.deployment import Mark, MarkDetail, Status
from controller.core.errors import InputError
from controller.core.hook import HookOutcome
from controller.hook_answers import on_said, said_of
from tests.engine.faults import BROKEN, CRASH, Fault
from tests.engine.hook import asked_by, in_a_while, later, passes, ready, shifts, waits
from tests.engine.lambdas import Died
from tests.tasks.walks import arrive, edit_alias, holder, mark, resume

# ---- Later ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", ["before_traffic", "before_each_step", "before_promotion"])
def test_a_hook_may_say_later_what_it_found_and_the_wait_ends_at_once(at: str) -> None:
    world, hook = ready(at, waits)
    hook.says = in_a_while(world, 100)
    execution = world.push(world.upload())
    assert execution.status == "SUCCEEDED"
    assert (world.alias(), shifts(world, execution)) == ("version 2", [5_000, 10_000])
    reasons = [event.reason for event in world.ports.deployments.events(execution.name)]
    assert "waits for hook acceptance, 5m at most" in "\n".join(reasons)
    assert any("hook acceptance passed: seen (suite)" in reason for reason in reasons)
    record = world.record(execution.name)
    assert record.ended_at is not None
    waited = 100 * len(hook.asked)
    assert (record.ended_at - record.started_at).total_seconds() < 2 * 60 + waited + 30


def test_a_hook_that_says_no_later_rejects_or_rolls_back() -> None:
    world, hook = ready("before_each_step", waits)
    hook.says = lambda asked: in_a_while(world, 100, "FAIL" if asked["step"] else "PASS", "slow")(asked)
    execution = world.push(world.upload())
    assert execution.error == "RolledBack"
    assert execution.cause == "step 1/2: hook acceptance failed: slow (suite)"
    assert world.record(execution.name).refused


@pytest.mark.parametrize(("step", "error"), [(0, "Rejected"), (1, "RolledBack")])
def test_a_hook_that_never_says_anything_has_failed_when_its_time_is_over(step: int, error: str) -> None:
    world, _ = ready("before_each_step", lambda asked: waits(asked) if asked["step"] == step else passes(asked))
    execution = world.push(world.upload())
    assert execution.error == error
    assert "hook acceptance has not passed within 5m" in execution.cause
    record = world.record(execution.name)
    assert record.ended_at is not None
    assert 300 <= (record.ended_at - record.started_at).total_seconds() < 300 + 60 * step + 30
    assert not record.refused


def test_what_a_hook_says_before_its_function_has_answered_counts() -> None:
    world, hook = ready("before_traffic")
    hook.says = lambda asked: (later(world, asked["hook_id"]), waits(asked))[1]
    execution = world.push(world.upload())
    assert execution.status == "SUCCEEDED"
    record = world.record(execution.name)
    assert (record.shifts[0].at - record.started_at).total_seconds() < 30


def test_the_first_answer_counts_and_an_old_one_changes_nothing() -> None:
    world, hook = ready("before_each_step", waits)
    execution = asked_by(world, hook)
    (first,) = hook.asked
    assert later(world, first["hook_id"]) == "hook acceptance has answered PASS"
    assert later(world, first["hook_id"], "FAIL") == "hook acceptance has answered PASS"
    world.go_on(lambda: len(hook.asked) == 2)
    assert later(world, first["hook_id"], "FAIL").endswith(f"does not wait for {first['hook_id']}")
    world.at(30, lambda: later(world, hook.asked[1]["hook_id"]))
    assert resume(execution).status == "SUCCEEDED"
    assert later(world, first["hook_id"], "FAIL") == f"deployment {execution.name} has ended already"


def test_an_answer_after_the_deadline_is_told_so_and_does_not_count() -> None:
    world, hook = ready("before_traffic", waits)
    execution = arrive(world, "Judge")
    (asked,) = hook.asked
    assert later(world, asked["hook_id"]).startswith("hook acceptance has answered too late: it had until ")
    detail = MarkDetail(
        at=world.now(), by="suite", reason="", hook_id=asked["hook_id"], outcome=HookOutcome.PASS
    )  # by a clock that goes after ours
    world.ports.deployments.answer(execution.name, asked["hook_id"], detail)
    assert resume(execution).cause == "hook acceptance has not passed within 5m"


def test_the_wait_for_a_hook_is_no_part_of_how_long_evidence_may_be_waited_for() -> None:
    world, hook = ready("before_each_step", timeout="1h", max_hold="5m")
    wait_long = in_a_while(world, 1_200)
    hook.says = lambda asked: wait_long(asked) if asked["step"] else passes(asked)
    world.at(1_250, lambda: world.set_alarm("errors", "INSUFFICIENT_DATA"))
    world.at(1_380, lambda: world.set_alarm("errors", "OK"))
    assert world.push(world.upload()).status == "SUCCEEDED"


def test_what_was_never_asked_is_refused() -> None:
    world, _ = ready("before_traffic", waits)
    execution = arrive(world, "Bake")
    assert "does not wait" in later(world, f"{execution.name}.7.0")
    with pytest.raises(InputError, match="there is no deployment 'nobody'"):
        later(world, "nobody.0.0")
    said = {"deployment_id": execution.name, "verb": "hook", "hook_id": "x", "outcome": "PASS", "by": "suite"}
    with pytest.raises(InputError, match="hook_id: 'x' is not of deployment"):
        on_said(world.visit(execution.name), said_of(said))
    with pytest.raises(InputError, match="hook: outcome: input should be 'PASS' or 'FAIL', not 'WAIT'"):
        said_of(said | {"outcome": "WAIT"})
    with pytest.raises(InputError, match="hook: hook_id: this field is required"):
        said_of({name: value for name, value in said.items() if name != "hook_id"})


# ---- What goes before a hook ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("step", "words"), [(0, "before any traffic: "), (1, "step 1/2: "), (2, "step 2/2: ")])
def test_an_alarm_stops_a_deployment_that_waits_for_a_hook_at_a_look(step: int, words: str) -> None:
    at = ["before_each_step", "before_promotion"]
    world, _ = ready(at, lambda asked: waits(asked) if asked["step"] == step else passes(asked), timeout="1h")
    world.at(60 * step + 40, lambda: world.set_alarm("errors", "ALARM"))
    execution = world.push(world.upload())
    assert execution.error == "RolledBack"
    assert execution.cause.startswith(f"{words}alarm errors is in ALARM")
    assert (world.alias(), holder(world)) == ("version 1", None)


def test_an_alarm_that_tells_of_itself_stops_the_wait_for_a_hook_at_once() -> None:
    world, _ = ready("before_traffic", waits, timeout="1h")
    world.alarm_events = True
    world.at(40, lambda: world.set_alarm("errors", "ALARM"))
    execution = world.push(world.upload())
    assert execution.error == "RolledBack"
    record = world.record(execution.name)
    assert record.ended_at is not None
    assert (record.ended_at - record.started_at).total_seconds() < 60


def test_a_person_who_aborts_outranks_a_hook_that_passed() -> None:
    world, hook = ready("before_each_step", waits)
    execution = asked_by(world, hook)
    later(world, hook.asked[0]["hook_id"])
    mark(world, execution, Mark.ABORT)
    assert resume(execution).error == "RolledBack"
    assert "abort by kim" in execution.cause


def test_somebody_who_moves_the_alias_while_a_hook_is_waited_for_is_noticed() -> None:
    world, _ = ready("before_traffic", waits, timeout="1h")
    execution = arrive(world, "Bake")
    edit_alias(world, FunctionVersion="2")
    assert resume(execution).error == "Drifted"
    assert world.alias() == "version 2"


def test_a_newer_deployment_supersedes_one_that_waits_for_a_hook() -> None:
    world, hook = ready("before_traffic", timeout="1h")
    hook.says = lambda asked: waits(asked) if asked["candidate"] == "2" else passes(asked)
    first = arrive(world, "Bake")
    world.machine.release(first.name)
    second = world.push(world.upload("release = 2", key="checkout/2.zip"))
    assert (first.error, second.status) == ("RolledBack", "SUCCEEDED")
    assert world.alias() == "version 3"


# ---- Crashes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [BROKEN, CRASH], ids=["broken", "crash"])
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("nth", range(1, 9))
def test_whatever_breaks_off_around_a_hook_the_end_is_a_right_one(
    nth: int, moment: str, error: BaseException
) -> None:
    world, hook = ready(["before_traffic", "before_promotion"], waits)
    hook.says = in_a_while(world, 20)
    execution = arrive(world, "Verify", 1 + nth % 2)
    world.fault = Fault(nth, moment, error)
    resume(execution)
    world.settle(3600)
    record = world.record(execution.name)
    assert record.status in (Status.PROMOTED, Status.ROLLED_BACK, Status.REJECTED)
    assert world.alias() == ("version 2" if record.status is Status.PROMOTED else "version 1")
    if not isinstance(error, Died):
        assert record.status is Status.PROMOTED
    per_asking = {asked["hook_id"] for asked in hook.asked}
    assert per_asking <= {f"{execution.name}.0.0", f"{execution.name}.2.1"}


# ---- After the promotion -------------------------------------------------------------------------------------


def test_a_hook_after_the_promotion_is_started_with_the_event_that_tells_of_it() -> None:
    world, hook = ready("after_promotion")
    execution = world.push(world.upload())
    world.settle()
    assert execution.status == "SUCCEEDED"
    assert hook.asked == []
    (sent,) = world.sent
    asked = json.loads(sent.payload)
    ended = world.ports.deployments.events(execution.name)[-1]
    assert (sent.function, asked["event_id"]) == ("acceptance", ended.event_id)
    assert (asked["at"], asked["hook_id"], asked["weight_percent"]) == (
        "after_promotion",
        f"{execution.name}.after.0",
        100.0,
    )
    assert later(world, asked["hook_id"], "FAIL", "too dear") == (
        "hook acceptance failed after the promotion: too dear"
    )
    assert later(world, asked["hook_id"], "PASS") == "hook acceptance has answered already"
    world.settle()
    told = [each for each in world.ports.bus.told if each["deployment_id"] == execution.name]
    assert (told[-1]["status"], told[-1]["reason"]) == (
        "PROMOTED",
        "hook acceptance failed after the promotion: too dear",
    )
    assert world.alias() == "version 2"
    assert world.record(execution.name).reason == ended.reason


def test_a_hook_after_the_promotion_that_cannot_be_started_is_told_of_and_holds_nothing_up() -> None:
    world, _ = ready("after_promotion")
    execution = world.start("d-1", {"target": "checkout", "artifact": world.upload().model_dump()})
    world.go_on(lambda: execution.state == "Promote")
    world.aws("DeleteFunction", FunctionName="acceptance")
    resume(execution)
    world.settle()
    assert world.told("d-1")[-2:] == ["PROMOTED", "JUDGED"]
    assert "hook acceptance could not be started: " in world.ports.bus.told[-1]["reason"]


@pytest.mark.parametrize("how", ["rolled back", "rejected"])
def test_a_deployment_that_was_not_promoted_starts_no_hook(how: str) -> None:
    world, _ = ready(["after_promotion", "before_traffic"], passes if how == "rolled back" else lambda _: None)
    world.at(30, lambda: world.set_alarm("errors", "ALARM"))
    execution = world.push(world.upload())
    world.settle()
    assert execution.status == "FAILED"
    assert world.sent == []
    assert later(world, f"{execution.name}.after.0") == f"deployment {execution.name} is not promoted"
