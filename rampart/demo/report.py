"""What happened, read back: records from DynamoDB, requests and alarms from CloudWatch, messages from the bus.

The moments at which an alias changed are nowhere on record; they are what the embedded AWS saw.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel

from controller.core.deployment import Deployment, Event, Status, Transition
from controller.core.measurement import ERRORS
from controller.core.member_record import MemberRecord
from controller.core.outcome import Outcome
from rampart.demo.account import ALIAS, FUNCTION, Account
from rampart.demo.releases import Push
from rampart.embedded.alias_writes import AliasWrite
from rampart.embedded.aws import access_key


class StepReport(BaseModel):
    """One step of a release."""

    step: int
    weight_percent: float
    at: datetime
    verdict: str
    reason: str


class ComparisonReport(BaseModel):
    """The comparison that a release failed."""

    candidate_requests: int
    candidate_failures: int
    baseline_requests: int
    baseline_failures: int
    odds: float
    """That the candidate is worse, to 1."""


class ReleaseReport(BaseModel):
    """One release, from its push to its end."""

    target: str
    release: int
    how: str
    """What was done with it, such as "its zip was uploaded"."""
    artifact: str
    deployment_id: str
    strategy: str
    status: Status
    must_end: Status
    reason: str
    pushed_at: datetime
    """When it was uploaded or pushed, or, when a person started it, when that was."""
    started_at: datetime
    ended_at: datetime | None
    full_after_seconds: float | None
    """From `pushed_at` until the alias gave the candidate all of the traffic; None when it never did."""
    has_alarm: bool
    """Whether an alarm watched it."""
    alarm_fired_at: datetime | None
    """When the alarm went into ALARM, as its event and CloudWatch's history have it; None when it did not."""
    restored_after_seconds: float | None
    """From `alarm_fired_at` until the alias was back on the baseline; None when no alarm brought it back."""
    comparison: ComparisonReport | None
    """What both versions served in the same minutes, when that stopped it."""
    exposed_seconds: float | None
    """From the first step until the alias was back on the baseline; None when it never was."""
    restored_by: str | None
    """The function that put it back: SignalFunction on the alarm's event, RollBackFunction after a look."""
    baseline: str
    candidate: str | None
    steps: list[StepReport]
    requests: int
    """Requests that the candidate answered."""
    failed_requests: int
    """Requests that failed on the candidate."""
    notifications: int
    """Messages that reached the team's queue, each event id counted once."""
    transitions: int
    """Events in the record."""

    @property
    def ended_well(self) -> bool:
        """Whether it ended as it must, for the reason that it must, and everybody was told of every transition."""
        return self.status is self.must_end and self._for_its_reason and self.notifications == self.transitions

    @property
    def _for_its_reason(self) -> bool:
        if self.status is Status.PROMOTED:
            return self.full_after_seconds is not None
        if self.has_alarm:
            return self.restored_after_seconds is not None
        return self.exposed_seconds is not None and self.comparison is not None


class Report(BaseModel):
    """The whole demonstration."""

    aliases: dict[str, str]
    """Where the alias of each function is at the end."""
    releases: list[ReleaseReport]

    @property
    def ended_well(self) -> bool:
        """Whether every release did."""
        return bool(self.releases) and all(release.ended_well for release in self.releases)


class Counts(BaseModel):
    """Requests of one version through the alias."""

    requests: int = 0
    errors: int = 0


def find(account: Account, push: Push) -> Deployment | None:
    """Return the latest deployment of what was pushed as the table has it."""
    records = account.deployments.history(push.release.function, 20)
    found = next((d for d in records if d.artifact and d.artifact.identity == push.artifact), None)
    return account.deployments.find(found.deployment_id) if found else None


def report(account: Account, pushes: Sequence[Push], writes: Sequence[AliasWrite]) -> Report:
    """Return what became of each release that was pushed."""
    told = {message["event_id"]: message["deployment_id"] for message in account.inbox.messages}
    reports = []
    for push in pushes:
        deployment = find(account, push)
        if deployment:
            heard = sum(1 for deployment_id in told.values() if deployment_id == deployment.deployment_id)
            reports.append(_release_report(account, push, deployment, writes, heard))
    functions = sorted({push.release.function for push in pushes})
    return Report(aliases={each: str(account.routing(each)) for each in functions}, releases=reports)


def counts(account: Account, version: str, since: datetime, function: str = FUNCTION) -> Counts:
    """Return what CloudWatch knows of a version behind the alias since a moment."""
    dimensions = [
        {"Name": "FunctionName", "Value": function},
        {"Name": "Resource", "Value": f"{function}:{ALIAS}"},
        {"Name": "ExecutedVersion", "Value": version},
    ]
    minute = timedelta(seconds=account.aws.clock.minute_seconds)
    answer = account.aws.client("cloudwatch").get_metric_data(
        StartTime=since - minute,
        EndTime=datetime.fromtimestamp(account.aws.clock.now(), since.tzinfo) + minute,
        MetricDataQueries=[_sum("requests", "Invocations", dimensions), _sum("errors", "Errors", dimensions)],
    )
    return Counts(**{result["Id"]: int(sum(result["Values"])) for result in answer["MetricDataResults"]})


def _sum(name: str, metric: str, dimensions: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {"Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": dimensions},
            "Period": 60,
            "Stat": "Sum",
        },
    }


def _release_report(
    account: Account, push: Push, deployment: Deployment, writes: Sequence[AliasWrite], notifications: int
) -> ReleaseReport:
    events = account.deployments.events(deployment.deployment_id)
    steps = _steps(events)
    member = deployment.members[0] if deployment.members else None
    seen, full, fired_at, back, last, exposed = Counts(), None, None, None, None, None
    if member and member.candidate:
        seen = counts(account, member.candidate, deployment.started_at, member.function)
        full = _write(writes, member, member.candidate, push.at)
    if member and steps and deployment.status is Status.ROLLED_BACK:
        fired_at = account.alarm_fired_at(member.function, push.at) if deployment.alarms else None
        back = _write(writes, member, member.baseline, fired_at) if fired_at else None
        split = _write(writes, member, member.baseline, push.at, splits=True)
        last = _write(writes, member, member.baseline, push.at)
        exposed = round(last.at - split.at, 3) if split and last else None
    return ReleaseReport(
        target=deployment.target,
        release=push.release.number,
        how=push.how,
        artifact=deployment.what,
        deployment_id=deployment.deployment_id,
        strategy=deployment.plan.strategy if deployment.plan else "",
        status=deployment.status,
        must_end=push.release.must_end,
        reason=deployment.reason,
        pushed_at=push.at,
        started_at=deployment.started_at,
        ended_at=deployment.ended_at,
        full_after_seconds=_seconds(push.at, full),
        has_alarm=bool(deployment.alarms),
        alarm_fired_at=fired_at,
        restored_after_seconds=_seconds(fired_at, back),
        comparison=_failed_comparison(events),
        exposed_seconds=exposed,
        restored_by=_writer(account, back or last),
        baseline=member.baseline if member else "",
        candidate=member.candidate if member else None,
        steps=steps,
        requests=seen.requests,
        failed_requests=seen.errors,
        notifications=notifications,
        transitions=len(events),
    )


def _write(
    writes: Sequence[AliasWrite], member: MemberRecord, version: str, since: datetime, *, splits: bool = False
) -> AliasWrite | None:
    """Return the first write since a moment that put a member's alias on a version, wholly or with another one."""
    wanted = (member.function, member.alias, version, splits)
    seen = (w for w in writes if w.at >= since.timestamp())
    return next((w for w in seen if (w.function, w.alias, w.version, w.splits) == wanted), None)


def _seconds(since: datetime | None, write: AliasWrite | None) -> float | None:
    return round(write.at - since.timestamp(), 3) if since and write else None


def _writer(account: Account, write: AliasWrite | None) -> str | None:
    """Return the name in the template of the function that wrote."""
    if write is None:
        return None
    names = {access_key(physical): logical for logical, physical in account.stack.resources.items()}
    return names.get(write.by)


def _failed_comparison(events: list[Event]) -> ComparisonReport | None:
    """Return the comparison by which a look stopped a release, if one did."""
    compared = (each for event in events for each in event.evidence.get("comparisons", []))
    failed = next((each for each in compared if (each["name"], each["outcome"]) == (ERRORS, Outcome.FAIL)), None)
    if failed is None:
        return None
    return ComparisonReport(
        candidate_requests=failed["candidate"]["requests"],
        candidate_failures=failed["candidate"]["failures"],
        baseline_requests=failed["baseline"]["requests"],
        baseline_failures=failed["baseline"]["failures"],
        odds=failed["odds"],
    )


def _steps(events: list[Event]) -> list[StepReport]:
    """Return the steps with the last verdict on each, as the events tell."""
    steps: dict[int, StepReport] = {}
    for event in events:
        if event.transition is Transition.SHIFTED:
            steps[event.step_index] = StepReport(
                step=event.step_index + 1,
                weight_percent=event.weight / 100,
                at=event.at,
                verdict="",
                reason="",
            )
        elif event.transition is Transition.JUDGED and event.step_index in steps:
            judged = {"verdict": event.evidence["outcome"], "reason": event.reason}
            steps[event.step_index] = steps[event.step_index].model_copy(update=judged)
    return list(steps.values())
