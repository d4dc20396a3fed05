"""Show: everything that is on record about one deployment."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from controller.core.deployment import Deployment, Event, Transition
from controller.core.duration import spell_span
from controller.core.weight import spell_weight
from rampart.cli.evidence import spell_evidence
from rampart.cli.status import stored_form
from rampart.cli.wording import (
    STATUS_STYLES,
    facts,
    line,
    lines,
    listing,
    spell_age,
    spell_length,
    spell_moment,
    spell_when,
)


def page_document(deployment: Deployment, events: Sequence[Event]) -> dict[str, Any]:
    """Return the record and its events, as JSON has them."""
    return {"deployments": [stored_form(deployment)], "events": [event.model_dump(mode="json") for event in events]}


def print_page(console: Console, deployment: Deployment, events: Sequence[Event], now: datetime) -> None:
    """Print the record, the plan with what became of its steps, marks, alarms and events."""
    status = deployment.status
    console.print(line((deployment.target, "bold"), "  ", (status.value, STATUS_STYLES[status])), soft_wrap=True)
    console.print(facts(_facts(deployment, now)))
    tables = (
        _members(deployment),
        _steps(deployment, events),
        _alarms(deployment),
        _marks(deployment, now),
        _events(events),
    )
    for table in tables:
        if table.row_count:
            console.print()
            console.print(table)


def _facts(deployment: Deployment, now: datetime) -> list[tuple[str, str | tuple[str, str]]]:
    verdict, ended, plan = deployment.verdict, deployment.ended_at, deployment.plan
    length = f", after {spell_length(ended - deployment.started_at)}" if ended else ""
    return [
        ("deployment", deployment.deployment_id),
        ("artifact", deployment.what),
        ("asked by", _asked_by(deployment)),
        ("started", spell_when(deployment.started_at, now)),
        ("ended", spell_when(ended, now) + length if ended else ""),
        ("strategy", f"{plan.strategy}, {spell_span(plan.total_seconds)} when all is well" if plan else ""),
        ("waits for", f"function {deployment.waits_for}" if deployment.waits_for else ""),
        ("next look", spell_when(deployment.look_at, now) if deployment.look_at and not ended else ""),
        *(("warning", (warning, "yellow")) for warning in deployment.warnings),
        ("verdict", f"{verdict.outcome}: {verdict.reason}" if verdict else ""),
        ("reason", deployment.reason),
        ("refused", "the artifact itself; only a person may try it again" if deployment.refused else ""),
        ("execution", deployment.execution_arn),
    ]


def _asked_by(deployment: Deployment) -> str:
    if deployment.hotfix:
        return f"{deployment.hotfix.by}, as a hotfix: {deployment.hotfix.reason}"
    if deployment.retry:
        again = deployment.retry
        return f"{again.by}, to try {again.deployment_id} again: {again.reason}"
    return f"event {deployment.event_id}" if deployment.event_id else "a person"


def _members(deployment: Deployment) -> Table:
    table = listing("alias", "baseline", "candidate")
    for member in deployment.members:
        table.add_row(line(str(member)), line(member.baseline or "none"), line(member.candidate or ""))
    return table


def _steps(deployment: Deployment, events: Sequence[Event]) -> Table:
    """Return the steps of the plan, when each was made, and the last verdict on it."""
    shifted = {e.step_index: e.at for e in events if e.transition is Transition.SHIFTED}
    judged = {e.step_index: e for e in events if e.transition is Transition.JUDGED}
    table = listing("step", "weight", "bake", "shifted", "verdict")
    for index, step in enumerate(deployment.steps):
        verdict = str(judged[index].evidence.get("outcome", "")) if index in judged else ""
        at = spell_moment(shifted[index]) if index in shifted else ""
        cells = (str(index + 1), spell_weight(step.weight), spell_span(step.bake_seconds), at, verdict)
        table.add_row(*(line(cell) for cell in cells))
    return table


def _alarms(deployment: Deployment) -> Table:
    table = listing("alarm", "counts", "red at start")
    for alarm in deployment.alarms:
        counts = f"since {spell_moment(alarm.armed_at)}" if alarm.armed else "no"
        table.add_row(line(alarm.name), line(counts), line(alarm.red_at_start.value))
    return table


def _marks(deployment: Deployment, now: datetime) -> Table:
    table = listing("mark", "by", "when", "why")
    for mark, detail in deployment.marks.items():
        cells = (mark.value, detail.by, spell_age(detail.at, now), detail.reason)
        table.add_row(*(line(cell) for cell in cells))
    return table


def _events(events: Sequence[Event]) -> Table:
    table = listing("at", "event", "why, on what evidence")
    for event in events:
        ended = event.transition is Transition.ENDED
        what = line((event.status.value, STATUS_STYLES[event.status])) if ended else line(event.transition.value)
        told = [line(event.reason), *(line((text, "dim")) for text in spell_evidence(event.evidence))]
        table.add_row(line(spell_moment(event.at)), what, lines(*told))
    return table
