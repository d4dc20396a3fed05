"""Hooks: the functions that are asked whether a deployment may go on, and what comes of what they say."""

from typing import Any

import pytest

from rampart.embedded.aws_lambda.runner import RunResult
from tests.engine.faults import DENIED, THROTTLE, Fault
from tests.engine.hook import Says, in_a_while, passes, ready, shifts, waits
from tests.tasks.walks import arrive, holder, resume

# ---- What is asked, and when ---------------------------------------------------------------------------------


def test_a_hook_before_traffic_is_asked_once_with_all_that_it_needs() -> None:
    world, hook = ready("before_traffic")
    artifact = world.upload()
    execution = world.push(artifact)
    assert execution.status == "SUCCEEDED"
    (asked,) = hook.asked
    until = asked.pop("until")
    assert until.endswith("+00:00")
    member = {"function": "checkout", "alias": "live", "baseline": "1", "candidate": "2"}
    assert asked == {
        "schema_version": 1,
        "hook_id": f"{execution.name}.0.0",
        "at": "before_traffic",
        "deployment_id": execution.name,
        "target": "checkout",
        "stage": "dev",
        "artifact": artifact.identity,
        "weight_percent": 0.0,
        "next_weight_percent": 50.0,
        "step": 0,
        "steps": 2,
        "members": [member],
        **member,
    }


def test_a_hook_of_a_first_deployment_is_told_of_no_baseline_and_may_let_it_wait() -> None:
    world, hook = ready("before_traffic")
    world.aws("DeleteAlias", FunctionName="checkout", Name="live")
    hook.says = in_a_while(world, 250)
    execution = world.push(world.upload())
    assert (execution.status, world.alias()) == ("SUCCEEDED", "version 2")
    assert {name: hook.asked[0][name] for name in ("baseline", "candidate")} == {"baseline": "", "candidate": "2"}


def test_an_alias_that_somebody_makes_while_a_first_deployment_waits_for_a_hook_is_left_to_them() -> None:
    world, hook = ready("before_traffic", timeout="1h")
    world.aws("DeleteAlias", FunctionName="checkout", Name="live")
    hook.says = waits
    world.at(120, lambda: world.aws("CreateAlias", FunctionName="checkout", Name="live", FunctionVersion="1"))
    execution = world.push(world.upload())
    assert (execution.error, world.alias(), holder(world)) == ("Drifted", "version 1", None)


def test_members_are_named_in_a_list_alone_when_there_are_several() -> None:
    world, hook = ready("before_traffic")
    world.function("basket")
    hooks = [{"function": "acceptance", "at": "before_traffic"}]
    world.target(members=[{"function": "checkout"}, {"function": "basket"}], hooks=hooks)
    assert world.push(world.upload()).status == "SUCCEEDED"
    assert "function" not in hook.asked[0]
    assert [member["function"] for member in hook.asked[0]["members"]] == ["checkout", "basket"]


PLACES = [
    ("before_traffic", [("before_traffic", 0)]),
    ("before_each_step", [("before_each_step", 0), ("before_each_step", 50)]),
    ("before_promotion", [("before_promotion", 100)]),
    (
        ["before_promotion", "before_each_step", "before_traffic"],
        [
            ("before_each_step", 0),
            ("before_traffic", 0),
            ("before_each_step", 50),
            ("before_promotion", 100),
        ],
    ),
]


@pytest.mark.parametrize(("at", "expected"), PLACES)
def test_hooks_are_asked_in_their_order_at_their_places(at: Any, expected: list[tuple[str, int]]) -> None:
    world, hook = ready(at)
    execution = world.push(world.upload())
    assert execution.status == "SUCCEEDED"
    assert [(asked["at"], asked["weight_percent"]) for asked in hook.asked] == expected
    assert len({asked["hook_id"] for asked in hook.asked}) == len(expected)
    assert (world.alias(), shifts(world, execution)) == ("version 2", [5_000, 10_000])


def test_no_hook_is_asked_for_a_candidate_that_failed_its_test_event() -> None:
    world, hook = ready("before_traffic", test_events=[{"name": "ping", "payload": {}}])
    world.answer = lambda request: RunResult(b"{}", "Unhandled", 1.0)
    assert world.push(world.upload()).error == "Rejected"
    assert hook.asked == []


def test_a_hook_that_passes_costs_a_step_no_more_than_its_own_time() -> None:
    world, hook = ready("before_each_step")
    hook.seconds = 20
    execution = world.push(world.upload())
    first, second = world.record(execution.name).shifts
    assert (second.at - first.until).total_seconds() < 60 + 20 + 5


# ---- What it may say -----------------------------------------------------------------------------------------

BAD: list[tuple[Says, str, bool]] = [
    (lambda _: {"outcome": "FAIL", "reason": "3 of\n12"}, "hook acceptance failed: 3 of 12", True),
    (lambda _: {"outcome": "FAIL"}, "hook acceptance failed, without a reason", True),
    (lambda _: b"oops", "hook acceptance answered what is not JSON: oops", False),
    (lambda _: {"outcome": "pass"}, "hook acceptance answered 'pass' where", False),
    (lambda _: ["PASS"], "hook acceptance answered a list where", False),
    (lambda _: {"outcome": 1}, "hook acceptance answered 1 where", False),
    (lambda _: None, "hook acceptance answered null where", False),
    (lambda _: b"[" * 100_000, "hook acceptance answered what is not JSON: [[", False),
    (
        lambda _: RunResult(b'{"errorType": "KeyError", "errorMessage": "x"}', "Unhandled", 1.0),
        "hook acceptance failed: KeyError: x",
        False,
    ),
]


@pytest.mark.parametrize(("says", "reason", "blames"), BAD)
def test_before_traffic_anything_but_pass_rejects(says: Says, reason: str, blames: bool) -> None:
    world, _ = ready("before_traffic", says)
    execution = world.push(world.upload())
    assert execution.error == "Rejected"
    assert execution.cause.startswith(reason)
    assert (world.alias(), holder(world), "Shift" in execution.path) == ("version 1", None, False)
    assert world.record(execution.name).refused is blames


@pytest.mark.parametrize("at", ["before_each_step", "before_promotion"])
@pytest.mark.parametrize(("says", "reason", "blames"), BAD)
def test_later_anything_but_pass_rolls_back(at: str, says: Says, reason: str, blames: bool) -> None:
    world, _ = ready(at, lambda asked: says(asked) if asked["step"] else passes(asked))
    execution = world.push(world.upload())
    assert execution.error == "RolledBack"
    step = "step 1/2" if at == "before_each_step" else "step 2/2"
    assert execution.cause.startswith(f"{step}: {reason}")
    assert (world.alias(), holder(world)) == ("version 1", None)
    assert world.record(execution.name).refused is blames


def test_a_hook_that_answers_too_late_has_failed() -> None:
    world, hook = ready("before_traffic", timeout="30s")
    hook.seconds = 31
    execution = world.push(world.upload())
    assert (execution.error, execution.cause) == ("Rejected", "hook acceptance has not passed within 30s")


def test_a_hook_that_may_not_be_invoked_any_more_has_failed() -> None:
    world, _ = ready("before_each_step")
    execution = arrive(world, "Bake", 3)
    world.fault = Fault(1, error=DENIED, operation="Invoke")
    assert resume(execution).error == "RolledBack"
    assert "hook acceptance could not be asked: " in execution.cause
    assert not world.record(execution.name).refused


def test_a_hook_that_is_throttled_for_a_moment_is_asked_again() -> None:
    world, _ = ready("before_traffic")
    world.fault = Fault(1, error=THROTTLE, operation="Invoke", times=3)
    assert world.push(world.upload()).status == "SUCCEEDED"


# ---- Who may be asked ----------------------------------------------------------------------------------------


def test_a_hook_without_the_tag_is_refused_with_the_command_that_tags_it() -> None:
    world, _ = ready("before_traffic")
    world.function("untagged")
    world.target(hooks=[{"function": "untagged", "at": "before_traffic"}])
    execution = world.push(world.upload())
    assert execution.error == "Rejected"
    assert execution.cause == (
        "hook untagged is not tagged rampart:hook=dev, or is outside of the stack's FunctionPrefix; tag it to let "
        "this stage invoke it: aws lambda tag-resource --resource arn:aws:lambda:REGION:ACCOUNT:function:untagged "
        "--tags rampart:hook=dev"
    )


def test_a_hook_that_does_not_exist_is_refused() -> None:
    world, _ = ready("before_traffic")
    world.target(hooks=[{"function": "nobody", "at": "before_traffic"}])
    assert world.push(world.upload()).cause == ("hook nobody does not exist; create the function or drop the hook")


def test_hooks_that_may_take_longer_than_a_deployment_are_refused() -> None:
    hooks = [{"function": "acceptance", "at": "before_each_step", "timeout": "1d"}]
    world, _ = ready("before_traffic", hooks=hooks, strategy="Linear10PercentEvery1Minute")
    execution = world.push(world.upload())
    assert "of which its hooks may take 10d; a deployment may take 7d" in execution.cause
