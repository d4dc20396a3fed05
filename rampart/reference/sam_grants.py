"""What SAM grants by itself when it translates the template: nobody wrote it there, so the reason is here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rampart.embedded.cloudformation.deployer import read_template, translate
from rampart.embedded.cloudformation.template import parameter_values
from rampart.reference.page import DocumentError, code
from rampart.reference.statements import shortened

_WHY = {
    "AWSLambdaBasicExecutionRole": "Lambda writes the function's log with it",
    "AWSXrayWriteOnlyAccess": "traces are sent with it (`Tracing`)",
    "sqs:SendMessage": "Lambda buries an event with it that the function failed to deal with (`EventInvokeConfig`)",
    "lambda:InvokeFunction": "a rule delivers its events with it",
    "sts:AssumeRole": "it runs with its role; nobody else may take it on",
}
_ELSEWHERE = {"CodeUri", "ContentUri", "DefinitionUri"}
"""What SAM wants to find in S3, and what does not matter for what it grants."""


@dataclass(frozen=True, slots=True)
class SamGrant:
    """One thing that somebody may do though the template does not say so, in words."""

    who: str
    action: str
    on: str
    why: str


def sam_grants(template: Path) -> list[SamGrant]:
    """Return what SAM adds to a template, what many have once; raises DeployError or DocumentError."""
    resources = _translated(template)
    having: dict[tuple[str, str], list[str]] = {}
    for who, action, on in _grants(resources):
        having.setdefault((action, on), []).append(who)
    functions = [code(name) for name, each in resources.items() if each["Type"] == "AWS::Lambda::Function"]
    return [SamGrant(_gathered(who, functions), action, on, _why(action)) for (action, on), who in having.items()]


def _gathered(names: list[str], functions: list[str]) -> str:
    if len(functions) > 1 and set(functions) <= set(names):
        names = ["every function", *(name for name in names if name not in functions)]
    return ", ".join(names)


def _translated(template: Path) -> Mapping[str, Mapping[str, Any]]:
    source = read_template(template)
    for properties in (
        source.get("Globals", {}).get("Function", {}),
        *(resource.get("Properties", {}) for resource in source["Resources"].values()),
    ):
        properties |= dict.fromkeys(_ELSEWHERE & properties.keys(), "s3://elsewhere/code")
    needed = {name: "a-name" for name, each in source.get("Parameters", {}).items() if "Default" not in each}
    resources: Mapping[str, Mapping[str, Any]] = translate(
        source, parameter_values(source.get("Parameters", {}), needed)
    )["Resources"]
    return resources


def _grants(resources: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """Yield who may do what on what."""
    for name, resource in resources.items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Lambda::Permission":
            rule = _named(properties.get("SourceArn"))
            yield (
                f"{code(properties['Principal'])} for {rule}",
                properties["Action"],
                _named(properties["FunctionName"]),
            )
        elif resource["Type"] == "AWS::IAM::Role":
            yield from _role_grants(name.removesuffix("Role"), properties)


def _role_grants(owner: str, role: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for arn in role.get("ManagedPolicyArns", []):
        yield code(owner), arn.rpartition("/")[2], "any"
    for policy in role.get("Policies", []):
        for statement in policy["PolicyDocument"]["Statement"]:
            if "Sid" not in statement:  # those of the template have one
                yield code(owner), statement["Action"], _named(statement["Resource"])
    for statement in role["AssumeRolePolicyDocument"]["Statement"]:
        for service in statement["Principal"]["Service"]:
            yield code(owner), "sts:AssumeRole", f"its own role, through {code(service)}"


def _named(value: Any) -> str:
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), "Arn"]}:
            return code(name)
        case str(arn):
            return shortened(arn)
        case _:
            raise DocumentError(f"SAM grants something on {value}, which has no name here")


def _why(action: str) -> str:
    if action not in _WHY:
        raise DocumentError(f"SAM grants {action} by itself; say why in rampart/reference/sam_grants.py")
    return _WHY[action]
