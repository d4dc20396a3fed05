"""A CloudFormation template with its parameters: intrinsic functions, conditions and the order of creation."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

from rampart.embedded.wire import ACCOUNT, REGION

_SECTIONS = {
    "AWSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Globals",
    "Mappings",
    "Metadata",
    "Outputs",
    "Parameters",
    "Resources",
    "Transform",
}
_RESOURCE_KEYS = {
    "Condition",
    "DeletionPolicy",  # a rehearsal keeps nothing: see deployer.remove
    "DependsOn",
    "Metadata",
    "Properties",
    "Type",
    "UpdateReplacePolicy",  # as DeletionPolicy
}
_PARAMETER_KEYS = {
    "AllowedPattern",
    "AllowedValues",
    "ConstraintDescription",
    "Default",
    "Description",
    "MaxLength",
    "MaxValue",
    "MinLength",
    "MinValue",
    "NoEcho",
    "Type",
}
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
NO_VALUE: Any = object()
"""What `AWS::NoValue` resolves to: the property that holds it is absent."""


class DeployError(Exception):
    """A template that cannot be deployed here, with the one sentence that says why."""


@dataclass(frozen=True)
class Template:
    """A translated template, the values of its parameters and what its resources turned out to be."""

    stack_name: str
    body: Mapping[str, Any]
    parameters: Mapping[str, str | list[str]]
    attributes: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """Of each resource that exists: its `Ref` value under "" and its GetAtt values under their names."""

    def __post_init__(self) -> None:
        """Refuse sections and resource attributes that nothing here reads."""
        for section in self.body:
            if section not in _SECTIONS:
                raise DeployError(f"template section {section} is not supported")
        for logical_id, resource in self.resources.items():
            for key in resource:
                if key not in _RESOURCE_KEYS:
                    raise DeployError(f"{logical_id}: resource attribute {key} is not supported")

    @property
    def resources(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the resources of the template, conditional ones included."""
        found: Mapping[str, Mapping[str, Any]] = self.body.get("Resources", {})
        return found

    def creation_order(self) -> list[str]:
        """Return the logical ids whose condition holds, each after what it refers to or depends on."""
        wanted = {name for name, resource in self.resources.items() if self._is_wanted(resource)}
        graph: dict[str, set[str]] = {}
        for name in sorted(wanted):
            resource = self.resources[name]
            explicit = resource.get("DependsOn", [])
            # CloudFormation accepts a DependsOn on a resource whose condition does not hold.
            explicit = {explicit} if isinstance(explicit, str) else set(explicit)
            for other in explicit - self.resources.keys():
                raise DeployError(f"{name}: DependsOn names {other}, which is not a resource")
            implicit = set(self._references(resource.get("Properties", {})))
            for other in sorted(implicit - wanted):
                raise DeployError(f"{name}: refers to {other}, which is no parameter or resource of this stack")
            graph[name] = implicit | (explicit & wanted)
        try:
            return list(TopologicalSorter(graph).static_order())
        except CycleError as error:
            raise DeployError(f"circular dependency: {' -> '.join(error.args[1])}") from error

    def outputs(self) -> dict[str, str]:
        """Return the outputs whose condition holds; `Export` is ignored, since nothing here imports."""
        wanted = {k: v for k, v in self.body.get("Outputs", {}).items() if self._is_wanted(v)}
        return {name: _text(self.resolve(output["Value"])) for name, output in wanted.items()}

    def resolve(self, node: Any) -> Any:
        """Return `node` with every intrinsic function replaced by its value."""
        if isinstance(node, list):
            return [value for item in node if (value := self.resolve(item)) is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        name = _intrinsic(node)
        if name is None:
            resolved = {key: self.resolve(value) for key, value in node.items()}
            return {key: value for key, value in resolved.items() if value is not NO_VALUE}
        functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::FindInMap": self._find_in_map,
            "Fn::GetAtt": self._get_att,
            "Fn::If": self._if,
            "Fn::Join": self._join,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::Sub": self._sub,
        }
        if name not in functions:
            raise DeployError(f"intrinsic function {name} is not supported")
        return functions[name](node[name])

    def condition(self, name: str, path: tuple[str, ...] = ()) -> bool:
        """Return whether the condition called `name` holds."""
        if name in path:
            raise DeployError(f"circular condition: {' -> '.join((*path, name))}")
        try:
            expression = self.body["Conditions"][name]
        except KeyError:
            raise DeployError(f"condition {name} is not defined") from None
        return self._holds(expression, (*path, name))

    def _is_wanted(self, entry: Mapping[str, Any]) -> bool:
        return "Condition" not in entry or self.condition(entry["Condition"])

    def _holds(self, expression: Any, path: tuple[str, ...]) -> bool:
        match expression:
            case {"Condition": str(name)}:
                return self.condition(name, path)
            case {"Fn::Equals": [left, right]}:
                # Parameters are text; a number or boolean written in the template is compared as text.
                return bool(_comparable(self.resolve(left)) == _comparable(self.resolve(right)))
            case {"Fn::Not": [inner]}:
                return not self._holds(inner, path)
            case {"Fn::And": [*inner]}:
                return all(self._holds(one, path) for one in inner)
            case {"Fn::Or": [*inner]}:
                return any(self._holds(one, path) for one in inner)
        raise DeployError(f"not a condition: {expression}")

    def _references(self, node: Any) -> Iterator[str]:
        """Yield the resources that `node` refers to; branches of Fn::If that are not taken do not count."""
        if isinstance(node, list):
            for item in node:
                yield from self._references(item)
        if not isinstance(node, dict):
            return
        match node:
            case {"Ref": str(name)} if len(node) == 1:
                yield from self._unless_parameter(name)
            case {"Fn::GetAtt": str(path)}:
                yield path.split(".", 1)[0]
            case {"Fn::GetAtt": [str(name), attribute]}:
                yield name
                yield from self._references(attribute)
            case {"Fn::Sub": argument}:
                text, variables = _sub_parts(argument)
                for name in _VARIABLE.findall(text):
                    if name not in variables and not name.startswith("!"):
                        yield from self._unless_parameter(name.strip().split(".", 1)[0])
                yield from self._references(variables)
            case {"Fn::If": [name, then, otherwise]}:
                yield from self._references(then if self.condition(name) else otherwise)
            case _:
                for value in node.values():
                    yield from self._references(value)

    def _unless_parameter(self, name: str) -> Iterator[str]:
        if name not in self.parameters and not name.startswith("AWS::"):
            yield name

    def _ref(self, name: Any) -> Any:
        if name in self.parameters:
            return self.parameters[name]
        if isinstance(name, str) and name.startswith("AWS::"):
            return self._pseudo(name)
        return self._attribute(name, "")

    def _pseudo(self, name: str) -> Any:
        """Return a pseudo parameter (CloudFormation User Guide, "Pseudo parameters reference")."""
        values = {
            "AWS::AccountId": ACCOUNT,
            "AWS::NoValue": NO_VALUE,
            "AWS::Partition": "aws",
            "AWS::Region": REGION,
            "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{self.stack_name}/embedded",
            "AWS::StackName": self.stack_name,
            "AWS::URLSuffix": "amazonaws.com",
        }
        if name not in values:
            raise DeployError(f"pseudo parameter {name} is not supported")
        return values[name]

    def _attribute(self, logical_id: str, attribute: str) -> Any:
        try:
            known = self.attributes[logical_id]
        except KeyError:
            raise DeployError(f"{logical_id} is no parameter or resource of this stack") from None
        if attribute not in known:
            kind = self.resources[logical_id]["Type"]
            raise DeployError(f"{logical_id} ({kind}) has no attribute {attribute}")
        return known[attribute]

    def _get_att(self, argument: Any) -> Any:
        match argument.split(".", 1) if isinstance(argument, str) else argument:
            case [str(logical_id), attribute]:
                return self._attribute(logical_id, _text(self.resolve(attribute)))
        raise DeployError(f"Fn::GetAtt takes a logical id and an attribute, not {argument}")

    def _sub(self, argument: Any) -> str:
        text, variables = _sub_parts(argument)

        def value(match: re.Match[str]) -> str:
            name = match[1]
            if name.startswith("!"):  # ${!Literal} stands for ${Literal}
                return "${" + name[1:] + "}"
            if name in variables:
                return _text(self.resolve(variables[name]))
            name = name.strip()
            whole = name in self.parameters or "." not in name
            return _text(self._ref(name) if whole else self._attribute(*name.split(".", 1)))

        return _VARIABLE.sub(value, text)

    def _join(self, argument: Any) -> str:
        match argument:
            case [str(delimiter), items] if isinstance(parts := self.resolve(items), list):
                return delimiter.join(_text(part) for part in parts)
        # "For the Fn::Join delimiter, you can't use any functions."
        raise DeployError(f"Fn::Join takes a delimiter, written out, and a list, not {argument}")

    def _split(self, argument: Any) -> list[str]:
        match argument:
            case [str(delimiter), text]:
                return _text(self.resolve(text)).split(delimiter)
        raise DeployError(f"Fn::Split takes a delimiter and a text, not {argument}")

    def _select(self, argument: Any) -> Any:
        match argument:
            case [index, items] if isinstance(parts := self.resolve(items), list):
                position = _text(self.resolve(index))
                if position.isdecimal() and int(position) < len(parts):
                    return parts[int(position)]
        raise DeployError(f"Fn::Select takes an index into a list, not {argument}")

    def _if(self, argument: Any) -> Any:
        match argument:
            case [str(name), then, otherwise]:
                return self.resolve(then if self.condition(name) else otherwise)
        raise DeployError(f"Fn::If takes a condition and two values, not {argument}")

    def _find_in_map(self, argument: Any) -> Any:
        match [self.resolve(key) for key in argument]:
            case [str(name), str(top), str(second)]:
                try:
                    return self.body["Mappings"][name][top][second]
                except KeyError:
                    raise DeployError(f"Fn::FindInMap: no {name}.{top}.{second} in Mappings") from None
        raise DeployError(f"Fn::FindInMap takes a map and two keys, not {argument}")


def parameter_values(declared: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str | list[str]]:
    """Return the value of every declared parameter, or raise one error that names all that is wrong."""
    problems = [f"{name} is not a parameter of this template" for name in given if name not in declared]
    values: dict[str, str | list[str]] = {}
    for name, rules in declared.items():
        if name not in given and "Default" not in rules:
            problems.append(f"{name} is missing")
            continue
        text = _text(given.get(name, rules.get("Default")))
        problems += [f"{name} {problem}" for problem in _parameter_problems(text, rules)]
        is_list = rules.get("Type") == "CommaDelimitedList"
        values[name] = _items(text) if is_list else text
    if problems:
        raise DeployError("parameters: " + "; ".join(problems))
    return values


def _parameter_problems(text: str, rules: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a value breaks of its rules (CloudFormation User Guide, "Parameters syntax")."""
    kind = rules.get("Type")
    if kind not in ("String", "Number", "CommaDelimitedList"):
        yield f"has the unsupported type {kind}"
    for key in sorted(rules.keys() - _PARAMETER_KEYS):
        yield f"declares {key}, which is not supported"
    for item in _items(text) if kind == "CommaDelimitedList" else [text]:
        allowed = [_text(value) for value in rules.get("AllowedValues", [item])]
        if item not in allowed:
            yield f"is {item!r}, not one of {', '.join(allowed)}"
        # "The pattern must match the entire parameter value provided."
        if "AllowedPattern" in rules and not re.fullmatch(rules["AllowedPattern"], item):
            yield f"is {item!r}, which does not match {rules['AllowedPattern']}"
    if kind == "String" and not int(rules.get("MinLength", 0)) <= len(text) <= int(rules.get("MaxLength", 4096)):
        yield f"is {len(text)} characters long, which is too short or too long"
    if kind == "Number":
        yield from _number_problems(text, rules)


def _number_problems(text: str, rules: Mapping[str, Any]) -> Iterator[str]:
    try:
        number = float(text)
    except ValueError:
        yield f"is {text!r}, not a number"
        return
    low, high = float(rules.get("MinValue", "-inf")), float(rules.get("MaxValue", "inf"))
    if not low <= number <= high:
        yield f"is {text}, not between {low:g} and {high:g}"


def _intrinsic(node: Mapping[str, Any]) -> str | None:
    """Return the intrinsic function that `node` calls, if it is a call."""
    if len(node) != 1:
        return None
    key = next(iter(node))
    return key if key == "Ref" or (isinstance(key, str) and key.startswith("Fn::")) else None


def _sub_parts(argument: Any) -> tuple[str, Mapping[str, Any]]:
    match argument:
        case str(text):
            return text, {}
        case [str(text), dict(variables)]:
            return text, variables
    raise DeployError(f"Fn::Sub takes a text, or a text and variables, not {argument}")


def _items(text: str) -> list[str]:
    """Return the items of a CommaDelimitedList, "space trimmed" as CloudFormation's."""
    return [item.strip() for item in text.split(",")]


def _comparable(value: Any) -> Any:
    return value if isinstance(value, dict | list) else _text(value)


def _text(value: Any) -> str:
    """Return a scalar as CloudFormation writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise DeployError(f"a text is needed, not {value}")
