"""Which versions prune finds nobody to need, and why it keeps the others."""

from datetime import timedelta
from typing import Any

import pytest

from controller.core.pruning import WAY_BACK
from rampart.cli.prune import prune_functions
from tests.cli.paper import WIDE, assert_golden, printed
from tests.cli.pruner import Pruner, account, deploy, publish, with_a_policy
from tests.engine.account import zip_of
from tests.engine.world import World
from tests.tasks.walks import ask, versions


@pytest.fixture
def world() -> World:
    """Return an account with something to prune."""
    return account()


@pytest.fixture
def pruner(world: World) -> Pruner:
    """Return somebody who prunes there."""
    return Pruner(world)


def test_by_default_it_is_only_said(world: World, pruner: Pruner) -> None:
    publish(world, 2, 3, 4, 5)
    name = deploy(world, 3)
    text = printed(lambda console: prune_functions(console, pruner, ["checkout"], 2, world.now(), yes=False), WIDE)
    assert_golden("prune", text.replace(name, "checkout-EXECUTION"))
    assert versions(world) == ["1", "2", "3", "4", "5"]


def test_what_nobody_needs_is_deleted_on_a_yes_and_a_second_time_there_is_nothing_to_do(
    world: World, pruner: Pruner
) -> None:
    publish(world, 2, 3, 4, 5)
    deploy(world, 3)
    well, told = pruner.run(yes=True)
    assert (well, told["deleted"], told["failures"]) == (True, [2], [])
    assert versions(world) == ["1", "3", "4", "5"]
    assert pruner.run(yes=True)[1]["deleted"] == []


def test_the_way_back_is_kept_for_three_days_and_that_of_the_last_promotion_for_ever(
    world: World, pruner: Pruner
) -> None:
    publish(world, 2, 3, 4, 5, 6)
    first, second = deploy(world, 2), deploy(world, 3)
    assert set(pruner.kept()) == {1, 2, 3, 5, 6}
    world.wait((WAY_BACK + timedelta(minutes=1)).total_seconds())
    kept = pruner.kept()
    assert set(kept) == {2, 3, 5, 6}
    assert kept[2] == f"{second} was the last promotion of checkout"
    assert first not in " ".join(kept.values())


def test_a_promotion_that_the_history_does_not_show_yet_keeps_its_way_back(
    world: World, pruner: Pruner, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(world, 2, 3, 4, 5)
    deploy(world, 3)
    monkeypatch.setattr(world.ports.deployments, "history", lambda target, limit: [])
    assert set(pruner.kept(1)) == {1, 3, 5}


def test_a_target_whose_document_is_gone_keeps_what_its_deployments_can_go_back_to(
    world: World, pruner: Pruner
) -> None:
    publish(world, 2, 3, 4, 5)
    first, second = deploy(world, 2), deploy(world, 3)
    del world.ports.targets.documents["checkout"]
    kept = pruner.kept(1)
    assert set(kept) == {1, 2, 3, 5}
    assert first in kept[1]
    assert second in kept[2]
    assert pruner.run()[1]["former_targets"] == ["checkout"]
    assert "is back on version 2" in ask(world, second, "undo")


def test_the_way_back_of_a_former_target_is_kept_for_as_long_as_an_alias_is_on_what_it_promoted(
    world: World, pruner: Pruner
) -> None:
    publish(world, 2, 3, 4, 5)
    deploy(world, 3)
    del world.ports.targets.documents["checkout"]
    world.wait((WAY_BACK + timedelta(minutes=1)).total_seconds())
    assert set(pruner.kept(1)) == {1, 3, 5}
    world.aws("UpdateAlias", FunctionName="checkout", Name="live", FunctionVersion="4")
    assert set(pruner.kept(1)) == {4, 5}


def test_a_target_that_has_another_function_now_counts_as_a_former_one(world: World, pruner: Pruner) -> None:
    world.function("receipts")
    publish(world, 2, 3, 4, 5)
    name = deploy(world, 3)
    world.target(strategy="AllAtOnce", members=[{"function": "receipts"}])
    assert pruner.kept(1)[1] == f"{name} was the last promotion of checkout"
    assert pruner.run()[1]["former_targets"] == ["checkout"]


def test_it_is_said_that_a_target_has_no_document_any_more(world: World, pruner: Pruner) -> None:
    publish(world, 2, 3)
    deploy(world, 3)
    del world.ports.targets.documents["checkout"]
    text = printed(lambda console: prune_functions(console, pruner, ["checkout"], 1, world.now(), yes=False), WIDE)
    assert "  target checkout deployed it once and names it no more: what it promoted last is kept " in text


def test_an_unfinished_deployment_of_a_former_target_keeps_its_versions_though_somebody_freed_its_claim(
    world: World, pruner: Pruner
) -> None:
    publish(world, 2, 3, 4, 5)
    world.start("running", {"target": "checkout", "version": "3"})
    world.go_on(lambda: world.ports.deployments.holder("checkout") is not None)
    del world.ports.targets.documents["checkout"]
    world.ports.deployments.free("checkout")
    assert {version: why for version, why in pruner.kept(1).items() if "running is" in why}.keys() == {1, 3}


def test_every_alias_keeps_both_of_its_versions_however_small_the_weight(world: World, pruner: Pruner) -> None:
    publish(world, 2, 3, 4, 5)
    weights = {"AdditionalVersionWeights": {"3": 0.00001}}
    world.aws("CreateAlias", FunctionName="checkout", Name="beta", FunctionVersion="2", RoutingConfig=weights)
    assert pruner.kept(1) == {
        1: "alias live is on it",
        2: "alias beta is on it",
        3: "alias beta is on it",
        5: "the newest",
    }


def with_provisioned_concurrency(world: World) -> None:
    world.aws(
        "PutProvisionedConcurrencyConfig", FunctionName="checkout", Qualifier="2", ProvisionedConcurrentExecutions=1
    )


def with_an_event_source(world: World) -> None:
    queue = "arn:aws:sqs:eu-west-1:123456789012:orders"
    world.aws("CreateEventSourceMapping", FunctionName="checkout:2", EventSourceArn=queue)


def with_requests(world: World) -> None:
    world.aws("Invoke", FunctionName="checkout", Qualifier="2", Payload=b"{}")


@pytest.mark.parametrize(
    ("use", "why"),
    [
        (with_provisioned_concurrency, "it has provisioned concurrency"),
        (with_an_event_source, "event source mapping id-"),
        (with_a_policy, "its policy lets others invoke it (gateway)"),
        (with_requests, "it was invoked by its number 1 times last week"),
    ],
)
def test_whoever_names_a_version_keeps_it(world: World, pruner: Pruner, use: Any, why: str) -> None:
    publish(world, 2, 3, 4)
    assert set(pruner.kept(1)) == {1, 4}
    use(world)
    kept = pruner.kept(1)
    assert set(kept) == {1, 2, 4}
    assert kept[2].startswith(why)


def test_a_week_and_the_time_to_undo_are_of_the_minutes_of_the_aws_that_it_looks_at() -> None:
    world = World(minute_seconds=10)
    world.function()
    world.target(strategy="AllAtOnce", final_bake="1m")
    pruner = Pruner(world)
    publish(world, 2, 3, 4, 5)
    with_requests(world)
    name, later = deploy(world, 4), deploy(world, 5)
    kept = pruner.kept(1)
    assert (set(kept), kept[2]) == ({1, 2, 4, 5}, "it was invoked by its number 1 times last week")
    assert name in kept[1]
    world.wait((WAY_BACK / 6).total_seconds() + 10)
    assert set(pruner.kept(1)) == {2, 4, 5}
    assert later in pruner.kept(1)[4]
    world.wait(8 * 24 * 60 * 10)
    assert set(pruner.kept(1)) == {4, 5}


@pytest.mark.parametrize("status", ["RUNNING", "PAUSING", "PAUSED"])
def test_a_durable_execution_keeps_its_version_until_it_has_ended(status: str) -> None:
    world = World()
    world.aws(
        "CreateFunction",
        FunctionName="checkout",
        Role="arn:aws:iam::123456789012:role/app",
        Handler="app.handler",
        Runtime="python3.13",
        Code={"ZipFile": zip_of("release = 0")},
        DurableConfig={"ExecutionTimeout": 3_600, "RetentionPeriodInDays": 1},
        Tags={"rampart:managed": "dev"},
    )
    world._make_live("checkout")
    world.target()
    publish(world, 2, 3, 4)
    execution = world.aws_lambda.durable.begin("checkout", "2", status)
    pruner = Pruner(world)
    assert pruner.kept(1)[2] == "a durable execution of it is under way"
    assert pruner.run(keep=1, yes=True)[1]["deleted"] == [3]
    world.aws_lambda.durable.end(execution)
    assert pruner.run(keep=1, yes=True)[1]["deleted"] == [2]
