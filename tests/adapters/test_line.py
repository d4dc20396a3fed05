"""The line, the port: stopped by somebody, and released."""

import pytest

from controller.adapters.dynamodb_line import DynamoDbLine
from controller.core.deployment import Status
from controller.ports import Deployments, Line
from rampart.embedded.aws import EmbeddedAws
from tests.adapters.records import found, planned, planned_event
from tests.builders import a_word
from tests.engine.memory_line import MemoryLine


@pytest.fixture(params=["memory", "dynamodb"])
def line(request: pytest.FixtureRequest) -> Line:
    """Return a line that nobody has stopped."""
    if request.param == "memory":
        return MemoryLine()
    aws: EmbeddedAws = request.getfixturevalue("aws")
    return DynamoDbLine(aws.client("dynamodb"), request.getfixturevalue("table"))


def test_a_line_is_stopped_until_it_is_released(line: Line) -> None:
    assert line.stopped() is None
    line.stop(a_word("ada", "the shop is down"))
    assert line.stopped() == a_word("ada", "the shop is down")
    line.release()
    assert line.stopped() is None


def test_to_release_a_line_that_goes_does_no_harm(line: Line) -> None:
    line.release()
    assert line.stopped() is None


def test_a_start_that_a_freeze_holds_waits_for_a_function_that_nobody_holds(deployments: Deployments) -> None:
    held = planned(deployments, status=Status.PENDING, waits_for="orders", is_frozen=True).model_copy(
        update={"members": ()}
    )
    deployments.open(held, planned_event(held))
    assert found(deployments).is_frozen
    claim = deployments.claim("orders")
    assert (claim.owner, claim.waiters) == (None, ("d-1",))
