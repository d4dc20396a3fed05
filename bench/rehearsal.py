"""Deployments that are rolled back in the middle of a bake of ten minutes, and how long that took."""

import time
from dataclasses import dataclass
from typing import Any

from bench.alias_writes import AliasWrites
from bench.waiting import until
from controller.core.alias import Routing
from controller.core.deployment import Deployment, Status
from rampart.demo.account import ALIAS, BUCKET, FUNCTION, TARGET, Account, alarm_of
from rampart.demo.releases import Release
from rampart.embedded.aws import EmbeddedAws

_BAKE = "Canary10Percent10Minutes"
_CANDIDATE = Release(2, 0, Status.ROLLED_BACK)


class EndedOtherwiseError(Exception):
    """A rollback did not do what it must; its text says what it did instead."""


@dataclass(frozen=True, slots=True)
class Taken:
    """How long one rollback took."""

    to_alias_seconds: float
    """From the alarm, or from StopExecution, to the last alias back on its baseline."""
    to_end_seconds: float | None = None
    """From the alarm to the end of the execution."""


class Rehearsal:
    """A target with a candidate that is deployed again and again, and rolled back every time."""

    def __init__(self, aws: EmbeddedAws, writes: AliasWrites, members: tuple[str, ...]) -> None:
        """Set functions, alarm and target up."""
        self._aws = aws
        self._writes = writes
        self._members = members
        self._account = Account(aws, functions=members)
        # Nothing is invoked here, and without data this alarm stays as it is put.
        self._account.make_alarm(FUNCTION, TreatMissingData="ignore")
        refs = [{"function": each, "alias": ALIAS} for each in members]
        self._account.declare_target(_BAKE, members=refs, test_events=[])
        self._request = {"target": TARGET, **self._what()}

    def roll_back_by_alarm(self, number: int) -> Taken:
        """Deploy, let the alarm go off once the bake has begun, and return how long the rollback took."""
        deployment_id = self._account.start(self._request, f"alarm-{number}")
        until(lambda: self._bakes(deployment_id), f"{deployment_id} bakes")
        self._writes.forget()
        began = time.time()
        self._account.set_alarm("ALARM")
        self._writes.wait_for_return(set(self._members))
        ended = until(lambda: self._end(deployment_id), f"execution {deployment_id} has ended")
        self._check(deployment_id)
        back = [(write.function, "SignalFunction" in write.by) for write in self._writes.back()]
        if sorted(back) != [(each, True) for each in sorted(self._members)]:
            raise EndedOtherwiseError(
                f"{deployment_id}: Signal must write each alias once, and nobody else: {back}"
            )
        how = f"{ended['status']} {ended.get('error')}: {ended.get('cause')}"
        if (ended["status"], ended.get("error")) != ("FAILED", "RolledBack") or alarm_of(FUNCTION) not in how:
            raise EndedOtherwiseError(f"execution {deployment_id} ended {how}")
        self._account.set_alarm("OK")
        return Taken(self._writes.back_at() - began, ended["stopDate"].timestamp() - began)

    def stop_in_shift(self, number: int) -> Taken:
        """Deploy, stop the execution while Shift writes the alias, and return how long the rollback took."""
        self._writes.forget()
        deployment_id = self._account.start(self._request, f"stop-{number}")
        self._writes.wait_for_start("ShiftFunction")
        arn = self._account.execution_arn(deployment_id)
        began = time.time()
        self._aws.client("stepfunctions").stop_execution(executionArn=arn, cause="in a hurry")
        self._writes.wait_for_return(set(self._members))
        until(lambda: self._record(deployment_id).status.is_over, f"{deployment_id} has ended")
        self._check(deployment_id)
        if self._end(deployment_id).get("status") != "ABORTED":
            raise EndedOtherwiseError(f"execution {deployment_id} did not end ABORTED")
        return Taken(self._writes.back_at() - began)

    def _what(self) -> dict[str, Any]:
        """Return what is deployed: a version, or, where members number their versions apart, an artifact."""
        if len(self._members) > 1:
            key = "by-hand/release-2.zip"  # which no target follows
            version_id = self._account.upload(key, _CANDIDATE.zip).rpartition("@")[2]
            return {"artifact": {"bucket": BUCKET, "key": key, "version_id": version_id}}
        client = self._aws.client("lambda")
        client.update_function_code(FunctionName=FUNCTION, ZipFile=_CANDIDATE.zip)
        often = {"Delay": 0.05, "MaxAttempts": 200}
        client.get_waiter("function_updated_v2").wait(FunctionName=FUNCTION, WaiterConfig=often)
        version = client.publish_version(FunctionName=FUNCTION)["Version"]
        waiter = client.get_waiter("published_version_active")
        waiter.wait(FunctionName=FUNCTION, Qualifier=version, WaiterConfig=often)
        return {"version": version}

    def _bakes(self, deployment_id: str) -> bool:
        found = self._account.deployments.find(deployment_id)
        if found and found.status is not Status.IN_PROGRESS:
            raise EndedOtherwiseError(f"{deployment_id} ended {found.status} before it baked: {found.reason}")
        return found is not None and found.step_index == 0 and found.token is not None

    def _check(self, deployment_id: str) -> None:
        """Raise EndedOtherwiseError unless a deployment is rolled back, with its aliases on the baseline."""
        until(lambda: self._aws.wait_until_idle(1), "every event is delivered")
        record = self._record(deployment_id)
        if record.status is not Status.ROLLED_BACK:
            raise EndedOtherwiseError(f"{deployment_id} ended {record.status}: {record.reason}")
        for member in record.members:
            routing = self._account.routing(member.function)
            if routing != Routing(member.baseline):
                raise EndedOtherwiseError(f"{deployment_id} left {member} on {routing}")
            if self._account.deployments.claim(member.function).owner:
                raise EndedOtherwiseError(f"{deployment_id} kept its claim on {member.function}")

    def _record(self, deployment_id: str) -> Deployment:
        found = self._account.deployments.find(deployment_id)
        if found is None:
            raise EndedOtherwiseError(f"{deployment_id} has no record")
        return found

    def _end(self, deployment_id: str) -> dict[str, Any]:
        """Return how an execution ended; empty while it runs."""
        arn = self._account.execution_arn(deployment_id)
        answer: dict[str, Any] = self._aws.client("stepfunctions").describe_execution(executionArn=arn)
        return answer if answer["status"] != "RUNNING" else {}
