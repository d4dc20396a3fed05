"""Restore: an execution died without ending its deployment; put the alias back and close the record for it.

Step Functions runs no Catch when an execution is stopped or times out, so that this is the second layer under
every rollback. An execution that failed in an ordinary way has closed its record, and nothing is done.
"""

import json
from typing import Any, Literal

from pydantic import Field

from controller.core.aws_event import Part, read_event
from controller.core.decision import Ruling
from controller.core.names import named_target
from controller.core.wording import one_line
from controller.tasks.context import Context
from controller.tasks.roll_back import roll_back


class DeadExecution(Part):
    """An execution that died: the detail of its "Step Functions Execution Status Change" event."""

    name: str
    status: Literal["FAILED", "TIMED_OUT", "ABORTED"]
    arn: str = Field(default="", alias="executionArn")
    error: str | None = None
    cause: str | None = None
    input: str | None = None

    @property
    def because(self) -> str:
        """What became of it, in one line."""
        words = (self.status, self.error, self.cause)
        return one_line(": ".join(word for word in words if word), 2000)

    @property
    def target(self) -> str:
        """The target that its input names."""
        try:
            return named_target(json.loads(self.input or "null"))
        except (ValueError, RecursionError):
            return "(none)"


class _ExecutionEvent(Part):
    detail: DeadExecution


def dead_execution(event: Any) -> DeadExecution:
    """Return the execution of which an event says that it died; raises MalformedEventError.

    Source: EventBridge events reference, "Step Functions Execution Status Change".
    """
    return read_event(_ExecutionEvent, event, "execution event").detail


def restore(context: Context, dead: DeadExecution) -> Ruling | None:
    """Roll back a deployment whose execution died; None when it has ended.

    One without a record is closed too, lest a Plan that is still under way opens it for a dead execution.
    """
    deployment = context.ports.deployments.find(context.deployment_id)
    if deployment and deployment.status.is_over:
        return None
    return roll_back(context, f"the execution ended {dead.because}", dead.target, dead.arn)
