"""Which versions prune finds nobody to need, what it deletes, and what keeps it from deleting."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from controller.core.deployment import Mark
from controller.core.errors import ConflictError, ControllerError, InputError
from controller.core.pruning import WAY_BACK, PublishedVersion
from controller.ports import Deployments, Metrics, Targets
from rampart.cli.prune import Done, carry_out, functions_of, prune_functions, survey
from rampart.cli.versions import Versions
from rampart.embedded.wire import ApiError
from tests.cli.paper import WIDE, assert_golden, printed
from tests.engine.account import zip_of
from tests.engine.model_client import ModelClient
from tests.engine.world import World
from tests.tasks.walks import ask, mark, versions


@dataclass
class Pruner:
    """Somebody who prunes in a world, by the world's clock."""

    world: World
    deployments: Deployments = field(init=False)
    targets: Targets = field(init=False)
    metrics: Metrics = field(init=False)
    minute_seconds: float = field(init=False)
    versions: Versions = field(init=False)

    def __post_init__(self) -> None:
        self.deployments = self.world.ports.deployments
        self.targets = self.world.ports.targets
        self.metrics = self.world.ports.metrics
        self.minute_seconds = self.world.clock.minute_seconds
        client: Any = ModelClient("lambda", self.world.aws_lambda, self.world._point)
        self.versions = Versions(client)

    def run(self, *, yes: bool = False, keep: int = 2) -> tuple[bool, dict[str, Any]]:
        """Prune the function checkout, and return whether all went well and what came of it."""
        well, (told,) = prune_functions(None, self, ["checkout"], keep, self.world.now(), yes=yes)
        return well, told

    def kept(self, keep: int = 2) -> dict[int, str]:
        """Return why versions are kept."""
        return {each["version"]: "; ".join(each["reasons"]) for each in self.run(keep=keep)[1]["kept"]}


@pytest.fixture
def world() -> World:
    """Return an account with the function checkout, whose target is deployed all at once."""
    world = World()
    world.function()
    world.target(strategy="AllAtOnce", final_bake="1m")
    return world


@pytest.fixture
def pruner(world: World) -> Pruner:
    """Return somebody who prunes there."""
    return Pruner(world)


def publish(world: World, *numbers: int) -> None:
    """Publish versions by hand, which must come to have these numbers."""
    for number in numbers:
        world.aws("UpdateFunctionCode", FunctionName="checkout", ZipFile=zip_of(f"by hand = {number}"))
        world.clock.advance(1)
        assert world.aws("PublishVersion", FunctionName="checkout")["Version"] == str(number)
        world.clock.advance(1)


def deploy(world: World, number: int) -> str:
    """Deploy a version that is there, to its promotion, and return the deployment's id."""
    name = f"to-{number}-{int(world.clock.now())}"
    assert world.run(name, {"target": "checkout", "version": str(number)}).status == "SUCCEEDED"
    return name


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


def with_a_policy(world: World) -> None:
    world.aws(
        "AddPermission",
        FunctionName="checkout",
        Qualifier="2",
        StatementId="gateway",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
    )


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


def test_a_deployment_that_holds_the_function_is_waited_for(world: World, pruner: Pruner) -> None:
    publish(world, 2, 3, 4)
    execution = world.start("running", {"target": "checkout", "version": "3"})
    world.go_on(lambda: world.ports.deployments.holder("checkout") is not None)
    well, told = pruner.run(yes=True)
    assert not well
    assert told["refused"] == (
        "deployment running holds function checkout, or waits for it; prune when it has ended"
    )
    assert versions(world) == ["1", "2", "3", "4"]
    mark(world, execution, Mark.ABORT)
    world.settle()
    assert pruner.run()[0]


def test_a_deployment_that_begins_after_the_survey_loses_nothing(world: World, pruner: Pruner) -> None:
    publish(world, 2, 3, 4, 5)
    found = survey(pruner, "checkout", 1, world.now())
    assert [version.number for version in found.pruning.deleted] == [2, 3, 4]
    # It is deployed and promoted meanwhile, so that its baseline is on no alias: its record alone keeps that.
    deploy(world, 3)
    done = carry_out(pruner, found)
    assert done == Done((), ("a deployment of function checkout has begun meanwhile; nothing more is deleted",))
    assert versions(world) == ["1", "2", "3", "4", "5"]


def test_a_deployment_that_begins_between_two_deletions_ends_them(world: World, pruner: Pruner) -> None:
    publish(world, 2, 3, 4, 5)
    found = survey(pruner, "checkout", 1, world.now())
    world.meanwhile("DeleteFunction", lambda: world.ports.deployments.give_away("checkout", "new-1"), "after")
    done = carry_out(pruner, found)
    assert done.deleted == (2,)
    assert "has begun meanwhile" in done.failed[0]


def test_an_alias_that_is_moved_at_the_last_moment_is_lambdas_own_to_keep(world: World, pruner: Pruner) -> None:
    publish(world, 2, 3, 4)
    found = survey(pruner, "checkout", 1, world.now())

    def move() -> None:
        world.aws("UpdateAlias", FunctionName="checkout", Name="live", FunctionVersion="2")

    world.meanwhile("DeleteFunction", move)
    done = carry_out(pruner, found)
    assert done.deleted == (3,)
    assert done.failed[0].startswith("version 2 is kept: deleting function checkout version 2: Unable to delete")
    assert versions(world) == ["1", "2", "4"]


def test_what_begins_to_be_used_after_the_survey_is_kept(world: World, pruner: Pruner) -> None:
    publish(world, 2, 3, 4)
    found = survey(pruner, "checkout", 1, world.now())
    with_a_policy(world)
    world.aws("CreateAlias", FunctionName="checkout", Name="beta", FunctionVersion="3")
    done = carry_out(pruner, found)
    assert done.deleted == ()
    assert [failure.partition(": ")[2] for failure in done.failed] == [
        "its policy lets others invoke it (gateway)",
        "alias beta is on it",
    ]


def test_a_version_that_somebody_else_deletes_is_no_fault(world: World, pruner: Pruner) -> None:
    publish(world, 2, 3, 4)
    found = survey(pruner, "checkout", 1, world.now())
    world.meanwhile(
        "DeleteFunction", lambda: world.aws("DeleteFunction", FunctionName="checkout", Qualifier="2"), "before"
    )
    assert carry_out(pruner, found) == Done((3,), ())


@pytest.mark.parametrize("operation", ["ListAliases", "ListProvisionedConcurrencyConfigs", "GetPolicy"])
def test_what_cannot_be_read_is_not_taken_for_unused(world: World, pruner: Pruner, operation: str) -> None:
    publish(world, 2, 3, 4)

    def denied(called: str, moment: str) -> None:
        if called == operation and moment == "before":
            raise ApiError("AccessDeniedException", "not allowed", 403)

    world.fault = denied
    with pytest.raises(ControllerError, match="not allowed"):
        pruner.run(yes=True)
    assert versions(world) == ["1", "2", "3", "4"]


def test_a_target_that_cannot_be_read_may_need_anything(world: World, pruner: Pruner) -> None:
    world.ports.targets.documents["other"] = "{"
    with pytest.raises(InputError, match="until it can be read, nobody knows which versions it needs"):
        pruner.run(yes=True)


def test_the_functions_of_all_targets_are_pruned_unless_one_is_named(world: World) -> None:
    world.function("receipts")
    world.target("receipts", members=[{"function": "receipts"}, {"function": "checkout"}])
    assert functions_of(world.ports.targets, None) == ["checkout", "receipts"]
    assert functions_of(world.ports.targets, "checkout") == ["checkout"]
    for name in ("", "nothing"):  # an empty name is a variable that is not set
        with pytest.raises(InputError):
            functions_of(world.ports.targets, name)


class Calls:
    """A client that remembers what it is asked for."""

    def __init__(self) -> None:
        self.made: list[dict[str, Any]] = []

    def delete_function(self, **params: Any) -> None:
        """Delete whatever is named."""
        self.made.append(params)


def hostile() -> Iterator[tuple[Any, Any]]:
    """Yield what must never reach DeleteFunction."""
    for version in (0, -1, True, None, "", "1", "$LATEST", "live", 1.0):
        yield "checkout", version
    for function in (
        "",
        "checkout:live",
        "arn:aws:lambda:eu-west-1:123456789012:function:checkout",
        "check out",
        "a/b",
    ):
        yield function, 1


@pytest.mark.parametrize(("function", "version"), list(hostile()))
def test_nothing_but_a_numbered_version_can_be_deleted(function: Any, version: Any) -> None:
    calls = Calls()
    with pytest.raises(ControllerError):
        Versions(calls).delete(function, version)  # type: ignore[arg-type]
    assert calls.made == []


def test_a_function_without_a_qualifier_is_never_deleted(world: World, pruner: Pruner) -> None:
    calls = Calls()
    Versions(calls).delete("checkout", 7)  # type: ignore[arg-type]
    assert calls.made == [{"FunctionName": "checkout", "Qualifier": "7"}]
    world.aws("DeleteFunction", FunctionName="checkout")
    well, told = pruner.run(yes=True)
    assert not well
    assert "Function not found" in told["refused"]


def test_the_size_that_is_freed_is_that_of_zips(world: World, pruner: Pruner) -> None:
    publish(world, 2, 3)
    sizes = {version.number: version.size_bytes for version in pruner.versions.published("checkout")}
    assert pruner.run(keep=1)[1]["freed_bytes"] == sizes[2] > 0
    world.image_function("images")
    assert pruner.versions.published("images") == [PublishedVersion(1)]


def test_a_claim_that_is_waited_for_is_held(world: World, pruner: Pruner) -> None:
    deployments: Any = world.ports.deployments
    deployments.give_away("checkout", "gone-1")
    with pytest.raises(ConflictError, match="deployment gone-1 holds function checkout"):
        survey(pruner, "checkout", 1, world.now())
