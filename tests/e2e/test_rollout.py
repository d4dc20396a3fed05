"""Rollouts on one account, seen from the alias, the record, the table's stream, the team and the execution."""

from datetime import UTC, datetime
from typing import Any

import pytest

from controller.core.alias import Routing
from controller.core.deployment import Deployment, Status, Transition
from rampart.demo.account import TARGET
from rampart.demo.releases import Release
from rampart.demo.report import counts
from rampart.demo.traffic import Traffic
from tests.e2e.shop import Shop

_HALF_THEN_ALL = {"steps": [{"weight": "50%", "bake": "1m"}]}


@pytest.fixture(scope="module")
def releases(running_shop: Shop) -> list[Deployment]:
    """Return the deployments of two releases that were uploaded one after the other."""
    running_shop.declare_target(_HALF_THEN_ALL, final_bake="1m")
    uploads = [Release(number, 0, Status.PROMOTED) for number in (2, 3)]
    return [running_shop.deployment_of(running_shop.upload(each.key, each.zip)) for each in uploads]


def test_releases_uploaded_one_after_the_other_are_promoted_to_rising_versions(releases: list[Deployment]) -> None:
    first, second = releases
    assert [each.status for each in releases] == [Status.PROMOTED, Status.PROMOTED]
    assert second.members[0].baseline == first.members[0].candidate
    assert int(str(second.members[0].candidate)) > int(str(first.members[0].candidate))


def test_the_events_of_a_deployment_are_numbered_without_a_gap(shop: Shop, releases: list[Deployment]) -> None:
    for deployment in releases:
        events = shop.deployments.events(deployment.deployment_id)
        assert [event.sequence for event in events] == list(range(1, deployment.sequence + 1))
        assert [event.transition for event in events] == [
            *(Transition.PLANNED, Transition.PUBLISHED, Transition.VERIFIED),
            *(Transition.SHIFTED, Transition.JUDGED) * 2,
            Transition.ENDED,
        ]


def test_the_team_hears_of_every_event_once(shop: Shop, releases: list[Deployment]) -> None:
    for deployment in releases:
        told = [message["event_id"] for message in shop.told(deployment.deployment_id)]
        recorded = [event.event_id for event in shop.deployments.events(deployment.deployment_id)]
        assert sorted(told) == sorted(recorded)


def test_events_are_told_in_their_order_and_leave_the_outbox_empty(shop: Shop, releases: list[Deployment]) -> None:
    shop.settle()
    marks = [record for record in _stream(shop) if record["eventName"] == "MODIFY"]
    for deployment in releases:
        pk = f"deployment#{deployment.deployment_id}"
        keys = [mark["dynamodb"]["Keys"] for mark in marks if mark["dynamodb"]["Keys"]["pk"]["S"] == pk]
        sent = [key["sk"]["S"] for key in keys if key["sk"]["S"].startswith("event#")]
        assert sent == [f"event#{sequence:06d}" for sequence in range(1, deployment.sequence + 1)]
    unsent = shop.aws.client("dynamodb").query(
        TableName=shop.stack.outputs["TableName"],
        IndexName="unsent",
        KeyConditionExpression="unsent = :unsent",
        ExpressionAttributeValues={":unsent": {"S": "unsent"}},
    )
    assert unsent["Items"] == []


def test_a_look_begins_with_a_timeout_that_the_state_machine_catches(
    shop: Shop, releases: list[Deployment]
) -> None:
    history = _history(shop, releases[0].deployment_id)
    timeouts = [at for at, event in enumerate(history) if event["type"] == "TaskTimedOut"]
    assert timeouts, "no look of two steps began with the end of its wait"
    for at in timeouts:
        assert history[at]["taskTimedOutEventDetails"]["error"] == "States.Timeout"
        entered = [e["stateEnteredEventDetails"]["name"] for e in history[at:] if "stateEnteredEventDetails" in e]
        assert entered[0] == "Judge"
    assert history[-1]["type"] == "ExecutionSucceeded"


def test_a_person_promotes_a_version_that_exists(shop: Shop) -> None:
    baseline = shop.routing().version
    version = shop.publish(Release(8, 0, Status.PROMOTED).zip)
    deployment_id = shop.start({"target": TARGET, "version": version})
    assert shop.execution(deployment_id)["status"] == "SUCCEEDED"
    record = shop.record(deployment_id)
    assert (record.status, record.version, record.artifact) == (Status.PROMOTED, version, None)
    assert (record.members[0].baseline, record.members[0].candidate) == (baseline, version)
    assert shop.routing() == Routing(version)
    assert shop.claims()["function#checkout"] is None


def test_a_release_that_fails_is_rolled_back_by_its_alarm_and_the_baseline_serves_on(shop: Shop) -> None:
    shop.declare_target({"steps": [{"weight": "50%", "bake": "30m"}]})
    before, started = shop.routing(), datetime.now(UTC)
    release = Release(9, 30, Status.ROLLED_BACK)
    with Traffic(shop.aws):
        deployment = shop.deployment_of(shop.upload(release.key, release.zip))
    member = deployment.members[0]
    assert deployment.status is Status.ROLLED_BACK
    assert "alarm checkout-errors " in deployment.reason
    assert shop.routing() == before == Routing(member.baseline)
    assert counts(shop, str(member.candidate), started).errors > 0
    served = counts(shop, member.baseline, started)
    assert served.requests > 0
    assert served.errors == 0
    ended = shop.execution(deployment.deployment_id)
    assert (ended["status"], ended["error"], ended["cause"]) == ("FAILED", "RolledBack", deployment.reason)
    assert shop.claims()["function#checkout"] is None


def _stream(shop: Shop) -> list[dict[str, Any]]:
    """Return every change of the table, the oldest first."""
    streams = shop.aws.client("dynamodbstreams")
    table = shop.aws.client("dynamodb").describe_table(TableName=shop.stack.outputs["TableName"])["Table"]
    arn = table["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    answer = streams.get_records(ShardIterator=iterator["ShardIterator"], Limit=1000)
    records: list[dict[str, Any]] = answer["Records"]
    return records


def _history(shop: Shop, deployment_id: str) -> list[dict[str, Any]]:
    """Return the history of a deployment's execution."""
    shop.execution(deployment_id)
    answer = shop.aws.client("stepfunctions").get_execution_history(
        executionArn=shop.execution_arn(deployment_id), maxResults=1000
    )
    events: list[dict[str, Any]] = answer["events"]
    return events
