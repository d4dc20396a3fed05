"""The tables of docs/target.md: every field of a target's document, with what it means and how it looks."""

import json
from collections.abc import Iterator
from enum import Enum, EnumType
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from controller.core.document import parse, parse_json
from controller.core.target import Target
from rampart.reference.page import DocumentError, code, table
from rampart.reference.said import must_say
from rampart.reference.target_schema import WRITTEN, Schema, models, schema

EXAMPLES = "examples/targets"
_SHOWN = 90
Examples = dict[tuple[str, str], str]


def fields(checkout: Path) -> str:
    """Return a table for each object of a target's document; raises DocumentError if a field has no example."""
    described, examples = schema(), _examples(checkout / EXAMPLES)
    return "\n\n".join(_object(model, described, examples) for model in models().values())


def values() -> str:
    """Return the table of how values are written."""
    rows = [
        (name, each["description"], ", ".join(code(json.dumps(example)) for example in each["examples"]))
        for name, each in WRITTEN.items()
    ]
    return table(("value", "meaning", "examples"), rows)


def _object(model: type[BaseModel], described: Schema, examples: Examples) -> str:
    definitions = described["$defs"]
    here = described if model is Target else definitions[model.__name__]
    rows = []
    for name, field in here["properties"].items():
        example = examples.get((model.__name__, name))
        if example is None:
            raise DocumentError(f"{EXAMPLES}: no document shows {name} of {model.__name__}; add it to one")
        needed = name in here["required"] if "required" in here else False
        default = "needed" if needed else code(json.dumps(field["default"])) if "default" in field else ""
        meaning = field["description"] + "".join(f" {line}" for line in _choices(model, name))
        rows.append((code(name), _kind(field, definitions), default, meaning, example))
    head = ("field", "type", "default", "meaning", "example")
    return f"### {model.__name__}\n\n{here['description']}\n\n{table(head, rows)}"


def _kind(field: Schema, definitions: Schema) -> str:
    """Return the type of a field in words; null, where it stands for the default alone, is left out."""
    match field:
        case {"$ref": str(ref)}:
            name = ref.rpartition("/")[2]
            if "enum" in definitions[name]:
                return _kind(definitions[name], definitions)
            return f"[{name}](#{'how-values-are-written' if name in WRITTEN else name.lower()})"
        case {"anyOf": list(kinds)} | {"oneOf": list(kinds)}:
            told = [_kind(each, definitions) for each in kinds if each != {"type": "null"}]
            return " or ".join(dict.fromkeys(told))
        case {"enum": list(choices)}:
            return " or ".join(code(json.dumps(each)) for each in choices)
        case {"const": constant}:
            return code(json.dumps(constant))
        case {"type": "array", "items": dict(items)}:
            least = f"{field['minItems']} to " if "minItems" in field else "up to "
            return f"list of {least}{field['maxItems']}: {_kind(items, definitions)}"
        case {"type": "integer", "minimum": least, "maximum": most}:
            return f"integer, {least} to {most}"
        case {"type": "string", "maxLength": most}:
            return f"text of at most {most}"
        case {"type": "object", "additionalProperties": dict()}:
            return "object of texts"
        case {"type": "string"}:
            return "text"
        case {"type": kind}:
            return str(kind)
        case _:
            return "any JSON"


def _choices(model: type[BaseModel], name: str) -> Iterator[str]:
    """Yield what each choice means where a field is one of an enumeration."""

    def enumerations(annotation: Any) -> Iterator[EnumType]:
        if isinstance(annotation, EnumType):
            yield annotation
        for inner in getattr(annotation, "__args__", ()):
            yield from enumerations(inner)

    for enumeration in enumerations(model.model_fields[name].annotation):
        members: list[Enum] = list(enumeration)
        said = must_say(enumeration, [each.name for each in members])
        for each in members:
            yield f"{code(each.value)}: {said[each.name][0].lower()}{said[each.name][1:]}"


def _examples(folder: Path) -> Examples:
    """Return the shortest example of each field of each object that the documents of a folder show."""
    found: Examples = {}
    for path in sorted(folder.glob("*.json")):
        written = parse_json(path.read_text(encoding="utf-8"), path.name)
        target = parse(Target, {"name": path.stem} | written, path.name)
        for model, field, value in _shown(target, written):
            text = json.dumps(value, ensure_ascii=False)
            known = found.get((model, field))
            if known is None or len(text) < len(known) - 2:
                found[model, field] = code(text)
    return {key: text if len(text) <= _SHOWN else f"{text[: _SHOWN - 2]}…`" for key, text in found.items()}


def _shown(read: Any, written: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield model, field and value of all that a document shows, as it is written."""
    if isinstance(read, BaseModel) and isinstance(written, dict):
        for field, value in written.items():
            yield type(read).__name__, field, value
            yield from _shown(getattr(read, field), value)
    elif isinstance(read, tuple) and isinstance(written, list):
        for one, as_written in zip(read, written, strict=True):
            yield from _shown(one, as_written)
