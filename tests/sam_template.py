"""template.yaml as tests read it: CloudFormation's short forms spelt out, statements gathered by function."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]


class _Loader(yaml.SafeLoader):
    """Reads !Sub and its like as {"Fn::Sub": ...}."""


def _short_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        raise TypeError(f"!{suffix} of {node.tag}")
    if suffix == "GetAtt":
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)

TEMPLATE: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(), _Loader)  # noqa: S506 - a SafeLoader
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]
GLOBALS: dict[str, Any] = TEMPLATE["Globals"]["Function"]
FUNCTIONS = {name: r["Properties"] for name, r in RESOURCES.items() if r["Type"] == "AWS::Serverless::Function"}
MACHINES = {name: r["Properties"] for name, r in RESOURCES.items() if r["Type"] == "AWS::Serverless::StateMachine"}


def get_att(resource: str, attribute: str) -> dict[str, list[str]]:
    """Return !GetAtt resource.attribute."""
    return {"Fn::GetAtt": [resource, attribute]}


def statements() -> dict[str, dict[str, Any]]:
    """Return every policy statement, by the name of its function or machine and its Sid."""
    found: dict[str, dict[str, Any]] = {}
    for owner, properties in (FUNCTIONS | MACHINES).items():
        for policy in properties["Policies"]:
            for statement in policy["Statement"]:
                name = f"{owner}.{statement['Sid']}"
                assert name not in found
                found[name] = statement
    return found


def actions(statement: dict[str, Any]) -> list[str]:
    """Return the actions of a statement, which may name one or several."""
    value = statement["Action"]
    return [value] if isinstance(value, str) else list(value)
