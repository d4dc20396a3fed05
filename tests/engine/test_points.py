"""Every call of AWS that the controller makes is a point at which something may happen."""

from collections.abc import Callable

import pytest

from controller import ports
from controller.core.errors import DeniedError, UnavailableError
from controller.ports import Bus
from tests.engine.deliveries import RETRY_SECONDS, STREAM_RETRIES
from tests.engine.faults import BROKEN, CRASH, DENIED, KILLED, LOST, THROTTLE, Fault, no_fault
from tests.engine.lambdas import DEFAULT_SECONDS, SECONDS, Died
from tests.engine.memory import MemoryBus
from tests.engine.points import OPERATIONS, tapped
from tests.engine.world import World
from tests.sam_template import FUNCTIONS, GLOBALS, RESOURCES
from tests.tasks.walks import TASKS

CALLS: dict[str, Callable[[World], object]] = {
    "GetItem": lambda world: world.ports.deployments.find("d-1"),
    "GetParameter": lambda world: world.ports.targets.read("checkout"),
    "HeadObject": lambda world: world.ports.artifacts.current(world.upload(), None),
    "PutEvents": lambda world: world.ports.bus.send({}),
    "DescribeAlarms": lambda world: world.ports.alarms._describe(["errors"]),  # reading alarms never raises
    "GetAlias": lambda world: world.ports.functions.alias("checkout", "live"),
    "StartExecution": lambda world: world.ports.executions.start("d-1", "{}"),
}


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("fault", [THROTTLE, BROKEN], ids=str)
def test_a_call_that_fails_for_now_fails_as_its_adapter_says_it(
    world: World, operation: str, fault: BaseException
) -> None:
    world.fault = Fault(1, error=fault, operation=operation)
    with pytest.raises(UnavailableError):
        CALLS[operation](world)


@pytest.mark.parametrize("operation", CALLS)
def test_a_call_that_is_denied_fails_as_its_adapter_says_it(world: World, operation: str) -> None:
    world.fault = Fault(1, error=DENIED, operation=operation)
    with pytest.raises(DeniedError):
        CALLS[operation](world)


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("death", [CRASH, KILLED], ids=str)
def test_a_death_is_nothing_that_anybody_handles(world: World, operation: str, death: Died) -> None:
    world.fault = Fault(1, error=death, operation=operation)
    with pytest.raises(Died):
        CALLS[operation](world)


def test_a_fault_before_the_effect_prevents_it_and_one_after_does_not(world: World) -> None:
    world.fault = Fault(1, "before", LOST, "StartExecution")
    with pytest.raises(Exception, match="timeout"):
        world.ports.executions.start("d-1", "{}")
    assert world.ports.executions.started == {}
    world.fault = Fault(1, "after", LOST, "StartExecution")
    with pytest.raises(Exception, match="timeout"):
        world.ports.executions.start("d-1", "{}")
    assert world.ports.executions.started == {"d-1": "{}"}


def test_a_fault_counts_the_calls_of_its_kind_or_all(world: World) -> None:
    counted = {operation: Fault(0, operation=operation) for operation in (None, "GetAlias")}

    def count(operation: str, moment: str) -> None:
        for fault in counted.values():
            fault(operation, moment)

    world.fault = count
    for operation in ("GetAlias", "GetItem", "GetAlias"):
        CALLS[operation](world)
    assert [len(fault.calls) for fault in counted.values()] == [3, 2]


def test_somebody_acts_once_before_or_after_the_call_that_was_named(world: World) -> None:
    seen: list[str] = []
    world.meanwhile("GetAlias", lambda: seen.append("before the second"), nth=2)
    world.meanwhile("GetAlias", lambda: seen.append("after the second"), "after", nth=2)
    for _ in range(3):
        CALLS["GetAlias"](world)
        seen.append("a call")
    assert seen == ["a call", "before the second", "after the second", "a call", "a call"]


def test_what_the_test_itself_looks_at_is_no_call(world: World) -> None:
    world.fault = counter = Fault(0)
    assert world.alias() == "version 1"
    assert counter.calls == []


@pytest.mark.parametrize("protocol", OPERATIONS, ids=lambda protocol: protocol.__name__)
def test_every_call_of_a_port_in_memory_has_its_operation(protocol: type) -> None:
    assert OPERATIONS[protocol].keys() == {name for name in vars(protocol) if not name.startswith("_")}


def test_a_port_with_a_call_that_is_unknown_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports.Bus, "receive", lambda self: None, raising=False)
    with pytest.raises(AssertionError, match=r"Bus: \{'receive'\}"):
        tapped(MemoryBus(), Bus, no_fault)


def test_an_event_is_repeated_as_often_as_the_template_says() -> None:
    for name in ("Intake", "Signal", "Restore"):
        assert FUNCTIONS[f"{name}Function"]["EventInvokeConfig"]["MaximumRetryAttempts"] == len(RETRY_SECONDS)
    assert RESOURCES["NotifyTransitions"]["Properties"]["MaximumRetryAttempts"] == STREAM_RETRIES


def test_a_function_may_take_as_long_as_the_template_says() -> None:
    for name in (*TASKS, "Bake", "RollBack", "GiveUp", "Intake", "Signal", "Restore", "Notify", "Reconcile"):
        said = FUNCTIONS[f"{name}Function"].get("Timeout", GLOBALS["Timeout"])
        assert SECONDS.get(name, DEFAULT_SECONDS) == said
