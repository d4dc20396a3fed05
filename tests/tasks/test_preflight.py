"""Preflight of functions and aliases: what is refused, what is warned of, and what is not known."""

import pytest

from controller.core.deployment import Status
from tests.engine.faults import DENIED, THROTTLE, Fault, always
from tests.engine.traffic import Traffic
from tests.engine.world import World
from tests.tasks.walks import arrive, edit_alias, holder, versions

QUEUE = "arn:aws:sqs:eu-west-1:123456789012:orders"


def rejected(world: World) -> str:
    """Return why a push is refused, which changes nothing."""
    before = versions(world)
    execution = world.push(world.upload())
    assert execution.error == "Rejected", execution.cause
    assert (versions(world), holder(world)) == (before, None)
    return execution.cause


def warned(world: World) -> tuple[str, ...]:
    """Return what a push that is promoted is warned of."""
    execution = world.push(world.upload(f"release = {world.now()}"))
    assert execution.status == "SUCCEEDED", execution.cause
    return world.record(execution.name).warnings


def test_all_that_speaks_against_a_start_is_told_at_once(world: World) -> None:
    world.function("basket", stage="prod")
    world.target(
        members=[{"function": "checkout"}, {"function": "basket"}, {"function": "nothing"}],
        strategy={"steps": [{"weight": "10%", "bake": "8d"}]},
    )
    cause = rejected(world)
    for words in ("the plan takes 8d", "function basket is not tagged", "function nothing: Function not found"):
        assert words in cause


def test_alias_and_alarms_are_judged_together(world: World) -> None:
    world.target(alarms=["errors", "no-such-alarm"])
    world.set_alarm("errors", "ALARM")
    edit_alias(world, FunctionVersion="$LATEST")
    cause = rejected(world)
    for words in (
        "points at $LATEST",
        "alarm errors is in ALARM before the start",
        "alarm no-such-alarm of target",
    ):
        assert words in cause


def test_an_alias_that_is_misspelt_is_refused_with_those_that_there_are(world: World) -> None:
    world.target(members=[{"function": "checkout", "alias": "life"}])
    assert rejected(world) == (
        "alias checkout:life does not exist (the function has live: is one of them meant?); make it on the version "
        "that serves now: aws lambda create-alias --function-name checkout --name life --function-version VERSION"
    )


def test_a_part_of_rampart_is_never_deployed_by_it_even_when_it_is_opted_in(world: World) -> None:
    world.aws(
        "TagResource",
        Resource="arn:aws:lambda:eu-west-1:123456789012:function:checkout",
        Tags={"rampart:controller": "prod"},
    )
    assert rejected(world) == (
        "function checkout is a part of Rampart (stage prod), which does not deploy itself; "
        "deploy its stack with sam deploy"
    )


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"Role": "arn:aws:iam::123456789012:role/new"}, "execution role (app, new)"),
        ({"DeadLetterConfig": {"TargetArn": QUEUE}}, "dead-letter queue (none, orders)"),
    ],
    ids=["role", "dead letters"],
)
def test_versions_that_lambda_would_not_split_an_alias_between_get_all_traffic_at_once(
    world: World, changes: dict[str, object], what: str
) -> None:
    world.aws("UpdateFunctionConfiguration", FunctionName="checkout", **changes)
    world.clock.advance(1)
    execution = world.push(world.upload())
    assert (execution.status, world.alias()) == ("SUCCEEDED", "version 2")
    record = world.record(execution.name)
    assert [step.weight for step in record.steps] == [10_000]
    assert record.warnings == (
        "all of the traffic moves at once, and not by Linear50PercentEvery1Minute: versions 1 and what is "
        f"published now of function checkout differ in {what}",
    )
    assert world.record(world.push(world.upload("release = 2")).name).warnings == ()


def test_an_existing_version_of_another_role_gets_all_traffic_at_once(world: World) -> None:
    world.aws("UpdateFunctionConfiguration", FunctionName="checkout", Role="arn:aws:iam::123456789012:role/new")
    world.clock.advance(1)
    version = world.aws("PublishVersion", FunctionName="checkout")["Version"]
    world.aws("UpdateFunctionConfiguration", FunctionName="checkout", Role="arn:aws:iam::123456789012:role/app")
    world.clock.advance(1)
    execution = world.run("by-hand", {"target": "checkout", "version": version})
    assert (execution.status, world.alias()) == ("SUCCEEDED", "version 2")
    assert "versions 1 and 2 of function checkout differ in execution role" in world.record("by-hand").warnings[0]


def test_a_version_that_was_never_published_is_refused_before_anything_else(world: World) -> None:
    execution = world.run("by-hand", {"target": "checkout", "version": "7"})
    assert execution.error == "Rejected"
    assert "function checkout version 7: Function not found" in execution.cause


def test_provisioned_concurrency_on_the_alias_is_refused_with_the_command_that_takes_it_off(world: World) -> None:
    where = {"FunctionName": "checkout", "Qualifier": "live"}
    world.aws("PutProvisionedConcurrencyConfig", ProvisionedConcurrentExecutions=10, **where)
    assert rejected(world) == (
        "alias checkout:live has provisioned concurrency (10), which Lambda does not manage while an alias is "
        "split, and of which the candidate would have none; take it off with: aws lambda "
        "delete-provisioned-concurrency-config --function-name checkout --qualifier live, or deploy with strategy "
        "AllAtOnce"
    )
    world.target(strategy="AllAtOnce")
    assert warned(world) == ()
    world.target()
    world.aws("DeleteProvisionedConcurrencyConfig", **where)
    assert warned(world) == ()


def test_provisioned_concurrency_of_the_baseline_is_warned_of(world: World) -> None:
    world.aws(
        "PutProvisionedConcurrencyConfig",
        FunctionName="checkout",
        Qualifier="1",
        ProvisionedConcurrentExecutions=10,
    )
    assert warned(world) == (
        "version 1, on which alias checkout:live is, has provisioned concurrency (10), and the candidate will have "
        "none",
    )


def test_a_version_with_a_snapshot_gets_no_traffic_before_that_is_made(world: World) -> None:
    world.aws("UpdateFunctionConfiguration", FunctionName="checkout", SnapStart={"ApplyOn": "PublishedVersions"})
    world.clock.advance(1)
    execution = arrive(world, "Verify")
    assert execution.path.count("Publish") == 1
    shown = world.aws("GetFunction", FunctionName="checkout", Qualifier="2")["Configuration"]
    assert (shown["State"], shown["SnapStart"]["OptimizationStatus"]) == ("Active", "On")


def test_what_gets_new_code_without_the_alias_is_warned_of_in_record_event_and_notification(world: World) -> None:
    for alias, version in (("dev", "$LATEST"), ("old", "1")):
        world.aws("CreateAlias", FunctionName="checkout", Name=alias, FunctionVersion=version)
    other = QUEUE.replace("orders", "returns")
    for source, where in ((QUEUE, "checkout"), (other, "checkout:live")):
        world.aws("CreateEventSourceMapping", FunctionName=where, EventSourceArn=source)
    execution = world.push(world.upload())
    source, latest = world.record(execution.name).warnings
    assert source.startswith(f"event source {QUEUE} invokes function checkout without its alias")
    assert latest.startswith("alias dev of function checkout is on $LATEST")
    events = world.ports.deployments.events(execution.name)
    assert [event.warnings for event in events] == [(source, latest), *[()] * (len(events) - 1)]
    told = world.ports.bus.told[0]
    assert told["warnings"] == [source, latest]
    assert told["message"].endswith(f". Warning: {source}. Warning: {latest}")


def test_a_function_that_is_stopped_is_refused_with_the_command_that_lets_it_run(world: World) -> None:
    world.aws("PutFunctionConcurrency", FunctionName="checkout", ReservedConcurrentExecutions=0)
    assert rejected(world) == (
        "function checkout is stopped: its reserved concurrency is 0, so that no version of it answers and nothing "
        "can be judged; let it run with: aws lambda delete-function-concurrency --function-name checkout, or "
        "deploy a hotfix to it as it is"
    )
    world.aws("PutFunctionConcurrency", FunctionName="checkout", ReservedConcurrentExecutions=1)
    assert warned(world) == ()


def test_a_hotfix_may_go_to_a_function_that_is_stopped_and_is_warned(world: World) -> None:
    world.target(strategy="AllAtOnce", final_bake="1m")
    world.aws("PutFunctionConcurrency", FunctionName="checkout", ReservedConcurrentExecutions=0)
    hotfix = {"reason": "it fills the disk", "by": "kim"}
    artifact = world.upload("release = 2")
    execution = world.run("mend", {"target": "checkout", "artifact": artifact.model_dump(), "hotfix": hotfix})
    assert execution.status == "SUCCEEDED", execution.cause
    assert world.record("mend").warnings == (
        "function checkout is stopped: its reserved concurrency is 0; test events and hooks get no answer from it, "
        "and nothing is known of the candidate before it may run again",
    )


def test_a_timeout_that_is_longer_than_the_deployment_is_warned_of(world: World) -> None:
    world.target(strategy="AllAtOnce", final_bake="5m")
    world.aws("UpdateFunctionConfiguration", FunctionName="checkout", Timeout=900)
    world.clock.advance(1)
    assert warned(world) == (
        "function checkout may take 15m to time out, and all of the deployment 5m: time-outs of the candidate can "
        "show after its promotion; a longer final_bake sees them",
    )
    world.target(strategy="AllAtOnce", final_bake="17m")
    assert warned(world) == ()


def test_event_sources_that_are_switched_off_are_no_reason_to_warn(world: World) -> None:
    world.aws("CreateEventSourceMapping", FunctionName="checkout", EventSourceArn=QUEUE, Enabled=False)
    world.clock.advance(1)
    assert warned(world) == ()


@pytest.mark.parametrize("compared", [True, False])
def test_callers_that_bypass_the_alias_are_told_with_their_share_of_the_last_week(
    world: World, compared: bool
) -> None:
    world.target(comparison={} if compared else False, strategy="AllAtOnce", rules=[])
    Traffic(world, 1).past()
    calls = Traffic(world, 1, qualifier=None).past()
    assert calls.per_minute == 1
    (warning,) = warned(world)
    assert warning.startswith("50 % of the calls of function checkout bypass alias live (10,")


def test_a_full_code_storage_is_refused_before_anything_is_published(world: World) -> None:
    world.aws_lambda.limit_code_storage(300)
    assert rejected(world).startswith("the code storage of this region is full: 0.0 MB of 0.0 MB are used")
    world.aws_lambda.limit_code_storage(420)
    (warning,) = warned(world)
    assert warning.startswith("the code storage of this region is almost full: ")


@pytest.mark.parametrize("error", [DENIED, THROTTLE], ids=["denied", "throttled"])
@pytest.mark.parametrize(
    ("operation", "what"),
    [
        ("GetAccountSettings", "the code storage that is left is unknown: "),
        (
            "ListEventSourceMappings",
            "whether event sources invoke function checkout without its alias is unknown: ",
        ),
        ("GetMetricData", "whether callers bypass the alias is unknown: "),
    ],
)
def test_what_is_read_for_a_warning_alone_is_told_as_unknown_when_it_cannot_be_read(
    world: World, operation: str, what: str, error: Exception
) -> None:
    world.fault = always(operation, error)
    (warning,) = warned(world)
    assert warning.startswith(what)


@pytest.mark.parametrize("operation", ["ListProvisionedConcurrencyConfigs", "ListAliases", "GetFunction"])
def test_what_may_be_a_reason_to_refuse_is_read_again_until_it_is_known(world: World, operation: str) -> None:
    world.fault = Fault(1, error=THROTTLE, operation=operation, times=3)
    assert warned(world) == ()
    world.fault = always(operation, DENIED)
    execution = world.push(world.upload("release = 5"))
    assert world.record(execution.name).status is Status.REJECTED
    assert "not authorized" in execution.cause


def test_plan_reads_each_function_once(world: World) -> None:
    world.function("basket")
    world.target(members=[{"function": "checkout"}, {"function": "basket"}])
    reads: list[str] = []
    world.fault = lambda operation, moment: reads.append(operation) if moment == "before" else None
    arrive(world, "Publish")
    assert reads.count("GetFunction") == 4, "$LATEST and baseline of each"
