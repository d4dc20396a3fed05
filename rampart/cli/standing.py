"""Standing: how a deployment is doing, in one symbol and a few words."""

from datetime import datetime
from enum import Enum

from controller.core.deployment import Deployment, Status
from controller.core.outcome import Outcome
from rampart.cli.wording import STATUS_STYLES, spell_age, spell_length, spell_moment


class Symbol(Enum):
    """A symbol, and what stands for it where there is ASCII alone."""

    GOOD = ("✔", "+")
    BAD = ("✖", "x")
    RUNS = ("●", "*")
    WAITS = ("◌", "o")
    PAUSED = ("‖", "=")
    WARNING = ("⚠", "!")
    TO_COME = ("○", ".")

    def drawn(self, *, ascii_only: bool) -> str:
        """Return the symbol as it can be shown."""
        return self.value[ascii_only]


_ENDS = {
    Status.PROMOTED: Symbol.GOOD,
    Status.SKIPPED: Symbol.GOOD,
    Status.REJECTED: Symbol.BAD,
    Status.ROLLED_BACK: Symbol.BAD,
    Status.DRIFTED: Symbol.WARNING,
    Status.ROLLBACK_FAILED: Symbol.WARNING,
}


def standing(deployment: Deployment) -> tuple[Symbol, str, str]:
    """Return a symbol, what a deployment is doing beyond its status (or nothing), and a style."""
    status = deployment.status
    style = STATUS_STYLES[status]
    if status in _ENDS:
        return _ENDS[status], "", style
    if deployment.stopping_mark:
        return Symbol.BAD, "is being rolled back", "red"
    if deployment.awaits_approval:
        return Symbol.PAUSED, "awaits approval", "yellow"
    if deployment.pause:
        return Symbol.PAUSED, "paused", "yellow"
    if deployment.waits_for:
        return Symbol.WAITS, f"waits for function {deployment.waits_for}", style
    if status is Status.PENDING or deployment.step_index < 0:
        return Symbol.WAITS, "before its first step", style
    if deployment.verdict and deployment.verdict.outcome is Outcome.INCONCLUSIVE:
        return Symbol.WAITS, "held", "yellow"
    return Symbol.RUNS, "bakes", style


def to_do(deployment: Deployment) -> str:
    """Return what a person is asked to do about a deployment; empty when nobody is."""
    if deployment.status is Status.ROLLBACK_FAILED:
        return f"mend what is in the way, then: rampart repair {deployment.target} --yes"
    if deployment.status.is_over or deployment.stopping_mark:
        return ""
    if deployment.awaits_approval:
        return f"rampart approve {deployment.target} --reason …, or rampart abort {deployment.target} --reason …"
    return f"rampart resume {deployment.target} --reason …" if deployment.pause else ""


def spell_bake(deployment: Deployment, now: datetime) -> str:
    """Return how far the bake of the step is: "ends in 40s", or that it is over and how long it may be held."""
    due_at, until = deployment.due_at, deployment.hold_until
    if due_at is None or until is None:
        return ""
    if deployment.pause:
        return f"paused until {spell_moment(deployment.pause.until)} at most"
    if now < due_at:
        return f"ends in {spell_length(due_at - now)}"
    over = f"over {spell_age(due_at, now)}"
    if now < until:
        return f"{over}, held for {spell_length(until - now)} at most"
    return f"{over}, and held as long as it may be"
