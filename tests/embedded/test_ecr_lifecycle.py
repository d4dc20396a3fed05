"""Lifecycle policies of the ECR model: kept as they are put, and only if they are such."""

import json
from typing import Any

import pytest

from rampart.embedded.wire import ApiError
from tests.embedded.lambda_account import Account

RULE: dict[str, Any] = {
    "rulePriority": 1,
    "selection": {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14},
    "action": {"type": "expire"},
}


@pytest.fixture
def account() -> Account:
    """Return an account with the repository shop."""
    account = Account()
    account.ecr_call("CreateRepository")
    return account


def put(account: Account, *rules: dict[str, Any]) -> None:
    """Put a policy of rules."""
    account.ecr_call("PutLifecyclePolicy", lifecyclePolicyText=json.dumps({"rules": rules}))


def test_a_policy_is_kept_as_it_was_put(account: Account) -> None:
    with pytest.raises(ApiError) as caught:
        account.ecr_call("GetLifecyclePolicy")
    assert caught.value.code == "LifecyclePolicyNotFoundException"
    put(account, RULE)
    assert json.loads(account.ecr_call("GetLifecyclePolicy")["lifecyclePolicyText"]) == {"rules": [RULE]}


@pytest.mark.parametrize(
    "rules",
    [
        [],
        [RULE, RULE],
        [RULE | {"selection": RULE["selection"] | {"tagStatus": "tagged"}}],
        [RULE | {"selection": RULE["selection"] | {"countType": "imageCountMoreThan"}}],
        [RULE | {"selection": RULE["selection"] | {"countType": "sinceImagePulled"}}],
        [RULE | {"action": {"type": "burn"}}],
    ],
)
def test_what_is_no_policy_is_refused(account: Account, rules: list[dict[str, Any]]) -> None:
    with pytest.raises(ApiError) as caught:
        put(account, *rules)
    assert caught.value.code == "InvalidParameterException"
