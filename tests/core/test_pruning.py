"""Pruning gives up what nobody needs, and nothing else (invariant I6)."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.deployment import Deployment, Status
from controller.core.pruning import WAY_BACK, Pruning, PublishedVersion, Uses, prune
from controller.undo import UNDO_MINUTES
from tests.builders import START, a_deployment, a_member

OTHERS = "another function"
NUMBERS = st.integers(1, 30)


def a_record(number: int, baseline: int, candidate: int | None, **overrides: Any) -> Deployment:
    """Return the record of a deployment of orders from one version to another."""
    function = overrides.pop("function", "orders")
    members = (
        a_member(
            function=function, baseline=str(baseline), candidate=None if candidate is None else str(candidate)
        ),
    )
    values: dict[str, Any] = {
        "deployment_id": f"orders-{number}",
        "members": members,
        "ended_at": START,
        "version": None,
    }
    return a_deployment(**(values | overrides))


def found(*numbers: int, uses: Uses | None = None, keep: int = 1, **at: Any) -> Pruning:
    """Return what becomes of these versions of orders."""
    versions = [PublishedVersion(number, size_bytes=1_000 + number) for number in numbers]
    return prune("orders", versions, uses or Uses(), at.get("now", START), keep)


def deleted(pruning: Pruning) -> list[int]:
    """Return the numbers of the versions that are given up."""
    return [version.number for version in pruning.deleted]


def reasons(pruning: Pruning) -> dict[int, tuple[str, ...]]:
    """Return why the others are kept."""
    return {kept.version.number: kept.reasons for kept in pruning.kept}


RECORDS = st.builds(
    a_record,
    number=st.integers(1, 1_000),
    baseline=NUMBERS,
    candidate=st.none() | NUMBERS,
    status=st.sampled_from(list(Status)),
    target=st.sampled_from(["orders", "receipts"]),
    function=st.sampled_from(["orders", OTHERS]),
    started_at=st.integers(0, 1_000).map(lambda hours: START - timedelta(hours=hours)),
    ended_at=st.none() | st.integers(0, 1_000).map(lambda hours: START - timedelta(hours=hours)),
    version=st.none() | NUMBERS.map(str),
)
ALL_USES = st.builds(
    Uses,
    aliases=st.dictionaries(
        st.sampled_from(["live", "beta", "old"]), st.frozensets(NUMBERS, min_size=1, max_size=2)
    ),
    deployments=st.lists(RECORDS, max_size=8),
    former=st.frozensets(st.sampled_from(["orders", "receipts"])),
    others=st.dictionaries(NUMBERS, st.just(["a durable execution runs on it"])),
)


def needed(uses: Uses, record: Deployment) -> set[int]:
    """Return the versions of orders that a record names."""
    mine = [m for m in record.members if m.function == "orders"]
    return {int(v) for m in mine for v in (m.baseline, m.candidate) if v}


@given(numbers=st.sets(NUMBERS), uses=ALL_USES, keep=st.integers(1, 10))
def test_no_version_is_given_up_that_an_alias_a_way_back_or_an_execution_needs(
    numbers: set[int], uses: Uses, keep: int
) -> None:
    pruning = found(*numbers, uses=uses, keep=keep)
    gone = set(deleted(pruning))
    assert not gone & {number for named in uses.aliases.values() for number in named}
    assert not gone & set(uses.others)
    for record in uses.deployments:
        is_recent = record.ended_at is None or START - record.ended_at <= WAY_BACK
        if not record.status.is_over or is_recent:
            assert not gone & needed(uses, record), record
    for target in ("orders", "receipts"):
        done = [
            r for r in uses.deployments if r.status is Status.PROMOTED and r.target == target and needed(uses, r)
        ]
        if done:
            last = max(done, key=lambda record: record.started_at)
            candidates = {int(m.candidate) for m in last.members if m.function == "orders" and m.candidate}
            is_on_it = any(candidates & named for named in uses.aliases.values())
            assert (target in uses.former and not is_on_it) or not gone & needed(uses, last)
    assert not gone & set(sorted(numbers)[-keep:])


@given(numbers=st.sets(NUMBERS), uses=ALL_USES, keep=st.integers(1, 10))
def test_every_version_is_either_given_up_or_kept_with_a_reason(numbers: set[int], uses: Uses, keep: int) -> None:
    pruning = found(*numbers, uses=uses, keep=keep)
    assert sorted(deleted(pruning) + list(reasons(pruning))) == sorted(numbers)
    assert all(reasons(pruning).values())
    assert pruning.freed_bytes == sum(1_000 + number for number in deleted(pruning))


@given(numbers=st.sets(NUMBERS), uses=ALL_USES, keep=st.integers(1, 9))
def test_keeping_more_or_knowing_more_never_gives_up_more(numbers: set[int], uses: Uses, keep: int) -> None:
    gone = set(deleted(found(*numbers, uses=uses, keep=keep)))
    assert set(deleted(found(*numbers, uses=uses, keep=keep + 1))) <= gone
    assert gone <= set(deleted(found(*numbers, keep=keep)))


def test_what_nobody_needs_is_given_up_and_the_newest_stay() -> None:
    pruning = found(1, 2, 3, 4, 5, uses=Uses(aliases={"live": frozenset({3, 5})}), keep=2)
    assert deleted(pruning) == [1, 2]
    assert reasons(pruning) == {
        3: ("alias live is on it",),
        4: ("one of the 2 newest",),
        5: ("one of the 2 newest", "alias live is on it"),
    }
    assert pruning.freed_bytes == 2_003


@pytest.mark.parametrize("status", [s for s in Status if not s.is_over])
def test_a_deployment_that_has_not_ended_keeps_its_versions_however_old_it_is(status: Status) -> None:
    record = a_record(7, 2, 3, status=status, ended_at=None)
    pruning = found(1, 2, 3, 4, uses=Uses(deployments=[record]), now=START + timedelta(days=300))
    assert deleted(pruning) == [1]
    assert reasons(pruning)[2] == (f"orders-7 is {status}",)


def test_what_ended_of_late_can_be_undone_and_the_last_promotion_always_can() -> None:
    old = START - timedelta(days=100)
    first = a_record(1, 1, 2, status=Status.PROMOTED, started_at=old, ended_at=old)
    second = a_record(2, 2, 3, status=Status.PROMOTED, started_at=old + timedelta(hours=1), ended_at=old)
    refused = a_record(3, 3, 4, status=Status.ROLLED_BACK, started_at=START, ended_at=START)
    uses = Uses(deployments=[first, second, refused])
    soon, later = (found(*range(1, 9), uses=uses, now=START + after) for after in (WAY_BACK, 2 * WAY_BACK))
    assert deleted(soon) == [1, 5, 6, 7]
    assert deleted(later) == [1, 4, 5, 6, 7]
    assert reasons(later)[2] == ("orders-2 was the last promotion of orders",)
    assert reasons(soon)[4] == ("orders-3 can still be undone, or tried again",)


@pytest.mark.parametrize(
    ("former", "alias", "after", "gone"),
    [
        ({"orders"}, 3, WAY_BACK, [1, 4, 5]),
        ({"orders"}, 4, WAY_BACK, [1, 5]),
        ({"orders"}, 3, 2 * WAY_BACK, [1, 4, 5]),
        ({"orders"}, 4, 2 * WAY_BACK, [1, 2, 3, 5]),
        ({"receipts"}, 4, 2 * WAY_BACK, [1, 5]),
    ],
)
def test_a_target_that_is_gone_goes_back_only_from_where_it_is_and_while_it_may_undo(
    former: set[str], alias: int, after: timedelta, gone: list[int]
) -> None:
    promoted = a_record(1, 2, 3, status=Status.PROMOTED, started_at=START, ended_at=START)
    uses = Uses({"live": frozenset({alias})}, [promoted], frozenset(former))
    assert deleted(found(*range(1, 7), uses=uses, now=START + after)) == gone


def test_a_version_that_is_asked_for_is_kept_before_its_function_is_known() -> None:
    waiting = a_record(9, 1, None, status=Status.PENDING, ended_at=None, members=(), version="4")
    assert deleted(found(1, 4, 9, uses=Uses(deployments=[waiting]))) == [1]


def test_less_than_one_version_is_not_kept() -> None:
    with pytest.raises(ValueError, match="keep 1 version at least, not 0"):
        found(1, 2, keep=0)


def test_what_is_named_and_is_not_there_is_no_trouble() -> None:
    assert found(3, uses=Uses(aliases={"live": frozenset({1})})).deleted == ()


def test_what_can_be_undone_is_kept_as_long_as_it_can_be_undone() -> None:
    assert timedelta(minutes=UNDO_MINUTES) == WAY_BACK
