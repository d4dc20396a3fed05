"""Owners: whether another tool deploys through the same alias.

Sources: CloudFormation API, StackResource; AWS SAM, "DeploymentPreference": it makes a CodeDeploy deployment group,
and with `AutoPublishAlias` the stack sets the alias itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from controller.core.target import Member
from rampart.doctor.finding import Check, Finding, error, warning

STACK_TAG = "aws:cloudformation:stack-name"
"""The tag that CloudFormation puts on what it creates."""


def judge_resources(member: Member, stack: str, resources: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Yield what in the stack that made a function moves its alias too."""
    groups = [r for r in resources if r["ResourceType"] == "AWS::CodeDeploy::DeploymentGroup"]
    aliases = [
        r
        for r in resources
        if r["ResourceType"] == "AWS::Lambda::Alias"
        and str(r.get("PhysicalResourceId", "")).endswith(f":function:{member.function}:{member.alias}")
    ]
    for alias in aliases:
        what = (
            f"stack {stack} owns alias {member.function}:{member.alias} ({alias['LogicalResourceId']}): an update "
            "of it may move the alias, in the middle of a deployment too; take AutoPublishAlias out of the "
            "template, and keep the alias with DeletionPolicy: Retain"
        )
        yield warning(Check.OWNER, what)
    for group in groups if aliases else ():
        yield error(
            Check.OWNER,
            f"stack {stack} has the CodeDeploy deployment group {group['LogicalResourceId']} beside alias "
            f"{member.function}:{member.alias}: two systems would move it; take DeploymentPreference out of "
            "the template",
        )
