"""Deployments as the contract of their store needs them: opened, changed, ended."""

from typing import Any

from controller.core.deployment import Deployment, Event, Mark, MarkDetail, Status, Transition, event_of
from controller.core.member_record import MemberRecord
from controller.ports import Deployments
from tests.builders import START, a_deployment, a_member, after

DETAIL = MarkDetail(at=START, by="ada", reason="wrong build")


def planned(deployments: Deployments, name: str = "d-1", *functions: str, **fields: Any) -> Deployment:
    """Return a deployment of the functions (one, by default), ready to be opened with their next claims."""
    members = tuple(claiming(deployments, function) for function in functions or ("orders",))
    return a_deployment(deployment_id=name, members=members, **fields)


def claiming(deployments: Deployments, function: str) -> MemberRecord:
    """Return a member with the next claim on its function."""
    return a_member(function=function, fencing=deployments.claim(function).fencing + 1)


def open_one(deployments: Deployments, name: str = "d-1", *functions: str, **fields: Any) -> Deployment:
    """Open a deployment and return it as it was written."""
    deployment = planned(deployments, name, *functions, **fields)
    deployments.open(deployment, planned_event(deployment))
    return found(deployments, name)


def found(deployments: Deployments, name: str = "d-1") -> Deployment:
    """Return a deployment that is there."""
    deployment = deployments.find(name)
    assert deployment is not None
    return deployment


def planned_event(deployment: Deployment) -> Event:
    """Return the first event of a deployment."""
    return event_of(deployment, Transition.PLANNED, START)


def told(deployment: Deployment, transition: Transition = Transition.JUDGED) -> Event:
    """Return the next event of a deployment."""
    return event_of(deployment, transition, after(60))


def close(deployments: Deployments, before: Deployment, status: Status, **changes: Any) -> Deployment:
    """End a deployment with a status."""
    ended = before.model_copy(update={"status": status, "ended_at": after(120), **changes})
    return deployments.close(before, ended, event_of(ended, Transition.ENDED, after(120)))


def mark(deployments: Deployments, name: str, which: Mark) -> Deployment:
    """Leave a mark on a deployment."""
    return deployments.mark(name, which, DETAIL)


def unsent_in_table(client: Any, table: str) -> list[str]:
    """Return the ids of the events in a table's index of those still to be sent."""
    answer = client.query(
        TableName=table,
        IndexName="unsent",
        KeyConditionExpression="unsent = :unsent",
        ExpressionAttributeValues={":unsent": {"S": "unsent"}},
    )
    return sorted(item["event_id"]["S"] for item in answer["Items"])
