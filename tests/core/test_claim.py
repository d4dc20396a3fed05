"""Claims: whose turn it is when a function is being deployed already."""

from typing import Any

import pytest

from controller.core.by_hand import Hotfix
from controller.core.claim import Turn, goes_before, turn_of
from controller.core.deployment import Deployment, Status
from controller.core.when_busy import WhenBusy
from tests.builders import a_deployment, after

HOTFIX = Hotfix(reason="payments fail", by="ada")
SUPERSEDE, QUEUE, REJECT = WhenBusy


def asking(**fields: Any) -> Deployment:
    """Return a deployment that finds a function held."""
    return a_deployment(deployment_id="orders-def-1", status=Status.PENDING, members=(), plan=None, **fields)


def holding(**fields: Any) -> Deployment:
    """Return the deployment that holds it."""
    return a_deployment(at_step=0, **fields)


@pytest.mark.parametrize(
    ("when_busy", "holder", "turn"),
    [
        (SUPERSEDE, holding(), Turn.SUPERSEDE),
        (SUPERSEDE, holding(supersedes=1), Turn.SUPERSEDE),
        (SUPERSEDE, holding(supersedes=2), Turn.WAIT),
        (SUPERSEDE, holding(hotfix=HOTFIX), Turn.WAIT),
        (SUPERSEDE, holding(target="payments"), Turn.WAIT),
        (SUPERSEDE, holding(status=Status.ROLLBACK_FAILED), Turn.WAIT),
        (SUPERSEDE, holding(status=Status.PROMOTED), Turn.WAIT),
        (SUPERSEDE, None, Turn.WAIT),
        (QUEUE, holding(), Turn.WAIT),
        (QUEUE, holding(target="payments"), Turn.WAIT),
        (REJECT, holding(), Turn.REJECT),
        (REJECT, holding(target="payments"), Turn.REJECT),
        (REJECT, None, Turn.REJECT),
    ],
)
def test_a_deployment_goes_before_the_holder_waits_or_is_refused(
    when_busy: WhenBusy, holder: Deployment | None, turn: Turn
) -> None:
    assert turn_of(asking(), when_busy, holder) is turn


@pytest.mark.parametrize("when_busy", WhenBusy)
@pytest.mark.parametrize(
    ("holder", "turn"),
    [
        (holding(), Turn.SUPERSEDE),
        (holding(supersedes=2), Turn.SUPERSEDE),
        (holding(hotfix=HOTFIX), Turn.SUPERSEDE),
        (holding(target="payments"), Turn.WAIT),
        (holding(status=Status.ROLLBACK_FAILED), Turn.WAIT),
    ],
)
def test_a_hotfix_goes_before_whatever_its_target_deploys(
    when_busy: WhenBusy, holder: Deployment, turn: Turn
) -> None:
    assert turn_of(asking(hotfix=HOTFIX), when_busy, holder) is turn


def test_of_two_that_wait_one_goes_before_even_when_they_came_at_the_same_time() -> None:
    first, second = asking(started_at=after(0)), asking(started_at=after(1))
    assert (goes_before(second, first), goes_before(first, second)) == (True, False)
    twin = first.model_copy(update={"deployment_id": "orders-xyz-1"})
    assert (goes_before(twin, first), goes_before(first, twin)) == (True, False)
    assert not goes_before(first, first)
