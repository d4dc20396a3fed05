"""Restore: an execution died without ending its deployment; put the alias back and close the record for it.

Step Functions runs no Catch when an execution is stopped or times out, so that this is the second layer under
every rollback. An execution that failed in an ordinary way has closed its record, and nothing is done.
"""

from typing import Any, Literal

from controller.core.aws_event import Part, read_event
from controller.core.decision import Ruling
from controller.core.deployment import Mark, MarkDetail
from controller.core.wording import one_line
from controller.tasks.context import Context
from controller.tasks.roll_back import roll_back


class _Ended(Part):
    name: str
    status: Literal["FAILED", "TIMED_OUT", "ABORTED"]
    error: str | None = None
    cause: str | None = None


class _ExecutionEvent(Part):
    detail: _Ended


def dead_execution(event: Any) -> tuple[str, str]:
    """Return the name of an execution that died, and what became of it in words; raises MalformedEventError.

    Source: EventBridge events reference, "Step Functions Execution Status Change".
    """
    ended = read_event(_ExecutionEvent, event, "execution event").detail
    words = (ended.status, ended.error, ended.cause)
    return ended.name, one_line(": ".join(word for word in words if word), 2000)


def restore(context: Context, because: str) -> Ruling | None:
    """Roll back a deployment whose execution died; None when it has ended.

    One without a record is closed too, lest a Plan that is still under way opens it for a dead execution.
    """
    deployment = context.ports.deployments.find(context.deployment_id)
    reason = f"the execution ended {because}"
    if deployment is None:
        return roll_back(context, reason)
    if deployment.status.is_over:
        return None
    detail = MarkDetail(at=context.now, by="restore", reason=reason)
    marked = context.ports.deployments.mark(context.deployment_id, Mark.ABORT, detail)
    if marked.status.is_over:
        return None
    return roll_back(context, reason)
