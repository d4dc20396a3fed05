"""What happened, read back: records and events from DynamoDB, requests from CloudWatch, messages from the bus."""

from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel

from controller.core.deployment import Deployment, Event, Status, Transition
from rampart.demo.account import ALIAS, FUNCTION, TARGET, Account
from rampart.demo.releases import Release


class StepReport(BaseModel):
    """One step of a release."""

    step: int
    weight_percent: float
    at: datetime
    verdict: str
    reason: str


class ReleaseReport(BaseModel):
    """One release, from its upload to its end."""

    release: int
    artifact: str
    deployment_id: str
    status: Status
    must_end: Status
    reason: str
    started_at: datetime
    ended_at: datetime | None
    seconds: float
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
        """Whether it ended as it must, and everybody was told of every transition."""
        return self.status is self.must_end and self.notifications == self.transitions


class Report(BaseModel):
    """The whole demonstration."""

    alias: str
    releases: list[ReleaseReport]

    @property
    def ended_well(self) -> bool:
        """Whether every release did."""
        return bool(self.releases) and all(release.ended_well for release in self.releases)


class Counts(BaseModel):
    """Requests of one version through the alias."""

    requests: int = 0
    errors: int = 0


def find(account: Account, artifact: str) -> Deployment | None:
    """Return the latest deployment of an artifact as the table has it."""
    records = account.deployments.history(TARGET, 20)
    found = next((d for d in records if d.artifact and d.artifact.identity == artifact), None)
    return account.deployments.find(found.deployment_id) if found else None


def report(account: Account, uploaded: dict[Release, str]) -> Report:
    """Return what became of each uploaded release."""
    told = {message["event_id"]: message["deployment_id"] for message in account.inbox.messages}
    reports = []
    for release, artifact in uploaded.items():
        deployment = find(account, artifact)
        if deployment:
            events = account.deployments.events(deployment.deployment_id)
            heard = sum(1 for deployment_id in told.values() if deployment_id == deployment.deployment_id)
            reports.append(_release_report(account, release, deployment, events, heard))
    return Report(alias=str(account.routing()), releases=reports)


def counts(account: Account, version: str, since: datetime) -> Counts:
    """Return what CloudWatch knows of a version behind the alias since a moment."""
    dimensions = [
        {"Name": "FunctionName", "Value": FUNCTION},
        {"Name": "Resource", "Value": f"{FUNCTION}:{ALIAS}"},
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
    account: Account, release: Release, deployment: Deployment, events: list[Event], notifications: int
) -> ReleaseReport:
    member = deployment.members[0] if deployment.members else None
    seen = Counts()
    if member and member.candidate:
        seen = counts(account, member.candidate, deployment.started_at)
    ended = deployment.ended_at
    return ReleaseReport(
        release=release.number,
        artifact=deployment.what,
        deployment_id=deployment.deployment_id,
        status=deployment.status,
        must_end=release.must_end,
        reason=deployment.reason,
        started_at=deployment.started_at,
        ended_at=ended,
        seconds=round((ended - deployment.started_at).total_seconds(), 1) if ended else 0.0,
        baseline=member.baseline if member else "",
        candidate=member.candidate if member else None,
        steps=_steps(events),
        requests=seen.requests,
        failed_requests=seen.errors,
        notifications=notifications,
        transitions=len(events),
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
