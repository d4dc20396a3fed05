"""What each DynamoDB call needs: actions on tables, indexes and streams, with the partition keys it touches.

Follows the Service Authorization Reference, "Actions, resources, and condition keys for Amazon DynamoDB".
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from rampart.embedded.iam.policy import Need
from rampart.embedded.wire import ACCOUNT, REGION, ApiError

Params = Mapping[str, Any]
HashKeyOf = Callable[[str], str]
"""Gives the hash key's name of a table (by name) or an index (by table/index/name)."""

_TRANSACT = {
    "ConditionCheck": "ConditionCheckItem",
    "Delete": "DeleteItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
}
ITEM_OPERATIONS = frozenset(
    {"BatchGetItem", "BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem"}
    | {"TransactGetItems", "TransactWriteItems"}
)
"""The operations that read or write items."""

_EQUALITY = re.compile(r"([#\w.-]+)\s*=\s*(:\w+)")


def table_arn(params: Params) -> str:
    """Return the ARN of the table that a call names, by name or ARN."""
    name = str(params["TableName"])
    return name if name.startswith("arn:") else f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"


def item_needs(operation: str, params: Params, hash_key_of: HashKeyOf) -> Iterator[Need]:
    """Yield the needs of one DynamoDB call, with the partition keys that it touches.

    A transaction needs the actions of its parts (DynamoDB Developer Guide, "Using IAM with transactions").
    """

    def item(action: str, given: Params, key: str) -> Need:
        return _leading(action, given["TableName"], table_arn(given), [given[key]], hash_key_of)

    match operation:
        case "GetItem" | "DeleteItem" | "UpdateItem":
            yield item(operation, params, "Key")
        case "PutItem":
            yield item(operation, params, "Item")
        case "Query" | "Scan":
            yield _search(operation, params, hash_key_of)
        case "BatchGetItem":
            for name, asked in params["RequestItems"].items():
                yield _leading(operation, name, table_arn({"TableName": name}), asked["Keys"], hash_key_of)
        case "BatchWriteItem":
            for name, requests in params["RequestItems"].items():
                items = [
                    each[kind]["Item" if kind == "PutRequest" else "Key"] for each in requests for kind in each
                ]
                yield _leading(operation, name, table_arn({"TableName": name}), items, hash_key_of)
        case "TransactGetItems":
            for part in params["TransactItems"]:
                yield item("GetItem", part["Get"], "Key")
        case "TransactWriteItems":
            for part in params["TransactItems"]:
                for kind, given in part.items():
                    yield item(_TRANSACT[kind], given, "Item" if kind == "Put" else "Key")


def _leading(action: str, table: str, arn: str, keys: Iterable[Params], hash_key_of: HashKeyOf) -> Need:
    """Return the need for items of one table, with dynamodb:LeadingKeys."""
    hash_key = hash_key_of(table.rpartition("table/")[2])
    values = tuple(str(value) for each in keys for value in each.get(hash_key, {}).values())
    return Need(f"dynamodb:{action}", arn, {"dynamodb:leadingkeys": values} if values else {})


def _search(operation: str, params: Params, hash_key_of: HashKeyOf) -> Need:
    """Return the need of a Query or a Scan; on an index it is the index alone."""
    if "KeyConditions" in params:
        raise ApiError("UnknownOperation", "The authoriser does not know KeyConditions.", 501)
    arn, table = table_arn(params), str(params["TableName"])
    if params.get("IndexName"):
        arn, table = f"{arn}/index/{params['IndexName']}", f"{table}/index/{params['IndexName']}"
    names = params.get("ExpressionAttributeNames") or {}
    values = params.get("ExpressionAttributeValues") or {}
    equal = _EQUALITY.findall(params.get("KeyConditionExpression") or "")
    return _leading(
        operation, table, arn, [{names.get(name, name): values[value]} for name, value in equal], hash_key_of
    )


def records_needs(params: Params) -> Iterable[Need]:
    """Return what GetRecords needs: a shard iterator begins with the stream's ARN and a bar."""
    return [Need("dynamodb:GetRecords", params["ShardIterator"].partition("|")[0])]
