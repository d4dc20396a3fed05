"""What reconcile finishes when an event was lost, with nobody else to do it; found within its patience."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from controller.core.alias import Routing
from controller.core.deployment import Status
from rampart.demo.account import ALIAS
from rampart.demo.releases import FIRST, Release
from rampart.embedded.aws import EmbeddedAws
from tests.e2e.acts import promoted
from tests.e2e.permissions import Permission, taken_away
from tests.e2e.shop import Shop, until

_HALF = {"steps": [{"weight": "50%", "bake": "12h"}]}
_ALL = {"steps": [{"weight": "50%", "bake": "1s"}]}
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def account() -> Iterator[Shop]:
    """Return an account whose five minutes, reconcile's patience and its schedule, take a second."""
    with EmbeddedAws(0.2) as aws:
        yield Shop(aws, images=["orders"])


@pytest.fixture
def shop(account: Shop) -> Shop:
    """Return a shop of its own for a story."""
    return account.open(f"shop-{next(_numbers)}", ZipFile=FIRST.zip)


def start(shop: Shop, strategy: Mapping[str, Any]) -> str:
    """Start by hand with a new version and return the deployment's id."""
    shop.declare_target(strategy, shop.function, final_bake="1s", test_events=[])
    version = shop.publish(Release(2, 0, Status.PROMOTED).zip)
    return shop.start({"target": shop.function, "version": version})


def test_the_death_of_an_execution_of_which_nobody_heard_is_made_good_by_the_schedule_alone(shop: Shop) -> None:
    with shop.losing("RestoreFunctionExecutionDied"), shop.scheduled():
        deployment = start(shop, _HALF)
        shop.shifted(deployment)
        assert shop.routing(shop.function).is_split
        shop.aws.client("stepfunctions").stop_execution(executionArn=shop.execution_arn(deployment))
        shop.wait(lambda: shop.record(deployment).status.is_over, "the deployment has ended")
    record = shop.record(deployment)
    assert (record.status, record.reason) == (
        Status.ROLLED_BACK,
        "the execution has ended, and nobody heard of it",
    )
    assert shop.routing(shop.function) == Routing("1")
    assert shop.deployments.claim(shop.function).owner is None
    assert [each["status"] for each in shop.told(deployment) if each["transition"] == "ENDED"] == ["ROLLED_BACK"]


def test_a_split_that_a_late_write_left_is_put_right_and_a_strangers_is_left_alone(shop: Shop) -> None:
    deployment = start(shop, _ALL)
    assert shop.execution(deployment)["status"] == "SUCCEEDED"

    def split(share: float) -> None:
        weights = {"AdditionalVersionWeights": {"2": share}}
        client = shop.aws.client("lambda")
        client.update_alias(FunctionName=shop.function, Name=ALIAS, FunctionVersion="1", RoutingConfig=weights)

    split(0.07)
    assert shop.reconcile() == []
    assert shop.routing(shop.function) == Routing("1", "2", 700)
    split(0.5)
    assert shop.reconcile() == [
        f"{deployment}: alias {shop.function}:{ALIAS} put on {Routing('2')}; "
        f"a late write had left it on {Routing('1', '2', 5000)}"
    ]
    assert shop.routing(shop.function) == Routing("2")
    assert shop.reconcile() == []


def test_an_end_that_the_bus_refused_to_be_told_is_told_late(shop: Shop) -> None:
    sqs, queue = shop.aws.client("sqs"), shop.stack.outputs["NotifyDeadLettersUrl"]
    with taken_away(shop, Permission("NotifyFunction", "Tell", "events:PutEvents")):
        deployment = shop.start({}, shop.function)
        until(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"), "the end is a dead letter")
    shop.pardon()
    assert shop.told(deployment) == []
    late = f"{deployment}.1: told late"
    shop.wait(lambda: late in shop.reconcile(), "reconcile tells of it")
    assert [(each["transition"], each["status"]) for each in shop.told(deployment)] == [("ENDED", "REJECTED")]
    assert shop.reconcile() == []


def test_an_image_of_whose_push_no_event_told_is_deployed_because_the_followed_tag_names_it(account: Shop) -> None:
    shop = account.open_image(f"orders-{next(_numbers)}")
    shop.declare_target("AllAtOnce", shop.function, final_bake="1s", test_events=[])
    first = promoted(shop, shop.push(Release(2, 0, Status.PROMOTED, shop.function)))
    with shop.losing("IntakeFunctionImagePushed"):
        lost = shop.push(Release(3, 0, Status.PROMOTED, shop.function))
    line = f": started, because tag prod names {lost} and no event said so"
    shop.wait(lambda: any(each.endswith(line) for each in shop.reconcile()), "reconcile starts it")
    second = promoted(shop, lost)
    assert second.members[0].baseline == first.members[0].candidate
    assert shop.routing(shop.function) == Routing(str(second.members[0].candidate))
    assert shop.reconcile() == []
