"""docs/hotfix.md as a story: production is red, the fix is refused as a push and goes out as a hotfix."""

from typing import Any

import pytest

from controller.core.deployment import Status
from tests.engine.world import World
from tests.sam_template import ROOT

PAGE = (ROOT / "docs/hotfix.md").read_text()
HOTFIX = {"reason": "turned away since 9:05", "by": "kim"}


@pytest.fixture
def production() -> World:
    """Return an account whose release of last week is bad, as its alarm says since this morning."""
    world = World()
    world.function()
    world.alarm("checkout-errors")
    world.target(alarms=["checkout-errors"])
    assert world.push(world.upload("release = 41")).status == "SUCCEEDED"
    world.wait(3600)
    world.set_alarm("checkout-errors", "ALARM")
    world.wait(600)
    return world


def fix(world: World, **more: Any) -> str:
    """Start the fix as a hotfix and return how it ended."""
    request = {"target": "checkout", "artifact": world.upload("release = 42").model_dump(), "hotfix": HOTFIX}
    world.run("the-fix", request | more)
    return world.record("the-fix").status


def test_a_push_is_refused_in_the_words_of_the_page(production: World) -> None:
    refused = production.push(production.upload("release = 42"))
    assert refused.error == "Rejected"
    (message,) = [told["message"] for told in production.ports.bus.told if told["deployment_id"] == refused.name]
    assert " ".join(message.split()) in " ".join(PAGE.split())
    assert production.alias() == "version 2"


def test_a_fix_that_mends_the_alarm_is_promoted(production: World) -> None:
    production.at(100, lambda: production.set_alarm("checkout-errors", "OK"))
    assert fix(production) is Status.PROMOTED
    assert production.alias() == "version 3"
    (alarm,) = production.record("the-fix").alarms
    assert alarm.armed
    assert production.ports.bus.told[-1]["hotfix"] == HOTFIX


def test_a_fix_that_does_not_hold_is_rolled_back_to_what_was_bad_before(production: World) -> None:
    production.at(40, lambda: production.set_alarm("checkout-errors", "OK"))
    production.at(90, lambda: production.set_alarm("checkout-errors", "ALARM"))
    assert fix(production) is Status.ROLLED_BACK
    assert production.alias() == "version 2"


def test_an_alarm_that_stays_red_never_counted(production: World) -> None:
    assert fix(production) is Status.PROMOTED
    record = production.record("the-fix")
    assert not record.alarms[0].armed
    evidence = [event.evidence for event in production.ports.deployments.events("the-fix") if event.evidence]
    assert evidence[-1]["alarms"] == {"checkout-errors": "ALARM (not armed)"}


def test_an_alarm_that_the_target_lets_block_blocks_a_hotfix_too(production: World) -> None:
    production.target(alarms=[{"name": "checkout-errors", "red_at_start": "block"}])
    assert fix(production) is Status.REJECTED
    assert production.alias() == "version 2"


def test_going_back_to_the_version_before_goes_past_the_alarm_at_once(production: World) -> None:
    asked = {"target": "checkout", "version": "1", "strategy": "AllAtOnce", "hotfix": HOTFIX}
    production.run("back", asked)
    assert production.record("back").status is Status.PROMOTED
    assert production.alias() == "version 1"


def test_a_hotfix_rolls_back_the_deployment_that_runs_and_goes_first(production: World) -> None:
    production.set_alarm("checkout-errors", "OK")
    running = production.start(
        "running", {"target": "checkout", "artifact": production.upload("r = 1").model_dump()}
    )
    production.wait(30)
    assert fix(production) is Status.PROMOTED
    assert running.name == "running"
    assert production.record("running").status is Status.ROLLED_BACK
    assert "superseded by the-fix" in production.record("running").reason
