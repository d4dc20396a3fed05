"""An update of Rampart itself meets deployments that the version before it has begun.

`records/before.json` holds, for some states, the record and the document of the state machine as it wrote them.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from controller.core.deployment import Deployment, Status
from tests.engine import walker
from tests.engine.world import World, act_of
from tests.tasks.walks import arrive, resume

BEFORE = json.loads((Path(__file__).parent / "records" / "before.json").read_text())
ROWS = [pytest.param(row, id=f"{row['state']} {row['visit']}") for row in BEFORE]


@pytest.fixture
def world() -> World:
    """An account with the function checkout, its target and one alarm."""
    world = World()
    world.function()
    world.alarm("errors")
    world.target(alarms=["errors"], test_events=[{"name": "ping", "payload": {"ping": 1.5}}])
    return world


def as_before(world: World, row: dict[str, Any]) -> walker.Execution:
    """Return an execution at a state, with its record and document as the version before had them."""
    execution = arrive(world, row["state"], row["visit"])
    record = world.record(execution.name).model_dump(mode="json")
    older = _of_the_same_fields(record, row["record"])
    world.ports.deployments.records[execution.name] = Deployment.read(older)
    execution.document = {name: execution.document[name] for name in row["document"]}
    return execution


def _of_the_same_fields(value: Any, before: Any) -> Any:
    """Return a value without what the version before did not write."""
    if isinstance(before, dict) and isinstance(value, dict):
        return {n: _of_the_same_fields(v, before[n]) for n, v in value.items() if n in before}
    if isinstance(before, list) and before and isinstance(value, list):
        return [_of_the_same_fields(each, before[0]) for each in value]
    return value


@pytest.mark.parametrize("row", ROWS)
def test_a_record_of_the_version_before_is_read_as_it_was_meant(row: dict[str, Any]) -> None:
    read = Deployment.read(row["record"]).model_dump(mode="json")
    written = {name: value for name, value in row["record"].items() if name in Deployment.model_fields}
    assert _of_the_same_fields(read, row["record"]) == written


@pytest.mark.parametrize("row", ROWS)
def test_a_deployment_of_the_version_before_is_promoted(world: World, row: dict[str, Any]) -> None:
    execution = resume(as_before(world, row))
    assert execution.status == "SUCCEEDED"
    assert world.alias() == "version 2"
    assert world.ports.deployments.claim("checkout").owner is None


@pytest.mark.parametrize("row", ROWS)
def test_a_deployment_of_the_version_before_is_rolled_back(world: World, row: dict[str, Any]) -> None:
    execution = as_before(world, row)
    world.set_alarm("errors", "ALARM")
    assert resume(execution).error == "RolledBack"
    assert world.record(execution.name).status is Status.ROLLED_BACK
    assert world.alias() == "version 1"


def test_an_execution_of_the_definition_before_does_not_say_when_it_began(world: World) -> None:
    (name,) = world.take_in(world.upload()).started
    payload = {"request": json.loads(world.ports.executions.started[name]), "execution_arn": "arn"}
    ruling = act_of("Plan")(world.visit(name), payload)
    assert ruling
    assert ruling.decision == "PUBLISH"
