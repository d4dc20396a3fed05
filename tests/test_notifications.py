"""What teams are told, held against what is published of it: the schema, the page's example and its filters."""

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from controller.core.deployment import Event, EventMember, Status, Transition
from controller.core.notification import DETAIL_TYPE, SOURCE, Notification, notification
from rampart.embedded.eventbridge.patterns import check_pattern
from rampart.embedded.moto_guard import pattern_matcher
from tests.engine.test_every_path import STORIES, Trouble, ready, request, skip, wake, walk
from tests.engine.world import World
from tests.sam_template import ROOT
from tests.tasks.walks import arrive, ask, carry_out, resume

PAGE = (ROOT / "docs/notifications.md").read_text()
SCHEMA = json.loads((ROOT / "docs/notification.schema.json").read_text())
Told = dict[str, Any]


def in_code(page: str, heading: str) -> list[str]:
    """Return the JSON of a page that stands below a heading."""
    section = page.partition(f"{heading}\n")[2].partition("\n#")[0]
    return re.findall(r"```json\n(.*?)```", section, re.DOTALL)


def refused(world: World) -> None:
    """Start what nobody can read, and what does not exist."""
    world.run("no-target", {"artifact": "a zip"})
    world.run("no-version", {"target": "checkout", "version": "41"})
    world.run("no-list", ["checkout"])


def through(troubles: dict[str, Trouble]) -> Callable[[World], object]:
    """Return the story of a deployment with trouble on its way."""
    return lambda world: walk(world, request(world), troubles)


def waiting(world: World) -> None:
    """Let a deployment find that another one holds its function."""
    arrive(world, "Bake")
    carry_out(world, "Plan", world.start("waiter", request(world), held=True))


def spoken_for(world: World) -> None:
    """Let a person have a say in a deployment."""
    ask(world, arrive(world, "Bake").name, "approve")


def undone(world: World) -> None:
    """Let a person undo a promotion."""
    ask(world, resume(arrive(world, "Bake")).name, "undo")
    world.settle(60)


@cache
def told_of_every_way() -> list[Told]:
    """Return what teams are told of deployments that take every way through the state machine."""
    stories: list[Callable[[World], object]] = [
        skip,
        wake,
        refused,
        waiting,
        spoken_for,
        undone,
        *map(through, STORIES.values()),
    ]
    worlds = [ready() for _ in stories]
    for story, world in zip(stories, worlds, strict=True):
        story(world)
    return [json.loads(json.dumps(each)) for world in worlds for each in world.ports.bus.told]


@pytest.fixture
def told() -> list[Told]:
    """Return what teams are told of deployments that take every way through the state machine."""
    return told_of_every_way()


def faults(detail: Told) -> list[str]:
    """Return what the published schema finds wrong with a notification."""
    return [error.message for error in Draft202012Validator(SCHEMA).iter_errors(detail)]


def test_the_published_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert SCHEMA["properties"].keys() == set(SCHEMA["required"])


def test_every_notification_of_every_way_through_is_as_published(told: list[Told]) -> None:
    assert {each["status"] for each in told} == {each.value for each in Status}
    assert {each["transition"] for each in told} == {each.value for each in Transition}
    assert {datetime.fromisoformat(each["at"]).utcoffset() for each in told} == {timedelta(0)}
    assert [fault for each in told for fault in faults(each)] == []
    assert [each for each in told if each.keys() != SCHEMA["properties"].keys()] == []


@pytest.mark.parametrize(
    "change",
    [
        {"schema_version": 2},
        {"status": "rolled back"},
        {"severity": "FATAL"},
        {"weight_percent": 101},
        {"sequence": 0},
        {"at": 1_790_000_000},
    ],
    ids=str,
)
def test_the_published_schema_notices_what_is_no_notification(told: list[Told], change: Told) -> None:
    assert len(faults(told[0] | change)) == 1
    without = {name: value for name, value in told[0].items() if name not in change}
    assert len(faults(without)) == 1


def test_a_field_that_a_later_release_adds_is_no_fault_for_those_who_read_but_one_for_us(told: list[Told]) -> None:
    later = told[0] | {"invented_later": 1}
    assert faults(later) == []
    with pytest.raises(ValidationError, match="invented_later"):
        Notification.model_validate(later)


def test_no_two_transitions_share_an_id_and_a_repeat_has_the_same(told: list[Told]) -> None:
    world = ready()
    walk(world, request(world), {})
    ids = [each["event_id"] for each in world.ports.bus.told]
    assert len(ids) == len(set(ids)) == 8
    again = [notification(event, "dev") for event in world.ports.deployments.events("walk-1")]
    assert again == world.ports.bus.told
    assert [each["sequence"] for each in again] == list(range(1, 9))


def test_every_message_is_one_line_that_begins_with_its_target(told: list[Told]) -> None:
    for each in told:
        assert each["message"].startswith(f"{each['target']}: ")
        assert "\n" not in each["message"]
        assert len(each["message"]) <= 2000


def test_the_example_of_the_page_is_what_such_a_transition_is_told_as() -> None:
    (example,) = (json.loads(text) for text in in_code(PAGE, "# What teams are told"))
    detail = example["detail"]
    event = Event(
        deployment_id=detail["deployment_id"],
        sequence=6,
        target="checkout",
        transition=Transition.ENDED,
        status=Status.ROLLED_BACK,
        at=datetime.fromisoformat(detail["at"]),
        reason=detail["reason"],
        artifact=detail["artifact"],
        steps=4,
        members=tuple(EventMember(**member) for member in detail["members"]),
        execution_arn=detail["execution_arn"],
    )
    assert example == {"source": SOURCE, "detail-type": DETAIL_TYPE, "detail": notification(event, "prod")}


FILTERS: list[Callable[[Told], bool]] = [
    lambda told: (told["stage"], told["target"]) == ("prod", "checkout"),
    lambda told: told["status"] == "ROLLBACK_FAILED",
    lambda told: told["transition"] == "ENDED" and told["status"] not in ("PROMOTED", "SKIPPED"),
    lambda told: told["status"] == "PROMOTED",
    lambda told: told["transition"] == "SHIFTED" and told["weight_percent"] >= 50,
]
"""What the filters of the page let through, in their order, in the words of the sentences above them."""


@pytest.mark.parametrize("place", range(len(FILTERS)))
def test_a_filter_of_the_page_lets_through_what_its_sentence_says(told: list[Told], place: int) -> None:
    patterns = in_code(PAGE, "## Filters")
    assert len(patterns) == len(FILTERS)
    check_pattern(patterns[place])
    matches = pattern_matcher(patterns[place])
    known = [*told, *(each | {"stage": "prod"} for each in told)]
    heard = [each for each in known if matches({"source": SOURCE, "detail-type": DETAIL_TYPE, "detail": each})]
    assert heard == [each for each in known if FILTERS[place](each)]
    assert 0 < len(heard) < len(known)
    assert not [each for each in known if matches({"source": "else", "detail-type": DETAIL_TYPE, "detail": each})]
