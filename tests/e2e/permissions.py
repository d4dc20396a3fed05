"""The permissions that the template grants, and a running controller without one of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rampart.embedded.aws import access_key
from tests.e2e.shop import Shop
from tests.sam_template import actions, statements


@dataclass(frozen=True, slots=True)
class Permission:
    """One action that one statement grants a function or the state machine, by its logical id."""

    owner: str
    sid: str
    action: str

    def __str__(self) -> str:
        return f"{self.owner}-{self.sid}-{self.action}"


def permissions() -> list[Permission]:
    """Return every permission of the template, in its order."""
    granted = ((name.partition("."), actions(statement)) for name, statement in statements().items())
    return [Permission(owner, sid, action) for (owner, _, sid), named in granted for action in named]


_DELIVERY = "Step Functions delivers the execution log with it; the embedded AWS keeps no such log"
UNUSED_HERE = {
    **{
        Permission("DeploymentStateMachine", "Logs", f"logs:{action}"): _DELIVERY
        for action in (
            *("CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery"),
            *("ListLogDeliveries", "PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups"),
        )
    },
    Permission("PlanFunction", "ReadFunctions", "lambda:ListTags"): (
        "GetFunction answers without a function's tags, with TagsError, to who may not list them (Lambda API); "
        "the embedded AWS shows them to everybody"
    ),
    Permission("PlanFunction", "MissZips", "s3:ListBucket"): (
        "S3 answers 403 instead of 404 without it for an object that is not there (S3 API, HeadObject); "
        "the embedded AWS answers 404 to everybody"
    ),
    Permission("ShiftFunction", "MakeAliases", "lambda:DeleteAlias"): (
        "only when a first deployment is stopped between Shift's last look and its write, some milliseconds; "
        "tests/tasks/test_first.py lets that happen"
    ),
    Permission("NotifyFunction", "MarkSent", "dynamodb:PutItem"): (
        "only for a hook that cannot be started, mostly since that is denied, and no run here may meet a denial"
    ),
}
"""What the template grants and nothing here can use, with the reason."""


@contextmanager
def taken_away(shop: Shop, taken: Permission) -> Iterator[None]:
    """Take one permission away from a controller that runs, as an edit of its role would, for a while.

    The managed policies are lost on the way: they let a function write logs and traces, which needs no leave here.
    """
    role = shop.stack.resources[f"{taken.owner}Role"]
    iam = shop.aws.client("iam")
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    policies = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
    _grant(shop, taken.owner, role, [_without(policy, taken) for policy in policies])
    try:
        yield
    finally:
        _grant(shop, taken.owner, role, policies)


def _grant(shop: Shop, owner: str, role: str, policies: list[dict[str, Any]]) -> None:
    if owner == "DeploymentStateMachine":
        shop.aws.states_role(role, policies)
        return
    function = shop.stack.resources[owner]
    shop.aws.authoriser.register(access_key(function), role, policies, function)


def _without(policy: dict[str, Any], taken: Permission) -> dict[str, Any]:
    kept = []
    for statement in policy["Statement"]:
        left = actions(statement)
        if statement.get("Sid") == taken.sid:
            left.remove(taken.action)
        if left:
            kept.append({**statement, "Action": left})
    return {**policy, "Statement": kept}
