"""Control, invoked by a person, or by what speaks for one."""

from typing import Any

from controller.control import asked_of, on_asked
from controller.handlers.entry_point import Event, entry_point
from controller.handlers.visit import followed, visit
from controller.observability import count, failures_told, logger


@entry_point
def on_control(event: Event, _: Any) -> Event:
    """Do what is asked, and answer in one line."""
    with failures_told():
        asked = asked_of(event)
        logger.append_keys(deployment_id=asked.deployment_id)
        with followed("Control", asked.deployment_id):
            answer = on_asked(visit(asked.deployment_id), asked)
    count("Asked")
    logger.info("asked", verb=asked.verb, by=asked.by, reason=asked.reason, answer=answer)
    return {"answer": answer}
