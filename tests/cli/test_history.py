"""How an operator sees that deployments ended."""

import pytest

from controller.core.deployment import Status
from controller.core.errors import InputError
from rampart.cli.history import ended_deployments, print_history
from tests.builders import a_member, after, an_image
from tests.cli.paper import NARROW, WIDE, assert_golden, printed
from tests.cli.records import HOSTILE, NOW, convicted, ended, running, store

LATER = after(50 * 3600)
THREE = (
    ended(),
    ended(
        "orders-def-1",
        Status.PROMOTED,
        artifact=an_image("3f"),
        started_at=after(3600),
        ended_at=after(3600 + 605),
        reason="step 2/2 passed: 1 alarm is OK",
    ),
    ended(
        "orders-by-hand",
        Status.REJECTED,
        artifact=None,
        version="77",
        members=(),
        started_at=after(7200),
        ended_at=after(7200),
        reason="function orders version 77 does not exist",
    ),
)


@pytest.mark.parametrize(
    ("name", "width", "colour"),
    [("history-narrow", NARROW, False), ("history-wide", WIDE, False), ("history-colour", NARROW, True)],
)
def test_ended_deployments_are_listed_the_newest_first(name: str, width: int, colour: bool) -> None:
    found = ended_deployments(store(*THREE), "orders", 20)
    text = printed(lambda console: print_history(console, "orders", found, LATER), width, colour=colour)
    assert [d.deployment_id for d in found] == ["orders-by-hand", "orders-def-1", "orders-abc-1"]
    assert_golden(name, text)


def test_what_is_live_takes_no_place_of_what_has_ended() -> None:
    live = [running().model_copy(update={"target": "orders", "deployment_id": f"live-{n}"}) for n in range(3)]
    found = ended_deployments(store(*THREE[:2], *live), "orders", 1)
    assert [d.deployment_id for d in found] == ["orders-def-1"]


@pytest.mark.parametrize("name", ["", "x" * 81, "a\nb"])
def test_a_name_that_no_target_may_have_is_refused_whatever_runs(name: str) -> None:
    with pytest.raises(InputError, match="write a name of 1 to 80 characters"):
        ended_deployments(store(*THREE), name, 20)


def test_a_target_without_history_is_one_line() -> None:
    text = printed(lambda console: print_history(console, "orders", [], LATER))
    assert text == "No ended deployment of orders is on record.\n"


def test_hostile_texts_stay_within_their_cells() -> None:
    found = [ended(reason=HOSTILE)]
    text = printed(lambda console: print_history(console, "orders", found, LATER))
    assert [c for c in text if not c.isprintable() and c != "\n"] == []
    assert max(len(line) for line in text.splitlines()) <= NARROW


def test_what_a_comparison_found_is_told_with_both_versions_counts() -> None:
    text = printed(lambda console: print_history(console, "checkout", [convicted()], NOW), WIDE * 2)
    counts = "checkout version 42: 61 of 138 requests failed (44.2%); version 41: 0 of 222 requests failed (0%)"
    assert f"errors FAIL: {counts}; odds that it is worse 364 to 1\n" in text


def test_a_first_deployment_is_told_by_its_first_version() -> None:
    found = [ended(members=(a_member(baseline=""),))]
    text = printed(lambda console: print_history(console, "orders", found, LATER), WIDE)
    assert "orders first version 2" in text
