"""What people ask when a deployment has ended: to undo a promotion, and to try again what was refused."""

import pytest

from controller.core.by_hand import Retry
from controller.core.deployment import Status
from controller.core.errors import DeniedError, InputError
from controller.undo import UNDO_MINUTES
from tests.engine.faults import DENIED, Fault
from tests.engine.world import World
from tests.tasks.walks import arrive, ask, edit_alias


@pytest.fixture
def world() -> World:
    """An account with a target that is promoted at once."""
    world = World()
    world.function()
    world.alarm("errors")
    world.target(strategy="AllAtOnce", final_bake="1m", alarms=["errors"])
    return world


def promoted(world: World, code: str = "release = 1", key: str = "checkout/1.zip") -> str:
    """Promote an upload, and return its deployment."""
    execution = world.push(world.upload(code, key))
    assert world.record(execution.name).status is Status.PROMOTED
    return execution.name


def refusal(world: World, name: str, verb: str = "undo") -> str:
    """Return why something that people ask is refused."""
    with pytest.raises(InputError) as refused:
        ask(world, name, verb)
    return str(refused.value)


def test_a_promotion_is_undone_by_one_write_and_told_to_teams(world: World) -> None:
    name = promoted(world)
    writes: list[str] = []
    world.fault = lambda operation, moment: writes.append(operation)
    assert ask(world, name, "undo", reason="wrong prices") == (
        f"deployment {name} is undone: checkout:live is back on version 1"
    )
    world.fault = lambda operation, moment: None
    world.settle(60)
    assert world.alias() == "version 1"
    assert writes.count("UpdateAlias") == 2  # before and after the one call
    record = world.record(name)
    assert (record.status, record.refused, record.reason) == (
        Status.ROLLED_BACK,
        True,
        "undone by kim: wrong prices",
    )
    last = world.ports.bus.told[-1]
    assert (last["transition"], last["status"], last["severity"]) == ("UNDONE", "ROLLED_BACK", "WARNING")
    assert last["message"] == "checkout: undone by kim: wrong prices"


def test_what_was_undone_is_not_deployed_again_by_an_event_but_by_a_person(world: World) -> None:
    artifact = world.upload()
    name = world.push(artifact).name
    ask(world, name, "undo")
    again = world.push(artifact)
    assert world.record(again.name).status is Status.SKIPPED
    assert f"was refused by deployment {name}" in world.record(again.name).reason
    answer = ask(world, name, "retry", reason="the prices were right")
    retried = world.machine.finish(answer.rpartition(" ")[2]).name
    assert world.record(retried).status is Status.PROMOTED
    assert world.alias() == "version 2"
    assert f"retry by kim: the prices were right, as {retried}" in [
        event.reason for event in world.ports.deployments.events(name)
    ]
    assert world.record(retried).retry == Retry(deployment_id=name, by="kim", reason="the prices were right")
    (planned, *_) = world.ports.deployments.events(retried)
    assert planned.reason.endswith(f"; retry of {name} by kim: the prices were right")


def test_whoever_undoes_twice_is_told_that_it_is_done(world: World) -> None:
    name = promoted(world)
    ask(world, name, "undo")
    assert "is ROLLED_BACK; only a promotion can be undone" in refusal(world, name)
    world.settle(60)
    assert world.told(name).count("UNDONE") == 1


def test_only_the_last_promotion_of_a_target_is_undone(world: World) -> None:
    first = promoted(world)
    second = promoted(world, "release = 2", "checkout/2.zip")
    assert refusal(world, first) == (f"control: {second} is live on checkout by now, and not deployment {first}")
    assert world.alias() == "version 3"


def test_a_promotion_is_undone_for_72_hours(world: World) -> None:
    name = promoted(world)
    world.wait(UNDO_MINUTES * 60 - 60)
    ask(world, name, "undo")
    later = promoted(world, "release = 2", "checkout/2.zip")
    world.wait(UNDO_MINUTES * 60 + 60)
    assert "a promotion can be undone for 72 hours" in refusal(world, later)

    assert world.alias() == "version 3"


def test_what_runs_is_aborted_and_not_undone(world: World) -> None:
    name = arrive(world, "Bake").name
    assert refusal(world, name) == (
        f"control: deployment {name} is IN_PROGRESS; only a promotion can be undone; abort it instead"
    )


def test_an_alias_that_somebody_else_has_moved_is_left_alone(world: World) -> None:
    name = promoted(world)
    edit_alias(world, RoutingConfig={"AdditionalVersionWeights": {"1": 0.5}})
    before = world.alias()
    assert "somebody else has changed it" in refusal(world, name)
    assert world.alias() == before


def test_nothing_is_undone_under_a_deployment_that_runs(world: World) -> None:
    name = promoted(world)
    running = arrive(world, "Shift", artifact=world.upload("release = 2", "checkout/2.zip")).name
    assert refusal(world, name) == (
        f"control: function checkout is being deployed by {running}; abort that one first"
    )
    assert world.alias() == "version 2"


def test_a_deployment_that_claims_the_function_in_the_very_moment_is_not_written_over(world: World) -> None:
    name = promoted(world)
    world.meanwhile("UpdateAlias", lambda: edit_alias(world, Description="touched"), "before")
    with pytest.raises(Exception, match="not all of it is undone, ask again"):
        ask(world, name, "undo")
    assert world.alias() == "version 2"
    assert world.record(name).status is Status.PROMOTED
    ask(world, name, "undo")
    assert world.alias() == "version 1"


def test_there_is_no_way_back_to_a_version_that_is_gone(world: World) -> None:
    name = promoted(world)
    world.aws("DeleteFunction", FunctionName="checkout", Qualifier="1")
    assert "it cannot be undone" in refusal(world, name)
    assert world.alias() == "version 2"


def test_a_failure_in_the_middle_says_what_is_where_and_is_mended_by_asking_again(world: World) -> None:
    world.function("basket")
    world.target(members=[{"function": "checkout"}, {"function": "basket"}], strategy="AllAtOnce", final_bake="1m")
    name = promoted(world)
    world.fault = Fault(1, error=DENIED, operation="UpdateAlias")
    with pytest.raises(DeniedError) as denied:
        ask(world, name, "undo")
    world.fault = lambda operation, moment: None
    assert str(denied.value).endswith("Now checkout:live is on version 2; basket:live is on version 1")
    assert world.record(name).status is Status.PROMOTED
    ask(world, name, "undo")
    assert (world.alias(), world.alias("basket")) == ("version 1", "version 1")
    assert world.record(name).status is Status.ROLLED_BACK


def test_what_was_promoted_after_an_undo_has_the_old_version_as_its_way_back(world: World) -> None:
    ask(world, promoted(world), "undo")
    later = promoted(world, "release = 3", "checkout/3.zip")
    assert world.record(later).members[0].baseline == "1"
    ask(world, later, "undo")
    assert world.alias() == "version 1"


def test_a_deployment_is_tried_again_once(world: World) -> None:
    world.set_alarm("errors", "ALARM")
    refused = world.push(world.upload()).name
    assert world.record(refused).status is Status.REJECTED
    world.set_alarm("errors", "OK")
    first = ask(world, refused, "retry")
    world.wait(1)
    assert ask(world, refused, "retry") == (
        f"deployment {refused} was tried again already, as {first.rpartition(' ')[2]}"
    )
    assert world.record(world.machine.finish(first.rpartition(" ")[2]).name).status is Status.PROMOTED


def test_there_is_nothing_to_try_again_while_it_runs_or_when_it_was_promoted(world: World) -> None:
    running = arrive(world, "Bake").name
    assert "is IN_PROGRESS; there is nothing to try again" in refusal(world, running, "retry")
    world.machine.finish(running)
    assert "is PROMOTED; there is nothing to try again" in refusal(world, running, "retry")


def test_what_names_nothing_cannot_be_tried_again(world: World) -> None:
    world.run("no-artifact", {"target": "checkout"})
    assert "names nothing that could be deployed" in refusal(world, "no-artifact", "retry")
