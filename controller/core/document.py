"""Documents that people write: unknown fields are refused, and every fault is one line with its place."""

import difflib
import json
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from controller.core.errors import InputError


class Document(BaseModel):
    """A document that a person writes; frozen, and strict about its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


D = TypeVar("D", bound=BaseModel)


def parse_json(text: str, what: str) -> Any:
    """Return the value of a JSON text; raises InputError that names `what` and the place of the fault."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{what} is not JSON: {error.msg} at line {error.lineno} column {error.colno}") from None


def parse(model: type[D], value: Any, what: str) -> D:
    """Return `value` as a `model`; raises InputError with the path of the first fault and what to do."""
    if not isinstance(value, dict):
        raise InputError(f"{what}: write a JSON object, not {_kind(value)}")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise InputError(f"{what}: {_describe(faults[0], model)}{more}") from None


def _describe(fault: ErrorDetails, model: type[BaseModel]) -> str:
    path = _path(fault["loc"])
    match fault["type"]:
        case "extra_forbidden":
            return f"{path}: unknown field{_suggest(str(fault['loc'][-1]), _fields_at(model, fault['loc'][:-1]))}"
        case "missing":
            return f"{path}: this field is required"
        case "strategy_form":
            return f"{path}: {fault['msg']}, not {_kind(fault['input'])}"
        case "value_error":
            message = str(fault["ctx"]["error"])
            return f"{path}: {message}" if path else message
        case _:
            return f"{path}: {fault['msg'][0].lower()}{fault['msg'][1:]}, not {_kind(fault['input'])}"


def _path(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        if str(part).startswith("<"):  # which form of several was written: pydantic's business, not people's
            continue
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def _fields_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Return the field names of the model at `location`, as far as the annotations tell."""
    fields: Any = model
    for part in location:
        if isinstance(part, int) or part.startswith("<"):
            continue
        field = fields.model_fields.get(part)
        nested = _types(field.annotation) if field else []
        fields = next((t for t in nested if isinstance(t, type) and issubclass(t, BaseModel)), None)
        if fields is None:
            return []
    return list(fields.model_fields)


def _types(annotation: Any) -> list[Any]:
    inner = getattr(annotation, "__args__", ())
    return [annotation, *(t for a in inner for t in _types(a))]


def _suggest(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known fields: {', '.join(known)}" if known else ""


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case str():
            shown = value if len(value) <= 40 else value[:37] + "..."
            return f"{shown!r}"
        case dict():
            return "an object"
        case list() | tuple():
            return "a list"
        case _:
            return str(value)
