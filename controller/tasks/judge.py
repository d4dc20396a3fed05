"""Judge: look at alarms, marks, the alias and the time; come to a verdict; decide; record both."""

from dataclasses import replace
from datetime import datetime

from controller.core.decision import Decision, Ruling, decide, end_of
from controller.core.deployment import Deployment, Status, Transition, WatchedAlarm, event_of
from controller.core.errors import StoppedError
from controller.core.looks import next_look
from controller.core.outcome import Outcome
from controller.core.target import RedAtStart
from controller.core.verdict import AlarmState, Reading, Verdict, judge_reading, worst
from controller.tasks.context import Context


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
    watched = tuple(_arm(a, r, context) for a, r in zip(deployment.alarms, readings, strict=True))
    verdict = _verdict(watched, readings)
    if drift and verdict.outcome is not Outcome.FAIL:
        raise StoppedError(drift)
    ruling = decide(deployment, verdict, context.now)
    return _record(context, deployment, watched, verdict, ruling)


def _look_back(deployment: Deployment) -> datetime:
    return min((alarm.armed_at for alarm in deployment.alarms), default=deployment.started_at)


def _arm(alarm: WatchedAlarm, reading: Reading, context: Context) -> WatchedAlarm:
    """Arm an alarm that was red at the start from the moment when it recovered, even if it fired again since."""
    if alarm.armed or alarm.red_at_start is not RedAtStart.IGNORE_UNTIL_OK:
        return alarm
    recovered_at = reading.ok_at or (context.now if reading.state is AlarmState.OK else None)
    return alarm.model_copy(update={"armed": True, "armed_at": recovered_at}) if recovered_at else alarm


def _verdict(watched: tuple[WatchedAlarm, ...], readings: list[Reading]) -> Verdict:
    counting = [(a, r) for a, r in zip(watched, readings, strict=True) if a.armed]
    alarms = worst(judge_reading(reading, alarm.armed_at) for alarm, reading in counting)
    states = {
        alarm.name: reading.state.value if alarm.armed else f"{reading.state.value} (not armed)"
        for alarm, reading in zip(watched, readings, strict=True)
    }
    if alarms.outcome is Outcome.PASS and counting:
        alarms = alarms.model_copy(update={"reason": f"{_count(len(counting))} OK"})
    return alarms.model_copy(update={"evidence": {"alarms": states}})


def _count(alarms: int) -> str:
    return "1 alarm is" if alarms == 1 else f"{alarms} alarms are"


def _drift(context: Context, deployment: Deployment) -> tuple[str | None, bool]:
    """Return what somebody else did to an alias, and whether that only gave our candidate another share."""
    aliases = [(m, context.ports.functions.alias(m.function, m.alias)) for m in deployment.members]
    drifted = [(m, alias) for m, alias in aliases if not deployment.carries(m, alias)]
    if not drifted:
        return None, False
    alias = drifted[0][1]
    said = f"alias {alias} was changed by somebody else: it is on {alias.routing}"
    return said, all(deployment.reweighted(m, alias) for m, alias in drifted)


def _record(
    context: Context,
    deployment: Deployment,
    watched: tuple[WatchedAlarm, ...],
    verdict: Verdict,
    ruling: Ruling,
) -> Ruling:
    """Write the verdict; tell of it when it decides something or differs from the last one."""
    look_at = next_look(deployment, context.now, context.minute_seconds)
    changes = {"alarms": watched, "verdict": verdict, "reason": ruling.reason, "look_at": look_at}
    if ruling.decision is Decision.SHIFT:
        changes["intended_index"] = deployment.step_index + 1
    after = deployment.model_copy(update=changes)
    before = deployment.verdict.outcome if deployment.verdict else Outcome.PASS
    news = ruling.decision is not Decision.HOLD or verdict.outcome is not before
    news = news and deployment.reason != ruling.reason  # else it was told before an answer was lost
    evidence = {"decision": ruling.decision.value, "outcome": verdict.outcome.value, **verdict.evidence}
    event = event_of(after, Transition.JUDGED, context.now, evidence) if news else None
    context.ports.deployments.save(deployment, after, event)
    return replace(ruling, look_seconds=after.seconds_to_look(context.now))
