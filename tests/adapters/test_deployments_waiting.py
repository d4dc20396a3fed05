"""Deployments, the port: waiting for a claim, and taking up what waited."""

import pytest

from controller.adapters.dynamodb_deployments import DynamoDbDeployments
from controller.core.deployment import Deployment, Status, Transition, event_of
from controller.core.errors import ClaimHeldError, ConflictError
from controller.ports import Deployments, Newest
from tests.adapters.records import claiming, close, found, open_one, planned
from tests.builders import START, a_deployment, after, an_artifact
from tests.engine.memory import MemoryDeployments


def waiting(deployments: Deployments, name: str = "d-2", function: str = "orders") -> Deployment:
    """Let a deployment wait for a function and return it as it was written."""
    pending = a_deployment(
        deployment_id=name, status=Status.PENDING, members=(), plan=None, waits_for=function, reason="waits"
    )
    deployments.open(pending, event_of(pending, Transition.WAITING, START))
    return found(deployments, name)


def taken_up(deployments: Deployments, waited: Deployment, function: str = "orders") -> Deployment:
    """Return a deployment that waited, ready to be opened with its claim."""
    changes = {"status": Status.IN_PROGRESS, "waits_for": None, "members": (claiming(deployments, function),)}
    return waited.model_copy(update=changes)


def test_a_deployment_that_waits_is_a_waiter_of_the_function_and_holds_nothing(deployments: Deployments) -> None:
    open_one(deployments, "d-1")
    waited = waiting(deployments)
    assert (waited.status, waited.sequence, waited.waits_for) == (Status.PENDING, 1, "orders")
    assert deployments.claim("orders").owner == "d-1"
    assert deployments.claim("orders").waiters == ("d-2",)
    assert [e.transition for e in deployments.events("d-2")] == [Transition.WAITING]


def test_nobody_waits_for_a_function_that_is_free(deployments: Deployments) -> None:
    with pytest.raises(ConflictError):
        waiting(deployments)
    assert deployments.find("d-2") is None
    assert deployments.claim("orders").waiters == ()


def test_the_end_of_the_holder_leaves_its_waiters_to_be_woken(deployments: Deployments) -> None:
    first = open_one(deployments, "d-1")
    waiting(deployments, "d-2")
    waiting(deployments, "d-3")
    close(deployments, first, Status.ROLLED_BACK)
    claim = deployments.claim("orders")
    assert (claim.owner, claim.waiters) == (None, ("d-2", "d-3"))


def test_a_deployment_that_waited_is_taken_up_with_its_claim_and_waits_no_more(deployments: Deployments) -> None:
    first = open_one(deployments, "d-1")
    waited = waiting(deployments)
    deployments.register_token("d-2", "token")
    close(deployments, first, Status.ROLLED_BACK)
    up = taken_up(deployments, waited)
    deployments.open(up, event_of(up, Transition.PLANNED, after(60)), waited=waited)
    claim = deployments.claim("orders")
    assert (claim.owner, claim.fencing, claim.waiters) == ("d-2", 2, ())
    stored = found(deployments, "d-2")
    assert (stored.status, stored.sequence, stored.token) == (Status.IN_PROGRESS, 2, "token")
    assert [e.transition for e in deployments.events("d-2")] == [Transition.WAITING, Transition.PLANNED]


def test_what_waited_is_not_taken_up_while_the_function_is_held(deployments: Deployments) -> None:
    open_one(deployments, "d-1")
    waited = waiting(deployments)
    up = taken_up(deployments, waited)
    with pytest.raises(ClaimHeldError) as held:
        deployments.open(up, event_of(up, Transition.PLANNED, after(60)), waited=waited)
    assert held.value.owner == "d-1"
    assert found(deployments, "d-2").status is Status.PENDING


def test_what_waited_is_not_taken_up_by_somebody_who_read_it_before_a_change(deployments: Deployments) -> None:
    first = open_one(deployments, "d-1")
    waited = waiting(deployments)
    close(deployments, first, Status.ROLLED_BACK)
    ended = waited.model_copy(update={"status": Status.SKIPPED, "ended_at": after(60)})
    deployments.close(waited, ended, event_of(ended, Transition.ENDED, after(60)))
    up = taken_up(deployments, waited)
    with pytest.raises(ConflictError):
        deployments.open(up, event_of(up, Transition.PLANNED, after(61)), waited=waited)
    assert deployments.claim("orders").owner is None


def test_a_deployment_whose_claim_a_person_has_freed_can_end(deployments: Deployments) -> None:
    first = open_one(deployments, "d-1")
    close(deployments, first, Status.ROLLED_BACK)
    assert deployments.claim("orders").owner is None
    second = open_one(deployments, "d-2")
    if isinstance(deployments, MemoryDeployments):
        deployments.free("orders")
    else:
        assert isinstance(deployments, DynamoDbDeployments)
        deployments._dynamodb.update_item(
            TableName=deployments._table,
            Key={"pk": {"S": "function#orders"}, "sk": {"S": "claim"}},
            UpdateExpression="REMOVE #owner",
            ExpressionAttributeNames={"#owner": "owner"},
        )
    close(deployments, second, Status.ROLLED_BACK)
    assert found(deployments, "d-2").status is Status.ROLLED_BACK


def test_a_deployment_that_ends_while_it_waits_waits_no_more(deployments: Deployments) -> None:
    open_one(deployments, "d-1")
    waited = waiting(deployments)
    ended = waited.model_copy(update={"status": Status.SKIPPED, "ended_at": after(60)})
    deployments.close(waited, ended, event_of(ended, Transition.ENDED, after(60)))
    claim = deployments.claim("orders")
    assert (claim.owner, claim.waiters) == ("d-1", ())
    assert found(deployments, "d-2").status is Status.SKIPPED


def test_a_deployment_may_come_to_wait_for_another_function(deployments: Deployments) -> None:
    open_one(deployments, "d-1", "orders")
    open_one(deployments, "d-3", "basket")
    waited = waiting(deployments)
    moved = waited.model_copy(update={"waits_for": "basket"})
    deployments.open(moved, event_of(moved, Transition.WAITING, after(60)), waited=waited)
    assert [deployments.claim(f).waiters for f in ("orders", "basket")] == [(), ("d-2",)]


def test_the_youngest_artifact_is_remembered_and_never_an_older_one(deployments: Deployments) -> None:
    assert deployments.newest("orders") is None
    young = planned(deployments, "d-1", appeared_at=after(60))
    deployments.open(young, event_of(young, Transition.PLANNED, START), newest=True)
    assert deployments.newest("orders") == Newest(an_artifact().identity, after(60))
    old = planned(deployments, "d-2", "basket", appeared_at=after(59), artifact=an_artifact(version_id="v0"))
    with pytest.raises(ConflictError):
        deployments.open(old, event_of(old, Transition.PLANNED, START), newest=True)
    deployments.open(old, event_of(old, Transition.PLANNED, START))
    assert deployments.newest("orders") == Newest(an_artifact().identity, after(60))
