"""What we rely on moto's DynamoDB for, with sixteen callers at once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rampart.embedded import moto_guard, moto_shortcuts
from rampart.embedded.aws import EmbeddedAws
from tests.embedded.embedded_account import make_table


def put_claim(key: str, owner: str) -> dict[str, Any]:
    return {
        "Put": {
            "TableName": "table",
            "Item": {"pk": {"S": key}, "owner": {"S": owner}},
            "ConditionExpression": "attribute_not_exists(pk)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }


@pytest.mark.usefixtures("restless")
def test_of_sixteen_claims_on_one_pair_exactly_one_wins_each_time(aws: EmbeddedAws) -> None:
    make_table(aws, "table")
    client = aws.client("dynamodb")

    def claim(number: int) -> str:
        pair, owner = number // 16, str(number % 16)
        try:
            client.transact_write_items(
                TransactItems=[put_claim(f"{pair}-a", owner), put_claim(f"{pair}-b", owner)]
            )
        except client.exceptions.TransactionCanceledException as cancelled:
            reasons = cancelled.response["CancellationReasons"]
            assert [each["Code"] for each in reasons] == ["ConditionalCheckFailed"] * 2
            assert reasons[0]["Item"]["pk"] == {"S": f"{pair}-a"}
            return "lost"
        return "won"

    with ThreadPoolExecutor(16) as pool:
        assert Counter(pool.map(claim, range(20 * 16))) == {"won": 20, "lost": 300}
    items = client.scan(TableName="table")["Items"]
    owners = {each["pk"]["S"]: each["owner"]["S"] for each in items}
    assert all(owners[f"{pair}-a"] == owners[f"{pair}-b"] for pair in range(20))


def test_a_cancelled_transaction_writes_nothing(aws: EmbeddedAws) -> None:
    make_table(aws, "table")
    client = aws.client("dynamodb")
    client.put_item(TableName="table", Item={"pk": {"S": "b"}})
    with pytest.raises(client.exceptions.TransactionCanceledException) as cancelled:
        client.transact_write_items(TransactItems=[put_claim("a", "x"), put_claim("b", "x")])
    codes = [each["Code"] for each in cancelled.value.response["CancellationReasons"]]
    assert codes == ["None", "ConditionalCheckFailed"]
    assert "Item" not in client.get_item(TableName="table", Key={"pk": {"S": "a"}})


@pytest.mark.usefixtures("restless")
def test_compare_and_set_by_sixteen_threads_counts_exactly(aws: EmbeddedAws) -> None:
    make_table(aws, "table")
    client = aws.client("dynamodb")
    client.put_item(TableName="table", Item={"pk": {"S": "a"}, "n": {"N": "0"}})

    def increment(_: int) -> int:
        for tries in range(1000):
            seen = client.get_item(TableName="table", Key={"pk": {"S": "a"}}, ConsistentRead=True)["Item"]["n"]
            try:
                client.update_item(
                    TableName="table",
                    Key={"pk": {"S": "a"}},
                    UpdateExpression="SET n = n + :one",
                    ConditionExpression="n = :seen",
                    ExpressionAttributeValues={":one": {"N": "1"}, ":seen": seen},
                )
            except client.exceptions.ConditionalCheckFailedException:
                continue
            return tries
        raise AssertionError("never won")

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(increment, range(64)))
    assert client.get_item(TableName="table", Key={"pk": {"S": "a"}})["Item"]["n"] == {"N": "64"}


def test_a_failed_condition_shows_the_item_that_stood_in_the_way(aws: EmbeddedAws) -> None:
    make_table(aws, "table")
    client = aws.client("dynamodb")
    client.put_item(TableName="table", Item={"pk": {"S": "a"}, "owner": {"S": "x"}})
    with pytest.raises(ClientError) as failed:
        client.put_item(
            TableName="table",
            Item={"pk": {"S": "a"}},
            ConditionExpression="attribute_not_exists(pk)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    response: dict[str, Any] = dict(failed.value.response)
    assert response["Item"]["owner"] == {"S": "x"}


def test_a_stream_holds_every_write_with_both_images(aws: EmbeddedAws) -> None:
    stream = make_table(aws, "table", stream=True)
    client = aws.client("dynamodb")
    for number in ("1", "2"):
        client.put_item(TableName="table", Item={"pk": {"S": "a"}, "n": {"N": number}})
    client.transact_write_items(TransactItems=[{"Delete": {"TableName": "table", "Key": {"pk": {"S": "a"}}}}])
    streams = aws.client("dynamodbstreams")
    shard = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    records = streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    assert [each["eventName"] for each in records] == ["INSERT", "MODIFY", "REMOVE"]
    image = records[1]["dynamodb"]
    assert (image["OldImage"]["n"], image["NewImage"]["n"]) == ({"N": "1"}, {"N": "2"})
    numbers = [int(each["dynamodb"]["SequenceNumber"]) for each in records]
    assert numbers == sorted(set(numbers))


def test_the_hash_key_of_an_index_is_its_own(aws: EmbeddedAws) -> None:
    aws.client("dynamodb").create_table(
        TableName="table",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("pk", "owner", "at")],
        BillingMode="PAY_PER_REQUEST",
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_owner",
                "KeySchema": [
                    {"AttributeName": "at", "KeyType": "RANGE"},
                    {"AttributeName": "owner", "KeyType": "HASH"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    assert moto_guard.hash_key_of("table") == "pk"
    assert moto_guard.hash_key_of("table/index/by_owner") == "owner"
    with pytest.raises(KeyError):
        moto_guard.hash_key_of("table/index/by_nobody")


def test_an_item_of_every_type_is_answered_as_moto_answers_without_the_shortcut(
    aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_table(aws, "table")
    client = aws.client("dynamodb")
    values: list[dict[str, Any]] = [
        *({"S": ""}, {"N": "1.5"}, {"B": b"\x00\xff"}, {"BOOL": False}, {"NULL": True}),
        *({"SS": ["a", "b"]}, {"NS": ["1"]}, {"BS": [b"x"]}, {"L": []}, {"M": {}}),
    ]
    nested = {"M": {"S": {"L": values}, "item": {"M": {str(n): each for n, each in enumerate(values)}}}}
    client.put_item(TableName="table", Item={"pk": {"S": "a"}, "L": {"L": [*values, nested]}, "M": nested})
    short = client.scan(TableName="table")["Items"]
    monkeypatch.setattr(*moto_shortcuts.STRUCTURE, moto_shortcuts._serialize_structure)
    assert short == client.scan(TableName="table")["Items"]
    assert short[0]["L"]["L"][:-1] == values
