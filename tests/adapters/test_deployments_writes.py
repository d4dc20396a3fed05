"""Deployments, the port: saving and closing, each guarded against whoever wrote meanwhile."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from controller.core.deployment import STOPPING_MARKS, Deployment, Mark, Status, Transition, event_of
from controller.core.errors import ClaimHeldError, ConflictError
from controller.ports import Deployments, Live, Tried
from tests.adapters.records import DETAIL, close, found, mark, open_one, told
from tests.builders import after


def changed(before: Deployment, **changes: object) -> Deployment:
    """Return a later state of a deployment."""
    return before.model_copy(update=changes)


def test_saving_with_an_event_appends_it_with_the_next_number(deployments: Deployments) -> None:
    before = open_one(deployments)
    saved = deployments.save(before, changed(before, reason="judged"), told(before))
    assert (saved.sequence, saved.reason) == (2, "judged")
    assert found(deployments) == saved
    assert [event.sequence for event in deployments.events("d-1")] == [1, 2]


def test_saving_without_an_event_appends_none(deployments: Deployments, unsent: Callable[[], list[str]]) -> None:
    before = open_one(deployments)
    saved = deployments.save(before, changed(before, reason="judged"))
    assert found(deployments) == saved
    assert (saved.sequence, saved.reason) == (1, "judged")
    assert unsent() == ["d-1.1"]


def test_saving_what_has_not_changed_is_allowed(deployments: Deployments) -> None:
    before = open_one(deployments)
    assert deployments.save(before, before) == before
    assert found(deployments) == before


def test_what_a_save_returns_can_be_saved_again(deployments: Deployments) -> None:
    before = open_one(deployments)
    for number in range(3):
        before = deployments.save(before, changed(before, step_index=number), told(before))
    assert found(deployments) == before
    assert [event.sequence for event in deployments.events("d-1")] == [1, 2, 3, 4]


def test_a_save_by_the_second_of_two_writers_is_a_conflict_that_changes_nothing(
    deployments: Deployments, unsent: Callable[[], list[str]]
) -> None:
    before = open_one(deployments)
    first = deployments.save(before, changed(before, reason="first"), told(before))
    with pytest.raises(ConflictError):
        deployments.save(before, changed(before, reason="second"), told(before))
    assert found(deployments) == first
    assert unsent() == ["d-1.1", "d-1.2"]


def test_a_save_is_guarded_by_the_status_too(deployments: Deployments) -> None:
    before = open_one(deployments)
    with pytest.raises(ConflictError):
        deployments.save(changed(before, status=Status.PENDING), changed(before, reason="late"))
    assert found(deployments) == before


def test_a_deployment_that_was_never_opened_cannot_be_saved(deployments: Deployments) -> None:
    before = open_one(deployments)
    stranger = changed(before, deployment_id="d-2")
    with pytest.raises(ConflictError):
        deployments.save(stranger, changed(stranger, reason="late"))
    assert deployments.find("d-2") is None


def test_a_save_leaves_alone_the_marks_and_the_token_that_came_meanwhile(deployments: Deployments) -> None:
    before = open_one(deployments)
    mark(deployments, "d-1", Mark.ABORT)
    deployments.register_token("d-1", "token-1")
    deployments.save(before, changed(before, reason="judged"), told(before))
    assert found(deployments).marks == {Mark.ABORT: DETAIL}
    assert found(deployments).token == "token-1"


def test_of_many_that_save_at_once_exactly_one_wins(deployments: Deployments) -> None:
    before = open_one(deployments)

    def attempt(number: int) -> str | None:
        try:
            return deployments.save(before, changed(before, reason=f"writer {number}"), told(before)).reason
        except ConflictError:
            return None

    with ThreadPoolExecutor(6) as pool:
        winners = [reason for reason in pool.map(attempt, range(12)) if reason]
    assert winners == [found(deployments).reason]
    assert [event.sequence for event in deployments.events("d-1")] == [1, 2]


def test_closing_frees_the_claims_forgets_the_token_and_tells_of_the_end(
    deployments: Deployments, unsent: Callable[[], list[str]]
) -> None:
    open_one(deployments, "d-1", "orders", "basket")
    before = deployments.register_token("d-1", "token-1")
    close(deployments, before, Status.ROLLED_BACK, reason="aborted")
    assert [deployments.claim(f).owner for f in ("orders", "basket")] == [None, None]
    record = found(deployments)
    assert (record.status, record.reason, record.token) == (Status.ROLLED_BACK, "aborted", None)
    assert record.ended_at == after(120)
    assert deployments.events("d-1")[-1].transition is Transition.ENDED
    assert unsent() == ["d-1.1", "d-1.2"]


def test_only_a_promotion_makes_the_artifact_live(deployments: Deployments) -> None:
    close(deployments, open_one(deployments, "d-1"), Status.ROLLED_BACK)
    assert deployments.live("orders") is None
    promoted = close(deployments, open_one(deployments, "d-2"), Status.PROMOTED)
    assert deployments.live("orders") == Live("d-2", promoted.what, {"orders": "2"})
    close(deployments, open_one(deployments, "d-3"), Status.ROLLED_BACK)
    assert deployments.live("orders") == Live("d-2", promoted.what, {"orders": "2"})


def test_an_end_is_counted_and_a_refusal_is_remembered_until_the_next_end(deployments: Deployments) -> None:
    first = open_one(deployments, "d-1")
    assert deployments.tried("orders", first.what) == Tried(0, None)
    close(deployments, first, Status.ROLLED_BACK, refused=True)
    assert deployments.tried("orders", first.what) == Tried(1, "d-1")
    close(deployments, open_one(deployments, "d-2"), Status.REJECTED, refused=True)
    assert deployments.tried("orders", first.what) == Tried(2, "d-2")
    close(deployments, open_one(deployments, "d-3"), Status.PROMOTED)
    assert deployments.tried("orders", first.what) == Tried(3, None)


def test_what_was_skipped_or_was_a_version_is_not_counted(deployments: Deployments) -> None:
    skipped = close(deployments, open_one(deployments, "d-1"), Status.SKIPPED)
    assert deployments.tried("orders", skipped.what) == Tried(0, None)
    version = close(deployments, open_one(deployments, "d-2", artifact=None, version="7"), Status.PROMOTED)
    assert deployments.tried("orders", version.what) == Tried(0, None)
    assert deployments.live("orders") == Live("d-2", "version 7", {"orders": "2"})


@pytest.mark.parametrize("which", STOPPING_MARKS)
def test_a_promotion_with_a_stopping_mark_is_refused_and_changes_nothing(
    deployments: Deployments, unsent: Callable[[], list[str]], which: Mark
) -> None:
    before = open_one(deployments)
    marked = mark(deployments, "d-1", which)
    with pytest.raises(ConflictError):
        close(deployments, before, Status.PROMOTED)
    assert found(deployments) == marked
    assert deployments.claim("orders").owner == "d-1"
    assert deployments.live("orders") is None
    assert deployments.tried("orders", before.what) == Tried(0, None)
    assert unsent() == ["d-1.1"]


@pytest.mark.parametrize("which", [each for each in Mark if each not in STOPPING_MARKS])
def test_any_other_mark_does_not_stop_a_promotion(deployments: Deployments, which: Mark) -> None:
    before = open_one(deployments)
    mark(deployments, "d-1", which)
    assert close(deployments, before, Status.PROMOTED).status is Status.PROMOTED


@pytest.mark.parametrize("which", STOPPING_MARKS)
def test_a_stopping_mark_does_not_stop_a_rollback(deployments: Deployments, which: Mark) -> None:
    before = open_one(deployments)
    mark(deployments, "d-1", which)
    close(deployments, before, Status.ROLLED_BACK)
    assert found(deployments).status is Status.ROLLED_BACK
    assert found(deployments).marks == {which: DETAIL}


def test_what_has_ended_cannot_be_ended_again(deployments: Deployments) -> None:
    before = open_one(deployments)
    close(deployments, before, Status.PROMOTED)
    with pytest.raises(ConflictError):
        close(deployments, before, Status.ROLLED_BACK)
    with pytest.raises(ConflictError):
        close(deployments, found(deployments), Status.ROLLED_BACK)
    assert found(deployments).status is Status.PROMOTED
    assert deployments.tried("orders", before.what) == Tried(1, None)


def test_a_claim_that_went_to_another_deployment_is_not_freed_by_the_one_that_lost_it(
    deployments: Deployments,
) -> None:
    lost = open_one(deployments, "d-1", "basket")
    open_one(deployments, "d-2", "orders")
    impostor = changed(lost, members=found(deployments, "d-2").members)
    with pytest.raises(ClaimHeldError):
        close(deployments, impostor, Status.ROLLED_BACK)
    assert deployments.claim("orders").owner == "d-2"
    assert found(deployments, "d-1") == lost


def test_a_failed_rollback_keeps_its_claims_and_can_be_closed_later(deployments: Deployments) -> None:
    before = open_one(deployments)
    failed = changed(before, status=Status.ROLLBACK_FAILED, reason="denied")
    saved = deployments.save(before, failed, event_of(failed, Transition.ENDED, after(60)))
    assert deployments.claim("orders").owner == "d-1"
    assert deployments.tried("orders", before.what) == Tried(0, None)
    assert found(deployments) == saved
    close(deployments, saved, Status.ROLLED_BACK)
    assert deployments.claim("orders").owner is None
    assert [event.status for event in deployments.events("d-1")] == [
        Status.IN_PROGRESS,
        Status.ROLLBACK_FAILED,
        Status.ROLLED_BACK,
    ]


def test_sending_empties_the_outbox_one_event_at_a_time(
    deployments: Deployments, unsent: Callable[[], list[str]]
) -> None:
    before = open_one(deployments)
    deployments.save(before, before, told(before))
    first, second = deployments.events("d-1")
    deployments.sent(first)
    assert unsent() == ["d-1.2"]
    deployments.sent(first)
    deployments.sent(second)
    assert unsent() == []
    assert deployments.events("d-1") == [first, second]


def test_a_promotion_that_is_undone_leaves_the_baselines_live_and_its_artifact_refused(
    deployments: Deployments, unsent: Callable[[], list[str]]
) -> None:
    promoted = close(deployments, open_one(deployments), Status.PROMOTED)
    back = changed(promoted, status=Status.ROLLED_BACK, reason="undone by ada: wrong build")
    saved = deployments.undo(promoted, back, event_of(back, Transition.UNDONE, after(200)))
    assert found(deployments) == saved
    assert deployments.live("orders") == Live("d-1", "version 1", {"orders": "1"})
    assert deployments.tried("orders", promoted.what) == Tried(1, "d-1")
    assert unsent() == ["d-1.1", "d-1.2", "d-1.3"]


def test_only_the_last_promotion_can_be_undone_and_only_once(deployments: Deployments) -> None:
    first = close(deployments, open_one(deployments), Status.PROMOTED)
    second = close(deployments, open_one(deployments, "d-2"), Status.PROMOTED)
    for promoted, tries in ((second, 1), (second, 0), (first, 0)):
        back = changed(promoted, status=Status.ROLLED_BACK)
        event = event_of(back, Transition.UNDONE, after(200))
        if tries:
            deployments.undo(promoted, back, event)
            continue
        with pytest.raises(ConflictError):
            deployments.undo(promoted, back, event)
    assert deployments.live("orders") == Live("d-2", "version 1", {"orders": "1"})
