"""Fifty functions released at once, on one account and by one controller."""

from bench.fleet import release_fleet
from controller.core.deployment import Status


def test_of_fifty_rollouts_at_once_each_ends_as_it_must_and_is_told_once() -> None:
    report = release_fleet(50)
    assert report.faults == []
    assert report.ended == {Status.PROMOTED: 34, Status.ROLLED_BACK: 16}
