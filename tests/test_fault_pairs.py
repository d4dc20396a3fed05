"""Any two calls of AWS in a story fail, one after the other, and everything comes to rest all the same."""

from dataclasses import dataclass

import pytest

from tests.conftest import Tried
from tests.engine.faults import CRASH, KILLED, LOST, Fault
from tests.test_faults import Story, aborted, calls_of, promoted, settled, stopped_by_its_alarm, unrest

pytestmark = pytest.mark.nightly

KINDS: dict[str, tuple[str, BaseException]] = {
    "lost before": ("before", LOST),
    "lost after": ("after", LOST),
    "crash before": ("before", CRASH),
    "crash after": ("after", CRASH),
    "killed after": ("after", KILLED),
}
MOST_CALLS = 130
"""Of a story."""


@dataclass
class Pair:
    """One fault, and another one once the first has happened; its calls are counted from there."""

    first: Fault
    second: Fault

    def __call__(self, operation: str, moment: str) -> None:
        """Come to a call."""
        (self.second if self.first.fired else self.first)(operation, moment)


@pytest.mark.parametrize("story", [promoted, stopped_by_its_alarm, aborted])
def test_no_story_has_more_calls_than_are_tried(story: Story) -> None:
    assert len(calls_of(story)) <= MOST_CALLS


@pytest.mark.parametrize("story", [promoted, stopped_by_its_alarm, aborted])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", range(1, MOST_CALLS + 1))
def test_two_calls_that_fail_leave_everything_at_rest(story: Story, kind: str, number: int, tried: Tried) -> None:
    alone = Pair(Fault(number, *KINDS[kind]), Fault(0))
    settled(story, alone)
    found = {}
    for nth in range(1, len(alone.second.calls) + 1):
        for then, (moment, error) in KINDS.items():
            pair = Pair(Fault(number, *KINDS[kind]), Fault(nth, moment, error))
            world, _ = settled(story, pair)
            if wrong := unrest(world):
                found[f"{alone.first.fired} {kind}, then call {nth}, {pair.second.fired} {then}"] = wrong
    assert found == {}
    tried("pairs of faults", len(alone.second.calls) * len(KINDS))
