"""The walker is Step Functions as far as our definition needs it."""

from typing import Any

import pytest

from tests.engine import walker


class Script:
    """Tasks that fail as they are told to, and a time that only they let pass."""

    def __init__(self, *failures: str, woken_after: float | None = None, **answer: str) -> None:
        self.failures = list(failures)
        self.answer = answer
        self.woken_after = woken_after
        self.invoked: list[tuple[str, dict[str, Any]]] = []
        self.waits: list[tuple[float, str | None]] = []

    def invoke(self, state: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Fail as long as there are failures to come, then answer."""
        self.invoked.append((state, payload))
        if self.failures:
            raise walker.TaskFailedError(self.failures.pop(0), "because")
        return self.answer

    def wait(self, seconds: float, token: str | None) -> bool:
        """Note what was waited for."""
        self.waits.append((seconds, token))
        return token is not None and self.woken_after is not None and self.woken_after <= seconds


def step(script: Script, state: str, **document: Any) -> walker.Execution:
    """Walk a single state and return where the execution stands then."""
    execution = walker.Execution("d-1", {"target": "checkout"}, script, state, document)
    next(walker.steps(execution))
    return execution


def test_a_task_that_answers_goes_on_with_its_answer_as_the_document() -> None:
    execution = step(Script(decision="VERIFY"), "Publish", decision="PUBLISH", error="old")
    assert (execution.state, execution.document) == ("Decide", {"decision": "VERIFY"})


def test_a_task_gets_what_its_parameters_say() -> None:
    script = Script()
    step(script, "Plan")
    ((_, payload),) = script.invoked
    assert (payload["deployment_id"], payload["request"]) == ("d-1", {"target": "checkout"})
    assert payload["execution_arn"].endswith(":execution:rampart:d-1")


def test_a_rollback_gets_the_document_as_it_stands() -> None:
    script = Script()
    step(script, "RollBack", error={"Error": "E", "Cause": "C"})
    assert script.invoked[0][1]["state"] == {"error": {"Error": "E", "Cause": "C"}}


def test_an_error_that_is_named_is_retried_with_growing_waits_up_to_the_longest() -> None:
    script = Script(*["UnavailableError"] * 8)
    assert step(script, "Judge").state == "Decide"
    assert [seconds for seconds, _ in script.waits] == [1, 2, 4, 8, 15, 15, 15, 15]


def test_the_last_retry_that_fails_is_caught() -> None:
    script = Script(*["UnavailableError"] * 9)
    execution = step(script, "Judge", deployment_id="d-1")
    assert execution.state == "RollBack"
    assert execution.document == {
        "deployment_id": "d-1",
        "error": {"Error": "UnavailableError", "Cause": "because"},
    }
    assert len(script.invoked) == 9


def test_each_retry_rule_counts_its_own_errors() -> None:
    script = Script(*["NotReadyError", "UnavailableError"] * 8)
    assert step(script, "Publish").state == "Decide"
    assert [seconds for seconds, _ in script.waits][:6] == [1, 1, 1.5, 2, 2.25, 4]


def test_an_error_that_no_rule_names_is_caught_without_a_retry() -> None:
    script = Script("StoppedError")
    assert step(script, "Shift").state == "RollBack"
    assert script.waits == []


def test_a_rollback_retries_whatever_it_is() -> None:
    assert step(Script(*["KeyError"] * 3), "RollBack").state == "Decide"
    assert step(Script(*["KeyError"] * 4), "RollBack").state == "GiveUp"


def test_a_subclass_is_another_name_to_the_state_machine() -> None:
    assert step(Script("ClaimHeldError"), "Plan").state == "RollBack"


def test_a_bake_that_nobody_wakes_times_out_into_its_catch() -> None:
    script = Script()
    execution = step(script, "Bake", look_seconds=30)
    assert execution.state == "Judge"
    assert execution.document["look_ended"]["Error"] == "States.Timeout"
    assert script.waits == [(30, "d-1/1")]
    assert script.invoked[0][1]["token"] == "d-1/1"


def test_a_bake_that_is_woken_goes_on_with_the_document_as_it_was() -> None:
    execution = step(Script(woken_after=5), "Bake", look_seconds=30)
    assert (execution.state, execution.document) == ("Judge", {"look_seconds": 30})


def test_a_bake_whose_task_fails_is_tried_again_with_another_token() -> None:
    script = Script("UnavailableError", woken_after=5)
    assert step(script, "Bake", look_seconds=30).state == "Judge"
    assert [payload["token"] for _, payload in script.invoked] == ["d-1/1", "d-1/2"]


@pytest.mark.parametrize("seconds", [0, 1.5])
def test_a_bake_must_last_whole_seconds_and_at_least_one(seconds: float) -> None:
    with pytest.raises(AssertionError, match="Step Functions wants"):
        step(Script(), "Bake", look_seconds=seconds)


def test_a_choice_takes_the_first_that_fits_and_else_the_default() -> None:
    assert step(Script(), "Decide", decision="HOLD").state == "Bake"
    assert step(Script(), "Decide", decision="DANCE").state == "RollBack"


def test_a_fail_state_ends_with_the_error_and_cause_of_the_document() -> None:
    execution = step(Script(), "Rejected", error={"Error": "Rejected", "Cause": "no zip"})
    assert (execution.status, execution.error, execution.cause) == ("FAILED", "Rejected", "no zip")


def test_an_execution_that_goes_round_for_ever_is_found_out() -> None:
    looping = Script(decision="PUBLISH")
    with pytest.raises(AssertionError, match="still running after 50 states"):
        walker.run(walker.start("d-1", {}, looping), most_states=50)
