"""Examine: read what there is around targets and around Rampart itself, and let it be judged.

Every read is made on its own: what is denied or cannot be had is a finding of its own, and the others go on.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Protocol, TypeVar, cast

from controller.adapters.aws_errors import aws_errors
from controller.core.bypass import bypass_warning
from controller.core.code import Code
from controller.core.compatibility import refuse_weights
from controller.core.errors import ControllerError, DeniedError, InputError, MissingError, RefusedError
from controller.core.history import DAY_MINUTES, HOUR_MINUTES, WEEK_MINUTES
from controller.core.measurement import LAMBDA, Measured, Metric, alias_dimensions, minute_number
from controller.core.source import ZipSource
from controller.core.target import Member, Request, Target
from controller.ports import Artifacts, Live, Metrics, Ports, Targets
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
from rampart.cli.repair import Reach as RepairReach
from rampart.cli.repair import examine_target
from rampart.doctor.alarms import judge_alarm
from rampart.doctor.callers import judge_policy, judge_urls
from rampart.doctor.controller import QUEUES, judge_bus, judge_machine, judge_outputs, judge_queue
from rampart.doctor.finding import Check, Finding, Severity, error, told, unknown, warning
from rampart.doctor.owners import STACK_TAG, judge_resources
from rampart.doctor.sources import judge_bucket, judge_prefix, judge_reach

T = TypeVar("T")
_DEFAULT_BUS = "default"
_NO_ROLE = {"NoSuchEntity": MissingError}


class Reach(RepairReach, Protocol):
    """What doctor looks at, with the operator's own rights; it changes nothing."""

    @property
    def stage(self) -> str:
        """The stage of this Rampart."""
        ...

    @property
    def targets(self) -> Targets:
        """The catalogue."""
        ...

    @property
    def artifacts(self) -> Artifacts:
        """The bucket and the repositories, in which the baseline's code is looked for."""
        ...

    @property
    def metrics(self) -> Metrics:
        """Metrics."""
        ...

    @property
    def minute_seconds(self) -> float:
        """How long a minute takes: 60 in an account."""
        ...

    @property
    def account(self) -> str:
        """The number of the account; raises ControllerError."""
        ...

    @property
    def stack_name(self) -> str:
        """The name of Rampart's stack."""
        ...

    def described(self) -> Mapping[str, Any]:
        """Return Rampart's stack as CloudFormation describes it; raises ControllerError."""
        ...

    def client(self, service: str) -> Any:
        """Return a boto3 client."""
        ...


@dataclass
class Notes:
    """What was found so far."""

    findings: list[Finding] = field(default_factory=list)

    def add(self, findings: Iterable[Finding]) -> None:
        """Add findings."""
        self.findings += findings

    def read(self, check: Check, what: str, read: Callable[[], T]) -> T | None:
        """Return what is read; None where it cannot be, which is a finding."""
        try:
            return read()
        except ControllerError as fault:
            self.findings.append(unknown(check, what, fault))
            return None


def examine(reach: Reach, names: Sequence[str], now: datetime) -> list[Finding]:
    """Return what is wrong around targets, all of the stage's for no names, and around Rampart itself."""
    notes = Notes()
    parameters = _examine_controller(reach, notes)
    for target in _targets(reach, names, notes):
        _examine_target(reach, target, parameters, now, notes)
    return list(dict.fromkeys(notes.findings))


def _targets(reach: Reach, names: Sequence[str], notes: Notes) -> list[Target]:
    if not names:
        found = notes.read(Check.TARGET, "which targets there are", lambda: reach.targets.all(fresh=True))
        targets, faults = found or ([], [])
        notes.add(error(Check.TARGET, fault) for fault in faults)
        return targets
    targets = []
    for name in names:
        try:
            targets.append(reach.targets.read(name))
        except (InputError, MissingError) as fault:
            notes.add([error(Check.TARGET, str(fault))])
        except ControllerError as fault:
            notes.add([unknown(Check.TARGET, f"target {name}", fault)])
    return targets


def _examine_controller(reach: Reach, notes: Notes) -> dict[str, str] | None:
    """Look at Rampart itself; return the parameters of its stack, if they can be read."""
    described = notes.read(Check.STACK, f"stack {reach.stack_name}", reach.described)
    outputs = {each["OutputKey"]: each["OutputValue"] for each in (described or {}).get("Outputs", [])}
    if described is not None:
        notes.add(judge_outputs(reach.stack_name, outputs))
    for output in QUEUES:
        if output in outputs:
            url = outputs[output]
            letters = notes.read(Check.DEAD_LETTERS, f"what waits in {output}", partial(_letters, reach, url))
            notes.add(judge_queue(output, url, letters or 0))
    arn = outputs.get("StateMachineArn")
    if arn:
        machine = notes.read(
            Check.STATE_MACHINE,
            "whether the state machine is there",
            lambda: _call(reach, "stepfunctions", "describe_state_machine", stateMachineArn=arn),
        )
        notes.add(judge_machine(arn, machine.get("status", "ACTIVE")) if machine else ())
    bus = notes.read(
        Check.BUS,
        f"who may send events to bus {_DEFAULT_BUS}",
        lambda: (reach.account, _call(reach, "events", "describe_event_bus", Name=_DEFAULT_BUS)),
    )
    notes.add(judge_bus(_DEFAULT_BUS, bus[0], bus[1].get("Policy")) if bus else ())
    if described is None:
        return None
    return {each["ParameterKey"]: each.get("ParameterValue", "") for each in described.get("Parameters", [])}


def _letters(reach: Reach, url: str) -> int:
    name = "ApproximateNumberOfMessages"
    found = _call(reach, "sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=[name])
    return int(found["Attributes"][name])


def _examine_target(
    reach: Reach, target: Target, parameters: dict[str, str] | None, now: datetime, notes: Notes
) -> None:
    if parameters is not None:
        notes.add(judge_reach(target.source, parameters))
        for member in target.members:
            notes.add(judge_prefix(member.function, parameters))
    if isinstance(target.source, ZipSource):
        bucket = target.source.bucket
        read = notes.read(Check.BUCKET, f"whether bucket {bucket} can be used", lambda: _bucket(reach, bucket))
        notes.add(judge_bucket(bucket, *read) if read else ())
    for member in target.members:
        _examine_member(reach, target, member, now, notes)
    _examine_alarms(reach, target, now, notes)
    try:
        stuck = examine_target(reach, target.name)
    except InputError:  # it was never deployed
        stuck = []
    except ControllerError as fault:
        notes.add([unknown(Check.STUCK, f"whether something is stuck around {target.name}", fault)])
        stuck = []
    for each in stuck:
        command = each.command or (f"rampart repair {target.name} --yes" if each.mend else "")
        notes.add([error(Check.STUCK, f"{each.symptom}; {each.remedy}".removesuffix(":"), command)])


def _bucket(reach: Reach, bucket: str) -> tuple[Any, Any]:
    versioning = _call(reach, "s3", "get_bucket_versioning", Bucket=bucket)
    return versioning, _call(reach, "s3", "get_bucket_notification_configuration", Bucket=bucket)


def _examine_member(reach: Reach, target: Target, member: Member, now: datetime, notes: Notes) -> None:
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
            lambda: _call(reach, "cloudformation", "describe_stack_resources", StackName=stack)["StackResources"],
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
        lambda: _read(reach, [everyone, through], now, WEEK_MINUTES),
    )
    if week is not None:
        totals = (sum(week.get(metric, {}).values()) for metric in (everyone, through))
        past = bypass_warning(function, member.alias, *totals)
        notes.add([warning(Check.CALLERS, past)] if past else ())
    urls = notes.read(
        Check.FUNCTION_URL,
        f"whether function {function} has a URL",
        lambda: _call(reach, "lambda", "list_function_url_configs", FunctionName=function)["FunctionUrlConfigs"],
    )
    notes.add(judge_urls(member, urls or ()))
    policy = notes.read(Check.POLICY, f"who may invoke function {function}", lambda: _policy(reach, function))
    notes.add(judge_policy(member, policy) if policy else ())


def _policy(reach: Reach, function: str) -> str:
    """Return the policy of a function itself; empty where nobody has added to it."""
    try:
        return str(_call(reach, "lambda", "get_policy", FunctionName=function)["Policy"])
    except MissingError:
        return ""


def _examine_alarms(reach: Reach, target: Target, now: datetime, notes: Notes) -> None:
    names = [rule.name for rule in target.alarms]
    if not names:
        return
    found = notes.read(
        Check.ALARM,
        f"the alarms of target {target.name}",
        lambda: _call(
            reach, "cloudwatch", "describe_alarms", AlarmNames=names, AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        ),
    )
    if found is None:
        return
    described = {
        each["AlarmName"]: each for kind in ("MetricAlarms", "CompositeAlarms") for each in found.get(kind, [])
    }
    metrics = {name: _metric(alarm) for name, alarm in described.items() if "MetricName" in alarm}
    day = notes.read(
        Check.ALARM_WITHOUT_DATA,
        f"whether the alarms of target {target.name} have data",
        lambda: _read(reach, list(dict.fromkeys(metrics.values())), now, DAY_MINUTES) if metrics else {},
    )
    for name in names:
        has_data = bool(day.get(metrics[name])) if day is not None and name in metrics else None
        notes.add(judge_alarm(name, described.get(name), has_data, target.members))


def _metric(alarm: Mapping[str, Any]) -> Metric:
    pairs = tuple(sorted((each["Name"], each["Value"]) for each in alarm.get("Dimensions", [])))
    return Metric(alarm["Namespace"], alarm["MetricName"], pairs, "SampleCount")


def _read(reach: Reach, metrics: Sequence[Metric], now: datetime, minutes: int) -> Measured:
    """Return metrics of the last so many minutes, by the hour."""
    minute = minute_number(now, reach.minute_seconds)
    this_hour = minute - minute % HOUR_MINUTES
    return reach.metrics.read(metrics, this_hour - minutes, this_hour + HOUR_MINUTES, HOUR_MINUTES)


def _call(reach: Reach, service: str, operation: str, **params: Any) -> Any:
    with aws_errors(f"{service} {operation}"):
        return getattr(reach.client(service), operation)(**params)
