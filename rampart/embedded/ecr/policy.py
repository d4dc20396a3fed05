"""Repository policies: who may read a repository besides the principals of its account.

ECR user guide: Private repository policies. Only what such a policy says to a service is evaluated, since
the authoriser holds every principal of the account against its own policies.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rampart.embedded.iam.policy import PolicyError, Statement, allowing, denies, parse_policies
from rampart.embedded.wire import ACCOUNT, REGION, ApiError

_LAMBDA = "lambda.amazonaws.com"
_PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
# What Lambda adds by itself, as it is found in repositories that it added it to.
_LAMBDA_STATEMENT = {
    "Sid": "LambdaECRImageRetrievalPolicy",
    "Effect": "Allow",
    "Principal": {"Service": _LAMBDA},
    "Action": [*_PULL, "ecr:SetRepositoryPolicy", "ecr:DeleteRepositoryPolicy", "ecr:GetRepositoryPolicy"],
    "Condition": {"StringLike": {"aws:sourceArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:*"}},
}


def check_policy(text: str) -> None:
    """Raise ApiError unless a text is a repository policy that can be evaluated here."""
    try:
        _statements(text, _LAMBDA)
    except (PolicyError, ValueError, KeyError, TypeError, AttributeError) as error:
        message = (
            "Invalid parameter at 'PolicyText' failed to satisfy constraint: "
            f"'Invalid repository policy provided' ({type(error).__name__}: {error})"
        )
        raise ApiError("InvalidParameterException", message) from error


def lets_lambda_pull(text: str | None, function_arn: str) -> bool:
    """Tell whether a repository policy lets Lambda read an image for a function."""
    context = {"aws:sourcearn": (function_arn,), "aws:sourceaccount": (ACCOUNT,)}
    statements = _statements(text, _LAMBDA) if text else ()
    return all(
        allowing(statements, action, "*", context.get) and not denies(statements, action, "*", context.get)
        for action in _PULL
    )


def with_lambda(text: str | None) -> str:
    """Return a repository policy that lets Lambda read for every function of the account, too."""
    policy = json.loads(text) if text else {"Version": "2008-10-17", "Statement": []}
    others = [each for each in _listed(policy["Statement"]) if each.get("Sid") != _LAMBDA_STATEMENT["Sid"]]
    return json.dumps({**policy, "Statement": [*others, _LAMBDA_STATEMENT]})


def _statements(text: str, service: str) -> tuple[Statement, ...]:
    """Return the statements that speak to a service, as identity-based ones: without Principal, on everything."""
    document = json.loads(text)
    spoken: list[Statement] = []
    for statement in _listed(document["Statement"]):
        if "Resource" in statement or "NotResource" in statement:
            raise PolicyError("a repository policy is on its repository alone, and has no Resource")
        rest = {key: value for key, value in statement.items() if key != "Principal"} | {"Resource": "*"}
        parsed = parse_policies([{**document, "Statement": [rest]}])
        if service in _services(statement["Principal"]):
            spoken += parsed
    return tuple(spoken)


def _services(principal: str | Mapping[str, Any]) -> Iterator[str]:
    """Yield the services that a Principal names; "*" is not taken to mean services."""
    if principal != "*" and (not isinstance(principal, Mapping) or set(principal) - {"AWS", "Service"}):
        raise PolicyError(f"the principal {principal!r} is not known")
    if isinstance(principal, Mapping):
        yield from _listed(principal.get("Service", []))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
