"""The walker is the states language as far as our definition uses it."""

from typing import Any

import pytest

from tests.engine.walker import Attempt, Execution, Left, Pause, TaskFailedError, walk


class Script:
    """What comes of each attempt: failures as long as there are some, and then an answer."""

    def __init__(self, *failures: str, **answer: str) -> None:
        self.failures = list(failures)
        self.answer = answer
        self.attempts: list[Attempt] = []
        self.pauses: list[float] = []

    def step(self, state: str, jitter: float = 1.0, **document: Any) -> Execution:
        """Walk a single state and return where the execution stands then."""
        execution = Execution("d-1", {"target": "checkout"}, state, document)
        walking = walk(execution, lambda seconds: seconds * jitter)
        step = next(walking)
        while not isinstance(step, Left):
            if isinstance(step, Pause):
                self.pauses.append(step.seconds)
                step = next(walking)
                continue
            self.attempts.append(step)
            if self.failures:
                step = walking.throw(TaskFailedError(self.failures.pop(0), "because"))
            else:
                step = walking.send(self.answer)
        return execution


def test_a_task_that_answers_goes_on_with_its_answer_as_the_document() -> None:
    execution = Script(decision="VERIFY").step("Publish", decision="PUBLISH", error="old")
    assert (execution.state, execution.document) == ("Decide", {"decision": "VERIFY"})


def test_a_task_gets_what_its_parameters_say() -> None:
    script = Script()
    script.step("Plan")
    (attempt,) = script.attempts
    assert (attempt.payload["deployment_id"], attempt.payload["request"]) == ("d-1", {"target": "checkout"})
    assert attempt.payload["execution_arn"].endswith(":execution:rampart:d-1")
    assert (attempt.seconds, attempt.token) == (60, None)


def test_a_rollback_gets_the_document_as_it_stands() -> None:
    script = Script()
    script.step("RollBack", error={"Error": "E", "Cause": "C"})
    assert script.attempts[0].payload["state"] == {"error": {"Error": "E", "Cause": "C"}}


def test_an_error_that_is_named_is_retried_with_growing_waits_up_to_the_longest() -> None:
    script = Script(*["UnavailableError"] * 8)
    assert script.step("Judge").state == "Decide"
    assert script.pauses == [1, 2, 4, 8, 15, 15, 15, 15]


def test_a_wait_with_jitter_is_any_part_of_itself_and_one_without_is_whole() -> None:
    unavailable, not_ready = Script(*["UnavailableError"] * 3), Script(*["NotReadyError"] * 3)
    unavailable.step("Publish", jitter=0.5)
    not_ready.step("Publish", jitter=0.5)
    assert (unavailable.pauses, not_ready.pauses) == ([0.5, 1, 2], [1, 1.5, 2.25])


def test_the_last_retry_that_fails_is_caught() -> None:
    script = Script(*["UnavailableError"] * 151)
    execution = script.step("Judge", deployment_id="d-1")
    assert execution.state == "RollBack"
    assert execution.document == {
        "deployment_id": "d-1",
        "error": {"Error": "UnavailableError", "Cause": "because"},
    }
    assert len(script.attempts) == 151


def test_each_retry_rule_counts_its_own_errors() -> None:
    script = Script(*["NotReadyError", "UnavailableError"] * 8)
    assert script.step("Publish").state == "Decide"
    assert script.pauses[:6] == [1, 1, 1.5, 2, 2.25, 4]


def test_an_error_that_no_rule_names_is_caught_without_a_retry() -> None:
    script = Script("StoppedError")
    assert script.step("Shift").state == "RollBack"
    assert script.pauses == []


def test_a_rollback_retries_whatever_it_is() -> None:
    assert Script(*["KeyError"] * 3).step("RollBack").state == "Decide"
    assert Script(*["KeyError"] * 4).step("RollBack").state == "GiveUp"


def test_a_subclass_is_another_name_to_the_state_machine() -> None:
    assert Script("ClaimHeldError").step("Plan").state == "RollBack"


def test_a_bake_has_a_token_and_the_time_until_its_look() -> None:
    script = Script()
    execution = script.step("Bake", look_seconds=30)
    (attempt,) = script.attempts
    assert (attempt.seconds, attempt.token, attempt.payload["token"]) == (30, "d-1/1", "d-1/1")
    assert (execution.state, execution.document) == ("Judge", {"look_seconds": 30})


def test_a_bake_that_times_out_is_caught_for_its_look() -> None:
    execution = Script("States.Timeout").step("Bake", look_seconds=30)
    assert execution.state == "Judge"
    assert execution.document["look_ended"]["Error"] == "States.Timeout"


def test_a_bake_whose_task_fails_is_tried_again_with_another_token() -> None:
    script = Script("UnavailableError")
    assert script.step("Bake", look_seconds=30).state == "Judge"
    assert [attempt.token for attempt in script.attempts] == ["d-1/1", "d-1/2"]


@pytest.mark.parametrize("seconds", [0, 1.5])
def test_a_bake_must_last_whole_seconds_and_at_least_one(seconds: float) -> None:
    with pytest.raises(AssertionError, match="Step Functions wants"):
        Script().step("Bake", look_seconds=seconds)


def test_a_choice_takes_the_first_that_fits_and_else_the_default() -> None:
    assert Script().step("Decide", decision="HOLD").state == "Bake"
    assert Script().step("Decide", decision="DANCE").state == "RollBack"


def test_a_fail_state_ends_with_the_error_and_cause_of_the_document() -> None:
    execution = Script().step("Rejected", error={"Error": "Rejected", "Cause": "no zip"})
    assert (execution.status, execution.error, execution.cause) == ("FAILED", "Rejected", "no zip")
    assert (execution.state, execution.ways) == ("Rejected", [("Rejected", "end", "")])
