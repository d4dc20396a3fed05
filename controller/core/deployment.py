"""The record of a deployment: one artifact going to one target, from start to end."""

import math
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import Field

from controller.core.alias import Alias
from controller.core.approval import Gate
from controller.core.artifact import WrittenArtifact
from controller.core.by_hand import Hotfix, Retry
from controller.core.criteria import ComparisonTerms, Rule, WhenUnclear
from controller.core.freeze import MAX_FREEZE_MINUTES, FreezeWindow
from controller.core.hook import Hook, HookRun
from controller.core.mark import STOPPING_MARKS as STOPPING_MARKS
from controller.core.mark import Mark as Mark
from controller.core.mark import MarkDetail as MarkDetail
from controller.core.mark import Pause as Pause
from controller.core.mark import Record
from controller.core.measurement import ShiftMade, Subject
from controller.core.member_record import MemberRecord
from controller.core.outcome import Outcome
from controller.core.plan import Plan, Step
from controller.core.verdict import Verdict, WatchedAlarm
from controller.core.verification import VerificationEvent
from controller.core.way_back import WayBack
from controller.core.weight import FULL_WEIGHT

SCHEMA_VERSION = 1

SECONDS_TO_ROLL_BACK = "seconds_to_roll_back"
"""In the evidence of a rollback, how long it took from knowing that it had to be until its record was closed."""


class Status(StrEnum):
    """Where a deployment is."""

    PENDING = "PENDING"
    """Planned, and waiting for its claims."""
    IN_PROGRESS = "IN_PROGRESS"
    """Holds its claims."""
    PROMOTED = "PROMOTED"
    """The alias is on the candidate."""
    SKIPPED = "SKIPPED"
    """There was nothing to do."""
    REJECTED = "REJECTED"
    """Refused before it took traffic."""
    ROLLED_BACK = "ROLLED_BACK"
    """The alias is back on the baseline."""
    DRIFTED = "DRIFTED"
    """Somebody else changed the alias; it was left as they put it."""
    ROLLBACK_FAILED = "ROLLBACK_FAILED"
    """The alias could not be put back; the claims are kept until it is."""

    @property
    def is_over(self) -> bool:
        """Whether the deployment has ended; a failed rollback is still to be finished."""
        return self not in (Status.PENDING, Status.IN_PROGRESS, Status.ROLLBACK_FAILED)


class Deployment(Record):
    """The record of one deployment; marks and token are written beside everything else, never with it."""

    schema_version: int = SCHEMA_VERSION
    deployment_id: str
    execution_arn: str
    target: str
    status: Status
    reason: str
    started_at: datetime
    ended_at: datetime | None = None
    artifact: WrittenArtifact | None = None
    appeared_at: datetime | None = None
    """When the artifact appeared in its bucket or repository."""
    version: str | None = None
    hotfix: Hotfix | None = None
    event_id: str | None = None
    retry: Retry | None = None
    """The deployment that a person had tried again by this one."""
    members: tuple[MemberRecord, ...] = ()
    plan: Plan | None = None
    max_hold_seconds: int = 0
    approval_seconds: int = 0
    """How long a person may take to approve what is unclear, once a hold has lasted as long as it may."""
    when_unclear: WhenUnclear = WhenUnclear.ROLL_BACK
    comparison: ComparisonTerms | None = None
    rules: tuple[Rule, ...] = ()
    subjects: tuple[Subject, ...] = ()
    """What is compared, of each member."""
    expects_evidence: bool = False
    """Whether the usual traffic is enough to compare by; else the candidate may be promoted without evidence."""
    test_events: tuple[VerificationEvent, ...] = ()
    hooks: tuple[Hook, ...] = ()
    hook: HookRun | None = None
    """The hook that was asked last."""
    hooks_answered: tuple[str, ...] = ()
    """The askings after the promotion of which the answer is known."""
    alarms: tuple[WatchedAlarm, ...] = ()
    warnings: tuple[str, ...] = ()
    """What speaks against it, and is no reason to refuse it."""
    step_index: int = -1
    """The step whose weight the alias has; -1 before the first shift."""
    intended_index: int = -1
    """The step that a shift is about to make or has made: written before the alias is."""
    shifts: tuple[ShiftMade, ...] = ()
    shifted_at: datetime | None = None
    shift_at: datetime | None = None
    """The earliest moment of the intended shift: when it was intended, or the start of the minute it waits for."""
    awaits_approval: bool = False
    pause: Pause | None = None
    approval: MarkDetail | None = None
    """A person's word that it may go on from the step that it is on."""
    promotion: MarkDetail | None = None
    """A person's word that it is to be promoted now."""
    asked_at: datetime | None = None
    """When the gate of the step first asked for a person."""
    suspended_since: datetime | None = None
    """Since when something other than evidence holds the step: a pause, its gate, a freeze."""
    suspended_seconds: float = 0.0
    """How long something other than evidence has held the step before; that is no part of `max_hold`."""
    freeze: tuple[FreezeWindow, ...] = ()
    freeze_seconds: int = MAX_FREEZE_MINUTES * 60
    """How long a freeze may hold a step."""
    frozen_since: datetime | None = None
    """Since when a freeze holds it, or has held its start."""
    is_frozen: bool = False
    """Whether a freeze holds its start, while it is PENDING."""
    look_at: datetime | None = None
    """When the next look is due."""
    verdict: Verdict | None = None
    """The verdict of the last look."""
    failed_at: datetime | None = None
    """When a look first decided to roll it back."""
    way_back: WayBack = Field(default_factory=WayBack)
    refused: bool = False
    """Whether the artifact itself was found wanting; an event does not try it again, a person may."""
    waits_for: str | None = None
    """The function whose claim another deployment holds, while this one is PENDING."""
    supersedes: int = 0
    """How many deployments in a row were superseded, up to the one that this one superseded."""
    sequence: int = 0
    """The number of the last event, and the guard against two writers."""
    marks: dict[Mark, MarkDetail] = Field(default_factory=dict)
    token: str | None = None

    @property
    def what(self) -> str:
        """What is being deployed, in one line."""
        if self.artifact:
            return self.artifact.identity
        return f"version {self.version}" if self.version else "nothing that could be read"

    @property
    def is_first(self) -> bool:
        """Whether it makes the aliases, of which no member had one before."""
        return any(member.is_first for member in self.members)

    @property
    def baselines(self) -> str:
        """The versions that served before, in one line."""
        if len(self.members) == 1:
            return f"version {self.members[0].baseline}"
        return ", ".join(f"{member.function} version {member.baseline}" for member in self.members)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps of the plan; none before there is one."""
        return self.plan.steps if self.plan else ()

    @property
    def weight(self) -> int:
        """The basis points that the alias gives the candidate, as far as we know."""
        return self.weight_at(self.step_index)

    def weight_at(self, index: int) -> int:
        """Return the basis points of step `index`; 0 before the first one."""
        return self.steps[index].weight if index >= 0 else 0

    @property
    def is_compared(self) -> bool:
        """Whether candidate and baseline are compared while both get traffic."""
        return bool(self.subjects) and self.plan is not None and self.plan.is_split

    @property
    def is_alone(self) -> bool:
        """Whether the candidate gets all of the traffic."""
        return self.weight == FULL_WEIGHT

    @property
    def due_at(self) -> datetime | None:
        """When the bake of the step ends; None before the first shift."""
        if self.shifted_at is None:
            return None
        return self.shifted_at + timedelta(seconds=self.steps[self.step_index].bake_seconds)

    @property
    def hold_until(self) -> datetime | None:
        """When a step that is held for evidence must end."""
        most = self.max_hold_seconds + self.suspended_seconds
        return self.due_at + timedelta(seconds=most) if self.due_at else None

    @property
    def gate(self) -> Gate | None:
        """The gate behind the bake of the step; None before the first shift."""
        return self.steps[self.step_index].approval if self.step_index >= 0 else None

    def seconds_to_look(self, now: datetime) -> int:
        """Return the whole seconds until the next look, at least 1 as Step Functions asks for."""
        return max(1, math.ceil((self.look_at - now).total_seconds())) if self.look_at else 1

    @property
    def stopping_mark(self) -> Mark | None:
        """The weightiest mark that ends the deployment, if there is one."""
        return next((mark for mark in STOPPING_MARKS if mark in self.marks), None)

    @property
    def to_be_stopped_since(self) -> datetime | None:
        """When it was first known that it must be rolled back: by a look, an alarm or somebody's word."""
        marks = [self.marks[mark] for mark in STOPPING_MARKS if mark in self.marks]
        known = [self.failed_at, *(mark.since or mark.at for mark in marks)]
        return min((at for at in known if at), default=None)

    def reweighted(self, member: MemberRecord, alias: Alias) -> bool:
        """Say whether the alias is split between our own baseline and candidate, in whatever shares."""
        return {alias.routing.version, alias.routing.second} == {member.baseline, member.candidate}

    def wrote(self, member: MemberRecord, alias: Alias) -> bool:
        """Say whether the alias carries what this deployment wrote, or meant to write next.

        When an alarm says that the candidate fails, whatever share somebody else has given it counts as ours.
        """
        is_red = Mark.ALARM in self.marks or (self.verdict is not None and self.verdict.outcome is Outcome.FAIL)
        if is_red and self.reweighted(member, alias):
            return True
        return alias.routing in {
            member.routing(0),
            member.routing(self.weight),
            member.routing(self.weight_at(self.intended_index)),
        }

    def carries(self, member: MemberRecord, alias: Alias) -> bool:
        """Say whether the alias is where this deployment last put it, or is putting it."""
        return alias.routing in {
            member.routing(self.weight),
            member.routing(self.weight_at(self.intended_index)),
        }

    def spell_step(self, index: int) -> str:
        """Return "step 2/5" for people, who count from one; how many a guarded plan takes nobody knows."""
        if self.plan and self.plan.guard:
            return f"step {index + 1}"
        return f"step {index + 1}/{len(self.steps)}"


class Transition(StrEnum):
    """What an event of a deployment tells."""

    WAITING = "WAITING"
    PLANNED = "PLANNED"
    PUBLISHED = "PUBLISHED"
    VERIFIED = "VERIFIED"
    SHIFTED = "SHIFTED"
    JUDGED = "JUDGED"
    ASKED = "ASKED"
    ENDED = "ENDED"
    UNDONE = "UNDONE"


class EventMember(Record):
    """One function and alias, as an event tells of it."""

    function: str
    alias: str
    baseline: str
    candidate: str | None = None


class Event(Record):
    """One append-only line of a deployment's history: who, what, why and on what evidence."""

    schema_version: int = SCHEMA_VERSION
    deployment_id: str
    sequence: int
    target: str
    transition: Transition
    status: Status
    at: datetime
    reason: str
    artifact: str
    weight: int = 0
    """Basis points on the candidate after this event."""
    step_index: int = -1
    steps: int = 0
    execution_arn: str = ""
    members: tuple[EventMember, ...] = ()
    hotfix: Hotfix | None = None
    warnings: tuple[str, ...] = ()
    """What Plan warns of; told once, with the plan."""
    awaits_approval: bool = False
    """Whether nothing more happens until a person approves, or the time for that is over."""
    has_way_back: bool = True
    """Whether a rollback would find a baseline that can serve."""
    evidence: dict[str, Any] = Field(default_factory=dict)

    @property
    def event_id(self) -> str:
        """The id under which consumers recognise a repeat."""
        return f"{self.deployment_id}.{self.sequence}"


def event_of(
    deployment: Deployment, transition: Transition, now: datetime, evidence: dict[str, Any] | None = None
) -> Event:
    """Return the next event of a deployment as it stands after the transition."""
    return Event(
        deployment_id=deployment.deployment_id,
        sequence=deployment.sequence + 1,
        target=deployment.target,
        transition=transition,
        status=deployment.status,
        at=now,
        reason=deployment.reason,
        artifact=deployment.what,
        weight=deployment.weight,
        step_index=deployment.step_index,
        steps=len(deployment.steps),
        execution_arn=deployment.execution_arn,
        members=tuple(EventMember.model_validate(m.model_dump()) for m in deployment.members),
        hotfix=deployment.hotfix,
        warnings=deployment.warnings if transition is Transition.PLANNED else (),
        awaits_approval=deployment.awaits_approval and not deployment.status.is_over,
        has_way_back=deployment.way_back.why is None,
        evidence=evidence or {},
    )
