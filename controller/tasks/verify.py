"""Verify: the candidate answers the target's test events, on its own version number, before any traffic."""

from controller.core.decision import Decision, Ruling
from controller.core.deployment import Deployment, Status, Transition, event_of
from controller.core.expectation import NOTHING_SAID
from controller.core.wording import one_line
from controller.tasks.context import Context, read_live
from controller.tasks.end import end


def verify(context: Context) -> Ruling:
    """Let the first shift be made, or end REJECTED because a candidate failed a test event."""
    deployment = read_live(context)
    if deployment.intended_index >= 0:  # verified before an answer was lost
        return Ruling(Decision.SHIFT, deployment.reason)
    fault = _first_fault(context, deployment)
    if fault:
        return end(context, deployment, Status.REJECTED, fault, refused=True)
    asked = len(deployment.test_events)
    reason = f"answered {asked} test event{'s' * (asked != 1)}" if asked else "no test event is declared"
    after = deployment.model_copy(update={"reason": reason, "intended_index": 0, "shift_at": context.now})
    context.ports.deployments.save(deployment, after, event_of(after, Transition.VERIFIED, context.now))
    return Ruling(Decision.SHIFT, reason)


def _first_fault(context: Context, deployment: Deployment) -> str | None:
    for member in deployment.members:
        for event in deployment.test_events:
            answer = context.ports.functions.ask(member.function, str(member.candidate), event.payload)
            wanted = event.expect or NOTHING_SAID
            fault = answer.error or wanted.fault_in(answer.payload, answer.duration_ms)
            if fault:
                who = f"{member.function} version {member.candidate}"
                return f"{who} failed test event {event.name!r}: {one_line(fault)}"
    return None
