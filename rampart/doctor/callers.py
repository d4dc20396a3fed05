"""Callers: who reaches a function without its alias, and so gets new code before any test.

Sources: Lambda API, ListFunctionUrlConfigs and GetPolicy: both belong to a function, or to one qualifier of it.
"""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from controller.core.target import Member
from rampart.doctor.finding import Check, Finding, warning


def judge_urls(member: Member, configs: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Yield a warning about a function URL that is not the alias's."""
    for config in configs:
        if _qualifier(str(config["FunctionArn"])) is None:
            yield warning(
                Check.FUNCTION_URL,
                f"the URL {config['FunctionUrl']} invokes function {member.function} without alias {member.alias}: "
                "its callers get new code as soon as it is on $LATEST; give the alias a URL and let them use it",
                f"aws lambda create-function-url-config --function-name {member.function} "
                f"--qualifier {member.alias} --auth-type {config['AuthType']}",
            )


def judge_policy(member: Member, policy: str) -> Iterator[Finding]:
    """Yield a warning for each statement that lets somebody invoke a function without its alias."""
    for statement in json.loads(policy)["Statement"]:
        if statement.get("Effect") != "Allow":
            continue
        who = _principal(statement.get("Principal"))
        sid = str(statement.get("Sid", ""))
        yield warning(
            Check.POLICY,
            f"statement {sid} lets {who} invoke function {member.function} without alias {member.alias}; permit it "
            "the alias, let it invoke that, and remove the statement",
            _permit(member, sid, who, statement),
        )


def _permit(member: Member, sid: str, who: str, statement: Mapping[str, Any]) -> str:
    source = next(
        (
            value
            for operands in statement.get("Condition", {}).values()
            for key, value in operands.items()
            if key.lower() == "aws:sourcearn" and isinstance(value, str)
        ),
        None,
    )
    actions = statement.get("Action", "lambda:InvokeFunction")
    action = actions if isinstance(actions, str) else actions[0]
    command = (
        f"aws lambda add-permission --function-name {member.function} --qualifier {member.alias} "
        f"--statement-id {shlex.quote(sid)} --action {shlex.quote(action)} --principal {shlex.quote(who)}"
    )
    return f"{command} --source-arn {shlex.quote(source)}" if source else command


def _principal(principal: Any) -> str:
    if isinstance(principal, Mapping):
        values = [value for each in principal.values() for value in ([each] if isinstance(each, str) else each)]
        return str(values[0]) if values else "nobody"
    return str(principal)


def _qualifier(arn: str) -> str | None:
    parts = arn.split(":")
    return parts[7] if len(parts) > 7 else None
