"""What repair finds, what it mends, and what it leaves to a person."""

from collections.abc import Callable
from functools import partial

import pytest

from controller.core.deployment import Status
from controller.core.errors import InputError
from controller.tasks.give_up import give_up
from rampart.cli.repair import Finding, examine_function, examine_target, repair
from rampart.embedded.wire import ApiError
from tests.cli.operator import Operator, Running
from tests.cli.paper import WIDE, assert_golden, printed
from tests.engine.walker import Execution
from tests.engine.world import World
from tests.tasks.walks import arrive, edit_alias, holder, resume, visit

HALF = {"AdditionalVersionWeights": {"2": 0.5}}
"""The weights of the first step of the world's target."""


@pytest.fixture
def world() -> World:
    """Return an account with the function checkout and its target."""
    world = World()
    world.function()
    world.target(strategy="Linear50PercentEvery1Minute")
    return world


@pytest.fixture
def operator(world: World) -> Operator:
    """Return a person at the command line, for whom no execution is running."""
    return Operator(world)


def run(operator: Operator, examine: Callable[[], list[Finding]] | None = None, *, yes: bool = False) -> str:
    """Return what repair prints, with its answer in the last line."""
    answer: list[bool] = []
    look = examine or partial(examine_target, operator, "checkout")
    text = printed(lambda console: answer.append(repair(console, look, yes)), WIDE)
    return f"{text}exit {0 if answer[0] else 1}\n"


def rolled_back(world: World) -> Execution:
    """Return a deployment whose candidate 2 had half of the traffic, and which was rolled back."""
    execution = arrive(world, "Judge")
    Operator(world).ask("abort", execution.name, "ada", "wrong build")
    assert world.record(execution.name).status is Status.ROLLED_BACK
    return execution


def test_a_running_deployment_is_left_alone(world: World, operator: Operator) -> None:
    execution = arrive(world, "Judge")
    assert isinstance(operator.executions, Running)
    operator.executions.alive.add(world.record(execution.name).execution_arn)
    assert run(operator, yes=True) == "Nothing is stuck.\nexit 0\n"
    assert world.alias() == "version 1 with 50% on version 2"
    assert holder(world) == execution.name


def test_without_a_yes_nothing_is_changed(world: World, operator: Operator) -> None:
    execution = arrive(world, "Judge")
    before = world.record(execution.name)
    assert_golden("repair-dead", run(operator).replace(execution.name, "checkout-EXECUTION"))
    assert world.record(execution.name) == before
    assert world.alias() == "version 1 with 50% on version 2"


@pytest.mark.parametrize("function_only", [True, False], ids=["by function", "by target"])
def test_a_deployment_whose_execution_died_is_ended_by_the_controllers_own_rollback(
    world: World, operator: Operator, function_only: bool
) -> None:
    execution = arrive(world, "Judge")
    examine = partial(examine_function, operator, "checkout", "live") if function_only else None
    text = run(operator, examine, yes=True)
    assert text.endswith(f"deployment {execution.name} is ROLLED_BACK\nNothing is stuck.\nexit 0\n")
    record = world.record(execution.name)
    assert record.status is Status.ROLLED_BACK
    assert record.reason.endswith("abort by user/kim: rampart repair: it cannot end by itself")
    assert (world.alias(), holder(world)) == ("version 1", None)


def test_a_dead_deployment_on_an_alias_that_somebody_moved_ends_drifted_and_the_alias_is_kept(
    world: World, operator: Operator
) -> None:
    execution = arrive(world, "Judge")
    edit_alias(world, RoutingConfig={"AdditionalVersionWeights": {"2": 0.2}})
    text = run(operator, yes=True)
    assert world.record(execution.name).status is Status.DRIFTED
    assert world.alias() == "version 1 with 20% on version 2"
    assert "Left to do:\n1. alias checkout:live is on version 1 with 20% on version 2, not what" in text
    assert text.endswith("exit 1\n")


def test_a_rollback_that_failed_is_tried_again(world: World, operator: Operator) -> None:
    execution = arrive(world, "Judge")
    give_up(visit(world, execution), "Lambda is down")
    assert f"1. the rollback of {execution.name} failed: " in run(operator)
    assert run(operator, yes=True).endswith("Nothing is stuck.\nexit 0\n")
    assert world.record(execution.name).status is Status.ROLLED_BACK
    assert (world.alias(), holder(world)) == ("version 1", None)


def test_what_fails_is_said_and_is_still_left_to_do(world: World, operator: Operator) -> None:
    execution = arrive(world, "Judge")
    give_up(visit(world, execution), "Lambda is down")

    def down(operation: str, moment: str) -> None:
        if operation == "UpdateAlias":
            raise ApiError("ServiceException", "Lambda is down", 503)

    world.fault = down
    text = run(operator, yes=True)
    assert "1. failed: alias checkout:live: Lambda is down\nLeft to do:\n1. the rollback of" in text
    assert text.endswith("exit 1\n")


@pytest.mark.parametrize("function_only", [True, False], ids=["by function", "by target"])
def test_a_claim_whose_owner_has_no_record_is_freed(world: World, operator: Operator, function_only: bool) -> None:
    rolled_back(world)
    world.ports.deployments.give_away("checkout", "gone-1")
    examine = partial(examine_function, operator, "checkout", "live") if function_only else None
    assert_golden("repair-claim", run(operator, examine))
    assert holder(world) == "gone-1"
    assert run(operator, examine, yes=True).endswith("1. function checkout is free\nNothing is stuck.\nexit 0\n")
    assert holder(world) is None


def test_a_claim_whose_owner_has_ended_is_freed(world: World, operator: Operator) -> None:
    execution = rolled_back(world)
    world.ports.deployments.give_away("checkout", execution.name)
    assert f"1. function checkout is claimed by {execution.name}, which is ROLLED_BACK\n" in run(operator)
    run(operator, yes=True)
    assert holder(world) is None


def test_a_claim_without_record_whose_execution_runs_is_for_a_person(world: World, operator: Operator) -> None:
    rolled_back(world)
    world.ports.deployments.give_away("checkout", "gone-1")
    assert isinstance(operator.executions, Running)
    operator.executions.alive.add("arn:gone-1")
    text = run(operator, yes=True)
    assert "   aws stepfunctions stop-execution --execution-arn arn:gone-1 --region eu-west-1\nexit 1\n" in text
    assert holder(world) == "gone-1"


def test_a_claim_that_moved_on_meanwhile_is_not_freed(world: World, operator: Operator) -> None:
    rolled_back(world)
    world.ports.deployments.give_away("checkout", "gone-1")
    (found,) = examine_target(operator, "checkout")
    world.ports.deployments.give_away("checkout", "somebody-2")
    assert "1. failed: claim on function checkout: it has changed\n" in run(operator, lambda: [found], yes=True)
    assert holder(world) == "somebody-2"


def test_weights_that_a_late_write_left_are_taken_off(world: World, operator: Operator) -> None:
    rolled_back(world)
    edit_alias(world, RoutingConfig=HALF)
    assert run(operator, yes=True).endswith("1. alias checkout:live is on version 1\nNothing is stuck.\nexit 0\n")
    assert world.alias() == "version 1"


def test_an_edit_between_the_look_and_the_mending_is_not_overwritten(world: World, operator: Operator) -> None:
    rolled_back(world)
    edit_alias(world, RoutingConfig=HALF)
    (found,) = examine_target(operator, "checkout")
    edit_alias(world, RoutingConfig={"AdditionalVersionWeights": {"2": 0.3}})
    assert "1. failed: alias checkout:live: " in run(operator, lambda: [found], yes=True)
    assert world.alias() == "version 1 with 30% on version 2"


def test_a_strangers_split_is_refused_with_the_command_that_heals_it(world: World, operator: Operator) -> None:
    rolled_back(world)
    edit_alias(world, RoutingConfig={"AdditionalVersionWeights": {"2": 0.3}})
    revision = operator.functions.alias("checkout", "live").revision_id
    text = run(operator, yes=True)
    assert_golden("repair-stranger", text.replace(revision, "REVISION").replace(_last(world), "checkout-EXECUTION"))
    assert world.alias() == "version 1 with 30% on version 2"
    assert operator.functions.alias("checkout", "live").revision_id == revision


def test_weights_on_a_promoted_candidate_are_a_persons_doing(world: World, operator: Operator) -> None:
    resume(arrive(world, "Judge"))
    assert world.record(_last(world)).status is Status.PROMOTED
    edit_alias(world, FunctionVersion="1", RoutingConfig=HALF)
    assert run(operator, yes=True).endswith("exit 1\n")
    assert world.alias() == "version 1 with 50% on version 2"


def test_a_function_of_no_target_is_a_strangers(world: World, operator: Operator) -> None:
    rolled_back(world)
    edit_alias(world, RoutingConfig=HALF)
    text = run(operator, partial(examine_function, operator, "checkout", "live"), yes=True)
    assert "1. alias checkout:live is on version 1 with 50% on version 2, nothing that we know of\n" in text
    assert world.alias() == "version 1 with 50% on version 2"


def test_an_alias_that_is_not_there_is_for_a_person_and_its_claim_is_freed(
    world: World, operator: Operator
) -> None:
    rolled_back(world)
    world.ports.deployments.give_away("checkout", "gone-1")
    world.aws("DeleteAlias", FunctionName="checkout", Name="live")
    text = run(operator, yes=True)
    assert "2. function checkout is free\nLeft to do:\n1. alias checkout:live: " in text
    assert text.endswith("for a person: create it, or take it out of the target\nexit 1\n")
    assert holder(world) is None


def test_an_alias_that_no_first_deployment_has_made_yet_is_nothing_that_is_stuck(
    world: World, operator: Operator
) -> None:
    world.aws("DeleteAlias", FunctionName="checkout", Name="live")
    execution = arrive(world, "Shift")
    Operator(world).ask("abort", execution.name, "ada", "wrong build")
    assert run(operator) == "Nothing is stuck.\nexit 0\n"
    world.push(world.upload("release = 2"))
    world.aws("DeleteAlias", FunctionName="checkout", Name="live")
    assert "for a person: create it, or take it out of the target" in run(operator)


def test_a_target_of_which_nothing_is_on_record_is_refused(operator: Operator) -> None:
    with pytest.raises(InputError) as refused:
        examine_target(operator, "chekout")
    line = "no deployment of target 'chekout' is on record; name a function with --function"
    assert str(refused.value) == line


def _last(world: World) -> str:
    (last,) = world.ports.deployments.history("checkout", 1)
    return last.deployment_id
