"""Validate: whether a target document can be used, and what it comes to, before it stands in SSM."""

from pathlib import Path

from controller.core.document import parse
from controller.core.duration import spell_span
from controller.core.errors import InputError
from controller.core.hooks_due import longest_waits
from controller.core.looks import refuse_long_plan
from controller.core.plan import Plan, spell_plan
from controller.core.target import Target
from controller.core.verification import ParameterEvents, ShareableEvents, TestEvents
from controller.tasks.survey import target_plan
from rampart.cli.target_file import document_in

_UNNAMED = "unnamed"
_MINUTE_SECONDS = 60


def target_in(path: Path) -> Target:
    """Return the target of a file, whose name its parameter gives it if it has none; raises InputError."""
    document = document_in(path)
    if isinstance(document, dict):
        document = {"name": _UNNAMED} | document
    return parse(Target, document, str(path))


def verdict_on(path: Path) -> list[str]:
    """Return what a target's document comes to, in lines for people; raises InputError."""
    target = target_in(path)
    plan = target_plan(target.strategy, target, _MINUTE_SECONDS)
    too_long = refuse_long_plan(plan, _MINUTE_SECONDS, longest_waits(target.hooks, plan, _MINUTE_SECONDS))
    if too_long:
        raise InputError(f"{path}: strategy: {too_long}")
    members = ", ".join(f"{member.function}:{member.alias}" for member in target.members)
    return [
        f"{path}: can be used",
        f"  moves     {members}",
        f"  plan      {plan.strategy}: {_way(plan)}; {spell_span(plan.total_seconds)} when all is well",
        f"  judged by {_judges(target, plan)}",
        *(f"  frozen    {each.cron} for {spell_span(each.lasts)} ({each.time_zone})" for each in target.freeze),
    ]


def _way(plan: Plan) -> str:
    """Return how a plan moves traffic; where a guarded one starts, the traffic decides."""
    told = spell_plan(plan)
    return f"starts by the traffic, {told.partition(', ')[2]}" if plan.guard else told


def _asked(events: TestEvents) -> str | None:
    match events:
        case ParameterEvents(parameter=name):
            return f"the test events of parameter {name} before any traffic"
        case ShareableEvents():
            return "shareable test events before any traffic"
        case ():
            return None
        case _:
            return f"{len(events)} test event{'s' * (len(events) != 1)} before any traffic"


def _judges(target: Target, plan: Plan) -> str:
    """Return what may stop a candidate, or that nothing but a person may."""
    judges = []
    if target.comparison and plan.is_split:
        counted = "".join(f", {metric.name}" for metric in target.comparison.metrics)
        judges.append(f"comparison with the baseline (errors{counted})")
    judges += [f"rule {rule} ({rule.then})" for rule in target.rules]
    judges += [f"alarm {alarm.name}" for alarm in target.alarms]
    judges += filter(None, [_asked(target.test_events)])
    judges += [f"hook {hook.function} {hook.at.replace('_', ' ')}" for hook in target.hooks]
    return "; ".join(judges) or "nothing: time alone decides"
