"""Plan: what a deployment would come to, by the survey that the controller goes by; nothing is changed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console

from controller.core.deployment import Deployment, Status
from controller.core.duration import spell_span
from controller.core.errors import ClaimHeldError, NotReadyError
from controller.core.request import Wish
from controller.core.target import Target
from controller.core.timetable import Timetable, timetable
from controller.core.weight import spell_weight
from controller.tasks.context import Context
from controller.tasks.images import refuse_elsewhere
from controller.tasks.plan import planned_deployment
from controller.tasks.preflight import find_artifact
from controller.tasks.survey import Survey, survey_members, survey_request
from rampart.cli.wording import facts, line, listing, spell_moment
from rampart.detection.words import Detection, detections


@dataclass(frozen=True, slots=True)
class Foresight:
    """What would become of a deployment that started now."""

    target: str
    what: str
    refusals: tuple[str, ...]
    notes: tuple[str, ...] = ()
    """What it would wait for first."""
    planned: Deployment | None = None
    """Its record as Plan would write it; None where something is refused or waited for."""
    times: Timetable | None = None
    detected: tuple[Detection, ...] = ()
    warnings: tuple[str, ...] = field(default=())


def foresee(context: Context, target: Target, wish: Wish, machine_arn: str) -> Foresight:
    """Return what would become of a deployment; raises ControllerError when that cannot be found out."""
    survey, notes, stored = Survey(context, wish, target), [], None
    with survey.judging():
        refuse_elsewhere(wish, machine_arn)
        stored = find_artifact(context, wish)
    try:
        survey_request(survey, stored, context.now)
    except NotReadyError as wait:
        notes.append(f"it would wait: {wait}")
    try:
        survey_members(survey)
    except ClaimHeldError as held:
        notes.append(f"{held}; alias and alarms are judged when that has ended, or given way ({target.when_busy})")
    nothing = Deployment(
        deployment_id="plan",
        execution_arn=machine_arn,
        target=target.name,
        status=Status.PENDING,
        reason="",
        started_at=context.now,
        artifact=wish.artifact,
        version=wish.version,
    )
    what = nothing.what if wish.artifact or wish.version else "whatever comes next; name it to have it judged too"
    refusals = tuple(map(str, survey.refusals))
    if refusals or notes:
        return Foresight(target.name, what, refusals, tuple(notes), warnings=tuple(survey.warnings))
    planned = planned_deployment(survey, nothing)
    return Foresight(
        target=target.name,
        what=what,
        refusals=(),
        planned=planned,
        times=timetable(planned, context.now, context.minute_seconds),
        detected=_detected(planned, context.minute_seconds),
        warnings=planned.warnings,
    )


def _detected(planned: Deployment, minute_seconds: float) -> tuple[Detection, ...]:
    return detections(planned, minute_seconds) if planned.comparison and planned.subjects else ()


def print_foresight(console: Console, foreseen: Foresight) -> None:
    """Print a foresight for people: when each step would come, what it can detect, and what is wrong."""
    planned, times = foreseen.planned, foreseen.times
    console.print(line((foreseen.target, "bold"), "  nothing is changed"), soft_wrap=True)
    strategy = ""
    if planned and planned.plan:
        strategy = f"{planned.plan.strategy}, {spell_span(planned.plan.total_seconds)} when all is well"
    console.print(
        facts(
            [
                ("artifact", foreseen.what),
                ("strategy", strategy),
                ("plan", planned.reason if planned else ""),
                *(("note", note) for note in foreseen.notes),
                *(("warning", (warning, "yellow")) for warning in foreseen.warnings),
                *(("refused", (refusal, "bold red")) for refusal in foreseen.refusals),
            ]
        )
    )
    if planned and planned.plan and times:
        now = times.shifts[0]  # the survey has taken its time since
        table = listing("step", "weight", "at", "after", "bake")
        for number, (step, at) in enumerate(zip(planned.plan.steps, times.shifts, strict=True), 1):
            early = "not before " if planned.plan.guard and number > 1 else ""
            cells = (str(number), spell_weight(step.weight), f"{early}{spell_moment(at)}", _after(now, at))
            table.add_row(*(line(cell) for cell in (*cells, spell_span(step.bake_seconds))))
        at = times.promoted_at
        table.add_row("", "promoted", line(f"not before {spell_moment(at)}"), line(_after(now, at)), "")
        console.print()
        console.print(table)
        console.print(line("Times are as if the first shift were made now; publishing and tests come before it."))
    for found in foreseen.detected:
        console.print()
        for told in found.lines:
            console.print(line(told), soft_wrap=True)


def foresight_document(foreseen: Foresight) -> dict[str, Any]:
    """Return a foresight as JSON."""
    planned, times = foreseen.planned, foreseen.times
    steps: Sequence[dict[str, Any]] = ()
    if planned and planned.plan and times:
        steps = [
            {
                "weight_percent": step.weight / 100,
                "bake_seconds": step.bake_seconds,
                "at": at.isoformat(),
                "is_earliest": bool(planned.plan.guard and index),
            }
            for index, (step, at) in enumerate(zip(planned.plan.steps, times.shifts, strict=True))
        ]
    return {
        "target": foreseen.target,
        "artifact": foreseen.what,
        "is_refused": bool(foreseen.refusals),
        "refusals": list(foreseen.refusals),
        "notes": list(foreseen.notes),
        "warnings": list(foreseen.warnings),
        "strategy": planned.plan.strategy if planned and planned.plan else None,
        "steps": list(steps),
        "promoted_at": times.promoted_at.isoformat() if times else None,
        "detection": [
            {
                "member": found.member,
                "is_theatre": found.is_theatre,
                "lines": list(found.lines),
                "steps": [
                    {"weight_percent": s.weight / 100, "often": s.often, "half": s.half} for s in found.steps
                ],
            }
            for found in foreseen.detected
        ],
    }


def _after(now: datetime, at: datetime) -> str:
    return spell_span(int((at - now + timedelta(milliseconds=500)).total_seconds()))


def looks_like_file(name: str) -> bool:
    """Say whether somebody means a file, and not a target in SSM, whose names have neither dots nor slashes."""
    return "/" in name or "." in name
