"""The Lambda entry points, in the order in which a deployment meets them."""

import gc

# What a cold start makes stays, the modules and AWS's models of its APIs: Python would look for garbage among it
# after every 2,000 new objects, for a tenth of the time.
gc.set_threshold(100_000)

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

from aws_lambda_powertools.utilities.typing import LambdaContext

from controller import bootstrap
from controller.core.decision import Ruling, cause_of
from controller.core.target import named_target
from controller.intake import take_in
from controller.notify import tell
from controller.observability import count, failures_told, logger, metrics, traced
from controller.reconcile import reconcile
from controller.restore import dead_execution, restore
from controller.signal import alarm_change, on_alarm_change, on_verb, verb_of
from controller.tasks.bake import bake
from controller.tasks.context import Context
from controller.tasks.give_up import give_up
from controller.tasks.judge import judge
from controller.tasks.plan import plan
from controller.tasks.promote import promote
from controller.tasks.publish import publish
from controller.tasks.roll_back import roll_back
from controller.tasks.shift import shift
from controller.tasks.verify import verify

Event = dict[str, Any]


TASKS: dict[str, Callable[[Context, Event], Ruling | None]] = {
    "Plan": lambda visit, event: plan(visit, event["request"], event["execution_arn"], _began(event)),
    "Publish": lambda visit, _: publish(visit),
    "Verify": lambda visit, _: verify(visit),
    "Shift": lambda visit, _: shift(visit),
    "Bake": lambda visit, event: bake(visit, event["token"]),
    "Judge": lambda visit, _: judge(visit),
    "Promote": lambda visit, _: promote(visit),
    "RollBack": lambda visit, event: roll_back(
        visit, cause_of(event["state"]), named_target(event["request"]), event["execution_arn"]
    ),
    "GiveUp": lambda visit, event: give_up(visit, cause_of(event["state"])),
}
"""What each Task state does with its payload. Bake has no answer: its callback ends the state."""


def _began(event: Event) -> datetime:
    """Return when an execution began; one that runs by the definition of an earlier release does not say."""
    return datetime.fromisoformat(event.get("started_at", "1970-01-01T00:00:00Z"))


def _visit(deployment_id: str) -> Context:
    chosen = bootstrap.settings()
    return Context(bootstrap.ports(), deployment_id, datetime.now(UTC), chosen.stage, chosen.minute_seconds)


def _entry_point(state: str) -> Callable[[Event, LambdaContext], Event]:
    """Return the entry point of a Task state: one log line, one metric, the state machine's document.

    What a task raises goes on to the state machine, which retries or rolls back by the name of the error.
    """

    @logger.inject_lambda_context
    @metrics.log_metrics
    def carry_out(event: Event, _: LambdaContext) -> Event:
        deployment_id = event["deployment_id"]
        logger.append_keys(deployment_id=deployment_id, state=state)
        metrics.add_dimension(name="State", value=state)
        with failures_told(), traced(state):
            ruling = TASKS[state](_visit(deployment_id), event)
        decision = ruling.decision.value if ruling else "WAIT"
        logger.info("decided", decision=decision, reason=ruling.reason if ruling else "")
        count(decision)
        return ruling.state_document(deployment_id) if ruling else {}

    return cast("Callable[[Event, LambdaContext], Event]", carry_out)


@logger.inject_lambda_context
@metrics.log_metrics
def on_artifact(event: Event, _: LambdaContext) -> None:
    """Intake, invoked by EventBridge; what it raises reaches the dead-letter queue with its reason."""
    with failures_told():
        taken = take_in(bootstrap.ports(), event)
    for fault in taken.unreadable:
        count("UnreadableTargets")
        logger.error("target cannot be read", reason=fault)
    count("StartedDeployments", len(taken.started))
    count("DuplicateEvents", len(taken.known))
    if not taken.started and not taken.known:
        count("UnmatchedEvents")
    logger.info("artifact taken in", artifact=taken.artifact, started=taken.started, known=taken.known)


on_plan = _entry_point("Plan")
on_publish = _entry_point("Publish")
on_verify = _entry_point("Verify")
on_shift = _entry_point("Shift")
on_bake = _entry_point("Bake")
on_judge = _entry_point("Judge")
on_promote = _entry_point("Promote")
on_roll_back = _entry_point("RollBack")
on_give_up = _entry_point("GiveUp")


@logger.inject_lambda_context
@metrics.log_metrics
def on_signal(event: Event, _: LambdaContext) -> Event:
    """Signal, invoked by EventBridge when an alarm changes, or by a person with a verb."""
    with failures_told():
        if isinstance(event, dict) and "detail-type" in event:
            change = alarm_change(event)
            stopped = on_alarm_change(_visit, change)
            answer = f"alarm {change.name} stops {', '.join(stopped) or 'nothing'}"
        else:
            verb = verb_of(event)
            answer = on_verb(_visit(verb.deployment_id), verb)
    count("Signals")
    logger.info("signal", answer=answer)
    return {"answer": answer}


@logger.inject_lambda_context
@metrics.log_metrics
def on_dead_execution(event: Event, _: LambdaContext) -> None:
    """Restore, invoked by EventBridge when an execution failed, timed out or was stopped."""
    with failures_told():
        dead = dead_execution(event)
        logger.append_keys(deployment_id=dead.name)
        ruling = restore(_visit(dead.name), dead)
    count("Restored" if ruling else "NothingToRestore")
    logger.info("restored" if ruling else "nothing to restore", because=dead.because)


@logger.inject_lambda_context
@metrics.log_metrics
def on_schedule(_: Event, __: LambdaContext) -> None:
    """Reconcile, invoked by a schedule; raises the last error that it met, once all else is done."""
    errors: list[Exception] = []
    with failures_told():
        done = reconcile(_visit, errors.append)
        for line in done:
            logger.warning("reconciled", what=line)
        for error in errors:
            logger.error("not reconciled", reason=str(error))
        count("Reconciled", len(done))
        count("NotReconciled", len(errors))
        if errors:
            raise errors[-1]


@logger.inject_lambda_context
@metrics.log_metrics
def on_transition(event: Event, _: LambdaContext) -> Event:
    """Notify, invoked by the table's stream."""
    stage = bootstrap.settings().stage
    failed = tell(
        bootstrap.ports(), event["Records"], stage, lambda error: logger.exception("not told", exc_info=error)
    )
    count("Notifications", len(event["Records"]) if not failed else 0)
    return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}


# Nor is what was imported looked through later.
gc.freeze()
