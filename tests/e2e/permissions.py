"""The permissions that the template grants, and the template without one of them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from rampart.demo.account import TEMPLATE

_CODE = TEMPLATE.parent


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
    return [
        Permission(owner, statement["Sid"], action)
        for owner, resource in _template()["Resources"].items()
        for policy in resource["Properties"].get("Policies", [])
        for statement in policy["Statement"]
        for action in _actions(statement)
    ]


def template_without(taken: Permission, folder: Path) -> Path:
    """Write the template without one permission into a folder, and return its path."""
    template = _template()
    for policy in template["Resources"][taken.owner]["Properties"]["Policies"]:
        kept = []
        for statement in policy["Statement"]:
            if statement["Sid"] == taken.sid:
                statement["Action"] = [each for each in _actions(statement) if each != taken.action]
            if statement["Action"]:
                kept.append(statement)
        policy["Statement"] = kept
    path = folder / "template.yaml"
    path.write_text(json.dumps(template))  # JSON is YAML
    return path


def _template() -> dict[str, Any]:
    """Return the template as one that can be deployed from anywhere; what YAML shares is copied."""
    template: dict[str, Any] = json.loads(json.dumps(yaml_parse(TEMPLATE.read_text())))
    template["Globals"]["Function"]["CodeUri"] = str(_CODE)
    machine = template["Resources"]["DeploymentStateMachine"]["Properties"]
    machine["DefinitionUri"] = str(_CODE / machine["DefinitionUri"])
    return template


def _actions(statement: dict[str, Any]) -> list[str]:
    actions = statement["Action"]
    return [actions] if isinstance(actions, str) else list(actions)
