"""Deployments, the port: opening one writes record, event and claims at once, or nothing at all."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from controller.core.deployment import Status, Transition, event_of
from controller.core.errors import ClaimHeldError, ConflictError
from controller.core.target import MAX_MEMBERS, Target
from controller.ports import Deployments
from tests.adapters.records import close, found, open_one, planned, planned_event
from tests.builders import START, a_member, an_alarm


def test_opening_writes_the_record_its_first_event_and_every_claim(
    deployments: Deployments, unsent: Callable[[], list[str]]
) -> None:
    open_one(deployments, "d-1", "orders", "basket")
    assert (found(deployments).status, found(deployments).sequence) == (Status.IN_PROGRESS, 1)
    assert [(e.sequence, e.transition) for e in deployments.events("d-1")] == [(1, Transition.PLANNED)]
    assert [deployments.claim(f).owner for f in ("orders", "basket")] == ["d-1", "d-1"]
    assert unsent() == ["d-1.1"]


def test_a_function_that_nobody_claimed_has_a_claim_without_owner_or_number(deployments: Deployments) -> None:
    claim = deployments.claim("orders")
    assert (claim.function, claim.owner, claim.fencing) == ("orders", None, 0)


def test_a_deployment_that_is_unknown_is_not_found(deployments: Deployments) -> None:
    assert deployments.find("d-1") is None
    assert deployments.events("d-1") == []


def test_a_held_claim_names_its_function_and_its_holder(deployments: Deployments) -> None:
    open_one(deployments, "d-1", "basket")
    second = planned(deployments, "d-2", "orders", "basket")
    with pytest.raises(ClaimHeldError) as held:
        deployments.open(second, planned_event(second))
    assert (held.value.function, held.value.owner) == ("basket", "d-1")


def test_a_held_claim_leaves_no_record_no_event_and_no_other_claim(
    deployments: Deployments, unsent: Callable[[], list[str]]
) -> None:
    open_one(deployments, "d-1", "basket")
    second = planned(deployments, "d-2", "orders", "basket", "search")
    with pytest.raises(ClaimHeldError):
        deployments.open(second, planned_event(second))
    assert deployments.find("d-2") is None
    assert deployments.events("d-2") == []
    assert [deployments.claim(f).owner for f in ("orders", "search")] == [None, None]
    assert unsent() == ["d-1.1"]


def test_a_claim_that_has_moved_on_since_it_was_read_is_a_conflict(deployments: Deployments) -> None:
    close(deployments, open_one(deployments, "d-1"), Status.ROLLED_BACK)
    late = planned(deployments, "d-2").model_copy(update={"members": (a_member(fencing=1),)})
    with pytest.raises(ConflictError):
        deployments.open(late, planned_event(late))
    assert deployments.find("d-2") is None


def test_opening_the_same_deployment_twice_is_a_conflict_that_changes_nothing(deployments: Deployments) -> None:
    first = open_one(deployments, "d-1")
    again = first.model_copy(update={"sequence": 0, "reason": "again"})
    with pytest.raises(ConflictError):
        deployments.open(again, planned_event(again))
    assert found(deployments) == first
    assert len(deployments.events("d-1")) == 1


def test_opening_one_that_has_ended_is_a_conflict_too(deployments: Deployments) -> None:
    close(deployments, open_one(deployments, "d-1"), Status.ROLLED_BACK)
    again = planned(deployments, "d-1")
    with pytest.raises(ConflictError):
        deployments.open(again, planned_event(again))
    assert deployments.claim("orders").owner is None


def test_the_fencing_number_rises_with_every_claim_and_survives_its_freeing(deployments: Deployments) -> None:
    numbers = []
    for name in ("d-1", "d-2", "d-3"):
        opened = open_one(deployments, name)
        numbers.append(deployments.claim("orders").fencing)
        close(deployments, opened, Status.ROLLED_BACK)
        numbers.append(deployments.claim("orders").fencing)
    assert numbers == [1, 1, 2, 2, 3, 3]


def test_a_claim_knows_every_target_that_ever_held_it(deployments: Deployments) -> None:
    assert deployments.claim("orders").targets == ()
    for name, target in (("d-1", "shop"), ("d-2", "night"), ("d-3", "shop")):
        close(deployments, open_one(deployments, name, target=target), Status.ROLLED_BACK)
    assert deployments.claim("orders").targets == ("night", "shop")


def test_a_live_deployment_watches_its_alarms_until_it_ends(deployments: Deployments) -> None:
    alarms = (an_alarm(name="errors"), an_alarm(name="latency"))
    opened = open_one(deployments, "d-1", "orders", alarms=alarms)
    open_one(deployments, "d-2", "basket", alarms=alarms[:1])
    open_one(deployments, "d-3", "search", alarms=alarms, status=Status.REJECTED)
    assert deployments.watching("errors") == ["d-1", "d-2"]
    assert deployments.watching("latency") == ["d-1"]
    assert deployments.watching("other") == []
    close(deployments, opened, Status.ROLLED_BACK)
    assert deployments.watching("errors") == ["d-2"]
    assert deployments.watching("latency") == []


def test_a_failed_rollback_goes_on_watching(deployments: Deployments) -> None:
    before = open_one(deployments, "d-1", alarms=(an_alarm(name="errors"),))
    failed = before.model_copy(update={"status": Status.ROLLBACK_FAILED})
    deployments.save(before, failed, event_of(failed, Transition.ENDED, START))
    assert deployments.watching("errors") == ["d-1"]


def test_as_many_members_and_alarms_as_a_target_may_have_fit_into_one_write(deployments: Deployments) -> None:
    functions = [f"function-{number}" for number in range(MAX_MEMBERS)]
    most = next(m.max_length for m in Target.model_fields["alarms"].metadata if hasattr(m, "max_length"))
    alarms = tuple(an_alarm(name=f"alarm-{number}") for number in range(most))
    opened = open_one(deployments, "d-1", *functions, alarms=alarms)
    close(deployments, opened, Status.PROMOTED)
    assert deployments.watching("alarm-0") == []


def test_a_deployment_that_is_opened_ended_claims_nothing(deployments: Deployments) -> None:
    opened = open_one(deployments, "d-1", status=Status.REJECTED)
    assert opened.status is Status.REJECTED
    assert deployments.claim("orders").owner is None
    assert deployments.tried("orders", opened.what).ended == 1


def test_twenty_members_are_claimed_and_freed_together(deployments: Deployments) -> None:
    functions = [f"function-{number}" for number in range(MAX_MEMBERS)]
    opened = open_one(deployments, "d-1", *functions)
    assert {deployments.claim(f).owner for f in functions} == {"d-1"}
    close(deployments, opened, Status.PROMOTED)
    assert {deployments.claim(f).owner for f in functions} == {None}


def test_of_many_that_open_at_once_exactly_one_gets_the_function(deployments: Deployments) -> None:
    contenders = [planned(deployments, f"d-{number}") for number in range(12)]

    def attempt(number: int) -> str | None:
        try:
            deployments.open(contenders[number], planned_event(contenders[number]))
        except ClaimHeldError as held:
            return held.owner
        return None

    with ThreadPoolExecutor(6) as pool:
        holders = list(pool.map(attempt, range(12)))
    (winner,) = [contenders[n].deployment_id for n, holder in enumerate(holders) if holder is None]
    assert {holder for holder in holders if holder} == {winner}
    assert deployments.claim("orders").owner == winner
    assert [c.deployment_id for c in contenders if deployments.find(c.deployment_id)] == [winner]
