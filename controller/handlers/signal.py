"""Signal, invoked by EventBridge when an alarm changes."""

from typing import Any

from controller.handlers.entry_point import Event, entry_point
from controller.handlers.visit import visit
from controller.observability import count, failures_told, logger, traced
from controller.signal import alarm_change, on_alarm_change


@entry_point
def on_signal(event: Event, _: Any) -> Event:
    """Stop what the alarm is about, and answer in one line."""
    with failures_told(), traced("Signal", state="Signal") as annotate:
        change = alarm_change(event)
        stopped = on_alarm_change(visit, change)
        annotate("deployment_id", " ".join(stopped))
        answer = f"alarm {change.name} stops {', '.join(stopped) or 'nothing'}"
    count("Signals")
    logger.info("signal", answer=answer)
    return {"answer": answer}
