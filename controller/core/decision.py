"""Decisions: what happens next, and why. The state machine's only Choice routes on them."""

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, assert_never

from controller.core import errors
from controller.core.approval import Gate, WhenUnanswered
from controller.core.criteria import WhenUnclear
from controller.core.deployment import Deployment, Mark, Pause, Status
from controller.core.duration import spell_duration
from controller.core.freeze import Freeze
from controller.core.outcome import Outcome
from controller.core.verdict import Verdict
from controller.core.wording import one_line


class Decision(StrEnum):
    """What happens next. A decision named like a status says that the deployment has ended with it."""

    PLAN = "PLAN"
    PUBLISH = "PUBLISH"
    VERIFY = "VERIFY"
    SHIFT = "SHIFT"
    HOLD = "HOLD"
    PROMOTE = "PROMOTE"
    ROLL_BACK = "ROLL_BACK"
    PROMOTED = "PROMOTED"
    SKIPPED = "SKIPPED"
    REJECTED = "REJECTED"
    ROLLED_BACK = "ROLLED_BACK"
    DRIFTED = "DRIFTED"
    ROLLBACK_FAILED = "ROLLBACK_FAILED"


_CAUSE_LENGTH = 2000
_ERROR_NAMES = {
    Decision.ROLL_BACK: "RollBack",
    Decision.REJECTED: "Rejected",
    Decision.ROLLED_BACK: "RolledBack",
    Decision.DRIFTED: "Drifted",
    Decision.ROLLBACK_FAILED: "RollbackFailed",
}


@dataclass(frozen=True, slots=True)
class Ruling:
    """A decision with its reason, written for the operator; `look_seconds` is how long to bake next."""

    decision: Decision
    reason: str
    look_seconds: int = 1
    awaits_approval: bool = False
    at_gate: bool = False
    """Whether it is the step's gate that awaits it, and not evidence that is unclear."""
    is_frozen: bool = False
    """Whether a freeze holds what might go forward."""

    def state_document(self, deployment_id: str) -> dict[str, Any]:
        """Return the state machine's document: tiny, because the facts live in the record."""
        document: dict[str, Any] = {
            "deployment_id": deployment_id,
            "decision": self.decision.value,
            "look_seconds": max(1, self.look_seconds),
        }
        if self.decision in _ERROR_NAMES:  # what the Fail states show, and what RollBack records
            document["error"] = {
                "Error": _ERROR_NAMES[self.decision],
                "Cause": one_line(self.reason, _CAUSE_LENGTH),
            }
        return document


def cause_of(state: Any) -> str:
    """Return why the state machine came to roll back, in one line; empty when it does not say.

    `state` is the state machine's document, or what was caught in its place. The cause in it is ours, the JSON
    in which Lambda reports an exception ({"errorMessage", "errorType", …}), or plain text of Step Functions.
    """
    error = state.get("error", state) if isinstance(state, dict) else None
    if not isinstance(error, dict):
        return ""
    name, cause = str(error.get("Error", "")), str(error.get("Cause", ""))
    try:
        report = json.loads(cause)
    except (ValueError, RecursionError):
        report = None
    if isinstance(report, dict) and "errorMessage" in report:
        kind, message = str(report.get("errorType", name)), str(report["errorMessage"])
        # Our own errors say it all in their message; the name of another's is part of what went wrong.
        cause = message if hasattr(errors, kind) else f"{kind}: {message}"
    return one_line(cause or name, _CAUSE_LENGTH)


def end_of(deployment: Deployment) -> Ruling:
    """Return the end of a deployment that is over: where a repeated or redriven task must lead."""
    return Ruling(Decision(deployment.status.value), deployment.reason)


def decide(
    deployment: Deployment,
    verdict: Verdict,
    now: datetime,
    due_at: datetime | None = None,
    *,
    is_paid: bool = True,
    freeze: Freeze | None = None,
) -> Ruling:
    """Say what follows a look during a bake. Anything but PASS, or somebody's word for it, never moves forward.

    What fails is rolled back, whatever anybody has said. `due_at` is when the bake is over, if that is not for the
    plan alone to say; `is_paid` says whether a guarded ramp may give the candidate more. A `freeze` holds up more
    traffic; a candidate that has all of it is promoted, which only writes that down.
    """
    mark = deployment.stopping_mark
    if mark:
        said = deployment.marks[mark].spell(mark)
        where = f"{deployment.spell_step(deployment.step_index)}: " if deployment.step_index >= 0 else ""
        return Ruling(Decision.ROLL_BACK, where + said)
    due_at = due_at or deployment.due_at
    if due_at is None or deployment.hold_until is None or deployment.plan is None:
        return Ruling(Decision.ROLL_BACK, "there is nothing to judge before the first shift")
    step = deployment.spell_step(deployment.step_index)
    if verdict.outcome is Outcome.FAIL:
        return Ruling(Decision.ROLL_BACK, f"{step}: {verdict.reason}")
    is_last = deployment.step_index == deployment.plan.last_index
    if deployment.promotion:
        said = deployment.promotion.spell(Mark.PROMOTE)
        if freeze and not is_last:
            return hold_frozen(deployment, freeze, now)
        return Ruling(Decision.PROMOTE if is_last else Decision.SHIFT, f"{step}: {said}")
    if deployment.pause:
        return _paused(deployment, deployment.pause, now)
    ruling = _judge(deployment, verdict, now, due_at, deployment.hold_until, is_paid=is_paid)
    if ruling.decision is not Decision.SHIFT:
        return ruling
    if deployment.gate and not deployment.approval:
        ruling = _at_gate(deployment, deployment.gate, ruling, now)
    if freeze and not is_last and ruling.decision is Decision.SHIFT:
        return hold_frozen(deployment, freeze, now)
    return replace(ruling, decision=Decision.PROMOTE) if is_last and ruling.decision is Decision.SHIFT else ruling


def _paused(deployment: Deployment, pause: Pause, now: datetime) -> Ruling:
    """Hold until somebody resumes, or for as long as a pause may last."""
    step, said = deployment.spell_step(deployment.step_index), pause.spell(Mark.PAUSE)
    if now < pause.until:
        return Ruling(Decision.HOLD, f"{step}: {said}")
    return Ruling(Decision.ROLL_BACK, f"{step}: nobody has resumed it until {_spell_time(pause.until)}, {said}")


def hold_frozen(deployment: Deployment, freeze: Freeze, now: datetime) -> Ruling:
    """Hold what may go on until the freeze is over, or for as long as a freeze may hold it."""
    step = deployment.spell_step(deployment.step_index) if deployment.step_index >= 0 else "before any traffic"
    until = (deployment.frozen_since or now) + timedelta(seconds=deployment.freeze_seconds)
    if now < until:
        return Ruling(Decision.HOLD, f"{step}: held, {freeze.reason}", is_frozen=True)
    held = spell_duration(deployment.freeze_seconds)
    return Ruling(Decision.ROLL_BACK, f"{step}: held for {held}, and still {freeze.reason}")


def _at_gate(deployment: Deployment, gate: Gate, ruling: Ruling, now: datetime) -> Ruling:
    """Hold what may go on until a person says so, or for as long as the gate waits."""
    step = deployment.spell_step(deployment.step_index)
    until = (deployment.asked_at or now) + timedelta(seconds=gate.within_seconds)
    goes_on = gate.then is WhenUnanswered.GO_ON
    if now < until:
        then = "goes on" if goes_on else "is rolled back"
        reason = f"{step}: awaits approval until {_spell_time(until)}, and {then} then"
        return Ruling(Decision.HOLD, reason, awaits_approval=True, at_gate=True)
    waited = f"nobody has approved within {spell_duration(gate.within_seconds)}"
    if goes_on:
        return replace(ruling, reason=f"{step}: goes on as the target says, {waited}")
    return Ruling(Decision.ROLL_BACK, f"{step}: {waited}")


def _spell_time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _judge(
    deployment: Deployment,
    verdict: Verdict,
    now: datetime,
    due_at: datetime,
    hold_until: datetime,
    *,
    is_paid: bool,
) -> Ruling:
    """Say what follows from evidence and time alone; SHIFT says that it may go on, to promotion even."""
    step = deployment.spell_step(deployment.step_index)
    if verdict.outcome is Outcome.PASS and now < due_at:
        return Ruling(Decision.HOLD, f"{step}: {verdict.reason}")
    passed = f"{step} passed: {verdict.reason}"
    if verdict.outcome is Outcome.PASS and not is_paid and not deployment.approval and now < hold_until:
        return Ruling(Decision.HOLD, f"{step}: the evidence does not pay for more yet: {verdict.reason}")
    if verdict.outcome is Outcome.INCONCLUSIVE or not is_paid:
        held = _hold(deployment, verdict, now)
        if held.decision is not Decision.SHIFT:
            return held
        passed = held.reason
    if now < due_at:
        return Ruling(Decision.HOLD, passed)
    return Ruling(Decision.SHIFT, passed)


def _hold(deployment: Deployment, verdict: Verdict, now: datetime) -> Ruling:
    """Hold what is unclear; SHIFT says that it may go on all the same, ROLL_BACK that it was held long enough."""
    step = deployment.spell_step(deployment.step_index)
    patience = timedelta(seconds=deployment.approval_seconds)
    if verdict.asks_at_once and deployment.hold_until and now < deployment.hold_until + patience:
        return Ruling(Decision.HOLD, f"{step}: awaits approval: {verdict.reason}", awaits_approval=True)
    if verdict.when_unclear is not WhenUnclear.ROLL_BACK and deployment.approval and not verdict.asks_at_once:
        said = deployment.approval.spell(Mark.APPROVE)
        return Ruling(Decision.SHIFT, f"{step}: {said}, though {verdict.reason}")
    if deployment.hold_until is None or now < deployment.hold_until:
        return Ruling(Decision.HOLD, f"{step}: {verdict.reason}")
    held = f"still unclear after a hold of {spell_duration(deployment.max_hold_seconds)}: {verdict.reason}"
    match verdict.when_unclear:
        case WhenUnclear.PROMOTE:
            return Ruling(Decision.SHIFT, f"{step}: goes on without evidence, {held}")
        case WhenUnclear.APPROVE if now < deployment.hold_until + patience:
            return Ruling(Decision.HOLD, f"{step}: awaits approval, {held}", awaits_approval=True)
        case WhenUnclear.APPROVE:
            waited = spell_duration(deployment.approval_seconds)
            return Ruling(Decision.ROLL_BACK, f"{step}: nobody has approved within {waited}, {held}")
        case WhenUnclear.ROLL_BACK:
            return Ruling(Decision.ROLL_BACK, f"{step}: {held}")
        case unreachable:
            assert_never(unreachable)


assert {d.value for d in Decision} >= {s.value for s in Status if s.is_over}  # noqa: S101 - end_of relies on it
