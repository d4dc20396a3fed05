"""Transactions that are cancelled or refused leave items and stream as they were."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rampart.embedded.aws import EmbeddedAws

Write = dict[str, Any]
_LONG = {"S": "x" * 410_000}  # DynamoDB: an item has at most 400 KB


def put(key: str, **attributes: Any) -> Write:
    return {"Put": {"TableName": "table", "Item": _key(key) | attributes}}


def update(key: str, expression: str) -> Write:
    values = {":v": {"S": "new"}}
    return {
        "Update": {
            "TableName": "table",
            "Key": _key(key),
            "UpdateExpression": expression,
            "ExpressionAttributeValues": values,
        }
    }


def delete(key: str) -> Write:
    return {"Delete": {"TableName": "table", "Key": _key(key)}}


def impossible() -> Write:
    """Return a check that fails."""
    check = {"TableName": "table", "Key": _key("0"), "ConditionExpression": "attribute_exists(pk)"}
    return {"ConditionCheck": check}


def _key(key: str) -> Write:
    return {"pk": {"S": "p"}, "sk": {"S": key}}


@pytest.fixture
def table(aws: EmbeddedAws) -> Callable[[], tuple[list[Any], list[str]]]:
    """Make a table of two items, a and b; return what it and its stream hold at any time."""
    client = aws.client("dynamodb")
    arn = client.create_table(
        TableName="table",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )["TableDescription"]["LatestStreamArn"]
    client.transact_write_items(TransactItems=[put("a", tags={"M": {"x": {"S": "old"}}}), put("b", v={"S": "old"})])
    streams = aws.client("dynamodbstreams")
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]

    def held() -> tuple[list[Any], list[str]]:
        start = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
        records = streams.get_records(ShardIterator=start["ShardIterator"])["Records"]
        items = sorted(client.scan(TableName="table")["Items"], key=lambda item: str(item["sk"]["S"]))
        return items, [each["eventName"] for each in records]

    return held


@pytest.mark.parametrize(
    "writes",
    [
        [put("a", v={"S": "new"}), put("c"), impossible()],
        [update("a", "SET tags.x = :v"), update("c", "SET v = :v"), impossible()],
        [delete("a"), delete("b"), impossible()],
        [update("a", "SET tags.x = :v"), put("a")],
        [delete("a"), put("b", v=_LONG)],
    ],
    ids=["put", "update", "delete", "the same item twice", "an item that is too large"],
)
def test_what_a_failed_transaction_wrote_is_taken_back(
    aws: EmbeddedAws, table: Callable[[], tuple[list[Any], list[str]]], writes: list[Write]
) -> None:
    before = table()
    with pytest.raises(ClientError):
        aws.client("dynamodb").transact_write_items(TransactItems=writes)
    assert table() == before


def test_a_transaction_that_succeeds_is_in_the_stream_write_by_write(
    aws: EmbeddedAws, table: Callable[[], tuple[list[Any], list[str]]]
) -> None:
    writes = [update("a", "SET tags.x = :v"), delete("b"), put("c")]
    aws.client("dynamodb").transact_write_items(TransactItems=writes)
    items, events = table()
    assert items == [_key("a") | {"tags": {"M": {"x": {"S": "new"}}}}, _key("c")]
    assert events == ["INSERT", "INSERT", "MODIFY", "REMOVE", "INSERT"]
