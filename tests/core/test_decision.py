"""Decisions: what follows a look, in which document it travels, and how a cause is read back."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.decision import Decision, Ruling, cause_of, decide, end_of
from controller.core.deployment import STOPPING_MARKS, Deployment, Mark, Status
from controller.core.freeze import Freeze
from controller.core.hooks_due import decide_before_traffic
from controller.core.outcome import Outcome
from tests.builders import START, a_deployment, a_mark, a_verdict, after

MIDDLE, LAST = 0, 1
# A step of five minutes that may be held for ten more.
MOMENTS = {
    "at the shift": 0,
    "before due": 299,
    "due": 300,
    "held": 899,
    "at the end of the hold": 900,
    "long after": 90_000,
}
FORWARD = {MIDDLE: Decision.SHIFT, LAST: Decision.PROMOTE}
EARLY, LATE = ("at the shift", "before due"), ("at the end of the hold", "long after")


def expected(outcome: Outcome, moment: str, step: int) -> Decision:
    """Return the decision of the table below."""
    match outcome:
        case Outcome.FAIL:
            return Decision.ROLL_BACK
        case Outcome.INCONCLUSIVE:
            return Decision.ROLL_BACK if moment in LATE else Decision.HOLD
        case Outcome.PASS:
            return Decision.HOLD if moment in EARLY else FORWARD[step]


@pytest.mark.parametrize("step", [MIDDLE, LAST], ids=["middle step", "last step"])
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("outcome", Outcome)
def test_a_look_is_decided_by_outcome_time_and_step(outcome: Outcome, moment: str, step: int) -> None:
    ruling = decide(a_deployment(at_step=step), a_verdict(outcome), after(MOMENTS[moment]))
    assert ruling.decision is expected(outcome, moment, step)


@pytest.mark.parametrize("mark", STOPPING_MARKS)
@pytest.mark.parametrize("step", [MIDDLE, LAST], ids=["middle step", "last step"])
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("outcome", Outcome)
def test_a_mark_that_stops_outranks_every_verdict(outcome: Outcome, moment: str, step: int, mark: Mark) -> None:
    marked = a_deployment(at_step=step, marks=a_mark(mark))
    ruling = decide(marked, a_verdict(outcome), after(MOMENTS[moment]))
    assert ruling.decision is Decision.ROLL_BACK


@pytest.mark.parametrize(
    ("mark", "by", "reason"),
    [
        (Mark.ABORT, "ada", "abort by ada: wrong build"),
        (Mark.ALARM, "orders-errors", "alarm orders-errors fired: wrong build"),
        (Mark.SUPERSEDED, "orders-def-1", "superseded by orders-def-1, which deploys wrong build"),
    ],
)
def test_a_mark_that_stops_is_the_reason(mark: Mark, by: str, reason: str) -> None:
    marked = a_deployment(at_step=0, marks=a_mark(mark, by))
    assert decide(marked, a_verdict(), START).reason == f"step 1/2: {reason}"


@pytest.mark.parametrize(
    ("outcome", "second", "step", "reason"),
    [
        (Outcome.PASS, 60, MIDDLE, "step 1/2: 1 alarm is OK"),
        (Outcome.PASS, 300, MIDDLE, "step 1/2 passed: 1 alarm is OK"),
        (Outcome.PASS, 300, LAST, "step 2/2 passed: 1 alarm is OK"),
        (Outcome.INCONCLUSIVE, 60, MIDDLE, "step 1/2: 1 alarm is OK"),
        (Outcome.INCONCLUSIVE, 900, LAST, "step 2/2: still unclear after a hold of 10m: 1 alarm is OK"),
        (Outcome.FAIL, 60, LAST, "step 2/2: 1 alarm is OK"),
    ],
    ids=["baking", "passed", "last passed", "unclear", "hold over", "failed"],
)
def test_the_reason_names_the_step_and_what_was_found(
    outcome: Outcome, second: int, step: int, reason: str
) -> None:
    assert decide(a_deployment(at_step=step), a_verdict(outcome), after(second)).reason == reason


@pytest.mark.parametrize("changes", [{}, {"plan": None}], ids=["not shifted", "no plan"])
@pytest.mark.parametrize("outcome", Outcome)
def test_there_is_nothing_to_judge_before_the_first_shift(outcome: Outcome, changes: dict[str, Any]) -> None:
    ruling = decide(a_deployment(**changes), a_verdict(outcome), after(60))
    assert ruling == Ruling(Decision.ROLL_BACK, "there is nothing to judge before the first shift")


@st.composite
def deployments(draw: st.DrawFn, marks: st.SearchStrategy[set[Mark]]) -> Deployment:
    """Draw a deployment at any step, with any marks."""
    left = {mark: detail for mark in draw(marks) for mark, detail in a_mark(mark).items()}
    return a_deployment(at_step=draw(st.integers(-1, 1)), max_hold_seconds=draw(st.integers(0, 7_200)), marks=left)


ANY_MARKS = st.sets(st.sampled_from(Mark))
SECONDS = st.floats(-1_000, 100_000)
NOT_PASSED = st.sampled_from([Outcome.INCONCLUSIVE, Outcome.FAIL])
AHEAD = (Decision.SHIFT, Decision.PROMOTE, Decision.PROMOTED)


@given(deployments(ANY_MARKS), NOT_PASSED, SECONDS)
def test_nothing_but_a_pass_moves_traffic_forward(deployment: Deployment, outcome: Outcome, second: float) -> None:
    assert decide(deployment, a_verdict(outcome), after(second)).decision not in AHEAD


@given(
    deployments(ANY_MARKS.filter(lambda marks: bool(marks & set(STOPPING_MARKS)))),
    st.sampled_from(Outcome),
    SECONDS,
)
def test_a_stopping_mark_always_rolls_back(deployment: Deployment, outcome: Outcome, second: float) -> None:
    assert decide(deployment, a_verdict(outcome), after(second)).decision is Decision.ROLL_BACK


@given(deployments(ANY_MARKS), st.sampled_from(Outcome), SECONDS)
def test_traffic_never_moves_forward_before_the_bake_is_over(
    deployment: Deployment, outcome: Outcome, second: float
) -> None:
    if second < 300:
        assert decide(deployment, a_verdict(outcome), after(second)).decision not in AHEAD


@given(deployments(ANY_MARKS), NOT_PASSED)
def test_no_hold_lasts_for_ever(deployment: Deployment, outcome: Outcome) -> None:
    over = after(300 + deployment.max_hold_seconds)
    assert decide(deployment, a_verdict(outcome), over).decision is Decision.ROLL_BACK


ENDS = [status for status in Status if status.is_over or status is Status.ROLLBACK_FAILED]


@pytest.mark.parametrize("status", ENDS)
def test_a_deployment_that_is_over_leads_to_its_own_end(status: Status) -> None:
    assert end_of(a_deployment(status=status, reason="because")) == Ruling(Decision(status.value), "because")


@pytest.mark.parametrize("decision", Decision)
def test_every_decision_that_ends_in_failure_carries_an_error_for_the_console(decision: Decision) -> None:
    document = Ruling(decision, "because").state_document("orders-1")
    failing = {
        Decision.ROLL_BACK: "RollBack",
        Decision.REJECTED: "Rejected",
        Decision.ROLLED_BACK: "RolledBack",
        Decision.DRIFTED: "Drifted",
        Decision.ROLLBACK_FAILED: "RollbackFailed",
    }
    error = {"error": {"Error": failing[decision], "Cause": "because"}} if decision in failing else {}
    assert document == {"deployment_id": "orders-1", "decision": decision.value, "look_seconds": 1} | error


@given(st.sampled_from(Decision), st.text(), st.integers(-(10**6), 10**6))
def test_a_look_takes_a_whole_number_of_seconds_of_at_least_one(
    decision: Decision, reason: str, seconds: int
) -> None:
    look = Ruling(decision, reason, seconds).state_document("orders-1")["look_seconds"]
    assert isinstance(look, int)
    assert look == max(1, seconds)


# Step Functions API reference, ExecutionFailedEventDetails: a cause has at most 32,768 characters.
@pytest.mark.parametrize("decision", [Decision.ROLL_BACK, Decision.REJECTED, Decision.HOLD])
def test_the_state_document_stays_small_whatever_the_reason(decision: Decision) -> None:
    document = Ruling(decision, "🚀" * 200_000).state_document("o" * 80)
    assert len(json.dumps(document)) < 32_768


LAMBDA = {"errorMessage": "deployment orders-1 has ended", "errorType": "StoppedError", "stackTrace": ["a", "b"]}


@pytest.mark.parametrize(
    ("error", "line"),
    [
        ({"Error": "StoppedError", "Cause": json.dumps(LAMBDA)}, "deployment orders-1 has ended"),
        (
            {"Error": "Lambda.Unknown", "Cause": '{"errorMessage": "Error: Runtime exited"}'},
            "Lambda.Unknown: Error: Runtime exited",
        ),
        ({"Error": "RollBack", "Cause": "step 1/2: alarm e is in ALARM"}, "step 1/2: alarm e is in ALARM"),
        ({"Error": "States.Timeout", "Cause": ""}, "States.Timeout"),
        ({"Error": "States.Timeout"}, "States.Timeout"),
        ({"Error": "Odd", "Cause": "42"}, "42"),
        ({"Error": "Odd", "Cause": '["a"]'}, '["a"]'),
        ({"Error": "Odd", "Cause": '{"message": "no"}'}, '{"message": "no"}'),
        ({"Cause": "half of {"}, "half of {"),
        ({}, ""),
    ],
    ids=[
        "Lambda",
        "Lambda without a type",
        "ours",
        "no cause",
        "absent cause",
        "number",
        "list",
        "another object",
        "broken JSON",
        "empty",
    ],
)
def test_a_cause_is_read_back(error: dict[str, str], line: str) -> None:
    assert cause_of({"deployment_id": "orders-1", "error": error}) == line
    assert cause_of(error) == line  # Plan's Catch puts it in the place of the document


NO_ERROR = {"deployment_id": "orders-1", "decision": "NO_SUCH_DECISION", "look_seconds": 1}


@pytest.mark.parametrize(
    "state", [None, [], "x", 5, {}, {"error": None}, {"error": "x"}, {"error": []}, NO_ERROR], ids=str
)
def test_a_state_that_does_not_say_why_has_no_cause(state: Any) -> None:
    assert cause_of(state) == ""


def test_what_a_ruling_says_is_what_rolling_back_records() -> None:
    ruling = decide(a_deployment(at_step=0), a_verdict(Outcome.FAIL, "alarm e is in ALARM"), START)
    assert cause_of(ruling.state_document("orders-1")) == ruling.reason


@pytest.mark.parametrize(
    "cause", [json.dumps(LAMBDA | {"errorMessage": "first\nsecond"}), "first\nsecond"], ids=["Lambda", "plain"]
)
def test_a_cause_is_one_line_even_when_the_error_is_not(cause: str) -> None:
    found = cause_of({"error": {"Error": "Odd", "Cause": cause}})
    assert found.endswith("first second")


GARBAGE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["error", "Error", "Cause", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(GARBAGE)
def test_a_cause_can_be_read_from_garbage(state: Any) -> None:
    assert isinstance(cause_of(state), str)
    assert isinstance(cause_of({"error": {"Error": "Odd", "Cause": json.dumps(state)}}), str)
    assert isinstance(cause_of({"Error": "Odd", "Cause": json.dumps(state)}), str)


FREEZE = Freeze("the line was stopped by ada")


@pytest.mark.parametrize(
    ("seconds", "freeze", "outcome", "decision"),
    [
        (0, FREEZE, Outcome.PASS, Decision.HOLD),
        (0, FREEZE, Outcome.INCONCLUSIVE, Decision.HOLD),
        (0, FREEZE, Outcome.FAIL, Decision.ROLL_BACK),
        (99, FREEZE, Outcome.PASS, Decision.HOLD),
        (100, FREEZE, Outcome.PASS, Decision.ROLL_BACK),
        (100, None, Outcome.PASS, Decision.SHIFT),
        (0, None, Outcome.PASS, Decision.SHIFT),
        (0, None, Outcome.INCONCLUSIVE, Decision.SHIFT),  # as Verify would, of an alarm that has no data yet
        (0, None, Outcome.FAIL, Decision.ROLL_BACK),
    ],
)
def test_a_freeze_holds_the_first_shift_for_as_long_as_it_may_and_no_rollback(
    seconds: float, freeze: Freeze | None, outcome: Outcome, decision: Decision
) -> None:
    deployment = a_deployment(frozen_since=START, freeze_seconds=100)
    ruling = decide_before_traffic(deployment, a_verdict(outcome), after(seconds), freeze)
    assert (ruling.decision, ruling.is_frozen) == (decision, decision is Decision.HOLD)
    marked = deployment.model_copy(update={"marks": a_mark(Mark.ABORT)})
    stopped = decide_before_traffic(marked, a_verdict(outcome), after(seconds), freeze)
    assert stopped.decision is Decision.ROLL_BACK
