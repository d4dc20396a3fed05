"""The line, the port: stopped by somebody, and released."""

import pytest

from controller.adapters.dynamodb_line import DynamoDbLine
from controller.core.deployment import Status
from controller.core.mark import Stop
from controller.ports import Deployments, Line
from rampart.embedded.aws import EmbeddedAws
from tests.adapters.records import found, planned, planned_event
from tests.builders import START, a_word
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
    assert line.stopped() == line.last() == Stop(at=START, by="ada", reason="the shop is down")
    line.release(a_word("kim", "it is up"))
    assert line.stopped() is None


def test_who_released_the_line_and_who_had_stopped_it_stay_on_record_until_it_is_stopped_again(line: Line) -> None:
    line.stop(a_word("ada", "the shop is down"))
    line.release(a_word("kim", "it is up"))
    line.release(a_word("eve", "me too"))
    last = Stop(at=START, by="ada", reason="the shop is down", released=a_word("kim", "it is up"))
    assert (line.last(), line.stopped()) == (last, None)
    line.stop(a_word("eve", "down again"))
    assert line.last() == line.stopped() == Stop(at=START, by="eve", reason="down again")


def test_to_release_a_line_that_goes_does_no_harm(line: Line) -> None:
    line.release(a_word("kim", "it is up"))
    assert (line.stopped(), line.last()) == (None, None)


def test_a_start_that_a_freeze_holds_waits_for_a_function_that_nobody_holds(deployments: Deployments) -> None:
    held = planned(deployments, status=Status.PENDING, waits_for="orders", is_frozen=True).model_copy(
        update={"members": ()}
    )
    deployments.open(held, planned_event(held))
    assert found(deployments).is_frozen
    claim = deployments.claim("orders")
    assert (claim.owner, claim.waiters) == (None, ("d-1",))
