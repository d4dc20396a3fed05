"""Claims as repair sees them: who holds a function, under which execution, and how a stale claim is freed."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from controller.adapters import dynamodb_items as items
from controller.adapters.aws_errors import aws_errors

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class HeldClaim:
    """The claim of a deployment on a function."""

    function: str
    owner: str
    fencing: int
    execution_arn: str
    waiters: tuple[str, ...] = ()


class Claims:
    """The claims in the table, through a boto3 DynamoDB client."""

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._dynamodb = client
        self._table = table_name

    def held(self, function: str) -> HeldClaim | None:
        """Return the claim on a function, if somebody holds it."""
        with aws_errors(f"claim on function {function}"):
            answer = self._dynamodb.get_item(
                TableName=self._table, Key=items.to_dynamodb(items.claim_key(function)), ConsistentRead=True
            )
        item = items.from_dynamodb(answer.get("Item"))
        claim = items.claim_of(function, item)
        if claim.owner is None:
            return None
        return HeldClaim(function, claim.owner, claim.fencing, item.get("execution_arn", ""), claim.waiters)

    def free(self, claim: HeldClaim) -> None:
        """Free a claim if it is still as it was read; raises ConflictError."""
        with aws_errors(f"claim on function {claim.function}"):
            self._dynamodb.update_item(
                TableName=self._table,
                Key=items.to_dynamodb(items.claim_key(claim.function)),
                UpdateExpression="REMOVE #owner, execution_arn, claimed_at",
                ConditionExpression="#owner = :owner AND fencing = :fencing",
                ExpressionAttributeNames={"#owner": "owner"},
                ExpressionAttributeValues=items.to_dynamodb({":owner": claim.owner, ":fencing": claim.fencing}),
            )
