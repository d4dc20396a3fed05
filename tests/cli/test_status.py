"""What an operator sees of what goes on now."""

import json

import pytest

from controller.core.deployment import Deployment, Event, MarkDetail, Status, Transition, event_of
from rampart.cli.status import print_situation, situation
from tests.builders import after
from tests.cli.paper import NARROW, WIDE, assert_golden, printed
from tests.cli.records import FAILED, HOSTILE, NOW, RUNNING, WAITING, ended, failed, marked, running, store, waiting
from tests.engine.memory_line import MemoryLine

EVERYTHING = store(running(), waiting(), failed(), ended())


@pytest.mark.parametrize(
    ("name", "width", "colour"),
    [("status-narrow", NARROW, False), ("status-wide", WIDE, False), ("status-colour", NARROW, True)],
)
def test_what_runs_waits_and_failed_is_shown_the_loudest_first(name: str, width: int, colour: bool) -> None:
    found = situation(EVERYTHING, [])
    text = printed(lambda console: print_situation(console, found, NOW), width, colour=colour)
    assert [d.deployment_id for d in found.deployments] == [FAILED, RUNNING, WAITING]
    assert_golden(name, text)


def test_nothing_going_on_is_one_line() -> None:
    found = situation(store(ended()), [])
    assert printed(lambda console: print_situation(console, found, NOW)) == "No deployment is running or waiting.\n"


def test_of_a_named_target_it_is_said_what_is_live_on_it() -> None:
    memory = store()
    deployment = running()
    memory.open(deployment, _event(deployment))
    promoted = deployment.model_copy(update={"status": Status.PROMOTED, "ended_at": after(65)})
    memory.close(memory.records[RUNNING], promoted, _event(promoted))
    found = situation(memory, ["checkout", "basket"])
    lines = printed(lambda console: print_situation(console, found, NOW), WIDE).splitlines()
    assert lines == [
        "No deployment of checkout, basket is running or waiting.",
        "Live on checkout: checkout version 42, s3://releases/checkout/2026-03-02.zip@3sL4kqtJlcpXroDTDmJ, "
        f"by {RUNNING}",
        "Nothing has been promoted on basket yet.",
    ]
    assert found.document["live"]["checkout"]["versions"] == {"checkout": "42"}


def test_a_target_is_shown_without_the_deployments_of_others() -> None:
    assert [d.deployment_id for d in situation(EVERYTHING, ["basket"]).deployments] == [WAITING]


def test_a_line_that_is_stopped_is_said_first_with_who_stopped_it_and_what_ends_that() -> None:
    switch = MemoryLine()
    switch.stop(MarkDetail(at=NOW, by="kim", reason="payments are down"))
    found = situation(store(running()), [], switch)
    first, *_ = printed(lambda console: print_situation(console, found, NOW), WIDE).splitlines()
    assert first == (
        "The line was stopped by kim now: payments are down; hotfixes alone go forward until: "
        "rampart release-the-line"
    )
    assert found.document["line_stopped"]["by"] == "kim"
    assert found.document["line_released"] is None


def test_who_has_released_the_line_is_said_for_a_day_with_who_had_stopped_it() -> None:
    switch = MemoryLine()
    switch.stop(MarkDetail(at=after(0), by="kim", reason="payments are down"))
    switch.release(MarkDetail(at=after(60), by="ada", reason="payments work"))
    found = situation(store(running()), [], switch)
    said = (
        "The line was released by ada 1m ago: payments work; it had been stopped by kim 2m ago: payments are down"
    )
    assert printed(lambda console: print_situation(console, found, after(120)), WIDE).splitlines()[0] == said
    assert "The line" not in printed(lambda console: print_situation(console, found, after(90_061)), WIDE)
    assert found.document["line_stopped"] is None
    assert found.document["line_released"]["released"]["by"] == "ada"


def test_a_look_that_is_late_tells_what_to_do() -> None:
    found = situation(store(running()), [])
    assert "rampart repair" not in printed(lambda console: print_situation(console, found, after(290)))
    assert "to do       the look is late; see: rampart repair checkout\n" in printed(
        lambda console: print_situation(console, found, after(310))
    )


def test_as_json_the_records_are_as_they_are_stored_but_for_the_token() -> None:
    token_holder = running().model_copy(update={"token": "whoever has this can end the bake"})
    document = json.loads(json.dumps(situation(store(token_holder), []).document))
    (record,) = document["deployments"]
    assert document["live"] == {}
    assert (record["deployment_id"], record["look_at"]) == (RUNNING, "2026-03-02T09:03:00Z")
    assert "token" not in record


def test_hostile_texts_are_shown_as_texts_on_their_lines() -> None:
    hostile = marked(running(), HOSTILE, HOSTILE[:150]).model_copy(update={"reason": HOSTILE})
    found = situation(store(hostile), [])
    text = printed(lambda console: print_situation(console, found, NOW), NARROW)
    assert [c for c in text if not c.isprintable() and c != "\n"] == []
    assert max(len(line) for line in text.splitlines()) <= NARROW
    assert_golden("status-hostile", text)


def _event(deployment: Deployment) -> Event:
    return event_of(deployment, Transition.PLANNED, NOW)


def test_a_first_deployment_has_no_baseline_to_show() -> None:
    deployment = running()
    members = tuple(member.model_copy(update={"baseline": ""}) for member in deployment.members)
    memory = store(deployment.model_copy(update={"members": members}))
    text = printed(lambda console: print_situation(console, situation(memory, []), NOW), WIDE)
    assert "checkout:live  first version 42\n" in text
