"""Hooks that take their time while the candidate has traffic: looks go on, and people are heard at once."""

from collections.abc import Callable
from typing import Any

import pytest

from controller.core.deployment import Status
from tests.engine.faults import KILLED, Fault
from tests.engine.hook import Says, passes, ready
from tests.engine.traffic import Traffic
from tests.engine.world import World
from tests.tasks.walks import arrive, ask, holder, resume


def runs_for(world: World, seconds: float, then: Says = passes, step: int = 1) -> Says:
    """Answer before a step, but not at once, while the world goes on; before the others at once."""

    def says(asked: dict[str, Any]) -> Any:
        world.lambdas.wait(seconds if asked["step"] == step else 0)
        return then(asked)

    return says


def test_a_hook_that_takes_its_time_is_asked_once_and_looks_go_on_meanwhile() -> None:
    world, hook = ready("before_each_step", timeout="20m")
    hook.says = runs_for(world, 600)
    reads: list[float] = []
    world.fault = lambda operation, moment: (
        reads.append(world.clock.now()) if operation == "DescribeAlarms" else None
    )
    execution = world.push(world.upload())
    assert (execution.status, world.alias(), len(hook.asked)) == ("SUCCEEDED", "version 2", 2)
    record = world.record(execution.name)
    first, second = record.shifts
    assert 660 <= (second.at - first.at).total_seconds() < 670
    looks = [at for at in reads if first.at.timestamp() + 70 < at < second.at.timestamp() - 10]
    assert len({round(at) for at in looks}) >= 8


def test_an_alarm_that_nobody_tells_of_is_found_while_a_hook_runs_and_its_answer_comes_too_late() -> None:
    world, hook = ready("before_each_step", timeout="20m")
    hook.says = runs_for(world, 600)
    world.at(200, lambda: world.set_alarm("errors", "ALARM"))
    execution = world.push(world.upload())
    record = world.record(execution.name)
    assert (execution.error, world.alias(), holder(world)) == ("RolledBack", "version 1", None)
    assert record.ended_at is not None
    assert (record.ended_at - record.started_at).total_seconds() < 200 + 70
    world.settle(3600)
    assert (world.record(execution.name).status, world.alias()) == (Status.ROLLED_BACK, "version 1")
    assert world.told(execution.name)[-1] == "ROLLED_BACK"


def test_a_candidate_that_fails_more_is_convicted_while_a_hook_runs() -> None:
    world, hook = ready("before_each_step", timeout="20m", comparison={}, strategy="Linear50PercentEvery5Minutes")
    hook.says = runs_for(world, 800)
    bad_from = world.clock.now() + 400
    failing: Callable[[str], float] = lambda v: 0.5 if v == "2" and world.clock.now() > bad_from else 0.0  # noqa: E731
    Traffic(world, 60, failing).past(hours=3).flow(40)
    execution = world.push(world.upload())
    record = world.record(execution.name)
    assert execution.error == "RolledBack"
    assert "fails more than version 1" in execution.cause
    assert record.ended_at is not None
    assert (record.ended_at - record.started_at).total_seconds() < 900


@pytest.mark.parametrize("verb", ["abort", "pause", "promote"])
def test_what_a_person_says_while_a_hook_runs_counts_at_once(verb: str) -> None:
    world, hook = ready("before_each_step", timeout="20m")
    hook.says = runs_for(world, 600)
    world.at(200, lambda: ask(world, next(iter(world.machine.requests)), verb))
    world.at(900, lambda: verb == "pause" and ask(world, next(iter(world.machine.requests)), "resume"))
    execution = world.push(world.upload())
    assert execution.status == ("FAILED" if verb == "abort" else "SUCCEEDED")
    record = world.record(execution.name)
    assert record.ended_at is not None
    took = (record.ended_at - record.started_at).total_seconds()
    assert {"abort": 199 < took < 210, "pause": took > 900, "promote": 650 < took < 720}[verb]


def test_a_hook_whose_asker_has_died_is_asked_again_under_the_same_id_when_it_cannot_be_alive() -> None:
    world, hook = ready("before_each_step", timeout="1h")
    execution = arrive(world, "Bake", 2)
    world.fault = Fault(1, "after", KILLED, "Invoke")
    assert resume(execution).status == "SUCCEEDED"
    assert [asked["hook_id"].rpartition(".")[0][-2:] for asked in hook.asked] == [".0", ".1", ".1"]
    first, second = world.record(execution.name).shifts
    assert 15 * 60 < (second.at - first.at).total_seconds() < 22 * 60
