"""Restore: an execution died without ending its deployment; put the alias back and close the record for it.

Step Functions runs no Catch when an execution is stopped or times out, so that this is the second layer under
every rollback. An execution that failed in an ordinary way has closed its record, and nothing is done.
"""

from typing import Any

from controller.core.decision import Ruling
from controller.core.deployment import Mark, MarkDetail
from controller.core.errors import MalformedEventError
from controller.tasks.context import Context
from controller.tasks.roll_back import roll_back


def dead_execution(event: Any) -> tuple[str, str]:
    """Return the name of an execution that died, and what became of it in words; raises MalformedEventError.

    Source: EventBridge events reference, "Step Functions Execution Status Change".
    """
    try:
        detail = event["detail"]
        words = [detail["status"], detail.get("error"), detail.get("cause")]
        return detail["name"], ": ".join(str(word) for word in words if word)
    except (KeyError, TypeError, AttributeError) as error:
        raise MalformedEventError(f"execution event lacks {error}") from None


def restore(context: Context, because: str) -> Ruling | None:
    """Roll back a deployment whose execution died; None when it has ended or never began."""
    deployment = context.ports.deployments.find(context.deployment_id)
    if deployment is None or deployment.status.is_over:
        return None
    reason = f"the execution ended {because}"
    detail = MarkDetail(at=context.now, by="restore", reason=reason)
    marked = context.ports.deployments.mark(context.deployment_id, Mark.ABORT, detail)
    if marked.status.is_over:
        return None
    return roll_back(context, reason)
