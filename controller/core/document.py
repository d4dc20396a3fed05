"""Documents that people write: unknown fields are refused, and every fault is one line with its place."""

import json
import re
from collections.abc import Mapping
from functools import partial
from typing import Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Tag, ValidationError
from pydantic_core import ErrorDetails

from controller.core.errors import InputError
from controller.core.wording import one_line, shown


class Document(BaseModel):
    """A document that a person writes; frozen, and strict about its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


D = TypeVar("D", bound=BaseModel)

FORMS = (
    *("<name>", "<steps>", "<exponential>", "<guarded>", "<metric>", "<zip>", "<image>"),
    *("<events>", "<parameter>", "<shareable>"),
)
NAME_FORM, STEPS_FORM, EXPONENTIAL_FORM, GUARDED_FORM, METRIC_FORM, ZIP_FORM, IMAGE_FORM = FORMS[:7]
EVENTS_FORM, PARAMETER_FORM, SHAREABLE_FORM = FORMS[7:]
"""The tags of what may be written in several forms, which pydantic puts into the place of a fault."""


def matching(pattern: str, otherwise: str) -> AfterValidator:
    """Return the validator of a text that is like `pattern` whole; `otherwise` says what to write."""

    return AfterValidator(partial(matched, pattern, otherwise))


def matched(pattern: str, otherwise: str, text: str) -> str:
    """Return a text that is like `pattern` whole; raises ValueError that says what to write otherwise."""
    if not re.fullmatch(pattern, text):
        raise ValueError(f"{otherwise}, not {shown(text)}")
    return text


def form_of(value: Any, forms: Mapping[str, type[BaseModel]]) -> str:
    """Return the tag of the form that somebody meant: the one whose fields look most like those that are there."""
    present = list(value) if isinstance(value, dict) else []
    exact = [tag for tag, form in forms.items() if present and form.model_fields.keys() >= set(present)]
    if exact:  # as every stored document is
        return exact[0]
    likeness = {
        tag: sum(bool(_close(str(name), list(form.model_fields))) for name in present)
        for tag, form in forms.items()
    }
    built = next((tag for tag, form in forms.items() if isinstance(value, form)), None)
    return built or max(likeness, key=lambda tag: likeness[tag])


class _TwiceError(ValueError):
    """A field stands twice in one object; the text is its name."""


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            raise _TwiceError(name)
        fields[name] = value
    return fields


def parse_json(text: str, what: str) -> Any:
    """Return the value of a JSON text; raises InputError that names `what` and the place of the fault.

    A field that stands in an object twice is refused: which of the two was meant nobody knows.
    """
    if text.startswith("\ufeff"):
        raise InputError(f"{what} is not plain JSON: save it as UTF-8 without a byte order mark")
    try:
        return json.loads(text, object_pairs_hook=_each_once)
    except _TwiceError as twice:
        raise InputError(f"{what}: field {shown(str(twice))} stands twice in one object; keep one") from None
    except json.JSONDecodeError as error:
        fault = error.msg.removesuffix(" at")
        raise InputError(f"{what} is not JSON: {fault} at line {error.lineno} column {error.colno}") from None
    except (RecursionError, ValueError):
        raise InputError(f"{what} is not usable JSON: it is nested too deeply or has a number too long") from None


def parse(model: type[D], value: Any, what: str) -> D:
    """Return `value` as a `model`; raises InputError with the path of the first fault and what to do."""
    if not isinstance(value, dict):
        raise InputError(f"{what}: write a JSON object, not {shown(value)}")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        faults = _distinct(error.errors(include_url=False))
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise InputError(f"{what}: {_describe(faults[0], model)}{more}") from None


def _distinct(faults: list[ErrorDetails]) -> list[ErrorDetails]:
    """Return the faults, misspelt fields first, without those that are another fault's shadow.

    A list is too short because its item is at fault; a field is missing because it is misspelt.
    """
    places = [fault["loc"] for fault in faults]
    meant = _meant(faults)
    own = [
        fault
        for fault in faults
        if not (fault["type"] == "missing" and fault["loc"] in meant)
        and not (
            fault["type"] in ("too_short", "too_long")
            and any(len(p) > len(fault["loc"]) and p[: len(fault["loc"])] == fault["loc"] for p in places)
        )
    ]
    return sorted(own, key=lambda fault: fault["type"] != "extra_forbidden")


def _meant(faults: list[ErrorDetails]) -> set[tuple[int | str, ...]]:
    """Return the places of missing fields that a misspelt one beside them stands for."""
    missing = [fault["loc"] for fault in faults if fault["type"] == "missing"]
    return {
        (*parent, name)
        for *parent, word in (fault["loc"] for fault in faults if fault["type"] == "extra_forbidden")
        for name in _close(str(word), [str(place[-1]) for place in missing if list(place[:-1]) == parent])
    }


def _describe(fault: ErrorDetails, model: type[BaseModel]) -> str:
    path, value = _path(fault["loc"]), fault["input"]
    match fault["type"]:
        case "extra_forbidden":
            path = ".".join(filter(None, (_path(fault["loc"][:-1]), one_line(str(fault["loc"][-1]), 60))))
            return f"{path}: unknown field{_suggest(str(fault['loc'][-1]), _fields_at(model, fault['loc'][:-1]))}"
        case "missing":
            return f"{path}: this field is required"
        case "strategy_form":
            return f"{path}: {fault['msg']}, not {shown(value)}"
        case "value_error":
            message = str(fault["ctx"]["error"])
            return f"{path}{message}" if message.startswith(("[", ".")) or not path else f"{path}: {message}"
        case kind:
            return f"{path}: {_wanted(kind, fault)}, not {_given(kind, value)}"


def _wanted(kind: str, fault: ErrorDetails) -> str:
    limits = fault.get("ctx", {})
    match kind:
        case "tuple_type" | "list_type":
            return "write a list"
        case "model_type" | "dict_type" | "model_attributes_type":
            return "write an object"
        case "string_type" if isinstance(fault["input"], int) and not isinstance(fault["input"], bool):
            return f'write "{one_line(str(fault["input"]), 60)}", in quotes'
        case "string_type":
            return "write text"
        case "too_short":
            return f"write at least {limits['min_length']}"
        case "too_long":
            return f"write at most {limits['max_length']}"
        case "string_too_short":
            least = limits["min_length"]
            return f"write at least {least} character{'s' if least > 1 else ''}"
        case "string_too_long":
            return f"write at most {limits['max_length']} characters"
        case _:
            return f"{fault['msg'][0].lower()}{fault['msg'][1:]}"


def _given(kind: str, value: Any) -> str:
    return str(len(value)) if kind in ("too_short", "too_long") else shown(value)


def _path(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        if part in FORMS:  # which form of several was written: pydantic's business, not people's
            continue
        text += f"[{part}]" if isinstance(part, int) else f".{one_line(part, 60)}"
    return text.removeprefix(".")


def _fields_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Return the field names of the model at `location`, as far as the annotations tell."""
    models: list[tuple[str | None, type[BaseModel]]] = [(None, model)]
    for part in location:
        if isinstance(part, int):
            continue
        if part in FORMS:
            models = [(form, m) for form, m in models if form == part] or models
            continue
        fields = [m.model_fields[part] for _, m in models if part in m.model_fields]
        models = [found for field in fields for found in _models(field.annotation, None)]
    return [name for _, m in models[:1] for name in m.model_fields]


def _models(annotation: Any, form: str | None) -> list[tuple[str | None, type[BaseModel]]]:
    """Return the models that an annotation allows, each with the tag of its form."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [(form, annotation)]
    tags = [note.tag for note in getattr(annotation, "__metadata__", ()) if isinstance(note, Tag)]
    form = tags[0] if tags else form
    return [found for inner in getattr(annotation, "__args__", ()) for found in _models(inner, form)]


def _close(word: str, known: list[str]) -> list[str]:
    import difflib  # only a fault needs it

    return difflib.get_close_matches(word[:100], known, n=1)


def _suggest(word: str, known: list[str]) -> str:
    close = _close(word, known)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known fields: {', '.join(known)}" if known else ""
