"""Deployments in every situation in which an operator may look at them."""

from typing import Any

from controller.core.by_hand import Hotfix
from controller.core.deployment import Deployment, Event, Mark, MarkDetail, Status, Transition, event_of
from controller.core.outcome import Outcome
from tests.builders import (
    a_deployment,
    a_member,
    a_plan,
    a_shift,
    a_verdict,
    after,
    an_alarm,
    an_artifact,
    an_image,
)
from tests.engine.memory import MemoryDeployments

NOW = after(150)
RUNNING, WAITING, FAILED = (
    "checkout-7f3a9c41d2e8-5b0c9d7e6f12",
    "basket-by-hand",
    "search-0a1b2c3d4e5f-001122334455",
)
FIRED = (
    "step 1/2: alarm orders-errors fired: Threshold Crossed: 1 datapoint [5.0 (02/03/26 09:00:00)] "
    "was greater than the threshold (0.0)."
)
HOSTILE = "\x1b[31mred\x1b[0m \u202eright to left\nsecond line\r\x07" + "x" * 10_000
"""What somebody may write into a reason, a name or a key to fool whoever reads it."""


def running() -> Deployment:
    """Return a deployment that bakes at its first step."""
    return a_deployment(
        at_step=0,
        deployment_id=RUNNING,
        target="checkout",
        members=(a_member(function="checkout", baseline="41", candidate="42"),),
        artifact=an_artifact(key="checkout/2026-03-02.zip", version_id="3sL4kqtJlcpXroDTDmJ"),
        event_id="7c9e6679-7425-40de-944b-e07fc1f90ae7",
        reason="step 1/2: 10% on the candidate",
        look_at=after(180),
        verdict=a_verdict(),
        alarms=(an_alarm(name="checkout-errors"),),
    )


def waiting() -> Deployment:
    """Return a deployment that waits for the function of the running one."""
    return a_deployment(
        deployment_id=WAITING,
        target="basket",
        status=Status.PENDING,
        members=(),
        plan=None,
        artifact=None,
        version="9",
        started_at=after(60),
        look_at=after(360),
        waits_for="checkout",
        hotfix=Hotfix(reason="the basket is empty", by="kim"),
        reason=f"waits until {RUNNING} has ended, which is deploying checkout",
    )


def failed() -> Deployment:
    """Return a deployment whose alias could not be put back."""
    return a_deployment(
        at_step=0,
        deployment_id=FAILED,
        target="search",
        status=Status.ROLLBACK_FAILED,
        members=(a_member(function="search"), a_member(function="suggest")),
        artifact=an_image("9e", "team/search"),
        reason=f"{FIRED}; the alias could not be put back: alias search:live: User is not authorized",
        verdict=a_verdict(Outcome.FAIL, "alarm orders-errors is in ALARM"),
    )


def ended(name: str = "orders-abc-1", status: Status = Status.ROLLED_BACK, **fields: Any) -> Deployment:
    """Return a deployment of orders that has ended."""
    values: dict[str, Any] = {"deployment_id": name, "status": status, "ended_at": after(65), "reason": FIRED}
    return a_deployment(**(values | fields))


def store(*deployments: Deployment) -> MemoryDeployments:
    """Return a store with these records, as they are."""
    memory = MemoryDeployments()
    for deployment in deployments:
        memory.records[deployment.deployment_id] = deployment
    return memory


def marked(deployment: Deployment, reason: str = "wrong build", by: str = "user/ada") -> Deployment:
    """Return a deployment on which somebody left an abort."""
    detail = MarkDetail(at=after(90), by=by, reason=reason)
    return deployment.model_copy(update={"marks": {Mark.ABORT: detail}})


def story(deployment: Deployment) -> list[Event]:
    """Return the events of a deployment that shifted once and was rolled back by its alarm."""
    evidence = {"decision": "ROLL_BACK", "outcome": "FAIL", "alarms": {"orders-errors": "ALARM"}}
    told = [
        (Transition.PLANNED, 0, "planned Canary10Percent5Minutes: 10% for 5m, 100% for 5m", Status.IN_PROGRESS, {}),
        (Transition.PUBLISHED, 3, "published orders:live version 2", Status.IN_PROGRESS, {}),
        (Transition.SHIFTED, 5, "step 1/2: 10% on the candidate", Status.IN_PROGRESS, {}),
        (Transition.JUDGED, 64, FIRED, Status.IN_PROGRESS, evidence),
        (Transition.ENDED, 65, FIRED, Status.ROLLED_BACK, {}),
    ]
    at_first_step = deployment.model_copy(update={"step_index": 0, "plan": a_plan()})
    return [
        event_of(
            at_first_step.model_copy(update={"sequence": number, "reason": reason, "status": status}),
            transition,
            after(seconds),
            evidence,
        )
        for number, (transition, seconds, reason, status, evidence) in enumerate(told)
    ]


def compared(**fields: Any) -> Deployment:
    """Return a deployment in the middle of its steps, whose last look compared the versions."""
    counts = {"version": "checkout version 42", "requests": 138, "failures": 2}
    usual = {"version": "version 41", "requests": 222, "failures": 3}
    evidence = {
        "alarms": {"checkout-errors": "OK", "checkout-latency": "INSUFFICIENT_DATA (not armed)"},
        "comparisons": [
            {"name": "errors", "outcome": "PASS", "candidate": counts, "baseline": usual, "minutes": 3, "odds": 0.4}
        ],
    }
    values: dict[str, Any] = {
        "deployment_id": RUNNING,
        "target": "checkout",
        "members": (
            a_member(function="checkout", baseline="41", candidate="42"),
            a_member(function="basket", baseline="7", candidate="8"),
        ),
        "artifact": an_artifact(key="checkout/2026-03-02.zip", version_id="3sL4kqtJlcpXroDTDmJ"),
        "plan": a_plan(*((weight, 60) for weight in (2_000, 4_000, 6_000, 10_000)), strategy="Steps"),
        "reason": "step 2/4: checkout version 42 is no worse than version 41",
        "started_at": after(-70),
        "shifts": (a_shift(-65, 2_000, 2), a_shift(115, 4_000, 1)),
        "shifted_at": after(116),
        "look_at": after(172),
        "verdict": a_verdict().model_copy(update={"evidence": evidence}),
        "alarms": (an_alarm(name="checkout-errors"), an_alarm(name="checkout-latency", armed=False)),
    }
    return a_deployment(at_step=1, **(values | fields))


def convicted() -> Deployment:
    """Return the same deployment when the comparison has had it rolled back."""
    worse = {"version": "checkout version 42", "requests": 138, "failures": 61}
    usual = {"version": "version 41", "requests": 222, "failures": 0}
    found = {
        "name": "errors",
        "outcome": "FAIL",
        "candidate": worse,
        "baseline": usual,
        "minutes": 3,
        "odds": 364.0,
    }
    return compared(
        status=Status.ROLLED_BACK,
        step_index=-1,
        reason="step 2/4: checkout version 42 fails more than version 41",
        ended_at=after(140),
        look_at=None,
        verdict=a_verdict(Outcome.FAIL, "worse").model_copy(update={"evidence": {"comparisons": [found]}}),
    )
