"""Examine: read what there is around targets and around Rampart itself, and let it be judged.

Every read is made on its own: what is denied or cannot be had is a finding of its own, and the others go on.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from controller.core.errors import ControllerError, InputError, MissingError
from controller.core.history import DAY_MINUTES
from controller.core.measurement import Metric
from controller.core.source import ZipSource
from controller.core.target import Target
from rampart.cli.repair import examine_target
from rampart.doctor.alarms import judge_alarm
from rampart.doctor.controller import QUEUES, judge_bus, judge_machine, judge_outputs, judge_queue
from rampart.doctor.finding import Check, Finding, error, unknown
from rampart.doctor.members import examine_member
from rampart.doctor.reach import Notes, Reach, call, read_by_the_hour
from rampart.doctor.sources import judge_bucket, judge_prefix, judge_reach

_DEFAULT_BUS = "default"


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
            lambda: call(reach, "stepfunctions", "describe_state_machine", stateMachineArn=arn),
        )
        notes.add(judge_machine(arn, machine.get("status", "ACTIVE")) if machine else ())
    bus = notes.read(
        Check.BUS,
        f"who may send events to bus {_DEFAULT_BUS}",
        lambda: (reach.account, call(reach, "events", "describe_event_bus", Name=_DEFAULT_BUS)),
    )
    notes.add(judge_bus(_DEFAULT_BUS, bus[0], bus[1].get("Policy")) if bus else ())
    if described is None:
        return None
    return {each["ParameterKey"]: each.get("ParameterValue", "") for each in described.get("Parameters", [])}


def _letters(reach: Reach, url: str) -> int:
    name = "ApproximateNumberOfMessages"
    found = call(reach, "sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=[name])
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
        examine_member(reach, target, member, now, notes)
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
    versioning = call(reach, "s3", "get_bucket_versioning", Bucket=bucket)
    return versioning, call(reach, "s3", "get_bucket_notification_configuration", Bucket=bucket)


def _examine_alarms(reach: Reach, target: Target, now: datetime, notes: Notes) -> None:
    names = [rule.name for rule in target.alarms]
    if not names:
        return
    found = notes.read(
        Check.ALARM,
        f"the alarms of target {target.name}",
        lambda: call(
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
        lambda: read_by_the_hour(reach, list(dict.fromkeys(metrics.values())), now, DAY_MINUTES) if metrics else {},
    )
    for name in names:
        has_data = bool(day.get(metrics[name])) if day is not None and name in metrics else None
        notes.add(judge_alarm(name, described.get(name), has_data, target.members))


def _metric(alarm: Mapping[str, Any]) -> Metric:
    pairs = tuple(sorted((each["Name"], each["Value"]) for each in alarm.get("Dimensions", [])))
    return Metric(alarm["Namespace"], alarm["MetricName"], pairs, "SampleCount")
