"""History: how the deployments of a target ended, the newest first."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.text import Text

from controller.core.deployment import Deployment
from controller.ports import Deployments
from rampart.cli.choice import checked_name
from rampart.cli.evidence import comparisons
from rampart.cli.wording import (
    STATUS_STYLES,
    line,
    lines,
    listing,
    short_artifact,
    spell_age,
    spell_change,
    spell_length,
    spell_moment,
)


def ended_deployments(deployments: Deployments, target: str, limit: int) -> list[Deployment]:
    """Return the last deployments of a target that have ended, the newest end first; raises InputError."""
    checked_name(target)
    live = sum(1 for deployment in deployments.unfinished() if deployment.target == target)
    found = [d for d in deployments.history(target, limit + live) if d.status.is_over]
    return sorted(found, key=_ended_at, reverse=True)[:limit]


def print_history(console: Console, target: str, ended: Sequence[Deployment], now: datetime) -> None:
    """Print how deployments ended."""
    if not ended:
        console.print(line(f"No ended deployment of {target} is on record."), soft_wrap=True)
        return
    table = listing("ended", "status", "what, and why")
    for column in table.columns[:2]:
        column.no_wrap = True
    for deployment in ended:
        status = deployment.status
        table.add_row(
            lines(line(spell_moment(_ended_at(deployment))), line((spell_age(_ended_at(deployment), now), "dim"))),
            lines(line((status.value, STATUS_STYLES[status])), line((f"after {_length(deployment)}", "dim"))),
            _what(deployment),
        )
    console.print(table)


def spell_versions(deployment: Deployment) -> str:
    """Return the baseline and the candidate of each member, such as "orders 1 → 2"."""
    return ", ".join(f"{m.function} {spell_change(m)}" for m in deployment.members)


def _what(deployment: Deployment) -> Text:
    evidence = comparisons(deployment.verdict.evidence) if deployment.verdict else []
    return lines(
        line((short_artifact(deployment), "bold"), f"  {spell_versions(deployment)}"),
        line((deployment.deployment_id, "dim")),
        line(deployment.reason),
        *(line((each.words, "dim")) for each in evidence if each.words not in deployment.reason),
    )


def _ended_at(deployment: Deployment) -> datetime:
    return deployment.ended_at or deployment.started_at


def _length(deployment: Deployment) -> str:
    return spell_length(_ended_at(deployment) - deployment.started_at)
