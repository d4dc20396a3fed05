"""Signal, invoked by EventBridge when an alarm changes, or by a person with a verb."""

from typing import Any

from controller.handlers.entry_point import Event, entry_point
from controller.handlers.visit import visit
from controller.observability import count, failures_told, logger
from controller.signal import alarm_change, on_alarm_change, on_verb, verb_of


@entry_point
def on_signal(event: Event, _: Any) -> Event:
    """Stop or approve what is meant, and answer in one line."""
    with failures_told():
        if isinstance(event, dict) and "detail-type" in event:
            change = alarm_change(event)
            stopped = on_alarm_change(visit, change)
            answer = f"alarm {change.name} stops {', '.join(stopped) or 'nothing'}"
        else:
            verb = verb_of(event)
            answer = on_verb(visit(verb.deployment_id), verb)
    count("Signals")
    logger.info("signal", answer=answer)
    return {"answer": answer}
