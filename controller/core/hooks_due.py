"""Hooks that are due: before the next weight or the promotion, one after the other.

Judge finds that a step has passed and that hooks are due before the next; Verify has them asked, each by a bake, so
that looks go on; nobody shifts before Judge has looked again.
"""

from datetime import datetime, timedelta
from typing import Any

from controller.core.decision import Decision, Ruling, hold_frozen
from controller.core.deployment import Deployment, Mark, MarkDetail
from controller.core.duration import scaled, spell_duration
from controller.core.freeze import Freeze
from controller.core.hook import At, Hook, HookOutcome, HookRun
from controller.core.outcome import Outcome
from controller.core.plan import Plan
from controller.core.ramp import MOST_GUARDED_STEPS
from controller.core.verdict import Verdict

BEFORE_TRAFFIC_LOOK_MINUTES = 15
"""How often alarms are looked at while a hook is waited for before any traffic; they tell of themselves too."""

LONGEST_ASKING = timedelta(minutes=15)
"""How long a function may run (Lambda quotas): whoever began to ask a hook before that has heard it or has died."""


def run_here(deployment: Deployment) -> HookRun | None:
    """Return the last asking of a hook before the step that comes next, if there was one."""
    run = deployment.hook
    return run if run and run.step == deployment.step_index + 1 else None


def next_hook(deployment: Deployment) -> int | None:
    """Return the number of the hook that is to pass next; None when all that are due have passed."""
    run = run_here(deployment)
    for number, hook in enumerate(deployment.hooks):
        if hook.at not in _due(deployment):
            continue
        if run is None or number > run.number or (number == run.number and run.outcome is not HookOutcome.PASS):
            return number
    return None


def _due(deployment: Deployment) -> tuple[At, ...]:
    if deployment.plan and deployment.step_index == deployment.plan.last_index:
        return (At.BEFORE_PROMOTION,)
    if deployment.step_index < 0:
        return (At.BEFORE_TRAFFIC, At.BEFORE_EACH_STEP)
    return (At.BEFORE_EACH_STEP,)


def begun(deployment: Deployment, number: int, now: datetime, minute_seconds: float) -> HookRun:
    """Return the asking of a hook that the next bake is to make."""
    hook, step = deployment.hooks[number], deployment.step_index + 1
    seconds = scaled(hook.timeout, minute_seconds)
    return HookRun(
        hook_id=f"{deployment.deployment_id}.{step}.{number}",
        step=step,
        number=number,
        function=hook.function,
        at=hook.at,
        timeout_seconds=hook.timeout,
        until=now + timedelta(seconds=seconds),
    )


def later_answer(deployment: Deployment) -> MarkDetail | None:
    """Return what the hook that was asked last has said of its own accord, if it has."""
    said = deployment.marks.get(Mark.HOOK)
    return said if said and deployment.hook and said.hook_id == deployment.hook.hook_id else None


def is_to_be_asked(deployment: Deployment, now: datetime) -> bool:
    """Say whether a hook is due that nobody is asking."""
    run = run_here(deployment)
    if run is None or run.outcome is not None or later_answer(deployment) or now >= run.until:
        return False
    return run.asked_at is None or now >= run.asked_at + LONGEST_ASKING


def has_news(deployment: Deployment) -> bool:
    """Say whether a hook that is waited for has answered."""
    run = run_here(deployment)
    return run is not None and run.is_waiting and later_answer(deployment) is not None


def with_hooks(deployment: Deployment, ruling: Ruling, now: datetime) -> Ruling:
    """Return what follows a look when the hooks before the next step have a say in it."""
    if ruling.decision is Decision.ROLL_BACK:
        return ruling
    run = run_here(deployment)
    if run and run.is_waiting:
        if later_answer(deployment) or now >= run.until:
            return Ruling(Decision.VERIFY, f"hook {run.function} is through")
        waits = waiting_words(run)
        return ruling if ruling.decision is Decision.HOLD else Ruling(Decision.HOLD, f"{ruling.reason}; {waits}")
    if ruling.decision is Decision.HOLD:
        return ruling
    number = next_hook(deployment)
    if number is None:
        return ruling
    return Ruling(Decision.VERIFY, f"{ruling.reason}; asks hook {deployment.hooks[number].function}")


def decide_before_traffic(
    deployment: Deployment, verdict: Verdict, now: datetime, freeze: Freeze | None = None
) -> Ruling:
    """Say what follows a look before any traffic: while a hook is waited for, or a freeze holds the first shift."""
    mark = deployment.stopping_mark
    if mark:
        return Ruling(Decision.ROLL_BACK, deployment.marks[mark].spell(mark))
    run = run_here(deployment)
    is_held = deployment.frozen_since is not None  # by Verify, once all that is asked before had passed
    if run is None and not is_held:
        return Ruling(Decision.ROLL_BACK, "there is nothing to judge before the first shift")
    if verdict.outcome is Outcome.FAIL:
        return Ruling(Decision.ROLL_BACK, f"before any traffic: {verdict.reason}")
    if is_held and freeze:
        return hold_frozen(deployment, freeze, now)
    if run is None or is_held:
        return Ruling(Decision.SHIFT, "before any traffic: the freeze is over")
    if not run.is_waiting:  # Verify has died between two hooks
        return Ruling(Decision.VERIFY, deployment.reason)
    return with_hooks(deployment, Ruling(Decision.HOLD, waiting_words(run)), now)


def waiting_words(run: HookRun) -> str:
    """Return for what a deployment waits, in words."""
    return f"waits for hook {run.function}, {spell_duration(run.timeout_seconds)} at most"


def longest_waits(hooks: tuple[Hook, ...], plan: Plan, minute_seconds: float) -> list[int]:
    """Return how long each asking of a plan's hooks may take at most, in seconds."""
    steps = MOST_GUARDED_STEPS if plan.guard else len(plan.steps)
    times = {At.BEFORE_TRAFFIC: 1, At.BEFORE_EACH_STEP: steps, At.BEFORE_PROMOTION: 1, At.AFTER_PROMOTION: 0}
    return [scaled(hook.timeout, minute_seconds) for hook in hooks for _ in range(times[hook.at])]


def after_promotion(deployment: Deployment) -> dict[str, Hook]:
    """Return the hooks that are asked when a deployment has been promoted, by the id of their asking."""
    return {
        f"{deployment.deployment_id}.after.{number}": hook
        for number, hook in enumerate(deployment.hooks)
        if hook.at is At.AFTER_PROMOTION
    }


def question(
    deployment: Deployment, hook_id: str, at: At, stage: str, until: datetime | None = None
) -> dict[str, Any]:
    """Return what a hook is asked with: all that it needs to try the candidate by itself."""
    members = [
        {"function": m.function, "alias": m.alias, "baseline": m.baseline, "candidate": m.candidate}
        for m in deployment.members
    ]
    return {
        "schema_version": 1,
        "hook_id": hook_id,
        "at": at.value,
        "deployment_id": deployment.deployment_id,
        "target": deployment.target,
        "stage": stage,
        "artifact": deployment.what,
        "weight_percent": deployment.weight / 100,
        "next_weight_percent": _next_weight(deployment),
        "step": deployment.step_index + 1,
        "steps": len(deployment.steps),
        "until": until.isoformat() if until else None,
        "members": members,
        **(members[0] if len(members) == 1 else {}),
    }


def _next_weight(deployment: Deployment) -> float | None:
    """Return the percentage that follows; None where nothing does, or where the evidence will say."""
    index = deployment.step_index + 1
    is_known = index < len(deployment.steps) and not (deployment.plan and deployment.plan.guard and index)
    return deployment.weight_at(index) / 100 if is_known else None
