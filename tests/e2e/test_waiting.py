"""Whose turn it is: releases that supersede, that queue and that hurry, on one function of one account."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from controller.core.alias import Routing
from controller.core.deployment import Deployment, Mark, Status
from rampart.demo.releases import FIRST, Release
from rampart.embedded.aws import EmbeddedAws
from rampart.embedded.wire import Call
from tests.e2e import acts
from tests.e2e.shop import Shop

_MINUTE_SECONDS = 20.0  # so that no look comes of itself
_numbers = itertools.count(1)
_HALF = {"steps": [{"weight": "50%", "bake": "12h"}]}


class AliasWrites:
    """Remembers where aliases were sent, in order."""

    def __init__(self) -> None:
        self.made: list[Routing] = []

    @contextmanager
    def around(self, call: Call) -> Iterator[None]:
        """Carry out a call; give this to the embedded AWS."""
        yield
        if call.operation == "UpdateAlias":
            weights = call.params["RoutingConfig"]["AdditionalVersionWeights"] or {"": 0.0}
            ((second, share),) = weights.items()
            self.made.append(Routing(call.params["FunctionVersion"], second or None, round(share * 10_000)))


@pytest.fixture(scope="module")
def writes() -> AliasWrites:
    """Return what remembers where aliases were sent."""
    return AliasWrites()


@pytest.fixture(scope="module")
def account(writes: AliasWrites) -> Iterator[Shop]:
    """Return an account."""
    with EmbeddedAws(_MINUTE_SECONDS, around=writes.around) as aws:
        yield Shop(aws)


@pytest.fixture
def shop(account: Shop, writes: AliasWrites) -> Shop:
    """Return a shop of its own for a story."""
    shop = account.open(f"shop-{next(_numbers)}", ZipFile=FIRST.zip)
    writes.made.clear()
    return shop


def upload(shop: Shop, number: int) -> str:
    """Upload a good release and return the id of its deployment."""
    artifact = shop.upload(f"{shop.function}/{number}.zip", Release(number, 0, Status.PROMOTED).zip)
    taken = shop.wait(lambda: shop.taken_in(artifact), "intake has read the event")
    (started,) = taken[0]["started"]
    return str(started)


def waiting(shop: Shop, deployment_id: str) -> Deployment:
    """Return a deployment once it waits in its Bake."""

    def in_bake() -> Deployment | None:
        found = shop.deployments.find(deployment_id)
        return found if found and found.status is Status.PENDING and found.token else None

    found = shop.wait(in_bake, f"{deployment_id} waits")
    assert found
    return found


def over(shop: Shop, *deployment_ids: str) -> list[Deployment]:
    """Return the records of deployments that have ended, and see that all is tidy and each end was told once."""
    for deployment_id in deployment_ids:
        shop.execution(deployment_id)
        ends = [each for each in shop.told(deployment_id) if each["transition"] == "ENDED"]
        assert [each["status"] for each in ends] == [shop.record(deployment_id).status.value]
    claim = shop.deployments.claim(shop.function)
    assert (claim.owner, claim.waiters) == (None, ())
    return [shop.record(deployment_id) for deployment_id in deployment_ids]


def wakes(shop: Shop, deployment_id: str) -> list[str]:
    """Return how the bakes of an execution ended: TaskSucceeded when it was woken, else TaskTimedOut."""
    answer = shop.aws.client("stepfunctions").get_execution_history(
        executionArn=shop.execution_arn(deployment_id), maxResults=1000
    )
    details = ("taskSucceededEventDetails", "taskTimedOutEventDetails")
    ends = [(e["type"], e.get(name)) for e in answer["events"] for name in details if name in e]
    return [kind for kind, detail in ends if detail["resource"] == "invoke.waitForTaskToken"]


def test_a_newer_upload_supersedes_the_one_that_bakes_and_starts_from_its_baseline(
    shop: Shop, writes: AliasWrites
) -> None:
    acts.declare(shop, _HALF)
    older = upload(shop, 2)
    shop.shifted(older)
    acts.declare(shop)
    newer = upload(shop, 3)
    first, second = over(shop, older, newer)
    assert (first.status, second.status) == (Status.ROLLED_BACK, Status.PROMOTED)
    assert first.reason == f"step 1/2: superseded by {newer}, which deploys {second.what}"
    assert shop.execution(older)["cause"] == first.reason
    assert writes.made == [Routing("1", "2", 5000), Routing("1"), Routing("3")]
    assert [each["transition"] for each in shop.told(newer)][:2] == ["WAITING", "PLANNED"]
    assert wakes(shop, older) == ["TaskSucceeded"]
    assert wakes(shop, newer)[0] == "TaskSucceeded"


def test_of_those_that_queue_the_newest_is_deployed_when_its_turn_has_come(shop: Shop) -> None:
    running = acts.baking(shop, _HALF).deployment_id
    acts.declare(shop, when_busy="queue")
    older = upload(shop, 3)
    assert waiting(shop, older).reason == f"waits until {running} has ended, which is deploying {shop.function}"
    newer = upload(shop, 4)
    waiting(shop, newer)
    assert shop.execution(older)["status"] == "SUCCEEDED"
    assert shop.record(running).marks == {}
    acts.abort(shop, running)
    first, second, third = over(shop, running, older, newer)
    assert (first.status, list(first.marks)) == (Status.ROLLED_BACK, [Mark.ABORT])
    assert second.status is Status.SKIPPED
    assert second.reason == f"{newer}, which waits for {shop.function} too, goes before it"
    assert third.status is Status.PROMOTED
    assert shop.routing(shop.function) == Routing(str(third.members[0].candidate))
    assert wakes(shop, older) == ["TaskSucceeded"]
    assert wakes(shop, newer)[0] == "TaskSucceeded"


def test_a_hotfix_supersedes_even_where_the_others_queue(shop: Shop) -> None:
    running = acts.baking(shop, _HALF).deployment_id
    acts.declare(shop, when_busy="queue")
    version = acts.version(shop, 3)
    hotfix = {"reason": "checkout is down", "by": "kim"}
    request = {"target": shop.function, "version": version, "hotfix": hotfix}
    hurried = shop.start(request)
    first, second = over(shop, running, hurried)
    assert first.reason == f"step 1/2: superseded by {hurried}, which deploys version {version}"
    assert (first.status, second.status) == (Status.ROLLED_BACK, Status.PROMOTED)
    assert shop.routing(shop.function) == Routing(version)
