"""IAM for every call: holds the policies of the caller's role against what the call needs.

Identity-based policies only: resource policies, permissions boundaries, session policies and service
control policies are not modelled (IAM User Guide, "Policy evaluation logic").
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rampart.embedded.iam.needs import needs_of
from rampart.embedded.iam.policy import (
    TAG_KEY,
    Need,
    Statement,
    Values,
    allowing,
    arn_like,
    denies,
    like,
    parse_policies,
)
from rampart.embedded.wire import ACCOUNT, ApiError, Call

OPERATOR_KEY = "AKIAOPERATOR"
"""The access key of the operator, who may do everything."""

# The error shapes of access refused; all other services say AccessDeniedException.
_CODES = dict.fromkeys(("cloudwatch", "iam", "s3", "sqs", "sts"), "AccessDenied") | {
    "sns": "AuthorizationErrorException"
}


@dataclass(frozen=True, slots=True)
class Denial:
    """An action on a resource that a role (or an access key without a role) was refused."""

    role: str
    action: str
    resource: str


@dataclass(frozen=True, slots=True)
class Use:
    """An action on a resource that a statement (its Sid or its place) allowed a role."""

    role: str
    statement: str
    action: str
    resource: str


@dataclass(frozen=True, slots=True)
class Grant:
    """One action pattern on one resource pattern that a statement grants a role."""

    role: str
    statement: str
    action: str
    """Begins with "NotAction:" when the statement grants everything but the pattern."""
    resource: str
    """Begins with "NotResource:" when the statement grants everything but the pattern."""


@dataclass(frozen=True, slots=True)
class _Principal:
    role: str
    session: str


class Authoriser:
    """Decides who may do what, and remembers what was allowed and what was refused."""

    def __init__(
        self,
        tags: Callable[[str], Mapping[str, str]] = lambda arn: {},
        hash_key_of: Callable[[str], str] = lambda table: "pk",
    ) -> None:
        """`tags` knows a resource's tags by ARN.

        `hash_key_of` knows the hash key's name of a DynamoDB table by its name, of an index by
        table/index/name; dynamodb:LeadingKeys is read with it.
        """
        self._tags = tags
        self._hash_key_of = hash_key_of
        self._lock = threading.RLock()
        self._principals: dict[str, _Principal] = {}
        self._roles: dict[str, tuple[Statement, ...]] = {}
        self._denials: list[Denial] = []
        self._used: set[Use] = set()

    @property
    def denials(self) -> list[Denial]:
        """Return everything that was refused, in order."""
        with self._lock:
            return list(self._denials)

    @property
    def used(self) -> set[Use]:
        """Return every use of a statement."""
        with self._lock:
            return set(self._used)

    def register(
        self,
        access_key_id: str,
        role_name: str,
        policies: Sequence[Mapping[str, Any]],
        session: str | None = None,
    ) -> None:
        """Give an access key a role, whose policies become `policies`; `session` is the function's name."""
        if access_key_id == OPERATOR_KEY:
            raise ValueError(f"{OPERATOR_KEY} is the operator's key")
        statements = parse_policies(policies)
        with self._lock:
            self._principals[access_key_id] = _Principal(role_name, session or access_key_id)
            self._roles[role_name] = statements

    def check(self, call: Call) -> None:
        """Raise the service's error for refused access unless the caller may make the call."""
        if call.principal == OPERATOR_KEY:
            return
        with self._lock:
            principal = self._principals.get(call.principal)
            action = f"{call.service}:{call.operation}"
            if principal is None:
                self._denials.append(Denial(call.principal, action, "*"))
                raise self._error(call, f"The access key {call.principal!r} belongs to no role.")
        try:
            needs = needs_of(call, self._hash_key_of)
        except ApiError:
            with self._lock:
                self._denials.append(Denial(principal.role, action, "*"))
            raise
        who = f"arn:aws:sts::{ACCOUNT}:assumed-role/{principal.role}/{principal.session}"
        for need in needs:
            reason = self._refusal(principal.role, need)
            if reason:
                what = f"is not authorized to perform: {need.action} on resource: {need.resource}"
                raise self._error(call, f"User: {who} {what} {reason}")

    def allows(
        self, role_name: str, action: str, resource: str, context: Mapping[str, Values] | None = None
    ) -> bool:
        """Tell whether a role may do `action`; for what a service does in the role's name. It is recorded too."""
        lowered = {key.lower(): values for key, values in (context or {}).items()}
        return not self._refusal(role_name, Need(action, resource, lowered))

    def grants(self) -> list[Grant]:
        """Return everything that the registered roles are granted."""
        with self._lock:
            roles = dict(self._roles)
        return [
            Grant(
                role,
                statement.sid,
                ("NotAction:" if statement.not_action else "") + action,
                ("NotResource:" if statement.not_resource else "") + resource,
            )
            for role, statements in roles.items()
            for statement in statements
            if statement.allows
            for action in statement.actions
            for resource in statement.resources
        ]

    def unused(self) -> list[Grant]:
        """Return the grants that no call has used so far."""
        used = self.used
        return [grant for grant in self.grants() if not any(_uses(use, grant) for use in used)]

    def _refusal(self, role: str, need: Need) -> str:
        """Return why a role may not have what it needs, or nothing; records the use or the denial."""
        with self._lock:
            statements = self._roles.get(role, ())

        def lookup(key: str) -> Values | None:
            return self._value(key, need)

        refused = denies(statements, need.action, need.resource, lookup)
        allowed = () if refused else allowing(statements, need.action, need.resource, lookup)
        with self._lock:
            if not allowed:
                self._denials.append(Denial(role, need.action, need.resource))
            self._used.update(Use(role, each.sid, need.action, need.resource) for each in allowed)
        if refused:
            return "with an explicit deny in an identity-based policy"
        return "" if allowed else f"because no identity-based policy allows the {need.action} action"

    def _value(self, key: str, need: Need) -> Values | None:
        """Return the values of a condition key in lower case, or None when the request has no such key."""
        if key == "aws:principalaccount":
            return (ACCOUNT,)
        if key == "aws:resourceaccount":
            parts = need.resource.split(":")
            return (parts[4] if len(parts) > 4 and parts[4] else ACCOUNT,)  # an S3 ARN names no account
        if key.startswith(TAG_KEY):
            if need.resource == "*":
                return None
            tags = {name.lower(): value for name, value in self._tags(_tagged(need.resource)).items()}
            value = tags.get(key.removeprefix(TAG_KEY))
            return None if value is None else (value,)
        return need.context.get(key)

    def _error(self, call: Call, message: str) -> ApiError:
        return ApiError(_CODES.get(call.service, "AccessDeniedException"), message, 403)


def _tagged(arn: str) -> str:
    """Return the ARN of what carries the tags: a version or an alias has the tags of its function."""
    return ":".join(arn.split(":")[:7]) if arn.startswith("arn:aws:lambda:") else arn


def _uses(use: Use, grant: Grant) -> bool:
    """Tell whether a use is one of those that a grant allows."""
    if (use.role, use.statement) != (grant.role, grant.statement):
        return False
    by_action = grant.action.startswith("NotAction:") or like(grant.action, use.action, ignore_case=True)
    return by_action and (grant.resource.startswith("NotResource:") or arn_like(grant.resource, use.resource))
