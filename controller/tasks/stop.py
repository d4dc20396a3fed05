"""Stop: end a deployment in the middle, for its alarm or a person.

Whoever stops a deployment writes the mark, puts the alias back, closes the record, and then wakes the execution:
traffic is safe before anything else is tidied up, and every task that looks later finds the mark, or the end.
"""

from controller.core.decision import Ruling
from controller.core.deployment import Deployment, Mark, MarkDetail
from controller.core.errors import ConflictError
from controller.tasks.context import Context
from controller.tasks.roll_back import leave_mark, roll_back


def stop(context: Context, deployment: Deployment, mark: Mark, detail: MarkDetail) -> Ruling | None:
    """Mark a deployment, roll it back, wake it; None when it had ended before the mark.

    The execution finds its deployment ended when it wakes. Where the rollback fails it finds the mark, and its
    own rollback tries again, and for longer.
    """
    marked = leave_mark(context.ports, deployment, mark, detail)
    if marked.status.is_over:
        return None
    step = f"{marked.spell_step(marked.step_index)}: " if marked.step_index >= 0 else ""
    cause = step + marked.marks[mark].spell(mark)
    try:
        return roll_back(context, cause)
    except ConflictError:  # the execution wrote meanwhile, perhaps its end
        return roll_back(context, cause)
    finally:
        if marked.token:
            context.ports.executions.wake(marked.token)
