"""What stops or closes a deployment from outside: alarms' events and ended executions."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.errors import MalformedEventError
from controller.restore import dead_execution
from controller.signal import alarm_change
from tests.recorded import ABSENT, changed, event

ALARM, EXECUTION = "cloudwatch_alarm_state_change", "step_functions_execution_failed"
# What Python and pydantic say of a value, and names of our classes: nobody else's words.
PROGRAMMERS_WORDS = ("subscriptable", "indices", "NoneType", "instance of", "AlarmChange", "_State", ": :")


def alarm_refusal(malformed: Any) -> str:
    """Return why an alarm's event is refused."""
    with pytest.raises(MalformedEventError) as refused:
        alarm_change(malformed)
    return str(refused.value)


def execution_refusal(malformed: Any) -> str:
    """Return why an execution's event is refused."""
    with pytest.raises(MalformedEventError) as refused:
        dead_execution(malformed)
    return str(refused.value)


def test_an_alarm_that_fires_says_its_name_why_and_what_it_was_before() -> None:
    change = alarm_change(event(ALARM))
    assert change.name == "orders-errors"
    assert (change.state.value, change.before.value) == ("ALARM", "OK")
    assert change.state.reason.startswith("Threshold Crossed: 1 out of the last 1 datapoints [4.0 ")


def test_a_composite_alarm_is_read_like_any_other() -> None:
    change = alarm_change(event("cloudwatch_composite_alarm_state_change"))
    assert change.name == "orders-unwell"
    assert (change.state.value, change.before.value) == ("OK", "INSUFFICIENT_DATA")


@pytest.mark.parametrize("path", ["detail.state.reason", "detail.previousState.reason", "detail.configuration"])
def test_an_alarm_that_does_not_say_why_is_heard_all_the_same(path: str) -> None:
    change = alarm_change(changed(ALARM, path, ABSENT))
    assert (change.name, change.state.value, change.before.value) == ("orders-errors", "ALARM", "OK")


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        ("detail", ABSENT, "detail"),
        ("detail.alarmName", ABSENT, "alarmName"),
        ("detail.alarmName", 5, "alarmName"),
        ("detail.state", ABSENT, "state"),
        ("detail.state", "ALARM", "state"),
        ("detail.state.value", ABSENT, "state.value"),
        ("detail.state.value", None, "state.value"),
        ("detail.previousState", ABSENT, "previousState"),
        ("detail.previousState.value", ABSENT, "previousState.value"),
    ],
)
def test_an_alarms_event_that_lacks_what_aws_documents_is_refused_with_the_place(
    path: str, value: Any, place: str
) -> None:
    assert place in alarm_refusal(changed(ALARM, path, value))


NO_EVENTS: list[Any] = [
    None,
    [],
    [1],
    "x",
    5,
    True,
    {},
    {"detail": None},
    {"detail": []},
    {"detail": "x"},
    {"detail": 5},
]


@pytest.mark.parametrize("nothing", [*NO_EVENTS, {"detail": {"alarmName": "a", "state": "ALARM"}}], ids=str)
def test_what_is_no_alarms_event_is_refused_in_words_for_people(nothing: Any) -> None:
    line = alarm_refusal(nothing)
    assert not [word for word in PROGRAMMERS_WORDS if word in line]
    assert line.isprintable()


@pytest.mark.parametrize(
    ("name", "because"),
    [
        ("aborted", "ABORTED: OperatorStop: stopped from the console"),
        ("timed_out", "TIMED_OUT"),
        ("failed", "FAILED: States.Runtime: An error occurred while executing the state 'Bake'"),
    ],
)
def test_an_execution_that_died_says_its_name_and_what_became_of_it(name: str, because: str) -> None:
    dead = dead_execution(event(f"step_functions_execution_{name}"))
    assert dead.name == "orders-65f833bc3bff-1"
    assert dead.because.startswith(because)
    assert "None" not in dead.because


@pytest.mark.parametrize("field", ["error", "cause"])
def test_an_execution_may_have_died_without_saying_why(field: str) -> None:
    gone = changed(EXECUTION, f"detail.{field}", ABSENT)
    assert dead_execution(gone) == dead_execution(changed(EXECUTION, f"detail.{field}", None))


# Step Functions API reference, ExecutionFailedEventDetails: a cause has at most 32,768 characters.
@pytest.mark.parametrize("cause", ["first\nsecond", "x" * 32_768], ids=["two lines", "long"])
def test_what_became_of_an_execution_is_one_line_and_never_long(cause: str) -> None:
    because = dead_execution(changed(EXECUTION, "detail.cause", cause)).because
    assert because.isprintable()
    assert len(because) <= 2_100


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        ("detail", ABSENT, "detail"),
        ("detail.name", ABSENT, "name"),
        ("detail.name", 5, "name"),
        ("detail.name", None, "name"),
        ("detail.status", ABSENT, "status"),
        ("detail.status", "RUNNING", "status"),
        ("detail.status", "SUCCEEDED", "status"),
    ],
)
def test_an_executions_event_that_lacks_what_aws_documents_is_refused_with_the_place(
    path: str, value: Any, place: str
) -> None:
    assert place in execution_refusal(changed(EXECUTION, path, value))


@pytest.mark.parametrize("nothing", NO_EVENTS, ids=str)
def test_what_is_no_executions_event_is_refused_in_words_for_people(nothing: Any) -> None:
    line = execution_refusal(nothing)
    assert not [word for word in PROGRAMMERS_WORDS if word in line]
    assert line.isprintable()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, st.sampled_from(["id", "detail", "detail.alarmName", "detail.state", "detail.previousState.value"]))
def test_an_alarms_event_is_either_understood_or_malformed(value: Any, path: str) -> None:
    with suppress(MalformedEventError):
        assert isinstance(alarm_change(changed(ALARM, path, value)).name, str)


@given(JSON, st.sampled_from(["id", "detail", "detail.name", "detail.status", "detail.error", "detail.cause"]))
def test_an_executions_event_is_either_understood_or_malformed(value: Any, path: str) -> None:
    with suppress(MalformedEventError):
        dead = dead_execution(changed(EXECUTION, path, value))
        assert all(isinstance(found, str) for found in (dead.name, dead.because, dead.target))
