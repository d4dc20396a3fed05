"""Verify: what a candidate must answer before any traffic, and the hooks before each weight and the promotion.

Test events go to the candidate's own version number. Hooks are asked one after the other, each by a bake, in which
looks go on; what it said is heard here. When all have passed, Judge looks once more before anything is shifted.
"""

from datetime import datetime, timedelta
from typing import Any

from controller.core.decision import Decision, Ruling
from controller.core.deployment import Deployment, Status, Transition, event_of
from controller.core.duration import spell_duration
from controller.core.expectation import Expectation
from controller.core.freeze import freeze_at
from controller.core.hook import HookAnswer, HookOutcome, HookRun, UselessAnswerError
from controller.core.hooks_due import (
    BEFORE_TRAFFIC_LOOK_MINUTES,
    begun,
    later_answer,
    next_hook,
    run_here,
    waiting_words,
)
from controller.core.looks import look_at_once, next_look
from controller.core.outcome import Outcome
from controller.core.verdict import Verdict
from controller.core.wording import one_line
from controller.tasks.context import Context, read_live
from controller.tasks.end import end


def verify(context: Context) -> Ruling:
    """Let the first shift be made, or the next look; hold while a hook is asked; or end what has failed.

    Before any traffic a failure ends REJECTED; later it leads to a rollback.
    """
    deployment = read_live(context)
    if deployment.intended_index > deployment.step_index:  # verified before an answer was lost
        return Ruling(Decision.SHIFT, deployment.reason)
    if deployment.step_index < 0 and deployment.frozen_since:  # the same, of one that a freeze holds
        return Ruling(Decision.HOLD, deployment.reason)
    run = run_here(deployment)
    if run is None and deployment.step_index < 0:
        fault = _first_fault(context, deployment)
        if fault:
            return end(context, deployment, Status.REJECTED, fault, refused=True)
        asked = len(deployment.test_events)
        said = f"answered {asked} test event{'s' * (asked != 1)}" if asked else "no test event is declared"
        return _go_on(context, deployment, said)
    if run is None or run.outcome is HookOutcome.PASS:
        return _go_on(context, deployment, deployment.reason)
    return _hear(context, deployment, run)


def _first_fault(context: Context, deployment: Deployment) -> str | None:
    for member in deployment.members:
        for event in deployment.test_events:
            if event.function not in (None, member.function):
                continue
            answer = context.ports.functions.ask(member.function, str(member.candidate), event.payload)
            wanted = event.expect or Expectation()
            fault = answer.error or wanted.fault_in(answer.payload, answer.duration_ms)
            if fault:
                who = f"{member.function} version {member.candidate}"
                return f"{who} failed test event {event.name!r}: {one_line(fault)}"
    return None


def _go_on(context: Context, deployment: Deployment, said: str) -> Ruling:
    """Have the next hook asked, by the bake that follows; or let go on what has passed."""
    number = next_hook(deployment)
    if number is not None:
        run = begun(deployment, number, context.ports.clock.now(), context.minute_seconds)
        return _hold(context, deployment, waiting_words(run), _news_by(context, deployment, run), hook=run)
    if deployment.step_index < 0:
        return _first_shift(context, deployment, said)
    look_at = look_at_once(deployment, context.ports.clock.now(), context.minute_seconds)
    return _hold(context, deployment, said, look_at)


def _first_shift(context: Context, deployment: Deployment, said: str) -> Ruling:
    """Let the first shift be made; when a freeze has begun since the start, Judge holds it until that is over."""
    now, line = context.ports.clock.now(), context.ports.line
    is_frozen = not deployment.hotfix and freeze_at(deployment.freeze, line.stopped(), now) is not None
    changes: dict[str, Any] = {"intended_index": 0, "shift_at": context.now}
    if is_frozen:
        changes = {"frozen_since": now, "look_at": now}
    _save(context, deployment, Transition.VERIFIED, reason=said, **changes)
    return Ruling(Decision.HOLD if is_frozen else Decision.SHIFT, said)


def _hear(context: Context, deployment: Deployment, run: HookRun) -> Ruling:
    """Return what follows from what a hook says, in its answer or later."""
    try:
        answer = _answer(context, deployment, run)
    except UselessAnswerError as useless:
        return _fail(context, deployment, f"hook {run.function} {useless}", blames=False)
    if answer is None:
        return _hold(context, deployment, waiting_words(run), _news_by(context, deployment, run))
    told = f": {answer.reason}" if answer.reason else ""
    if answer.outcome is HookOutcome.FAIL:
        return _fail(context, deployment, f"hook {run.function} failed{told or ', without a reason'}", blames=True)
    passed = {"hook": run.model_copy(update={"outcome": HookOutcome.PASS})}
    said = f"hook {run.function} passed{told}"
    saved = _save(context, deployment, Transition.JUDGED, reason=said, **passed)
    return _go_on(context, saved, said)


def _answer(context: Context, deployment: Deployment, run: HookRun) -> HookAnswer | None:
    """Return what a hook has said, when asked or later; None while it is waited for. Raises UselessAnswerError."""
    said = later_answer(deployment)
    if said and said.at < run.until:
        if said.outcome is None:
            raise UselessAnswerError(said.reason)
        reason = said.reason if said.by == run.function else f"{said.reason} ({said.by})"
        return HookAnswer(outcome=said.outcome, reason=one_line(reason, 400))
    if context.ports.clock.now() >= run.until:
        raise UselessAnswerError(f"has not passed within {spell_duration(run.timeout_seconds)}")
    return None


def _fail(context: Context, deployment: Deployment, reason: str, *, blames: bool) -> Ruling:
    """End a deployment because of a hook; the artifact is blamed when the hook said so itself."""
    if deployment.step_index < 0:
        return end(context, deployment, Status.REJECTED, reason, refused=blames)
    told = f"{deployment.spell_step(deployment.step_index)}: {reason}"
    verdict = Verdict(outcome=Outcome.FAIL, reason=reason, blames=blames)
    failed_at = deployment.failed_at or context.ports.clock.now()
    _save(context, deployment, Transition.JUDGED, reason=told, verdict=verdict, failed_at=failed_at)
    return Ruling(Decision.ROLL_BACK, told)


def _news_by(context: Context, deployment: Deployment, run: HookRun) -> datetime:
    """Return when to look next while a hook is waited for."""
    now = context.ports.clock.now()
    if deployment.step_index < 0:
        return min(now + timedelta(seconds=BEFORE_TRAFFIC_LOOK_MINUTES * context.minute_seconds), run.until)
    return min(next_look(deployment, now, context.minute_seconds), run.until)


def _hold(context: Context, deployment: Deployment, reason: str, look_at: datetime, **changes: Any) -> Ruling:
    saved = _save(context, deployment, Transition.JUDGED, reason=reason, look_at=look_at, **changes)
    return Ruling(Decision.HOLD, reason, saved.seconds_to_look(context.ports.clock.now()))


def _save(context: Context, deployment: Deployment, transition: Transition, **changes: Any) -> Deployment:
    """Write what has changed; an event tells of a reason that is new."""
    after = deployment.model_copy(update=changes)
    is_news = transition is Transition.VERIFIED or after.reason != deployment.reason
    event = event_of(after, transition, context.ports.clock.now()) if is_news else None
    return context.ports.deployments.save(deployment, after, event)
