"""Transactions that DynamoDB has cancelled, and why.

Source: DynamoDB API reference, TransactWriteItems, CancellationReasons: one for each write, in order.
"""

from typing import Any

from botocore.exceptions import ClientError

from controller.adapters import dynamodb_items as items
from controller.core.deployment import Deployment
from controller.core.errors import ClaimHeldError, ConflictError, ControllerError, UnavailableError

_CROSSED = "TransactionConflict"
_PASSING = {_CROSSED, "ThrottlingError", "ProvisionedThroughputExceeded"}


def has_crossed(error: ClientError) -> bool:
    """Say whether nothing but another transaction, which takes milliseconds, was in the way."""
    return _codes(error) == {_CROSSED}


def cancelled(error: ClientError, deployment: Deployment, doing: str) -> ControllerError:
    """Return why a transaction was cancelled, in our words."""
    reasons: list[Any] = error.response.get("CancellationReasons", [])
    failed = next((r for r in reasons if r.get("Code") == "ConditionalCheckFailed"), None)
    if failed is None:
        codes = _codes(error)
        kind = UnavailableError if _PASSING & codes or not codes else ControllerError
        return kind(f"{doing}: {', '.join(sorted(codes))}")
    there = items.from_dynamodb(failed.get("Item"))
    for member in deployment.members:
        is_its_claim = there.get("pk") == items.claim_key(member.function)["pk"]
        if is_its_claim and there.get("owner") not in (None, deployment.deployment_id):
            return ClaimHeldError(member.function, there["owner"])
    return ConflictError(f"{doing}: it has changed since it was read")


def _codes(error: ClientError) -> set[str]:
    return {str(reason.get("Code", "None")) for reason in error.response.get("CancellationReasons", [])} - {"None"}
