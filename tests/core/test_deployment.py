"""The record of a deployment: what it wrote, when it is due, and how it outlives the code that wrote it."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.alias import Alias, Routing, routing_at
from controller.core.by_hand import Hotfix
from controller.core.deployment import STOPPING_MARKS, Deployment, Event, Mark, Status, Transition, event_of
from controller.core.errors import ControllerError
from controller.core.verification import VerificationEvent
from controller.core.weight import FULL_WEIGHT
from tests.builders import (
    START,
    a_deployment,
    a_mark,
    a_member,
    a_plan,
    a_target,
    a_verdict,
    after,
    an_alarm,
    an_alias,
    an_event,
)

THREE_STEPS = a_plan((1_000, 60), (5_000, 120), (10_000, 300))


@pytest.mark.parametrize(
    ("step", "intended", "alias", "ours"),
    [
        (-1, -1, an_alias("1"), True),
        (-1, -1, an_alias("1", "2", 1_000), False),
        (-1, 0, an_alias("1", "2", 1_000), True),
        (0, 0, an_alias("1", "2", 1_000), True),
        (0, 0, an_alias("1"), True),
        (0, 0, an_alias("1", "2", 5_000), False),
        (0, 1, an_alias("1", "2", 1_000), True),
        (0, 1, an_alias("1", "2", 5_000), True),
        (0, 1, an_alias("2"), False),
        (2, 2, an_alias("2"), True),
        (2, 2, an_alias("1"), True),
        (2, 2, an_alias("1", "2", 5_000), False),
        (0, 0, an_alias("2"), False),
        (0, 0, an_alias("3"), False),
        (0, 0, an_alias("2", "1", 1_000), False),
        (0, 0, an_alias("1", "3", 1_000), False),
        (0, 0, an_alias("1", "2", 1_001), False),
        (0, 0, an_alias("$LATEST"), False),
    ],
    ids=[
        "nothing written, on the baseline",
        "nothing written, but split",
        "first weight, meant",
        "first weight, made",
        "put back already",
        "a weight we did not write",
        "the weight before the shift",
        "the weight that is meant",
        "a weight beyond the next one",
        "all traffic",
        "all traffic, put back already",
        "a weight of an earlier step",
        "somebody promoted it early",
        "a third version",
        "the versions turned round",
        "a weight on a third version",
        "a basis point more",
        "latest",
    ],
)
def test_an_alias_is_ours_while_it_carries_what_we_wrote_or_meant_to(
    step: int, intended: int, alias: Alias, ours: bool
) -> None:
    deployment = a_deployment(at_step=step, intended_index=intended, plan=THREE_STEPS)
    assert deployment.wrote(deployment.members[0], alias) is ours


def test_another_revision_of_the_same_routing_is_still_ours() -> None:
    deployment = a_deployment(at_step=0)
    alias = Alias("orders", "live", Routing("1", "2", 1_000), "revision-99")
    assert deployment.wrote(deployment.members[0], alias)


@pytest.mark.parametrize("candidate", [None, "1"], ids=["not published", "is the baseline"])
@pytest.mark.parametrize("weight", [0, 1, 5_000, FULL_WEIGHT])
def test_a_member_without_a_candidate_of_its_own_stays_on_its_baseline(candidate: str | None, weight: int) -> None:
    assert a_member(candidate=candidate).routing(weight) == Routing("1")


@given(st.integers(0, FULL_WEIGHT))
def test_a_routing_never_says_nothing_or_all_as_a_weight(weight: int) -> None:
    routing = routing_at("1", "2", weight)
    assert routing.is_split is (0 < weight < FULL_WEIGHT)
    assert routing.weight == (weight if routing.is_split else 0)
    assert routing.version == ("2" if weight == FULL_WEIGHT else "1")


@pytest.mark.parametrize(
    ("routing", "text"),
    [(Routing("1"), "version 1"), (Routing("1", "2", 50), "version 1 with 0.5% on version 2")],
    ids=["whole", "split"],
)
def test_a_routing_is_spelt_for_people(routing: Routing, text: str) -> None:
    assert str(routing) == text


@pytest.mark.parametrize(("step", "weight"), [(-1, 0), (0, 1_000), (1, 5_000), (2, 10_000)])
def test_the_weight_is_that_of_the_step(step: int, weight: int) -> None:
    assert a_deployment(at_step=step, plan=THREE_STEPS).weight == weight


@pytest.mark.parametrize(("step", "seconds"), [(0, 60), (1, 120), (2, 300)])
def test_a_step_is_due_at_the_end_of_its_bake_and_held_no_longer_than_allowed(step: int, seconds: int) -> None:
    deployment = a_deployment(at_step=step, plan=THREE_STEPS, max_hold_seconds=900)
    assert deployment.due_at == after(seconds)
    assert deployment.hold_until == after(seconds + 900)


def test_nothing_is_due_before_the_first_shift() -> None:
    deployment = a_deployment()
    assert (deployment.due_at, deployment.hold_until) == (None, None)


@pytest.mark.parametrize(
    ("look_at", "seconds"),
    [(None, 1), (START, 1), (after(-60), 1), (after(0.2), 1), (after(1.01), 2), (after(60), 60)],
    ids=["unknown", "now", "overdue", "in a moment", "rounded up", "in a minute"],
)
def test_the_wait_for_a_look_is_a_whole_number_of_seconds_of_at_least_one(
    look_at: datetime | None, seconds: int
) -> None:
    found = a_deployment(look_at=look_at).seconds_to_look(START)
    assert (found, type(found)) == (seconds, int)


@given(st.sets(st.sampled_from(Mark)))
def test_abort_outranks_alarm_which_outranks_superseded(marks: set[Mark]) -> None:
    left = {mark: detail for mark in marks for mark, detail in a_mark(mark).items()}
    stopping = [mark for mark in STOPPING_MARKS if mark in marks]
    assert STOPPING_MARKS == (Mark.ABORT, Mark.ALARM, Mark.SUPERSEDED)
    assert a_deployment(marks=left).stopping_mark == (stopping[0] if stopping else None)


@pytest.mark.parametrize("status", Status)
def test_a_failed_rollback_is_not_over(status: Status) -> None:
    open_ended = (Status.PENDING, Status.IN_PROGRESS, Status.ROLLBACK_FAILED)
    assert status.is_over is (status not in open_ended)


def full() -> Deployment:
    """Return a record in which every field holds something."""
    return a_deployment(
        at_step=1,
        ended_at=after(600),
        version="41",
        hotfix=Hotfix(reason="payments fail", by="ada"),
        event_id="event-1",
        test_events=(VerificationEvent(name="ping", payload={"a": [1, 2.5, None, "é"]}),),
        alarms=(an_alarm(),),
        look_at=after(60),
        verdict=a_verdict(),
        refused=True,
        sequence=7,
        marks=a_mark(Mark.ABORT),
        token="token",
    )  # fmt: skip


def test_a_record_survives_being_written_and_read() -> None:
    text = json.dumps(full().model_dump(mode="json"))
    assert Deployment.model_validate(json.loads(text)) == full()


def test_a_record_in_which_little_is_known_survives_too() -> None:
    sparse = a_deployment(artifact=None, members=(), plan=None, status=Status.REJECTED)
    assert Deployment.model_validate(sparse.model_dump(mode="json")) == sparse
    assert sparse.steps == ()


def test_an_event_survives_being_written_and_read() -> None:
    event = an_event(evidence={"alarms": {"errors": "OK"}, "rate": 0.25})
    assert Event.model_validate(json.loads(json.dumps(event.model_dump(mode="json")))) == event


PLACES: dict[str, list[str | int]] = {
    "record": [],
    "artifact": ["artifact"],
    "hotfix": ["hotfix"],
    "member": ["members", 0],
    "plan": ["plan"],
    "step": ["plan", "steps", 0],
    "test event": ["test_events", 0],
    "alarm": ["alarms", 0],
    "verdict": ["verdict"],
    "mark": ["marks", "abort"],
}


@pytest.mark.parametrize("path", PLACES.values(), ids=PLACES)
def test_a_record_of_a_later_version_is_read_and_its_new_fields_are_passed_over(path: list[str | int]) -> None:
    record: Any = full().model_dump(mode="json") | {"schema_version": 2}
    place = record
    for part in path:
        place = place[part]
    place["invented_later"] = {"a": 1}
    assert Deployment.read(record) == full().model_copy(update={"schema_version": 2})


def test_what_a_later_version_added_is_passed_over_in_every_document_of_a_record_at_once() -> None:
    record: Any = full().model_dump(mode="json")
    for document in (record["artifact"], record["hotfix"], record["test_events"][0]):
        document["invented_later"] = {"a": 1}
    assert Deployment.read(record) == full()


def test_what_a_later_version_added_within_a_criterion_is_passed_over() -> None:
    own = {"namespace": "Shop", "version_dimension": "version", "function": "orders"}
    counts = {**own, "name": "orders", "requests": "Requests", "failures": "Failures"}
    target = a_target(
        comparison={"metrics": [counts]}, rules=[{"metric": {**own, "name": "Baskets"}, "below": 3, "over": "3m"}]
    )
    judged = full().model_copy(update={"comparison": target.comparison, "rules": target.rules})
    record: Any = judged.model_dump(mode="json")
    for document in (record["comparison"]["metrics"][0], record["rules"][0], record["rules"][0]["metric"]):
        document["invented_later"] = 1
    assert Deployment.read(record) == judged


def test_a_test_event_keeps_every_field_of_its_payload() -> None:
    record: Any = full().model_dump(mode="json")
    record["test_events"][0]["payload"] = {"invented_later": 1, "name": "x"}
    assert Deployment.read(record).test_events[0].payload == {"invented_later": 1, "name": "x"}


@pytest.mark.parametrize("field", ["artifact", "hotfix", "test_events"])
def test_a_record_whose_documents_are_none_at_all_is_not_taken_for_a_good_one(field: str) -> None:
    record: Any = full().model_dump(mode="json")
    record[field] = ["x"]
    with pytest.raises(ControllerError, match=field):
        Deployment.read(record)


def test_an_event_of_a_later_version_is_read_too() -> None:
    record = an_event().model_dump(mode="json") | {"invented_later": 1}
    assert Event.read(record) == an_event()


def test_an_event_tells_the_deployment_as_it_is_after_the_transition() -> None:
    deployment = a_deployment(at_step=0, sequence=4, reason="step 1/2: 10% on the candidate")
    event = event_of(deployment, Transition.SHIFTED, START + timedelta(seconds=1), {"a": 1})
    assert event.event_id == "orders-abc-1.5"
    assert (event.weight, event.step_index, event.steps) == (1_000, 0, 2)
    assert (event.status, event.reason) == (Status.IN_PROGRESS, "step 1/2: 10% on the candidate")
    assert event.artifact == "s3://releases/orders/1.zip@v1"
    assert (event.at, event.evidence) == (after(1), {"a": 1})


def test_a_deployment_of_an_existing_version_says_so() -> None:
    assert a_deployment(artifact=None, version="41").what == "version 41"


def test_a_deployment_that_names_nothing_does_not_invent_a_version() -> None:
    assert "None" not in a_deployment(artifact=None, version=None, status=Status.REJECTED).what


@pytest.mark.parametrize("broken", [{"status": "GREEN"}, {"members": [{}]}, {"started_at": "soon"}])
def test_a_record_that_somebody_broke_is_told_in_one_line_that_names_it(broken: dict[str, Any]) -> None:
    # Whoever goes through several deployments goes on past an error of the controller's own, and past no other.
    with pytest.raises(ControllerError, match=r"^the stored deployment orders-abc-1 cannot be read: ") as failed:
        Deployment.read(a_deployment().model_dump(mode="json") | broken)
    assert (next(iter(broken)) in str(failed.value), "\n" in str(failed.value)) == (True, False)
