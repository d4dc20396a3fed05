"""The JSON Schema of a target's document, from the model that reads it.

The model reads what people write through functions, of which pydantic knows only what comes out. So what each of
them takes stands here; one that nobody has thought of is refused by its name.
"""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema

from controller.core import (
    alarm_rule,
    approval,
    criteria,
    document,
    duration,
    expectation,
    expression,
    freeze,
    hook,
    names,
    strategy,
    target,
    verification,
    weight,
)
from controller.core.criteria import ComparisonTerms
from controller.core.target import Target
from rampart.reference.page import DocumentError
from rampart.reference.said import must_say

SCHEMA_ID = "urn:rampart:target:1"
"""The name of the schema; it is no address, since nothing is there to be fetched."""

Schema = dict[str, Any]

_DURATION = r"[0-9]{1,6}[smhd]"
_TIME = "^[0-9]{1,7}(?:ms|s)$"
_NOT_NULL: Schema = {"not": {"type": "null"}}

WRITTEN: dict[str, Schema] = {
    "duration": {
        "type": "string",
        "pattern": f"^{_DURATION}$",
        "description": "A number with its unit: seconds, minutes, hours or days.",
        "examples": ["90s", "5m", "1h", "7d"],
    },
    "percentage": {
        "type": "string",
        "pattern": r"^(?!0+(?:\.0+)? ?%$)(?:0?[0-9]{1,2}(?:\.[0-9]{1,2})?|100(?:\.0{1,2})?) ?%$",
        "description": "Above 0 and up to 100, with two places at most.",
        "examples": ["10%", "0.5%"],
    },
    "strategy-name": {
        "type": "string",
        "pattern": (
            r"^(?:guarded|(?:CodeDeployDefault\.)?(?:Lambda)?(?:AllAtOnce"
            r"|Canary0{0,7}[1-9][0-9]?Percent0{0,5}[1-9][0-9]{0,3}Minutes?"
            r"|Linear0{0,7}[1-9][0-9]?PercentEvery0{0,5}[1-9][0-9]{0,3}Minutes?))$"
        ),
        "description": (
            "`guarded`, or CodeDeploy's way to write it, with 1 to 99 percent and 1 to 9999 minutes, "
            "with or without `CodeDeployDefault.` and `Lambda`."
        ),
        "examples": ["AllAtOnce", "Canary10Percent5Minutes", "Linear10PercentEvery1Minute", "guarded"],
    },
    "statistic": {
        "type": "string",
        "pattern": r"^(?:Sum|Average|Minimum|Maximum|SampleCount|p(?:100|[0-9]{1,2}(?:\.[0-9]{1,2})?))$",
        "description": "One of CloudWatch's, or a percentile.",
        "examples": ["Average", "p99", "p99.9"],
    },
    "threshold": {
        "anyOf": [{"type": "number"}, {"type": "string"}],
        "description": "A number, a percentage or a time, as the metric needs it.",
        "examples": ["5%", "800ms", "2s", 3],
    },
    "budget": {
        "anyOf": [
            {"type": "integer", "minimum": 1, "maximum": 1_000_000},
            {"type": "string", "pattern": f"^{_DURATION}$"},
        ],
        "description": "How many requests, or those of how long.",
        "examples": [100, "1s"],
    },
    "time": {
        "type": "string",
        "pattern": _TIME,
        "description": "A number of milliseconds or seconds, with its unit.",
        "examples": ["800ms", "2s"],
    },
    "status": {
        "anyOf": [{"type": "integer", "minimum": 100, "maximum": 599}, {"type": "string", "pattern": "^[1-5]xx$"}],
        "description": "A status of HTTP, or a class of them.",
        "examples": [200, "2xx"],
    },
    "expression": {
        "type": "string",
        "minLength": 1,
        "maxLength": expression.MAX_LENGTH,
        "description": "JMESPath over the answer, which must give true.",
        "examples": ["total > `0`", "powertools_json(body).total > `0`"],
    },
}
"""How people write values, by the name that the documents give to such a value."""


_WRITTEN_AS = "written as"
"""Stands for a reference to WRITTEN, which pydantic would not find among its own definitions."""


def _as(name: str) -> Callable[[Schema], Schema]:
    return lambda _: {_WRITTEN_AS: name}


def _or(other: Schema) -> Callable[[Schema], Schema]:
    return lambda inner: {"anyOf": [other, *inner.get("anyOf", [inner])]}


def _as_it_is(inner: Schema) -> Schema:
    return inner


_TAKES: dict[Callable[..., Any], Callable[[Schema], Schema]] = {
    duration.parse_duration: _as("duration"),
    duration.parse_milliseconds: _as("time"),
    expectation._parse_status: _as("status"),
    expectation._one_or_several: _or({_WRITTEN_AS: "expression"}),
    expression.checked: _as("expression"),
    weight.parse_weight: _as("percentage"),
    strategy._known_name: _as("strategy-name"),
    strategy._budget: _as("budget"),
    criteria._known_statistic: _as("statistic"),
    criteria._threshold: _as("threshold"),
    criteria._known_metric: lambda _: {"enum": list(criteria.LAMBDA_METRICS)},
    criteria._known_answer: lambda _: {"enum": [*criteria.Then, "ignore"]},
    criteria.parse_comparison: _or({"const": False}),
    approval.parse_approval: _or({"type": "boolean"}),
    approval._three_days_at_most: _as_it_is,
    freeze._three_days_at_most: _as_it_is,
    freeze._known_cron: lambda inner: {**inner, "pattern": r"^\s*\S+(\s+\S+){4}\s*$"},
    freeze._known_zone: _as_it_is,
    criteria._an_hour_at_most: _as_it_is,
    target._a_day_at_most: _as_it_is,
    verification.parse_shareable: lambda inner: {"anyOf": [{"const": "all"}, inner["anyOf"][0]]},
    verification.parse_shareable_event: _or({"type": "string", "minLength": 1, "maxLength": 64}),
    hook._a_second_to_a_day: _as_it_is,
    target._not_a_truth_value: _as_it_is,
    alarm_rule.parse_alarm: _or({"type": "string", "minLength": 1, "maxLength": 255}),
    strategy.Steps._ascend: _as_it_is,
}
"""What a function that reads a value takes, when this is what comes out of it."""

_OF_RULES: Schema = {
    "oneOf": [
        {"required": ["above"], "properties": {"above": _NOT_NULL}},
        {"required": ["below"], "properties": {"below": _NOT_NULL}},
    ],
    "allOf": [
        {
            "if": {"required": ["metric"], "properties": {"metric": {"const": "error_rate"}}},
            "then": {"$ref": "#/$defs/rule-of-a-percentage"},
            "else": {
                "if": {"required": ["metric"], "properties": {"metric": {"const": "duration"}}},
                "then": {"$ref": "#/$defs/rule-of-a-time"},
                "else": {"$ref": "#/$defs/rule-of-a-number"},
            },
        }
    ],
}
_THRESHOLDS: dict[str, Schema] = {
    "percentage": WRITTEN["percentage"],
    "time": {"type": "string", "pattern": _TIME},
    "number": {"type": "number"},
}


class _AsWritten(GenerateJsonSchema):
    """Describes what people write and not what is read of it."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Say that no field needs a title."""
        return False

    def function_before_schema(self, schema: Any) -> Schema:
        """Return what the function takes."""
        return self._taken(schema)

    def function_after_schema(self, schema: Any) -> Schema:
        """Return what the function lets through."""
        return self._taken(schema)

    def _taken(self, schema: Any) -> Schema:
        inner, reads = self.generate_inner(schema["schema"]), schema["function"]["function"]
        if isinstance(reads, partial) and reads.func is document.matched:
            return {"type": "string", "pattern": f"^(?:{reads.args[0]})$"}
        reads = getattr(reads, "__func__", reads)  # of a class method
        if schema["type"] == "function-after" and _is_of_model(schema):  # it holds fields against each other
            return inner
        for known, takes in _TAKES.items():
            if reads is getattr(known, "__func__", known):
                return takes(inner)
        raise DocumentError(
            f"{reads.__module__.replace('.', '/')}.py: {reads.__qualname__} reads a target's field: "
            "say in rampart/reference/target_schema.py what it takes"
        )


def _is_of_model(schema: Any) -> bool:
    inner = schema["schema"]
    return inner["type"] == "model" or (inner["type"] == "function-after" and _is_of_model(inner))


def models() -> dict[str, type[BaseModel]]:
    """Return the model of a target and those inside it, by name, in the order in which a reader meets them."""
    found: dict[str, type[BaseModel]] = {}

    def visit(annotation: Any) -> None:
        is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
        if is_model and annotation.__name__ not in found:
            found[annotation.__name__] = annotation
            for field in annotation.model_fields.values():
                visit(field.annotation)
        for inner in getattr(annotation, "__args__", ()):
            visit(inner)

    visit(Target)
    return found


def schema() -> Schema:
    """Return the JSON Schema of a target's document; raises DocumentError for what the code does not tell."""
    ComparisonTerms.model_rebuild()  # of which a target has one by default, which was never validated
    written = Target.model_json_schema(schema_generator=_AsWritten)
    written = _with_references(written)
    definitions = written.pop("$defs")
    for name, model in models().items():
        described = written if model is Target else definitions[name]
        described["description"] = " ".join((model.__doc__ or "").split())
        for field, said in must_say(model, list(model.model_fields)).items():
            described["properties"][field] |= {"description": said}
            described["properties"][field] |= _default(model.model_fields[field])
    for enumeration in (each for each in definitions.values() if "enum" in each):
        enumeration["description"] = " ".join(enumeration["description"].split())
    written["required"].remove("name")  # the parameter gives it
    written["properties"]["name"] |= {"pattern": f"^(?:{names.TARGET_NAME})$"}
    definitions["Rule"] |= _OF_RULES
    rules = {
        f"rule-of-a-{kind}": {
            "properties": {side: {"anyOf": [threshold, {"type": "null"}]} for side in ("above", "below")}
        }
        for kind, threshold in _THRESHOLDS.items()
    }
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "$id": SCHEMA_ID,
        "title": "Target",
        **{name: part for name, part in written.items() if name != "title"},
        "$defs": dict(sorted((definitions | WRITTEN | rules).items())),
    }


def schema_text() -> str:
    """Return the JSON Schema as its file has it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _with_references(part: Any) -> Any:
    match part:
        case {"written as": name, **rest}:
            return {"$ref": f"#/$defs/{name}"} | rest
        case dict():
            return {name: _with_references(inner) for name, inner in part.items()}
        case list():
            return [_with_references(inner) for inner in part]
        case _:
            return part


def _default(field: FieldInfo) -> Schema:
    """Return a field's default as people would write it."""
    if field.is_required():
        return {}
    told = TypeAdapter(field.rebuild_annotation()).dump_python(
        field.get_default(call_default_factory=True), mode="json"
    )
    return {"default": told}
