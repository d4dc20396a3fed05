"""Notifications: the same fields for every transition, a severity, and one sentence for people."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.by_hand import Hotfix
from controller.core.deployment import EventMember, Status, Transition
from controller.core.notification import notification, sentence
from tests.builders import an_event


def test_a_transition_is_told_whole() -> None:
    member = EventMember(function="orders", alias="live", baseline="1", candidate="2")
    hotfix = Hotfix(reason="payments fail", by="ada")
    arn = "arn:aws:states:eu-west-1:123456789012:execution:rampart-dev:orders-abc-1"
    assert notification(an_event(members=(member,), hotfix=hotfix, execution_arn=arn), "prod") == {
        "schema_version": 1,
        "event_id": "orders-abc-1.4",
        "stage": "prod",
        "deployment_id": "orders-abc-1",
        "sequence": 4,
        "target": "orders",
        "transition": "SHIFTED",
        "status": "IN_PROGRESS",
        "severity": "INFO",
        "at": "2026-03-02T09:00:00+00:00",
        "artifact": "s3://releases/orders/1.zip@v1",
        "weight_percent": 10.0,
        "step": 1,
        "steps": 2,
        "members": [{"function": "orders", "alias": "live", "baseline": "1", "candidate": "2"}],
        "hotfix": {"reason": "payments fail", "by": "ada"},
        "execution_arn": "arn:aws:states:eu-west-1:123456789012:execution:rampart-dev:orders-abc-1",
        "warnings": [],
        "reason": "step 1/2: 10% on the candidate",
        "message": "orders: shifted: step 1/2: 10% on the candidate",
    }


@pytest.mark.parametrize(
    ("status", "severity"),
    [
        (Status.PENDING, "INFO"),
        (Status.IN_PROGRESS, "INFO"),
        (Status.PROMOTED, "INFO"),
        (Status.SKIPPED, "INFO"),
        (Status.REJECTED, "WARNING"),
        (Status.ROLLED_BACK, "WARNING"),
        (Status.DRIFTED, "WARNING"),
        (Status.ROLLBACK_FAILED, "CRITICAL"),
    ],
)
def test_how_bad_it_is_follows_from_the_status(status: Status, severity: str) -> None:
    assert notification(an_event(status=status), "dev")["severity"] == severity


def test_what_waits_for_a_person_is_a_warning() -> None:
    assert notification(an_event(awaits_approval=True), "dev")["severity"] == "WARNING"


def test_every_status_has_a_severity_that_was_thought_of() -> None:
    assert {status.value for status in Status} == {
        "PENDING", "IN_PROGRESS", "PROMOTED", "SKIPPED", "REJECTED", "ROLLED_BACK", "DRIFTED", "ROLLBACK_FAILED",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"transition": Transition.PLANNED, "weight": 0, "reason": "planned AllAtOnce: 100% for 5m"},
            "orders: planned AllAtOnce: 100% for 5m",
        ),
        (
            {"transition": Transition.PLANNED, "weight": 0, "reason": "planned AllAtOnce", "warnings": ("a", "b")},
            "orders: planned AllAtOnce. Warning: a. Warning: b",
        ),
        (
            {"transition": Transition.JUDGED, "reason": "step 1/2 passed: 1 alarm is OK"},
            "orders: judged: step 1/2 passed: 1 alarm is OK",
        ),
        (
            {"transition": Transition.ENDED, "status": Status.DRIFTED, "reason": "alias orders:live was\nchanged"},
            "orders: drifted: alias orders:live was changed",
        ),
        (
            {"transition": Transition.ENDED, "status": Status.PROMOTED, "weight": 10_000, "reason": "passed"},
            "orders: promoted: passed",
        ),
        (
            {"transition": Transition.ENDED, "status": Status.ROLLED_BACK, "weight": 0, "reason": "alarm"},
            "orders: rolled back: alarm",
        ),
        (
            {"transition": Transition.ENDED, "status": Status.ROLLBACK_FAILED, "weight": 50, "reason": "denied"},
            "orders: rollback failed with 0.5% on the candidate: denied",
        ),
    ],
    ids=["planned", "warned", "judged", "drifted", "promoted", "rolled back", "rollback failed"],
)
def test_a_transition_is_told_in_one_sentence(changes: dict[str, Any], line: str) -> None:
    assert sentence(an_event(**changes)) == line


@given(st.sampled_from(Status), st.sampled_from(Transition), st.integers(0, 10_000), st.text())
def test_every_notification_is_json_of_the_same_fields(
    status: Status, transition: Transition, weight: int, reason: str
) -> None:
    detail = notification(an_event(status=status, transition=transition, weight=weight, reason=reason), "dev")
    assert detail.keys() == notification(an_event(), "dev").keys()
    assert json.loads(json.dumps(detail)) == detail
    assert detail["message"].isprintable(), "one line, whatever the reason is"
