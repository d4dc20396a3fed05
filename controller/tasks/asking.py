"""Asking: have a hook answer, and leave what it says on the record, as it would itself later.

The asking is written before it is made: whoever asks again, because the one who asked has died, asks the same.
"""

from contextlib import suppress
from typing import Any

from controller.core.deployment import Deployment, MarkDetail
from controller.core.errors import ConflictError, ControllerError, DeniedError, RefusedError
from controller.core.hook import HookAnswer, HookOutcome, HookRun, UselessAnswerError, read_answer
from controller.core.hooks_due import question, run_here
from controller.core.wording import one_line
from controller.tasks.context import Context

_TRIES = 4
"""How often what became of an asking is written again when somebody else has written meanwhile."""


def ask_hook(context: Context, deployment: Deployment) -> None:
    """Ask the hook that is due, and wake the execution with what it says; one that says later is waited for.

    Raises UnavailableError when it could not be asked now, and ConflictError when somebody else began to.
    """
    run = run_here(deployment)
    assert run is not None  # noqa: S101 - for the types; it is due
    asking = run.model_copy(update={"asked_at": context.ports.clock.now()})
    context.ports.deployments.save(deployment, deployment.model_copy(update={"hook": asking}))
    try:
        answer = _answer(context, deployment, run)
    except UselessAnswerError as useless:
        return _leave_word(context, run, None, str(useless))
    except ControllerError:
        with suppress(ControllerError):
            _note(context, run, asked_at=None)
        raise
    if answer.outcome is HookOutcome.WAIT:
        return _note(context, run, outcome=HookOutcome.WAIT)
    return _leave_word(context, run, answer.outcome, answer.reason)


def _answer(context: Context, deployment: Deployment, run: HookRun) -> HookAnswer:
    """Return what a hook answers; raises UselessAnswerError."""
    asked = question(deployment, run.hook_id, run.at, context.stage, run.until)
    try:
        answer = context.ports.functions.ask(run.function, "$LATEST", asked)
    except (RefusedError, DeniedError) as error:
        raise UselessAnswerError(f"could not be asked: {error}") from error
    if answer.error:
        raise UselessAnswerError(f"failed: {one_line(answer.error)}")
    try:
        return read_answer(answer.payload)
    except ValueError as malformed:
        raise UselessAnswerError(str(malformed)) from None


def _leave_word(context: Context, run: HookRun, outcome: HookOutcome | None, reason: str) -> None:
    ports = context.ports
    said = MarkDetail(at=ports.clock.now(), by=run.function, reason=reason, hook_id=run.hook_id, outcome=outcome)
    marked = ports.deployments.answer(context.deployment_id, run.hook_id, said)
    if marked.token and not marked.status.is_over:  # the token of now: the bake that asked may be over
        ports.executions.wake(marked.token)


def _note(context: Context, run: HookRun, **became: Any) -> None:
    """Write what became of an asking, unless another hook is asked by now."""
    for last_try in (*(False,) * (_TRIES - 1), True):
        deployment = context.ports.deployments.find(context.deployment_id)
        hook = deployment.hook if deployment and not deployment.status.is_over else None
        if deployment is None or hook is None or hook.hook_id != run.hook_id or not hook.is_waiting:
            return
        try:
            after = deployment.model_copy(update={"hook": hook.model_copy(update=became)})
            context.ports.deployments.save(deployment, after)
            return
        except ConflictError:
            if last_try:
                raise
