"""Judge: look at alarms, metrics, marks, the alias and the time; come to a verdict; decide; record both."""

from datetime import datetime

from controller.core.decision import Decision, Ruling, end_of
from controller.core.deployment import Deployment, Status, Transition, event_of
from controller.core.errors import ControllerError, StoppedError
from controller.core.freeze import freeze_at
from controller.core.look import Look, look, wanted_metrics
from controller.core.measurement import Measured, Metric, Series
from controller.core.outcome import Outcome
from controller.core.verdict import Verdict
from controller.tasks.context import Context
from controller.tasks.first import alias_now
from controller.tasks.way_back import look_back


def judge(context: Context) -> Ruling:
    """Return what follows this look; a deployment that has ended leads to its own end."""
    deployment = context.ports.deployments.find(context.deployment_id)
    if deployment is None:
        raise StoppedError(f"deployment {context.deployment_id} has no record")
    if deployment.status.is_over:
        return end_of(deployment)
    if deployment.status is Status.ROLLBACK_FAILED:
        return Ruling(Decision.ROLL_BACK, deployment.reason)
    if deployment.status is Status.PENDING:
        return Ruling(Decision.PLAN, deployment.reason)
    # A deployment that is stopped is not looked at for drift: RollBack looks, and says whose fault it is.
    drift, is_reweighted = (None, False) if deployment.stopping_mark else _drift(context, deployment)
    if drift and not is_reweighted:
        raise StoppedError(drift)
    readings = context.ports.alarms.read([a.name for a in deployment.alarms], _look_back(deployment))
    measured = _measured(context, deployment)
    knows_all = deployment.stopping_mark or deployment.is_first  # which has no way back
    known = deployment if knows_all else look_back(context, deployment)
    seen = look(known, readings, measured, context.now, context.minute_seconds)
    if seen.ruling.decision is Decision.SHIFT and not deployment.hotfix:
        freeze = freeze_at(deployment.freeze, context.ports.line.stopped(), context.now)
        seen = look(known, readings, measured, context.now, context.minute_seconds, freeze)
    if drift and seen.outcome is not Outcome.FAIL:
        raise StoppedError(drift)
    return _record(context, deployment, seen)


def _look_back(deployment: Deployment) -> datetime:
    return min((alarm.armed_at for alarm in deployment.alarms), default=deployment.started_at)


def _measured(context: Context, deployment: Deployment) -> Measured | str:
    """Return what the look needs of the metrics; or why it could not be read."""
    if deployment.stopping_mark:
        return {}
    found: dict[Metric, Series] = {}
    try:
        for wanted in wanted_metrics(deployment, context.now, context.minute_seconds):
            found |= context.ports.metrics.read(*wanted)
    except ControllerError as error:
        return str(error)
    return found


def _drift(context: Context, deployment: Deployment) -> tuple[str | None, bool]:
    """Return what somebody else did to an alias, and whether that only gave our candidate another share."""
    aliases = [(m, alias_now(context.ports.functions, m)) for m in deployment.members]
    drifted = [(m, alias) for m, alias in aliases if not deployment.carries(m, alias)]
    if not drifted:
        return None, False
    alias = drifted[0][1]
    said = f"alias {alias} was changed by somebody else: it is on {alias.routing}"
    return said, all(deployment.reweighted(m, alias) for m, alias in drifted)


def _record(context: Context, deployment: Deployment, seen: Look) -> Ruling:
    """Write the verdict; tell of it when it decides something, differs from the last one, or asks for a person."""
    ruling, after = seen.ruling, seen.after
    changed = _told(seen.verdict) is not _told(deployment.verdict)
    news = ruling.decision is not Decision.HOLD or changed
    news = news or after.awaits_approval or ruling.is_frozen
    news = news and deployment.reason != ruling.reason  # else it was told already
    event = event_of(after, Transition.JUDGED, context.now, seen.evidence) if news else None
    context.ports.deployments.save(deployment, after, event)
    return ruling


def _told(verdict: Verdict | None) -> Outcome:
    """Return the outcome that teams know of; that requests are still to come is none."""
    return Outcome.PASS if verdict is None or verdict.is_starved else verdict.outcome
