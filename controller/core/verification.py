"""Verification: the test events that a candidate must answer before it gets traffic, and where they are kept."""

import json
import math
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BeforeValidator, Discriminator, Field, Tag

from controller.core.document import (
    EVENTS_FORM,
    PARAMETER_FORM,
    SHAREABLE_FORM,
    Document,
    form_of,
    matching,
    parse,
    parse_json,
)
from controller.core.errors import InputError, RefusedError
from controller.core.expectation import Expectation
from controller.core.names import FunctionName
from controller.core.wording import shown

MAX_EVENTS = 20
MAX_DEPTH = 24
"""DynamoDB keeps 32 levels of nesting (service quotas), of which the record uses some itself."""
MAX_BYTES = 100_000
"""How much JSON the events of a deployment may come to: its record, of 400 KB at most (DynamoDB), keeps them."""

_MOST_DIGITS = 38
_LARGEST, _SMALLEST = 1e125, 1e-130
"""DynamoDB, data types: up to 38 digits, from 1E-130 to 9.99E+125."""
_LONGEST_NAME = 64


class VerificationEvent(Document):
    """A test event that the candidate must answer without an error, and as expected, before it gets traffic."""

    name: str = Field(min_length=1, max_length=_LONGEST_NAME)
    """What the event is called when it is told that the candidate did not answer it."""
    payload: Any
    """What the candidate is invoked with: any JSON."""
    expect: Expectation | None = None
    """What is expected of the answer; left out: no error, and no statusCode of 500 or more."""
    function: FunctionName | None = None
    """The one member that is asked; left out: all are."""


class ParameterEvents(Document):
    """Test events that stand in a document of their own."""

    parameter: Annotated[str, matching(r"[a-z0-9][a-z0-9-]{0,49}", "write a name of a-z, 0-9 and -, at most 50")]
    """The SSM parameter below `/rampart/<stage>/test-events/` that holds the list of events."""


class ShareableEvent(Document):
    """A shareable test event of the function."""

    name: str = Field(min_length=1, max_length=_LONGEST_NAME)
    """The event's name in the Lambda console."""
    expect: Expectation | None = None
    """What is expected of the answer; left out: no error, and no statusCode of 500 or more."""


def parse_shareable(value: Any) -> Any:
    """Return the shareable events that are meant, None for all; raises ValueError."""
    if value == "all":
        return None
    if not isinstance(value, list | tuple):
        raise ValueError(f'write "all", or a list of names, not {shown(value)}')
    return value


def parse_shareable_event(value: Any) -> Any:
    """Return a shareable event by its name, or as it is."""
    return {"name": value} if isinstance(value, str) else value


class ShareableEvents(Document):
    """The shareable test events that each member has in the Lambda console."""

    shareable: Annotated[
        Annotated[
            tuple[Annotated[ShareableEvent, BeforeValidator(parse_shareable_event)], ...],
            Field(min_length=1, max_length=MAX_EVENTS),
        ]
        | None,
        BeforeValidator(parse_shareable),
    ]
    """`"all"`, or the names of those that are asked, each with what is expected if need be."""


def _form(value: Any) -> str:
    if isinstance(value, dict | ParameterEvents | ShareableEvents):
        return form_of(value, {PARAMETER_FORM: ParameterEvents, SHAREABLE_FORM: ShareableEvents})
    return EVENTS_FORM


TestEvents = Annotated[
    Annotated[tuple[VerificationEvent, ...], Field(max_length=MAX_EVENTS), Tag(EVENTS_FORM)]
    | Annotated[ParameterEvents, Tag(PARAMETER_FORM)]
    | Annotated[ShareableEvents, Tag(SHAREABLE_FORM)],
    Discriminator(_form),
]
"""The events themselves, or where they stand."""


class _Listed(Document):
    test_events: Annotated[tuple[VerificationEvent, ...], Field(min_length=1, max_length=MAX_EVENTS)]


def check_payload(payload: Any) -> None:
    """Raise ValueError unless a payload can be sent as JSON and kept in a record."""
    level, depth = [payload], 0
    while level:
        if depth > MAX_DEPTH:
            raise ValueError(f"nested more than {MAX_DEPTH} levels deep, which no record can keep")
        for value in level:
            _check_number(value)
        level = [inner for value in level for inner in _inside(value)]
        depth += 1


def parse_listed(text: str, where: str) -> tuple[VerificationEvent, ...]:
    """Return the events that a parameter's JSON lists; raises InputError that starts with `where`."""
    document = parse_json(text, where)
    if not isinstance(document, list):
        raise InputError(f"{where}: write a list of test events, not {shown(document)}")
    return parse(_Listed, {"test_events": document}, where).test_events


def shared(content: str, function: str, asked: ShareableEvents) -> Iterator[VerificationEvent]:
    """Yield the shareable test events of a function that are asked for, of those that it has.

    They are examples in an OpenAPI document, as the Lambda console and the SAM CLI write it: components.examples,
    by name, each with its value. Raises InputError for content that is none.
    """
    where = f"shareable test events of {function}"
    document = parse_json(content, where)
    components = document.get("components") if isinstance(document, dict) else None
    examples = components.get("examples") if isinstance(components, dict) else None
    if not isinstance(examples, dict):
        raise InputError(f"{where}: components.examples is not there; save one in the Lambda console")
    for event in _all(examples, where) if asked.shareable is None else asked.shareable:
        example = examples.get(event.name)
        if example is None:  # another member may have it
            continue
        if not isinstance(example, dict) or "value" not in example:
            raise InputError(f"{where}: {shown(event.name)} has no value; save it again in the Lambda console")
        yield VerificationEvent(name=event.name, payload=example["value"], expect=event.expect, function=function)


def _all(examples: dict[str, Any], where: str) -> Iterator[ShareableEvent]:
    for name in examples:
        if not 1 <= len(name) <= _LONGEST_NAME:
            raise InputError(f"{where}: the name {shown(name)} has not 1 to {_LONGEST_NAME} characters")
        yield ShareableEvent(name=name)


def check_events(events: tuple[VerificationEvent, ...], functions: list[str], where: str) -> None:
    """Raise an error unless the events are about members and a record can keep them; `where` starts its line."""
    for index, event in enumerate(events):
        if event.function not in (None, *functions):
            place = f"{where}test_events[{index}].function"
            raise InputError(f"{place}: {shown(event.function)} is no member of this target")
        try:
            check_payload(event.payload)
        except ValueError as fault:
            raise InputError(f"{where}test_events[{index}].payload: {fault}") from None
    if len(events) > MAX_EVENTS:
        raise RefusedError(f"{where}{len(events)} test events; {MAX_EVENTS} is the most, so name those that matter")
    size = sum(len(json.dumps(event.payload).encode()) for event in events)
    if size > MAX_BYTES:
        raise RefusedError(
            f"{where}the test events come to {size:,} bytes; {MAX_BYTES:,} is the most that a deployment keeps"
        )


def _inside(value: Any) -> list[Any]:
    match value:
        case dict():
            return list(value.values())
        case list() | tuple():
            return list(value)
        case _:
            return []


def _check_number(value: Any) -> None:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value:g} is no number of JSON; write one that is finite and not so large")
        if value and not _SMALLEST <= abs(value) <= _LARGEST:
            raise ValueError(f"the number {value:g} is too large or too small to be kept; write it as text")
    elif isinstance(value, int) and abs(value) >= 10**_MOST_DIGITS:
        raise ValueError(f"a number of more than {_MOST_DIGITS} digits cannot be kept; write it as text")
