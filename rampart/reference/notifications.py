"""What teams are told, from the model of a notification: JSON Schema, and the tables of docs/notifications.md."""

import json
import re
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from controller.core.deployment import Status
from controller.core.notification import Notification, severity
from rampart.reference.page import code, table
from rampart.reference.said import must_say

SCHEMA_ID = "urn:rampart:notification:1"
"""The name of the schema; it is no address, since nothing is there to be fetched."""


class _WithoutTitles(GenerateJsonSchema):
    """Leaves out the titles that only repeat the names of the fields."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Say that no field needs a title."""
        return False


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a notification, open to the fields that a later release may add."""
    written = Notification.model_json_schema(mode="serialization", schema_generator=_WithoutTitles)
    for described in (written, *written["$defs"].values()):
        described.pop("additionalProperties", None)
    written["description"] = re.sub(r"(?<!\n)\n(?!\n)", " ", written["description"])  # lines of the docstring
    return {"$schema": GenerateJsonSchema.schema_dialect, "$id": SCHEMA_ID, **written}


def schema_text() -> str:
    """Return the JSON Schema as its file has it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def fields() -> str:
    """Return the table of a notification's fields."""
    described = schema()
    rows = [
        (code(name), _kind(field, described["$defs"]), field["description"])
        for name, field in described["properties"].items()
    ]
    return table(("field", "type", "meaning"), rows)


def statuses() -> str:
    """Return the table of the statuses, with their severity."""
    meanings = must_say(Status, [each.name for each in Status])
    rows = [(code(each), code(severity(each)), meanings[each.name]) for each in Status]
    return table(("status", "severity", "meaning"), rows)


def _kind(field: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "$ref" in field:
        named = definitions[field["$ref"].rpartition("/")[2]]
        if "enum" in named:
            return "one of " + ", ".join(map(code, named["enum"]))
        return "object of " + ", ".join(map(code, named["properties"]))
    if "anyOf" in field:
        return " or ".join(_kind(each, definitions) for each in field["anyOf"])
    if field.get("type") == "array":
        return "list of " + _kind(field["items"], definitions)
    if "const" in field:
        return code(json.dumps(field["const"]))
    kind: str = field.get("format", field["type"])
    return kind
