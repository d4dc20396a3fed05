"""Targets: what an operator declares, in one SSM parameter each."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from controller.core.alarm_rule import AlarmRule, parse_alarm
from controller.core.approval import ApprovalTerms, parse_approval
from controller.core.criteria import ComparisonTerms, CountMetric, Rule, RuleMetric, WhenUnclear, parse_comparison
from controller.core.document import Document, parse, parse_json
from controller.core.duration import Duration, spell_duration
from controller.core.errors import ControllerError, InputError
from controller.core.freeze import FreezeWindow
from controller.core.hook import MAX_HOOKS, Hook
from controller.core.names import AliasName, FunctionName, is_target_name
from controller.core.source import Source
from controller.core.strategy import Strategy, is_guarded
from controller.core.verification import TestEvents, check_events
from controller.core.when_busy import WhenBusy
from controller.core.wording import shown

MAX_MEMBERS = 20


class Member(Document):
    """One function and the alias through which it is called."""

    function: FunctionName
    """The function's name, not its ARN. It carries the tag `rampart:managed` with the stage as value."""
    alias: AliasName = "live"
    """The alias, on a published version; a function without any alias gets it by its first deployment."""

    def __str__(self) -> str:
        return f"{self.function}:{self.alias}"


def _a_day_at_most(seconds: int) -> int:
    if seconds > 86400:
        raise ValueError(f"a step may be held for 1d at most, not {spell_duration(seconds)}")
    return seconds


def _not_a_truth_value(value: Any) -> Any:
    if isinstance(value, bool):  # to Python, true is 1
        raise ValueError(f"input should be 1, not {shown(value)}")
    return value


class Target(Document):
    """One thing that is deployed as a whole: its functions, where its artifacts appear, how traffic moves."""

    version: Annotated[Literal[1], BeforeValidator(_not_a_truth_value)]
    """The version of this form of document."""
    name: str
    """The target's name, which the SSM parameter gives it; if it is here too, it must be the same."""
    source: Source
    """Where its artifacts appear."""
    members: Annotated[tuple[Member, ...], Field(min_length=1, max_length=MAX_MEMBERS)]
    """Functions and aliases that move in lockstep and roll back together; no function twice."""
    strategy: Strategy
    """How traffic moves to a candidate."""
    alarms: Annotated[tuple[Annotated[AlarmRule, BeforeValidator(parse_alarm)], ...], Field(max_length=50)] = ()
    """The alarms to watch, by their names, or as objects; no alarm twice."""
    final_bake: Duration | None = None
    """How long to watch at full weight with rollback armed.

    Null: the strategy's interval, `3m` at least if it splits traffic and versions are compared, or `5m`.
    """
    approval: Annotated[ApprovalTerms | None, BeforeValidator(parse_approval)] = None
    """A gate before the promotion: `true`, or how long it waits for `rampart approve` and what follows then."""
    max_hold: Annotated[Duration, AfterValidator(_a_day_at_most)] = 3600
    """How long an inconclusive verdict may hold a step beyond its bake; `1d` at most."""
    when_unclear: WhenUnclear = WhenUnclear.APPROVE
    """What happens then, when the evidence alone is inconclusive; an alarm without data rolls back."""
    comparison: Annotated[ComparisonTerms | None, BeforeValidator(parse_comparison)] = (
        ComparisonTerms.model_construct()  # not validated: that would build the class at import
    )
    """What the comparison of candidate and baseline asks for; `false`: they are not compared."""
    rules: Annotated[tuple[Rule, ...], Field(max_length=20)] = ()
    """Thresholds for the candidate's own numbers."""
    test_events: TestEvents = ()
    """What the candidate must answer before it gets traffic: a list of events, or where they stand."""
    hooks: Annotated[tuple[Hook, ...], Field(max_length=MAX_HOOKS)] = ()
    """Functions of your own that are asked whether to go on, in this order."""
    freeze: Annotated[tuple[FreezeWindow, ...], Field(max_length=20)] = ()
    """Times in which nothing starts and no candidate gets more traffic; a rollback is never held up."""
    when_busy: WhenBusy = WhenBusy.SUPERSEDE
    """What a new deployment does while another one of this target runs."""

    @model_validator(mode="after")
    def _names_are_unique(self) -> "Target":
        functions = [member.function for member in self.members]
        for index, function in enumerate(functions):
            if function in functions[:index]:
                raise ValueError(f"members[{index}].function: {function!r} is a member already; name it once")
        alarms = [alarm.name for alarm in self.alarms]
        for index, alarm in enumerate(alarms):
            if alarm in alarms[:index]:
                raise ValueError(f"alarms[{index}]: {shown(alarm)} is named already; name it once")
        return self

    @model_validator(mode="after")
    def _what_is_guarded_is_compared(self) -> "Target":
        if self.comparison is None and is_guarded(self.strategy):
            raise ValueError("comparison: the guarded strategy goes by it; leave it on, or write another strategy")
        return self

    @model_validator(mode="after")
    def _test_events_can_be_kept(self) -> "Target":
        if isinstance(self.test_events, tuple):
            try:
                check_events(self.test_events, [member.function for member in self.members], "")
            except ControllerError as fault:
                raise ValueError(str(fault)) from None
        return self

    @model_validator(mode="after")
    def _metrics_name_members(self) -> "Target":
        named: list[tuple[str, CountMetric | RuleMetric]] = []
        for index, counted in enumerate(self.comparison.metrics if self.comparison else ()):
            named.append((f"comparison.metrics[{index}]", counted))
        for index, rule in enumerate(self.rules):
            if isinstance(rule.metric, RuleMetric):
                named.append((f"rules[{index}].metric", rule.metric))
        functions = [member.function for member in self.members]
        for where, metric in named:
            if metric.function is None and len(functions) > 1:
                raise ValueError(f"{where}.function: say which member's versions these are: {', '.join(functions)}")
            if metric.function not in (None, *functions):
                raise ValueError(f"{where}.function: {shown(metric.function)} is no member of this target")
        return self


def parse_target(name: str, text: str, where: str) -> Target:
    """Return the target whose document is `text`; raises InputError that starts with `where`."""
    if not is_target_name(name):
        raise InputError(f"{where}: name a target with a-z, 0-9 and -, at most 50 characters, not {shown(name)}")
    document = parse_json(text, where)
    if isinstance(document, dict) and "name" not in document:
        document = document | {"name": name}
    target = parse(Target, document, where)
    if target.name != name:
        raise InputError(f"{where}: name: write {name!r}, as the parameter is called, or leave it out")
    return target
