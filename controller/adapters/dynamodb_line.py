"""The line on Amazon DynamoDB: one item of the table says who stopped it, and who has released it since."""

from contextlib import suppress
from typing import TYPE_CHECKING

from controller.adapters import dynamodb_items as items
from controller.adapters.aws_errors import aws_errors
from controller.core.errors import ConflictError
from controller.core.mark import MarkDetail, Stop

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoDbLine:
    """The switch of a stage, through a boto3 DynamoDB client."""

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._dynamodb = client
        self._table = table_name

    def stopped(self) -> Stop | None:
        """Return who has stopped the line and why, or None."""
        last = self.last()
        return last if last and not last.released else None

    def last(self) -> Stop | None:
        """Return who stopped the line last, and who has released it since; None when nobody ever stopped it."""
        with aws_errors("reading the line"):
            answer = self._dynamodb.get_item(
                TableName=self._table, Key=items.to_dynamodb(items.LINE_KEY), ConsistentRead=True
            )
        item = items.from_dynamodb(answer.get("Item"))
        return Stop.read(item) if item else None

    def stop(self, detail: MarkDetail) -> None:
        """Stop the line."""
        with aws_errors("stopping the line"):
            item = items.LINE_KEY | detail.model_dump(mode="json", exclude_none=True)
            self._dynamodb.put_item(TableName=self._table, Item=items.to_dynamodb(item))

    def release(self, detail: MarkDetail) -> None:
        """Let everything go forward again, and keep who says so; harmless when the line is not stopped."""
        said = {":said": detail.model_dump(mode="json", exclude_none=True)}
        with suppress(ConflictError), aws_errors("releasing the line"):
            self._dynamodb.update_item(
                TableName=self._table,
                Key=items.to_dynamodb(items.LINE_KEY),
                UpdateExpression="SET released = :said",
                ConditionExpression="attribute_exists(pk) AND attribute_not_exists(released)",
                ExpressionAttributeValues=items.to_dynamodb(said),
            )
