"""Plan: read what was asked for and what is there, refuse what cannot work, claim, and write the record."""

from datetime import datetime, timedelta
from typing import Any

from controller.core.decision import Decision, Ruling, end_of
from controller.core.deployment import Deployment, Status, Transition, event_of
from controller.core.document import parse
from controller.core.duration import scaled
from controller.core.errors import ArtifactRefusedError, ClaimHeldError, InputError, RefusedError
from controller.core.freeze import MAX_FREEZE_MINUTES, freeze_at
from controller.core.member_record import MemberRecord
from controller.core.names import named_target
from controller.core.request import Request
from controller.tasks.context import Context
from controller.tasks.end import end
from controller.tasks.history import with_history
from controller.tasks.images import refuse_elsewhere
from controller.tasks.order import live_already, out_of_order, refused_before, under_way
from controller.tasks.preflight import find_artifact
from controller.tasks.survey import Survey, survey_members, survey_request
from controller.tasks.waiting import hold_start, wait, waiter_before

MAX_APPROVAL_SECONDS = 86_400
"""How long a person may take to approve what is still unclear when a hold has lasted as long as it may."""

_CLOCKS_DIFFER = timedelta(days=1)
"""Far more than two clocks of AWS do, and far less than a name is kept."""


class _Nothing(Exception):  # noqa: N818 - not an error: there is nothing to do, and this says why
    pass


def plan(context: Context, request: Any, execution_arn: str, started_at: datetime) -> Ruling:
    """Open the record of a deployment, let it wait for its claims, or end it at once with the reason.

    The same again when repeated; one that waits tries again. `started_at` is when the execution began: a record
    from before is another's, because Step Functions forgets names after 90 days and records live longer.
    """
    waited = context.ports.deployments.find(context.deployment_id)
    if waited and waited.status.is_over and waited.started_at < started_at - _CLOCKS_DIFFER:
        day = f"{waited.started_at:%Y-%m-%d}"
        return Ruling(
            Decision.REJECTED,
            f"the name {context.deployment_id} is that of a deployment of {day}; start again under another name",
        )
    if waited and waited.status is not Status.PENDING:
        return end_of(waited) if waited.status.is_over else _go_on(waited)
    if waited and waited.stopping_mark:
        return Ruling(Decision.ROLL_BACK, waited.marks[waited.stopping_mark].spell(waited.stopping_mark))
    deployment = waited or Deployment(
        deployment_id=context.deployment_id,
        execution_arn=execution_arn,
        target=named_target(request),
        status=Status.PENDING,
        reason="asked for",
        started_at=context.now,
    )
    try:
        asked = parse(Request, request, "execution input")
        wish = {name: getattr(asked, name) for name in ("artifact", "version", "hotfix", "event_id", "retry")}
        deployment = deployment.model_copy(update=wish)
        return _take_up(context, asked, deployment, waited, started_at)
    except _Nothing as skip:
        return _end(context, deployment, waited, Status.SKIPPED, str(skip))
    except (InputError, RefusedError) as refusal:
        blamed = isinstance(refusal, ArtifactRefusedError)
        return _end(context, deployment, waited, Status.REJECTED, str(refusal), refused=blamed)


def _go_on(deployment: Deployment) -> Ruling:
    failed = deployment.status is Status.ROLLBACK_FAILED
    return Ruling(Decision.ROLL_BACK if failed else Decision.PUBLISH, deployment.reason)


def _take_up(
    context: Context, asked: Request, deployment: Deployment, waited: Deployment | None, started_at: datetime
) -> Ruling:
    """Claim and plan, or wait; raises _Nothing, InputError or RefusedError when it comes to an end here."""
    target = context.ports.targets.read(asked.target)
    refuse_elsewhere(asked, deployment.execution_arn)
    stored = find_artifact(context, asked)
    newest = context.ports.deployments.newest(target.name)
    if stored:
        deployment = deployment.model_copy(update={"appeared_at": stored.appeared_at})
    is_newest = stored is not None and (newest is None or newest.appeared_at <= stored.appeared_at)
    before = waiter_before(context.ports, waited) if waited else None
    _skip_if(
        f"{before.deployment_id}, which waits for {before.waits_for} too, goes before it" if before else None,
        refused_before(context, asked, target),
        under_way(context, deployment, target),
        out_of_order(context, asked, target, stored, newest),
    )
    survey = Survey(context, asked, target)
    survey_request(survey, stored, started_at)
    survey.refuse()  # what needs no claim is refused before anybody is superseded
    freeze = None if asked.hotfix else freeze_at(target.freeze, context.ports.line.stopped(), context.now)
    if freeze:
        return hold_start(context, deployment, waited, target, freeze, newest=is_newest)
    try:
        survey_members(survey)
        _skip_if(live_already(context, asked, target, survey.found))
        survey.refuse()
        planned = planned_deployment(survey, deployment)
        event = event_of(planned, Transition.PLANNED, context.now)
        context.ports.deployments.open(planned, event, newest=is_newest, waited=waited)
    except ClaimHeldError as held:
        _skip_if(under_way(context, deployment, target))  # by the other event of an image with two tags, just now
        return wait(context, deployment, waited, target, held, newest=is_newest)
    return _go_on(planned)


def _skip_if(*reasons: str | None) -> None:
    for reason in filter(None, reasons):
        raise _Nothing(reason)


def planned_deployment(survey: Survey, deployment: Deployment) -> Deployment:
    """Return the record of a deployment for which nothing was found wanting; raises UnavailableError."""
    context, target = survey.context, survey.target
    members = tuple(
        MemberRecord(
            function=member.function,
            alias=member.alias,
            baseline=at.alias.routing.version,
            fencing=at.fencing,
            revision_id=at.alias.revision_id or None,
            runs=survey.runs.get(member.function),
            image=survey.images.get(member.function),
        )
        for member, at in survey.found.items()
    )
    planned = deployment.model_copy(
        update={
            "status": Status.IN_PROGRESS,
            "members": members,
            "plan": survey.plan,
            "max_hold_seconds": scaled(target.max_hold, context.minute_seconds),
            "approval_seconds": scaled(MAX_APPROVAL_SECONDS, context.minute_seconds),
            "when_unclear": target.when_unclear,
            "comparison": target.comparison,
            "rules": target.rules,
            "test_events": survey.test_events,
            "hooks": target.hooks,
            "alarms": survey.alarms,
            "warnings": tuple(survey.warnings),
            "waits_for": None,
            "freeze": target.freeze,
            "freeze_seconds": scaled(MAX_FREEZE_MINUTES * 60, context.minute_seconds),
            "frozen_since": None,
            "is_frozen": False,
            "look_at": None,
        }
    )
    planned = with_history(context, planned)
    if again := planned.retry:
        told = f"{planned.reason}; retry of {again.deployment_id} by {again.by}: {again.reason}"
        planned = planned.model_copy(update={"reason": told})
    return planned


def _end(
    context: Context,
    deployment: Deployment,
    waited: Deployment | None,
    status: Status,
    reason: str,
    *,
    refused: bool = False,
) -> Ruling:
    if waited:
        return end(context, waited, status, reason, refused=refused)
    changes = {"status": status, "reason": reason, "ended_at": context.now, "refused": refused}
    over = deployment.model_copy(update=changes)
    context.ports.deployments.open(over, event_of(over, Transition.ENDED, context.now))
    return end_of(over)
