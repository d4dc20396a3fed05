"""Control, invoked by a person, by what speaks for one, or by a hook that has found out."""

from typing import Any

from controller.control import asked_of, on_asked
from controller.handlers.entry_point import Event, entry_point
from controller.handlers.visit import followed, visit
from controller.hook_answers import is_of_hook, on_said, said_of
from controller.observability import count, failures_told, logger


def _hear(event: Event) -> Event:
    """Leave word of a hook."""
    said = said_of(event)
    logger.append_keys(deployment_id=said.deployment_id)
    answer = on_said(visit(said.deployment_id), said)
    count("HookAnswers")
    logger.info("hook", hook_id=said.hook_id, outcome=said.outcome, by=said.by, reason=said.reason, answer=answer)
    return {"answer": answer}


@entry_point
def on_control(event: Event, _: Any) -> Event:
    """Do what is asked, and answer in one line."""
    with failures_told():
        if is_of_hook(event):
            return _hear(event)
        asked = asked_of(event)
        name = asked.deployment_id or ""  # the line is no deployment's
        logger.append_keys(deployment_id=name)
        with followed("Control", name):
            answer = on_asked(visit(name), asked)
    count("Asked")
    logger.info("asked", verb=asked.verb, by=asked.by, reason=asked.reason, answer=answer)
    return {"answer": answer}
