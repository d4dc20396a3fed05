"""The claims of the real table as repair reads and frees them."""

import pytest

from controller.adapters.dynamodb_deployments import DynamoDbDeployments
from controller.core.deployment import Status
from controller.core.errors import ConflictError
from rampart.cli.claims import Claims, HeldClaim
from rampart.embedded.aws import EmbeddedAws
from tests.adapters.records import close, found, open_one


@pytest.fixture
def store(aws: EmbeddedAws, table: str) -> DynamoDbDeployments:
    """Return the deployments of the table."""
    return DynamoDbDeployments(aws.client("dynamodb"), table)


@pytest.fixture
def claims(aws: EmbeddedAws, table: str) -> Claims:
    """Return the claims of the table."""
    return Claims(aws.client("dynamodb"), table)


def test_a_claim_tells_its_owner_and_under_which_execution(store: DynamoDbDeployments, claims: Claims) -> None:
    arn = open_one(store, "d-1").execution_arn
    assert claims.held("orders") == HeldClaim("orders", "d-1", 1, arn)
    assert claims.held("basket") is None


def test_a_freed_claim_is_like_one_that_its_owner_freed(store: DynamoDbDeployments, claims: Claims) -> None:
    open_one(store, "d-1")
    held = claims.held("orders")
    assert held
    claims.free(held)
    assert claims.held("orders") is None
    assert (store.claim("orders").owner, store.claim("orders").fencing) == (None, 1)
    open_one(store, "d-2")
    assert store.claim("orders").owner == "d-2"


def test_a_claim_that_another_deployment_has_taken_since_is_not_freed(
    store: DynamoDbDeployments, claims: Claims
) -> None:
    open_one(store, "d-1")
    held = claims.held("orders")
    assert held
    close(store, found(store, "d-1"), Status.ROLLED_BACK)
    with pytest.raises(ConflictError):
        claims.free(held)
    open_one(store, "d-2")
    with pytest.raises(ConflictError):
        claims.free(held)
    again = HeldClaim("orders", "d-2", 1, held.execution_arn)
    with pytest.raises(ConflictError):
        claims.free(again)
    assert store.claim("orders").owner == "d-2"
