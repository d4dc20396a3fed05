"""What an operator sees of one deployment."""

import json
import re
from datetime import UTC, datetime

import pytest

from controller.core.by_hand import Hotfix, Retry
from controller.core.deployment import Status
from rampart.cli.show import page_document, print_page
from tests.builders import after, an_alarm
from tests.cli.paper import NARROW, WIDE, assert_golden, printed
from tests.cli.records import HOSTILE, NOW, ended, marked, story, waiting

ROLLED_BACK = marked(
    ended(event_id="7c9e6679-7425-40de-944b-e07fc1f90ae7", refused=True, alarms=(an_alarm(),)), by="user/ada"
)


@pytest.mark.parametrize(
    ("name", "width", "colour"),
    [("show-narrow", NARROW, False), ("show-wide", WIDE, False), ("show-colour", NARROW, True)],
)
def test_a_deployment_is_shown_with_its_plan_its_marks_and_every_event(name: str, width: int, colour: bool) -> None:
    events = story(ROLLED_BACK)
    assert_golden(
        name, printed(lambda console: print_page(console, ROLLED_BACK, events, NOW), width, colour=colour)
    )


def test_a_hotfix_tells_who_asked_for_it_and_why() -> None:
    text = printed(lambda console: print_page(console, waiting(), [], NOW))
    assert "asked by    kim, as a hotfix: the basket is empty\n" in text
    assert "waits for   function checkout\n" in text


def test_another_try_tells_whose_word_it_was_and_of_what() -> None:
    again = Retry(deployment_id="basket-1", by="kim", reason="the bucket is readable now")
    text = printed(
        lambda console: print_page(console, waiting().model_copy(update={"hotfix": None, "retry": again}), [], NOW),
        WIDE,
    )
    assert "asked by    kim, to try basket-1 again: the bucket is readable now\n" in text


def test_what_plan_warned_of_is_shown_a_line_each() -> None:
    warned = ROLLED_BACK.model_copy(update={"warnings": ("callers bypass the alias", "the baseline is going away")})
    text = printed(lambda console: print_page(console, warned, [], NOW), WIDE)
    assert "  warning     callers bypass the alias\n  warning     the baseline is going away\n" in text


def test_the_evidence_of_a_comparison_and_of_a_rule_has_its_numbers() -> None:
    counts = {"requests": 60, "failures": 30}, {"requests": 5_940, "failures": 6}
    comparison = {
        "name": "errors",
        "outcome": "FAIL",
        "candidate": {"version": "orders version 42", **counts[0]},
        "baseline": {"version": "version 41", **counts[1]},
        "odds": 451.0,
    }
    rule = {"rule": "error_rate above 5%", "requests": 60, "value": 0.5}
    evidence = {"comparisons": [comparison], "rules": [rule]}
    events = [each.model_copy(update={"evidence": evidence}) for each in story(ROLLED_BACK)[3:4]]
    text = printed(lambda console: print_page(console, ROLLED_BACK, events, NOW), WIDE * 2)
    assert (
        "errors FAIL: orders version 42: 30 of 60 requests failed (50%); "
        "version 41: 6 of 5,940 requests failed (0.101%); odds that it is worse 451 to 1\n" in text
    )
    assert "rules: rule error_rate above 5%, requests 60, value 0.5\n" in text


def test_as_json_it_is_the_record_and_the_events_as_stored() -> None:
    secret = ROLLED_BACK.model_copy(update={"token": "secret"})
    document = json.loads(json.dumps(page_document(secret, story(ROLLED_BACK))))
    (record,) = document["deployments"]
    assert "token" not in record
    assert record["marks"]["abort"]["by"] == "user/ada"
    assert document["events"][3]["evidence"]["alarms"] == {"orders-errors": "ALARM"}
    assert datetime.fromisoformat(record["ended_at"]) == after(65).astimezone(UTC)


def test_hostile_texts_everywhere_are_only_texts() -> None:
    hotfix = Hotfix.model_construct(reason=HOSTILE, by=HOSTILE)
    hostile = marked(ended(reason=HOSTILE, status=Status.DRIFTED), HOSTILE, HOSTILE)
    hostile = hostile.model_copy(update={"hotfix": hotfix})
    events = [
        each.model_copy(update={"reason": HOSTILE, "evidence": {HOSTILE: {HOSTILE: [HOSTILE]}}})
        for each in story(hostile)
    ]
    text = printed(lambda console: print_page(console, hostile, events, NOW))
    assert [c for c in text if not c.isprintable() and c != "\n"] == []
    assert max(len(line) for line in text.splitlines()) <= NARROW


def test_a_first_deployment_has_no_baseline() -> None:
    members = tuple(member.model_copy(update={"baseline": ""}) for member in ROLLED_BACK.members)
    first = ROLLED_BACK.model_copy(update={"members": members})
    text = printed(lambda console: print_page(console, first, story(first), NOW), WIDE)
    assert re.search(r"orders:live +none +\d+", text)
