"""The state machine's definition: every way leads somewhere, every failure leads back, and it fits the code."""

import importlib.util
import inspect
import itertools
import json
import re
from importlib import import_module
from typing import Any

import pytest

from controller.core import errors
from controller.core.decision import Decision, cause_of
from controller.core.deployment import Status
from controller.core.looks import MACHINE_TIMEOUT_SECONDS
from tests.sam_template import RESOURCES, get_att
from tests.state_machine.definition import (
    DECIDE,
    DEFINITION,
    STATES,
    TASKS,
    TEXT,
    camel_case,
    errors_named,
    members,
    snake_case,
    targets,
    transient,
)

ALL = ["States.ALL"]
LAMBDA_ERRORS = [
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
]
CRASHES = ["Lambda.Unknown", "Runtime.ExitError", "Lambda.ClientExecutionTimeoutException"]


def test_the_definition_is_json_as_it_stands_and_names_nothing_twice() -> None:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        assert len(names) == len(set(names))
        return dict(pairs)

    assert json.loads(TEXT, object_pairs_hook=unique) == DEFINITION


def test_it_starts_at_a_state() -> None:
    assert DEFINITION["StartAt"] in STATES


@pytest.mark.parametrize("name", STATES)
def test_a_state_leads_only_to_states(name: str) -> None:
    assert targets(STATES[name]) <= STATES.keys()


def test_every_state_can_be_reached() -> None:
    reached, found = set(), {DEFINITION["StartAt"]}
    while found:
        reached |= found
        found = {target for name in found for target in targets(STATES[name])} - reached
    assert reached == STATES.keys()


@pytest.mark.parametrize("name", STATES)
def test_from_every_state_an_end_can_be_reached(name: str) -> None:
    reached, found = set(), {name}
    while found:
        reached |= found
        found = {target for seen in found for target in targets(STATES[seen])} - reached
    assert any(STATES[seen]["Type"] in ("Succeed", "Fail") for seen in reached)


@pytest.mark.parametrize("name", STATES)
def test_every_state_says_what_it_is_for(name: str) -> None:
    assert STATES[name]["Comment"].endswith(".")


def test_the_machine_says_what_it_is_for() -> None:
    assert DEFINITION["Comment"].endswith(".")


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_bounded_in_time(name: str) -> None:
    task = TASKS[name]
    assert ("TimeoutSeconds" in task) != ("TimeoutSecondsPath" in task)
    assert task.get("TimeoutSeconds", 1) < MACHINE_TIMEOUT_SECONDS


@pytest.mark.parametrize("name", TASKS)
def test_a_task_catches_everything_that_its_retries_leave(name: str) -> None:
    *others, last = TASKS[name]["Catch"]
    assert last["ErrorEquals"] == ALL
    assert all("States.ALL" not in catcher["ErrorEquals"] for catcher in others)


@pytest.mark.parametrize("name", [name for name in TASKS if name != "Plan"])
def test_a_task_that_fails_keeps_the_document_and_puts_the_error_into_it(name: str) -> None:
    *others, last = TASKS[name]["Catch"]
    assert all(catcher["ResultPath"].startswith("$.") for catcher in others)
    assert last["ResultPath"] == "$.error"


# Amazon States Language, ResultPath: a path into an input that is no object cannot be written.
def test_a_plan_that_fails_replaces_its_input_which_may_be_no_object() -> None:
    assert DEFINITION["StartAt"] == "Plan"
    assert [catcher["ResultPath"] for catcher in TASKS["Plan"]["Catch"]] == ["$"]


@pytest.mark.parametrize("name", TASKS)
def test_what_the_way_back_reads_is_where_a_catch_puts_it(name: str) -> None:
    caught = {"Error": "StoppedError", "Cause": "because"}
    *_, last = TASKS[name]["Catch"]
    state = caught if last["ResultPath"] == "$" else {"deployment_id": "orders-1", "error": caught}
    assert cause_of(state) == "because"


@pytest.mark.parametrize("name", [name for name in TASKS if "RollbackFailed" in targets(TASKS[name])])
def test_an_end_that_shows_the_error_finds_it(name: str) -> None:
    assert TASKS[name]["Catch"][-1]["ResultPath"] == "$.error"


@pytest.mark.parametrize("name", [name for name in TASKS if name not in ("RollBack", "GiveUp")])
def test_a_task_that_fails_leads_back(name: str) -> None:
    assert TASKS[name]["Catch"][-1]["Next"] == "RollBack"


def test_a_rollback_that_fails_is_given_up_and_that_ends_where_a_person_must_look() -> None:
    assert TASKS["RollBack"]["Catch"][-1]["Next"] == "GiveUp"
    assert TASKS["GiveUp"]["Catch"][-1]["Next"] == "RollbackFailed"


@pytest.mark.parametrize("name", TASKS)
def test_every_task_retries_the_same_transient_errors(name: str) -> None:
    expected = ["UnavailableError", "ConflictError", *LAMBDA_ERRORS, *CRASHES, "Sandbox.Timedout", "States.Timeout"]
    if name == "Bake":  # its timeout is the normal end of a look
        expected.remove("States.Timeout")
    if name == "Verify":  # what may have run is not run again
        expected = ["UnavailableError", "ConflictError", *LAMBDA_ERRORS]
    assert transient(TASKS[name])["ErrorEquals"] == expected


@pytest.mark.parametrize("name", [name for name in TASKS if name not in ("RollBack", "Verify")])
def test_every_task_but_rolling_back_retries_at_the_same_pace(name: str) -> None:
    pace = {key: value for key, value in transient(TASKS[name]).items() if key != "ErrorEquals"}
    assert pace == {
        "IntervalSeconds": 1,
        "BackoffRate": 2.0,
        "MaxDelaySeconds": 15,
        "MaxAttempts": 150,
        "JitterStrategy": "FULL",
    }


def test_the_end_of_a_look_is_not_retried_but_judged() -> None:
    bake = STATES["Bake"]
    retried = {name for retrier in bake["Retry"] for name in retrier["ErrorEquals"]}
    assert not retried & {"States.Timeout", "States.HeartbeatTimeout", "States.ALL", "States.TaskFailed"}
    assert bake["Catch"][0] == {
        "ErrorEquals": ["States.Timeout", "States.HeartbeatTimeout"],
        "ResultPath": "$.look_ended",
        "Next": "Judge",
    }
    assert bake["Next"] == "Judge"


def test_a_look_lasts_as_long_as_the_task_before_it_says_and_forgets_the_callback() -> None:
    bake = STATES["Bake"]
    assert bake["Resource"].endswith(".waitForTaskToken")
    assert bake["TimeoutSecondsPath"] == "$.look_seconds"
    assert bake["ResultPath"] is None
    assert bake["Parameters"]["Payload"]["token.$"] == "$$.Task.Token"


def test_rolling_back_is_tried_for_an_hour() -> None:
    retrier = transient(STATES["RollBack"])
    delays = (retrier["IntervalSeconds"] * retrier["BackoffRate"] ** n for n in itertools.count())
    bounded = (min(delay, retrier["MaxDelaySeconds"]) for delay in delays)
    longest = sum(itertools.islice(bounded, retrier["MaxAttempts"]))
    assert retrier["JitterStrategy"] == "FULL"  # which halves a delay on average
    assert longest / 2 >= 3_600


def test_planning_waits_for_a_scan_publishing_for_lambda_and_nobody_for_anything_else() -> None:
    waiting = [name for name, task in TASKS.items() for r in task["Retry"] if "NotReadyError" in r["ErrorEquals"]]
    assert waiting == ["Plan", "Publish"]


def test_there_is_one_choice_and_it_knows_every_decision() -> None:
    assert [name for name, state in STATES.items() if state["Type"] == "Choice"] == ["Decide"]
    assert {choice["Variable"] for choice in DECIDE["Choices"]} == {"$.decision"}
    assert [choice["StringEquals"] for choice in DECIDE["Choices"]] == [decision.value for decision in Decision]


def test_a_decision_that_nobody_knows_rolls_back() -> None:
    assert DECIDE["Default"] == "RollBack"


@pytest.mark.parametrize("decision", Decision)
def test_a_decision_leads_to_the_state_of_its_name(decision: Decision) -> None:
    leads = {choice["StringEquals"]: choice["Next"] for choice in DECIDE["Choices"]}
    assert leads[decision.value] == ("Bake" if decision is Decision.HOLD else camel_case(decision.value))


def test_the_ends_are_the_decisions_that_end_a_deployment() -> None:
    ends = {name for name, state in STATES.items() if state["Type"] in ("Succeed", "Fail")}
    final = {status.value for status in Status} - {Status.PENDING.value, Status.IN_PROGRESS.value}
    assert ends == {camel_case(decision.value) for decision in Decision if decision.value in final}


def test_only_a_promotion_and_nothing_to_do_are_success() -> None:
    assert {name for name, state in STATES.items() if state["Type"] == "Succeed"} == {"Promoted", "Skipped"}


@pytest.mark.parametrize("name", [name for name, state in STATES.items() if state["Type"] == "Fail"])
def test_a_failure_says_why_in_the_console(name: str) -> None:
    assert STATES[name]["ErrorPath"] == "$.error.Error"
    assert STATES[name]["CausePath"] == "$.error.Cause"


def test_the_machine_may_run_as_long_as_plans_are_allowed_to() -> None:
    assert DEFINITION["TimeoutSeconds"] == MACHINE_TIMEOUT_SECONDS


def test_it_needs_neither_jsonata_nor_variables() -> None:
    names = {name for name, _ in members(DEFINITION)}
    assert not names & {"QueryLanguage", "Assign", "Arguments", "Output", "ResultSelector"}
    values = [value for _, value in members(DEFINITION) if isinstance(value, str)]
    assert not [value for value in values if "{%" in value]
    assert not [value for value in values if re.match(r"\$[A-Za-z_]", value)]


def test_it_calls_lambda_and_nothing_else() -> None:
    resources = {task["Resource"] for task in TASKS.values()}
    assert resources == {"arn:aws:states:::lambda:invoke", "arn:aws:states:::lambda:invoke.waitForTaskToken"}


@pytest.mark.parametrize("name", sorted(errors_named()))
def test_an_error_that_is_named_exists(name: str) -> None:
    if not name.startswith(("States.", "Lambda.", "Sandbox.", "Runtime.")):
        known = dict(inspect.getmembers(errors, inspect.isclass))
        assert issubclass(known[name], errors.ControllerError)


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_told_which_deployment_it_works_on(name: str) -> None:
    payload = TASKS[name]["Parameters"]["Payload"]
    assert payload["deployment_id.$"] == "$$.Execution.Name"


@pytest.mark.parametrize("name", TASKS)
def test_a_task_has_a_module_an_entry_point_and_a_function_of_its_name(name: str) -> None:
    snake = snake_case(name)
    assert importlib.util.find_spec(f"controller.tasks.{snake}")
    assert callable(getattr(import_module(f"controller.handlers.{snake}"), f"on_{snake}"))
    assert RESOURCES[f"{name}Function"]["Properties"]["Handler"] == f"controller.handlers.{snake}.on_{snake}"
    assert TASKS[name]["Parameters"]["FunctionName"] == f"${{{name}FunctionArn}}"


def test_the_template_fills_in_every_placeholder_and_knows_no_others() -> None:
    placeholders = set(re.findall(r"\$\{(\w+)\}", TEXT))
    substitutions = RESOURCES["DeploymentStateMachine"]["Properties"]["DefinitionSubstitutions"]
    assert substitutions == {name: get_att(name.removesuffix("Arn"), "Arn") for name in placeholders}
    assert placeholders == {f"{name}FunctionArn" for name in TASKS}
