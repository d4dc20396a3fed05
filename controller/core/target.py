"""Targets: what an operator declares, in one SSM parameter each, and what they ask for when starting by hand."""

import json
import re
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from controller.core.approval import ApprovalTerms, parse_approval
from controller.core.artifact import Artifact, WrittenArtifact
from controller.core.criteria import ComparisonTerms, CountMetric, Rule, RuleMetric, WhenUnclear, parse_comparison
from controller.core.document import Document, matching, parse, parse_json
from controller.core.duration import Duration, spell_duration
from controller.core.errors import ControllerError, InputError
from controller.core.freeze import FreezeWindow
from controller.core.hook import MAX_HOOKS, Hook
from controller.core.names import AliasName, FunctionName, VersionNumber
from controller.core.source import Source
from controller.core.strategy import Strategy, is_guarded
from controller.core.verification import TestEvents, check_events
from controller.core.wording import shown

MAX_MEMBERS = 20
_TARGET_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,49}")


class RedAtStart(StrEnum):
    """What an alarm that is already in ALARM when a deployment starts means for it."""

    BLOCK = "block"
    """The deployment is refused."""
    IGNORE_UNTIL_OK = "ignore_until_ok"
    """The alarm counts again as soon as it has recovered."""
    IGNORE = "ignore"
    """The alarm does not count for this deployment."""


class WhenBusy(StrEnum):
    """What a new deployment of a target does while another one of the target runs."""

    SUPERSEDE = "supersede"
    """The running one is rolled back, and then the new one starts."""
    QUEUE = "queue"
    """The new one waits until the running one has ended."""
    REJECT = "reject"
    """The new one is refused."""


class AlarmRule(Document):
    """One alarm to watch."""

    name: str = Field(min_length=1, max_length=255)
    """The alarm's name, a composite one's too. In ALARM it rolls back; one that is missing is refused."""
    red_at_start: RedAtStart | None = None
    """What it means that it is in ALARM already. Null: `block`, or for a hotfix `ignore_until_ok`."""


def _parse_alarm(value: Any) -> Any:
    if isinstance(value, str):
        return {"name": value}
    if isinstance(value, dict | AlarmRule):
        return value
    raise ValueError(f'write an alarm\'s name or {{"name": …}}, not {shown(value)}')


TargetName = Annotated[
    str, matching(_TARGET_NAME.pattern, "write a target's name (a-z, 0-9 and -, at most 50 characters)")
]


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
    alarms: Annotated[tuple[Annotated[AlarmRule, BeforeValidator(_parse_alarm)], ...], Field(max_length=50)] = ()
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
    comparison: Annotated[ComparisonTerms | None, BeforeValidator(parse_comparison)] = ComparisonTerms()
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
    if not _TARGET_NAME.fullmatch(name):
        raise InputError(f"{where}: name a target with a-z, 0-9 and -, at most 50 characters, not {shown(name)}")
    document = parse_json(text, where)
    if isinstance(document, dict) and "name" not in document:
        document = document | {"name": name}
    target = parse(Target, document, where)
    if target.name != name:
        raise InputError(f"{where}: name: write {name!r}, as the parameter is called, or leave it out")
    return target


class Hotfix(Document):
    """Why somebody starts a deployment in a hurry, and who."""

    reason: str = Field(min_length=1, max_length=500)
    by: str = Field(min_length=1, max_length=200)


class Wish(Document):
    """What somebody thinks of deploying to which target, which may not be said yet."""

    target: TargetName
    artifact: WrittenArtifact | None = None
    version: VersionNumber | None = None
    """An existing version to deploy instead of an artifact; for targets of one member."""
    strategy: Strategy | None = None
    """Overrules the target's strategy for this deployment."""
    hotfix: Hotfix | None = None
    event_id: str | None = None
    """The event that asked for it; absent when a person did."""


class Retry(Document):
    """Of which deployment another one is a further try, who asked for it, and why."""

    deployment_id: str = Field(min_length=1, max_length=80)
    by: str = Field(min_length=1, max_length=200)
    reason: str = Field(min_length=1, max_length=500)


class Request(Wish):
    """The input of an execution: what to deploy to which target. People write it; intake writes the same."""

    retry: Retry | None = None
    """The deployment that it tries again; control writes it."""

    @model_validator(mode="after")
    def _one_thing_to_deploy(self) -> "Request":
        if (self.artifact is None) == (self.version is None):
            raise ValueError("say what to deploy: either artifact or version, and not both")
        return self


def named_target(request: Any) -> str:
    """Return the target that a request names, however broken the rest of it is; "(none)" when it names none."""
    name = request.get("target") if isinstance(request, dict) else None
    return name if isinstance(name, str) and _TARGET_NAME.fullmatch(name) else "(none)"


def canonical_request(target: str, artifact: Artifact, event_id: str) -> str:
    """Return the input of an execution as intake writes it: the same bytes for the same event.

    StartExecution with the same name is idempotent only for the same bytes of input.
    """
    document = {"target": target, "artifact": artifact.model_dump(), "event_id": event_id}
    return json.dumps(document, sort_keys=True, separators=(",", ":"))
