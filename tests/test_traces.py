"""Traces: what a sampled one says of a deployment in each of its Lambdas, as the X-Ray daemon hears it."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from controller import bootstrap, observability
from controller.handlers import visit
from controller.handlers.control import on_control
from controller.handlers.restore import on_dead_execution
from controller.handlers.shift import on_shift
from controller.handlers.signal import on_signal
from controller.settings import Settings
from tests.engine.entry_points import LambdaContext, Machine
from tests.engine.events import fired
from tests.engine.world import STAGE, World
from tests.test_cold_start import in_a_fresh_process

SAMPLED = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
Subsegment = tuple[str, dict[str, str]]


def test_the_daemon_hears_a_subsegment_with_its_annotations_in_the_trace_of_lambda(tmp_path: Path) -> None:
    code = """
from controller.observability import traced
with traced("Judge", deployment_id="checkout-1", state="Judge") as annotate:
    annotate("target", "checkout")
    annotate("nothing", "")
"""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        daemon.settimeout(30)
        address = f"127.0.0.1:{daemon.getsockname()[1]}"
        environment = {
            "_X_AMZN_TRACE_ID": SAMPLED,
            "LAMBDA_TASK_ROOT": str(tmp_path),
            "AWS_LAMBDA_FUNCTION_NAME": "f",
        }
        in_a_fresh_process(code, AWS_XRAY_DAEMON_ADDRESS=address, **environment)
        header, _, text = daemon.recv(65536).decode().partition("\n")
    assert json.loads(header)["format"] == "json"
    told = json.loads(text)
    assert told["trace_id"] == "1-5759e988-bd862e3fe1be46a994272793"
    assert (told["name"], told["parent_id"]) == ("## Judge", "53995c3f42cd8ad8")
    assert told["annotations"] == {"deployment_id": "checkout-1", "state": "Judge", "target": "checkout"}


@pytest.fixture
def subsegments(monkeypatch: pytest.MonkeyPatch) -> list[Subsegment]:
    """Return where subsegments are kept, with their annotations, of traces that are all sampled."""
    kept: list[Subsegment] = []

    @contextmanager
    def in_subsegment(name: str) -> Iterator[Any]:
        annotations: dict[str, str] = {}
        kept.append((name, annotations))
        yield SimpleNamespace(put_annotation=annotations.__setitem__)

    tracer = SimpleNamespace(provider=SimpleNamespace(in_subsegment=in_subsegment))
    monkeypatch.setattr(observability, "_tracer", lambda: tracer)
    monkeypatch.setenv("_X_AMZN_TRACE_ID", SAMPLED)
    return kept


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Return an account with the function checkout and its target, and the entry points in it."""
    world = World()
    world.function()
    world.target()
    chosen = Settings(STAGE, "123456789012", "table", "default", "arn", 60.0)
    monkeypatch.setattr(bootstrap, "ports", lambda: world.ports)
    monkeypatch.setattr(bootstrap, "settings", lambda: chosen)
    monkeypatch.setattr(observability.metrics.provider, "namespace", "Rampart")
    monkeypatch.setattr(visit, "datetime", SimpleNamespace(now=lambda _: world.now()))
    machine = Machine()
    world.tasks = machine.invoke
    return world


def test_every_state_of_a_deployment_is_found_by_its_id_and_by_its_target(
    world: World, subsegments: list[Subsegment]
) -> None:
    execution = world.run("by-hand", {"target": "checkout", "artifact": world.upload().model_dump()})
    assert execution.status == "SUCCEEDED"
    states = [name.removeprefix("## ") for name, _ in subsegments]
    assert {"Plan", "Publish", "Verify", "Shift", "Bake", "Judge", "Promote"} == set(states)
    for state, (_, annotations) in zip(states, subsegments, strict=True):
        assert annotations == {"deployment_id": "by-hand", "target": "checkout", "state": state}


def test_what_fails_is_traced_too_and_a_record_that_cannot_be_read_costs_the_target_alone(
    world: World, subsegments: list[Subsegment]
) -> None:
    with pytest.raises(Exception, match="has no record"):
        on_shift({"deployment_id": "nothing"}, LambdaContext())
    assert subsegments == [("## Shift", {"deployment_id": "nothing", "state": "Shift"})]


def test_what_a_person_asks_and_what_an_alarm_stops_are_found_by_the_deployments_id(
    world: World, subsegments: list[Subsegment]
) -> None:
    world.alarm("errors")
    world.target(alarms=["errors"])
    asked = {"deployment_id": "by-hand", "verb": "approve", "by": "kim", "reason": "seen by hand"}
    world.at(20, lambda: on_control(asked, LambdaContext()))
    world.at(30, lambda: on_signal(fired("errors", world.now().isoformat()), LambdaContext()))
    world.run("by-hand", {"target": "checkout", "artifact": world.upload().model_dump()})
    told = dict(subsegments)
    assert told["## Control"] == {"deployment_id": "by-hand", "target": "checkout", "state": "Control"}
    assert told["## Signal"] == {"deployment_id": "by-hand", "state": "Signal"}


def test_the_restoring_of_a_dead_execution_is_found_by_its_id(world: World, subsegments: list[Subsegment]) -> None:
    dead = {"name": "dead", "status": "ABORTED", "executionArn": "arn", "input": '{"target": "checkout"}'}
    on_dead_execution({"detail": dead}, LambdaContext())
    assert subsegments == [("## Restore", {"deployment_id": "dead", "target": "checkout", "state": "Restore"})]
