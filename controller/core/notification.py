"""Notifications: what teams are told of a transition, over EventBridge."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from controller.core.by_hand import Hotfix
from controller.core.deployment import Event, Status, Transition
from controller.core.weight import spell_weight
from controller.core.wording import one_line

SOURCE = "rampart"
DETAIL_TYPE = "Rampart Deployment Transition"


class Severity(StrEnum):
    """How much a transition should disturb people."""

    INFO = "INFO"
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"


_SEVERITY = {
    Status.REJECTED: Severity.WARNING,
    Status.ROLLED_BACK: Severity.WARNING,
    Status.DRIFTED: Severity.WARNING,
    Status.ROLLBACK_FAILED: Severity.CRITICAL,
}

_LONGEST = 2000
"""Of a text that people wrote, which reaches people as one line and nothing but text."""

_TELLING = ("planned ", "published ", "undone ", "waits ")
"""How reasons begin that say by themselves what happened."""


class NotifiedMember(BaseModel):
    """One function and alias of a deployment."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    function: str = Field(description="The function's name.")
    alias: str = Field(description="The alias through which it is called.")
    baseline: str = Field(
        description="The version that served before, and serves again after a rollback; empty in a first "
        "deployment, which makes the alias."
    )
    candidate: str | None = Field(description="The version that is deployed; null before it is published.")


class NotifiedHotfix(BaseModel):
    """Why a deployment was started in a hurry, and who started it."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    reason: str = Field(description="Why, in the words of who started it.")
    by: str = Field(description="Who started it, as they named themselves.")


class Notification(BaseModel):
    """One transition of a deployment, as teams are told of it: the detail of the EventBridge event.

    Within a schema_version, fields are only added: no field is dropped or renamed, none changes its type or its
    meaning, and no status, transition or severity is added. Whatever breaks this is a new schema_version. So pass
    over fields that you do not know.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    schema_version: Literal[1] = Field(description="The version of these fields and of what they mean.")
    event_id: str = Field(
        description="The same for every delivery of this transition, and for no other one: "
        "by it a consumer recognises a repeat."
    )
    stage: str = Field(description="The stage of the Rampart that tells, such as `prod`.")
    deployment_id: str = Field(description="The deployment: the name of its Step Functions execution.")
    sequence: int = Field(
        ge=1, description="The number of this transition within its deployment, from 1 on without a gap."
    )
    target: str = Field(
        description="The target that is deployed to; `(none)` when a request was refused that names none."
    )
    transition: Transition = Field(description="What happened.")
    status: Status = Field(description="Where the deployment is after it.")
    severity: Severity = Field(
        description="How much it should disturb people: by the status; WARNING when approval is awaited, "
        "and CRITICAL when it is because there is no way back."
    )
    at: Annotated[datetime, PlainSerializer(datetime.isoformat, return_type=str, when_used="json")] = Field(
        description="When it happened, in UTC.", json_schema_extra={"format": "date-time"}
    )
    artifact: str = Field(
        description="What is deployed, such as `s3://BUCKET/KEY@VERSION-ID` or `version 41`; "
        "`nothing that could be read` when a request was refused that does not say."
    )
    weight_percent: float = Field(
        ge=0,
        le=100,
        description="The share of the traffic, in percent, that this deployment has given the candidate. "
        "When somebody else has moved the alias (DRIFTED), it is what the deployment had given before.",
    )
    step: int = Field(
        ge=0,
        description="The step of the plan that the alias is on, from 1 on; "
        "0 before the first shift and after a rollback, unless that left an alias which a first deployment made.",
    )
    steps: int = Field(ge=0, description="How many steps the plan has; 0 without a plan.")
    members: tuple[NotifiedMember, ...] = Field(
        description="The functions and aliases that move in lockstep; empty before they are claimed."
    )
    hotfix: NotifiedHotfix | None = Field(
        description="Why a person started it in a hurry, and who; null otherwise."
    )
    execution_arn: str = Field(description="The Step Functions execution that carries the deployment out.")
    warnings: tuple[str, ...] = Field(
        description="What speaks against the deployment and is no reason to refuse it, a line each: of the "
        "transition PLANNED. Empty in all others."
    )
    reason: str = Field(description="Why, in words for people, which may change at any time.")
    message: str = Field(
        description="All of it for people, in one line of at most 2000 characters, which may change at any time."
    )


def notification(event: Event, stage: str) -> dict[str, Any]:
    """Return the detail of the EventBridge event that tells of a transition."""
    return Notification(
        schema_version=1,
        event_id=event.event_id,
        stage=stage,
        deployment_id=event.deployment_id,
        sequence=event.sequence,
        target=event.target,
        transition=event.transition,
        status=event.status,
        severity=severity(event.status, awaits_approval=event.awaits_approval, has_way_back=event.has_way_back),
        at=event.at,
        artifact=event.artifact,
        weight_percent=event.weight / 100,
        step=event.step_index + 1,
        steps=event.steps,
        members=tuple(NotifiedMember(**member.model_dump()) for member in event.members),
        hotfix=_told(event.hotfix) if event.hotfix else None,
        execution_arn=event.execution_arn,
        warnings=tuple(one_line(warning, _LONGEST) for warning in event.warnings),
        reason=one_line(event.reason, _LONGEST),
        message=sentence(event),
    ).model_dump(mode="json")


def severity(status: Status, *, awaits_approval: bool = False, has_way_back: bool = True) -> Severity:
    """Return how much a transition to a status should disturb people."""
    asking = Severity.WARNING if has_way_back else Severity.CRITICAL
    return _SEVERITY.get(status, asking if awaits_approval else Severity.INFO)


def sentence(event: Event) -> str:
    """Return the transition in one line for people."""
    ended = event.transition is Transition.ENDED
    what = (event.status if ended else event.transition).value.lower().replace("_", " ")
    if event.status is Status.ROLLBACK_FAILED and event.weight:
        what += f" with {spell_weight(event.weight)} on the candidate"
    told = event.reason if event.reason.startswith(_TELLING) else f"{what}: {event.reason}"
    warned = "".join(f". Warning: {warning}" for warning in event.warnings)
    return one_line(f"{event.target}: {told}{warned}", _LONGEST)


def _told(hotfix: Hotfix) -> NotifiedHotfix:
    return NotifiedHotfix(reason=one_line(hotfix.reason, _LONGEST), by=one_line(hotfix.by, _LONGEST))
