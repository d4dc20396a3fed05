"""Test events: the ones that a target asks for, read where they stand, once, at the start."""

from controller.core.errors import RefusedError
from controller.core.target import Target
from controller.core.verification import (
    ParameterEvents,
    ShareableEvents,
    VerificationEvent,
    check_events,
    parse_listed,
    shared,
)
from controller.core.wording import shown
from controller.ports import Ports


def find_test_events(ports: Ports, target: Target) -> tuple[VerificationEvent, ...]:
    """Return the test events of a target; raises InputError or RefusedError for what cannot be used."""
    functions = [member.function for member in target.members]
    match target.test_events:
        case ParameterEvents(parameter=name):
            where = f"test events {name}"
            events = parse_listed(ports.stored_events.parameter(name), where)
            check_events(events, functions, f"{where}: ")
            return events
        case ShareableEvents() as asked:
            events = _shared(ports, functions, asked)
            check_events(events, functions, "shareable test events: ")
            return events
        case events:
            return events


def _shared(ports: Ports, functions: list[str], asked: ShareableEvents) -> tuple[VerificationEvent, ...]:
    documents = {function: ports.stored_events.shareable(function) for function in functions}
    events = tuple(
        event
        for function, document in documents.items()
        if document is not None
        for event in shared(document, function, asked)
    )
    there = {event.name for event in events}
    for wanted in asked.shareable or ():
        if wanted.name not in there:
            raise RefusedError(
                f"test_events: {' and '.join(functions)} has no shareable test event {shown(wanted.name)}; "
                "save it as shareable in the Lambda console"
            )
    if not events:
        raise RefusedError(
            f"test_events: {' and '.join(functions)} has no shareable test events; "
            "save one as shareable in the Lambda console"
        )
    return events
