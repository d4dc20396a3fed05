"""The line on Amazon DynamoDB: one item of the table says that it is stopped."""

from typing import TYPE_CHECKING

from controller.adapters import dynamodb_items as items
from controller.adapters.aws_errors import aws_errors
from controller.core.deployment import MarkDetail

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoDbLine:
    """The switch of a stage, through a boto3 DynamoDB client."""

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._dynamodb = client
        self._table = table_name

    def stopped(self) -> MarkDetail | None:
        """Return who has stopped the line and why, or None."""
        with aws_errors("reading the line"):
            answer = self._dynamodb.get_item(
                TableName=self._table, Key=items.to_dynamodb(items.LINE_KEY), ConsistentRead=True
            )
        item = items.from_dynamodb(answer.get("Item"))
        return MarkDetail.read(item) if item else None

    def stop(self, detail: MarkDetail) -> None:
        """Stop the line."""
        with aws_errors("stopping the line"):
            item = items.LINE_KEY | detail.model_dump(mode="json")
            self._dynamodb.put_item(TableName=self._table, Item=items.to_dynamodb(item))

    def release(self) -> None:
        """Let everything go forward again; harmless when the line is not stopped."""
        with aws_errors("releasing the line"):
            self._dynamodb.delete_item(TableName=self._table, Key=items.to_dynamodb(items.LINE_KEY))
