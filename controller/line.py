"""The line: a person holds up everything that goes forward on a stage, and lets it go on."""

from controller.core.deployment import MarkDetail
from controller.tasks.context import Context


def stop_line(context: Context, detail: MarkDetail) -> str:
    """Hold up all starts and all shifts of the stage, but for hotfixes; say who has done so."""
    stopped = context.ports.line.stopped()
    if stopped:
        return f"the line was stopped by {stopped.by} already: {stopped.reason}"
    context.ports.line.stop(detail)
    return "the line is stopped: nothing starts and no candidate gets more traffic, but for hotfixes"


def release_line(context: Context, detail: MarkDetail) -> str:
    """Let everything go forward again, and wake whatever was held up."""
    if context.ports.line.stopped() is None:
        return "the line is not stopped"
    context.ports.line.release(detail)
    held = [d for d in context.ports.deployments.unfinished() if d.frozen_since and d.token]
    for deployment in held:
        context.ports.executions.wake(str(deployment.token))
    return f"the line goes on; {len(held) or 'no'} deployment{'s' * (len(held) > 1)} had been held up"
