"""Members: what is wrong around one function and its alias."""

from collections.abc import Iterable
from datetime import datetime
from typing import cast

from controller.adapters.aws_errors import aws_errors
from controller.core.bypass import bypass_warning
from controller.core.code import Code
from controller.core.compatibility import refuse_weights
from controller.core.errors import ControllerError, DeniedError, MissingError, RefusedError
from controller.core.history import WEEK_MINUTES
from controller.core.limits import refuse_stopped
from controller.core.measurement import LAMBDA, Metric, alias_dimensions
from controller.core.request import Request
from controller.core.target import Member, Target
from controller.ports import Live, Ports
from controller.tasks.context import Context
from controller.tasks.preflight import (
    MANAGED_TAG,
    Found,
    check_managed,
    find_member,
    is_first,
    refuse_absent,
    surroundings,
)
from controller.tasks.survey import Survey, target_plan
from rampart.doctor.callers import judge_policy, judge_urls
from rampart.doctor.finding import Check, Finding, Severity, error, told, unknown, warning
from rampart.doctor.owners import STACK_TAG, judge_resources
from rampart.doctor.reach import Notes, Reach, call, read_by_the_hour

_NO_ROLE = {"NoSuchEntity": MissingError}


def examine_member(reach: Reach, target: Target, member: Member, now: datetime, notes: Notes) -> None:
    """Note what is wrong around a member of a target."""
    function = member.function
    try:
        code = reach.functions.latest(function)
    except MissingError as missing:
        notes.add([error(Check.TARGET, f"{missing}; target {target.name} names it")])
        return
    except ControllerError as fault:
        notes.add([unknown(Check.TARGET, f"function {function}", fault)])
        return
    _examine_tag(reach, code, notes)
    stopped = refuse_stopped(code)
    notes.add([told(Check.RESERVED_CONCURRENCY, Severity.ERROR, stopped)] if stopped else ())
    found = _find(reach, target, member, now, notes)
    if found and found.baseline:
        because = refuse_weights(found.baseline, code)
        if because:
            what = (
                f"{because}: the next deployment cannot split alias {member} and moves all of the traffic at once"
            )
            notes.add([warning(Check.ROLE, what)])
    _examine_role(reach, code, notes)
    _examine_callers(reach, member, now, notes)
    stack = (code.tags or {}).get(STACK_TAG)
    if stack:
        resources = notes.read(
            Check.OWNER,
            f"whether stack {stack} moves alias {member} too",
            lambda: call(reach, "cloudformation", "describe_stack_resources", StackName=stack)["StackResources"],
        )
        notes.add(judge_resources(member, stack, resources or ()))


def _examine_tag(reach: Reach, code: Code, notes: Notes) -> None:
    try:
        check_managed(code, reach.stage)
    except RefusedError as refusal:
        own = code.tags is not None and MANAGED_TAG not in str(refusal)
        meta = reach.client("lambda").meta
        account = notes.read(Check.TAG, "the number of the account", lambda: reach.account)
        arn = f"arn:{meta.partition}:lambda:{meta.region_name}:{account}:function:{code.function}"
        command = "" if own else f"aws lambda tag-resource --resource {arn} --tags {MANAGED_TAG}={reach.stage}"
        notes.add([told(Check.TAG, Severity.ERROR, str(refusal), command)])
    except DeniedError as denied:
        notes.add([unknown(Check.TAG, f"the tags of function {code.function}", denied)])


def _find(reach: Reach, target: Target, member: Member, now: datetime, notes: Notes) -> Found | None:
    """Look at an alias as the preflight does, unless a deployment is moving it."""
    context = Context(cast(Ports, reach), "doctor", now, reach.stage, reach.minute_seconds)
    try:
        if reach.deployments.claim(member.function).owner:
            return None  # whoever holds the function knows its alias, and repair sees who is dead
        found = find_member(context, member, 0)
    except RefusedError as refusal:
        command = ""
        if "$LATEST" in str(refusal):
            version = (
                f"$(aws lambda publish-version --function-name {member.function} --query Version --output text"
                f"{reach.aws_options})"
            )
            command = (
                f"aws lambda update-alias --function-name {member.function} --name {member.alias} "
                f"--function-version {version}"
            )
        notes.add([told(Check.ALIAS, Severity.ERROR, str(refusal), command)])
        return None
    except ControllerError as fault:
        notes.add([unknown(Check.ALIAS, f"alias {member.function}:{member.alias}", fault)])
        return None
    if found.baseline is None:
        notes.add(_examine_absent(reach, target, found, notes))
        return None
    plan = target_plan(target.strategy, target, reach.minute_seconds)
    survey = Survey(context, Request.model_construct(target=target.name), target, plan)
    try:
        surroundings(survey, member, found)
    except ControllerError as fault:
        notes.add([unknown(Check.AROUND_THE_ALIAS, f"what is around alias {found.alias}", fault)])
    notes.add(told(_around(str(each)), Severity.ERROR, str(each)) for each in survey.refusals)
    for text in survey.warnings:
        severity = Severity.UNKNOWN if " is unknown: " in text else Severity.WARNING
        notes.add([told(_around(text), severity, text)])
    return found


def _examine_absent(reach: Reach, target: Target, found: Found, notes: Notes) -> Iterable[Finding]:
    """Yield whether the next deployment is refused because an alias is not there, or makes it."""

    def read() -> tuple[Live | None, bool]:
        no_alias = all(not reach.functions.aliases(member.function) for member in target.members)
        return reach.deployments.live(target.name), no_alias

    known = notes.read(Check.ALIAS, f"whether a deployment would make alias {found.alias}", read)
    if known is None:
        return
    live, no_alias = known
    if is_first(target, live, no_alias=no_alias):
        what = f"alias {found.alias} does not exist: nobody can call it before the first deployment makes it"
        yield warning(Check.ALIAS, what)
    else:
        yield told(Check.ALIAS, Severity.ERROR, str(refuse_absent(found, live)))


def _around(text: str) -> Check:
    """Return which check a text of the preflight belongs to."""
    is_of_way_back = any(words in text for words in ("way back", "still there is unknown", "ECR will take away"))
    return Check.WAY_BACK if is_of_way_back else Check.AROUND_THE_ALIAS


def _examine_role(reach: Reach, code: Code, notes: Notes) -> None:
    role = code.role.rpartition("/")[2]
    try:
        with aws_errors(f"role {role}", _NO_ROLE):
            reach.client("iam").get_role(RoleName=role)
    except MissingError:
        notes.add(
            [error(Check.ROLE, f"role {role} of function {code.function} does not exist: Lambda cannot run it")]
        )
    except ControllerError as fault:
        notes.add([unknown(Check.ROLE, f"whether role {role} of function {code.function} exists", fault)])


def _examine_callers(reach: Reach, member: Member, now: datetime, notes: Notes) -> None:
    function, calls = member.function, ("FunctionName", member.function)
    everyone = Metric(LAMBDA, "Invocations", (calls,))
    through = Metric(LAMBDA, "Invocations", tuple(sorted(alias_dimensions(function, member.alias).items())))
    week = notes.read(
        Check.CALLERS,
        f"whether callers of function {function} bypass alias {member.alias}",
        lambda: read_by_the_hour(reach, [everyone, through], now, WEEK_MINUTES),
    )
    if week is not None:
        totals = (sum(week.get(metric, {}).values()) for metric in (everyone, through))
        past = bypass_warning(function, member.alias, *totals)
        notes.add([warning(Check.CALLERS, past)] if past else ())
    urls = notes.read(
        Check.FUNCTION_URL,
        f"whether function {function} has a URL",
        lambda: call(reach, "lambda", "list_function_url_configs", FunctionName=function)["FunctionUrlConfigs"],
    )
    notes.add(judge_urls(member, urls or ()))
    policy = notes.read(Check.POLICY, f"who may invoke function {function}", lambda: _policy(reach, function))
    notes.add(judge_policy(member, policy) if policy else ())


def _policy(reach: Reach, function: str) -> str:
    """Return the policy of a function itself; empty where nobody has added to it."""
    try:
        return str(call(reach, "lambda", "get_policy", FunctionName=function)["Policy"])
    except MissingError:
        return ""
