"""Status: which deployments run, wait or failed to roll back, what is live, and whether the line is stopped."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console
from rich.text import Text

from controller.core.deployment import Deployment, Mark, MarkDetail, Status
from controller.core.mark import Stop
from controller.core.weight import spell_weight
from controller.ports import Deployments, Line, Live
from rampart.cli.choice import checked_name
from rampart.cli.wording import STATUS_STYLES, facts, line, spell_age, spell_change, spell_when

_LATE = timedelta(minutes=2)
"""How long after its time a look makes a person wonder."""
_OF_LATE = timedelta(days=1)
"""How long it is told who has released the line."""
_LOUDEST_FIRST = (Status.ROLLBACK_FAILED, Status.IN_PROGRESS, Status.PENDING)


@dataclass(frozen=True, slots=True)
class Situation:
    """What goes on: the live deployments, and what is live on each target that was asked for."""

    deployments: tuple[Deployment, ...]
    live: dict[str, Live | None]
    last_stop: Stop | None = None
    """Who stopped the line last, and who has released it since, if anybody ever has."""

    @property
    def document(self) -> dict[str, Any]:
        """What goes on, as JSON has it."""
        live = {
            target: live
            and {"deployment_id": live.deployment_id, "artifact": live.artifact, "versions": live.versions}
            for target, live in self.live.items()
        }
        stop = self.last_stop.model_dump(mode="json") if self.last_stop else None
        is_stopped = self.last_stop is not None and self.last_stop.released is None
        return {
            "deployments": [stored_form(d) for d in self.deployments],
            "live": live,
            "line_stopped": stop if is_stopped else None,
            "line_released": None if is_stopped else stop,
        }


def situation(deployments: Deployments, targets: Sequence[str], switch: Line | None = None) -> Situation:
    """Return what goes on, on some targets or, when none is named, on all; raises InputError."""
    live = {target: deployments.live(checked_name(target)) for target in targets}
    wanted = [d for d in deployments.unfinished() if not targets or d.target in live]
    wanted.sort(key=lambda d: _LOUDEST_FIRST.index(d.status))
    return Situation(tuple(wanted), live, switch.last() if switch else None)


def stored_form(deployment: Deployment) -> dict[str, Any]:
    """Return a record as it is stored, but for the token of its bake: who has that can end the bake."""
    return deployment.model_dump(mode="json", exclude={"token"})


def print_situation(console: Console, found: Situation, now: datetime) -> None:
    """Print what goes on."""
    if told := _line(found.last_stop, now):
        console.print(told, soft_wrap=True)
        console.print()
    for deployment in found.deployments:
        console.print(_headline(deployment), soft_wrap=True)
        console.print(facts(_facts(deployment, now)))
        console.print()
    if not found.deployments:
        of = f" of {', '.join(found.live)}" if found.live else ""
        console.print(line(f"No deployment{of} is running or waiting."), soft_wrap=True)
    for target, live in found.live.items():
        console.print(_live_line(target, live), soft_wrap=True)


def spell_mark(mark: Mark, detail: MarkDetail, now: datetime) -> str:
    """Return who left a mark, when and why."""
    return f"{mark} by {detail.by} {spell_age(detail.at, now)}: {detail.reason}"


def _line(stop: Stop | None, now: datetime) -> Text | None:
    """Return who has stopped the line, or who has released it of late."""
    if stop is None or (stop.released and now > stop.released.at + _OF_LATE):
        return None
    who = f"stopped by {stop.by} {spell_age(stop.at, now)}: {stop.reason}"
    if released := stop.released:
        by = f"The line was released by {released.by} {spell_age(released.at, now)}: {released.reason}"
        return line(f"{by}; it had been {who}")
    return line(
        (f"The line was {who}", "bold yellow"), "; hotfixes alone go forward until: rampart release-the-line"
    )


def _headline(deployment: Deployment) -> Text:
    status = deployment.status
    return line((deployment.target, "bold"), "  ", (status.value, STATUS_STYLES[status]), f"  {_where(deployment)}")


def _where(deployment: Deployment) -> str:
    """Return how far a deployment is."""
    match deployment.status:
        case Status.PENDING if deployment.is_frozen:
            return "waits for the end of a freeze"
        case Status.PENDING if deployment.waits_for:
            return f"waits for function {deployment.waits_for}"
        case Status.PENDING:
            return "is being planned"
        case Status.ROLLBACK_FAILED:
            weight = max(deployment.weight, deployment.weight_at(deployment.intended_index))
            return f"the candidate may still have {spell_weight(weight)} of the traffic"
    if deployment.step_index < 0:
        return f"before step 1/{len(deployment.steps)}"
    return f"{deployment.spell_step(deployment.step_index)}: {spell_weight(deployment.weight)} on the candidate"


def _facts(deployment: Deployment, now: datetime) -> list[tuple[str, str | tuple[str, str]]]:
    verdict = deployment.verdict
    return [
        ("deployment", deployment.deployment_id),
        ("artifact", deployment.what),
        *(("member", f"{member}  {spell_change(member)}") for member in deployment.members),
        ("since", spell_when(deployment.started_at, now)),
        ("shifted", spell_when(deployment.shifted_at, now) if deployment.shifted_at else ""),
        ("next look", _next_look(deployment, now)),
        ("verdict", f"{verdict.outcome}: {verdict.reason}" if verdict else ""),
        *(("mark", spell_mark(mark, detail, now)) for mark, detail in deployment.marks.items()),
        ("reason", deployment.reason),
        ("to do", _to_do(deployment, now)),
    ]


def _next_look(deployment: Deployment, now: datetime) -> str:
    if deployment.look_at is None or deployment.status is Status.ROLLBACK_FAILED:
        return ""
    return spell_when(deployment.look_at, now)


def _to_do(deployment: Deployment, now: datetime) -> str | tuple[str, str]:
    if deployment.status is Status.ROLLBACK_FAILED:
        return (f"mend what is in the way, then: rampart repair {deployment.target}", "bold red")
    if deployment.look_at and now > deployment.look_at + _LATE:
        return (f"the look is late; see: rampart repair {deployment.target}", "yellow")
    return ""


def _live_line(target: str, live: Live | None) -> Text:
    if live is None:
        return line(f"Nothing has been promoted on {target} yet.")
    versions = ", ".join(f"{function} version {version}" for function, version in sorted(live.versions.items()))
    return line((f"Live on {target}: {versions}", "green"), f", {live.artifact}, by {live.deployment_id}")
