"""Notifications: what teams are told of a transition, over EventBridge."""

from typing import Any

from controller.core.deployment import Event, Status
from controller.core.strategy import spell_weight

SOURCE = "rampart"
DETAIL_TYPE = "Rampart Deployment Transition"

_SEVERITY = {
    Status.REJECTED: "WARNING",
    Status.ROLLED_BACK: "WARNING",
    Status.DRIFTED: "WARNING",
    Status.ROLLBACK_FAILED: "CRITICAL",
}


def notification(event: Event, stage: str) -> dict[str, Any]:
    """Return the detail of the EventBridge event that tells of a transition."""
    return {
        "schema_version": event.schema_version,
        "event_id": event.event_id,
        "stage": stage,
        "deployment_id": event.deployment_id,
        "sequence": event.sequence,
        "target": event.target,
        "transition": event.transition.value,
        "status": event.status.value,
        "severity": _SEVERITY.get(event.status, "INFO"),
        "at": event.at.isoformat(),
        "artifact": event.artifact,
        "weight_percent": event.weight / 100,
        "step": event.step_index + 1,
        "steps": event.steps,
        "reason": event.reason,
        "message": sentence(event),
    }


def sentence(event: Event) -> str:
    """Return the transition in one sentence for people."""
    status = event.status.value.lower().replace("_", " ")
    where = f"{spell_weight(event.weight)} on the candidate" if event.weight else "baseline"
    return f"{event.target}: {event.transition.value.lower()}, {status} ({where}): {event.reason}"
