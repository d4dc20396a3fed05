"""Survey: the whole preflight of a deployment: it reads, judges, and collects what speaks against it.

What is asked for comes first, because it needs no claim; then members and alarms, which only mean something while
nobody else is deploying to the functions. Nothing is changed.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from controller.core.artifact import ImageArtifact, ZipArtifact
from controller.core.code import Code
from controller.core.code_storage import refuse_for_storage, storage_warning
from controller.core.errors import (
    ArtifactRefusedError,
    ClaimHeldError,
    ControllerError,
    InputError,
    RefusedError,
)
from controller.core.hooks_due import longest_waits
from controller.core.limits import refuse_stopped, stopped_warning, timeout_warning
from controller.core.looks import refuse_long_plan
from controller.core.plan import Plan
from controller.core.request import Wish
from controller.core.strategy import Strategy, is_guarded, plan_of
from controller.core.target import Member, Target
from controller.core.verdict import WatchedAlarm
from controller.core.verification import VerificationEvent
from controller.ports import Claim, Stored
from controller.tasks.alarms import find_alarm, read_alarms
from controller.tasks.context import Context
from controller.tasks.hooks import check_hook
from controller.tasks.images import find_images
from controller.tasks.preflight import (
    Found,
    check_managed,
    check_zip,
    find_member,
    is_first,
    refuse_absent,
    refuse_split,
    surroundings,
)
from controller.tasks.test_events import find_test_events

LATE_MINUTES = 3
"""How long the last minutes that can be compared take to be seen: no final bake is shorter, unless declared so."""

T = TypeVar("T")


@dataclass
class Survey:
    """What was found so far, and what was found wanting."""

    context: Context
    asked: Wish
    target: Target
    plan: Plan | None = None
    codes: dict[str, Code] = field(default_factory=dict)
    """$LATEST of each function."""
    images: dict[str, str] = field(default_factory=dict)
    """The image for each function, by its digest."""
    found: dict[Member, Found] = field(default_factory=dict)
    runs: dict[str, ImageArtifact | None] = field(default_factory=dict)
    """The image that each function's baseline runs."""
    alarms: tuple[WatchedAlarm, ...] = ()
    test_events: tuple[VerificationEvent, ...] = ()
    refusals: list[ControllerError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @contextmanager
    def judging(self) -> Iterator[None]:
        """Collect what is refused, so that all of it can be told at once."""
        try:
            yield
        except (InputError, RefusedError) as refusal:
            self.refusals.append(refusal)

    def warn(self, *warnings: str | None) -> None:
        """Collect warnings, those that there are."""
        self.warnings += filter(None, warnings)

    def known(self, what: str, read: Callable[[], T]) -> T | None:
        """Return what is read for a warning alone; where it cannot be read, that is the warning."""
        try:
            return read()
        except ControllerError as error:
            self.warn(f"{what} is unknown: {error}")
            return None

    def refuse(self) -> None:
        """Raise all that was refused as one error, which blames the artifact if any of them does."""
        if self.refusals:
            blaming = [each for each in self.refusals if isinstance(each, ArtifactRefusedError)]
            kind = type((blaming or self.refusals)[0])
            raise kind("; ".join(str(each) for each in self.refusals))


def survey_request(survey: Survey, stored: Stored | None, started_at: datetime) -> None:
    """Judge what is asked for, and for what functions; raises NotReadyError while a scan is waited for."""
    context, asked, target = survey.context, survey.asked, survey.target
    with survey.judging():
        survey.plan = _asked_plan(context, asked, target)
    for member in target.members:
        with survey.judging():
            code = context.ports.functions.latest(member.function)
            check_managed(code, context.stage)
            survey.codes[member.function] = code
            _check_stopped(survey, code)
    with survey.judging():
        survey.test_events = find_test_events(context.ports, target)
    for function in dict.fromkeys(hook.function for hook in target.hooks):
        with survey.judging():
            check_hook(context, function)
    codes = list(survey.codes.values())
    with survey.judging():
        survey.images = find_images(context, asked, target, codes, stored, started_at)
    if isinstance(asked.artifact, ZipArtifact) and stored:
        with survey.judging():
            check_zip(context, asked.artifact, codes, stored)
        _check_storage(survey, stored.size_bytes * len(target.members))


def survey_members(survey: Survey) -> None:
    """Judge aliases and alarms; raises ClaimHeldError when another deployment holds a function."""
    claims = [survey.context.ports.deployments.claim(member.function) for member in survey.target.members]
    for claim in claims:
        if claim.owner:  # before the alias: a split is the holder's then, and not a stranger's
            raise ClaimHeldError(claim.function, claim.owner)
    judge_members(survey, claims)


def judge_members(survey: Survey, claims: list[Claim]) -> None:
    """Judge aliases and alarms, whoever holds the functions."""
    for member, claim in zip(survey.target.members, claims, strict=True):
        with survey.judging():
            survey.found[member] = find_member(survey.context, member, claim.fencing + 1)
    if not _is_first(survey):
        _fit_plan(survey)
        for member, at in survey.found.items():
            surroundings(survey, member, at)
        _warn_of_timeouts(survey)
    _watch_alarms(survey)


def _is_first(survey: Survey) -> bool:
    """Say whether no member has an alias, so that all of them are made on the candidate, and plan for that.

    Where some have one, where a function has others, and where one was there before, a missing alias is a mistake.
    """
    absent = {member: at for member, at in survey.found.items() if at.baseline is None}
    if not absent:
        return False
    live = survey.context.ports.deployments.live(survey.target.name)
    no_alias = len(absent) == len(survey.target.members) and not any(at.others for at in absent.values())
    if not is_first(survey.target, live, no_alias=no_alias):
        survey.refusals += [refuse_absent(at, live) for at in absent.values()]
        survey.found = {member: at for member, at in survey.found.items() if member not in absent}
        return False
    if survey.plan:
        step = survey.plan.gated_end.model_copy(update={"bake_seconds": 0})
        survey.plan = survey.plan.model_copy(update={"strategy": "AllAtOnce", "steps": (step,), "guard": None})
    for member in absent:
        survey.warn(
            f"first deployment: alias {member} will be made on the candidate; there is nothing to compare with or "
            "to go back to"
        )
    return True


def target_plan(strategy: Strategy, target: Target, minute_seconds: float) -> Plan:
    """Return the plan by which a target is deployed with a strategy, when a minute takes `minute_seconds`."""
    late = LATE_MINUTES * 60 if target.comparison else 0
    return plan_of(strategy, target.final_bake, minute_seconds, late, target.approval)


def _asked_plan(context: Context, asked: Wish, target: Target) -> Plan:
    """Return the plan of what was asked for; raises InputError."""
    if asked.version and len(target.members) > 1:
        raise InputError(
            f"execution input: version: target {target.name} has {len(target.members)} members, whose "
            "versions are numbered apart; name an artifact"
        )
    strategy = asked.strategy or target.strategy
    if is_guarded(strategy) and target.comparison is None:
        raise InputError(
            f"execution input: strategy: target {target.name} has its comparison off, which it goes by"
        )
    plan = target_plan(strategy, target, context.minute_seconds)
    waits = longest_waits(target.hooks, plan, context.minute_seconds)
    too_long = refuse_long_plan(plan, context.minute_seconds, waits)
    if too_long:
        raise InputError(f"target {target.name}: strategy: {too_long}")
    return plan


def _check_stopped(survey: Survey, code: Code) -> None:
    """Raise RefusedError for a function that may not run, unless a hotfix is what brings it back."""
    if survey.asked.hotfix:
        survey.warn(stopped_warning(code))
        return
    stopped = refuse_stopped(code)
    if stopped:
        raise RefusedError(stopped)


def _check_storage(survey: Survey, needed_bytes: int) -> None:
    storage = survey.known("the code storage that is left", survey.context.ports.functions.storage)
    if storage is None:
        return
    refused = refuse_for_storage(storage.used_bytes, storage.limit_bytes, needed_bytes)
    if refused:
        survey.refusals.append(RefusedError(refused))
    else:
        survey.warn(storage_warning(storage.used_bytes, storage.limit_bytes, needed_bytes))


def _fit_plan(survey: Survey) -> None:
    """Move all of the traffic at once where an alias cannot be split, and say so."""
    plan = survey.plan
    if plan is None or not plan.is_split:
        return
    for member, at in survey.found.items():
        with survey.judging():
            because = refuse_split(survey, member, at)
            if because and survey.plan is plan:
                survey.plan = plan.model_copy(
                    update={"strategy": "AllAtOnce", "steps": (plan.gated_end,), "guard": None}
                )
                survey.warn(f"all of the traffic moves at once, and not by {plan.strategy}: {because}")


def _warn_of_timeouts(survey: Survey) -> None:
    if survey.plan:
        takes, minute_seconds = survey.plan.total_seconds, survey.context.minute_seconds
        survey.warn(*(timeout_warning(code, takes, minute_seconds) for code in survey.codes.values()))


def _watch_alarms(survey: Survey) -> None:
    watched = []
    for rule, reading in read_alarms(survey.context, survey.target):
        with survey.judging():
            watched.append(find_alarm(survey.context, survey.asked, survey.target, rule, reading))
    survey.alarms = tuple(watched)
