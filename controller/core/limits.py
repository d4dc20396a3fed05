"""Limits: what a function's own settings keep a deployment from seeing: reserved concurrency 0, a long timeout."""

from controller.core.code import Code
from controller.core.duration import spell_span
from controller.core.measurement import LAG_MINUTES

_SLOW_SECONDS = 60
"""A timeout up to here is over before a minute's metrics are."""


def refuse_stopped(code: Code) -> str | None:
    """Return why no version of a function can be invoked, or None.

    Source: Lambda developer guide, "Configuring reserved concurrency for a function": at 0 no event is processed.
    """
    if code.reserved != 0:
        return None
    return (
        f"function {code.function} is stopped: its reserved concurrency is 0, so that no version of it answers and "
        "nothing can be judged; let it run with: aws lambda delete-function-concurrency --function-name "
        f"{code.function}, or deploy a hotfix to it as it is"
    )


def stopped_warning(code: Code) -> str | None:
    """Return a warning for a hotfix to a function that is stopped, or None."""
    if code.reserved != 0:
        return None
    return (
        f"function {code.function} is stopped: its reserved concurrency is 0; test events and hooks get no answer "
        "from it, and nothing is known of the candidate before it may run again"
    )


def timeout_warning(code: Code, plan_seconds: int, minute_seconds: float) -> str | None:
    """Return a warning that the promotion may come before the first request could have timed out, or None.

    Source: Lambda developer guide, "Viewing metrics for Lambda functions": a metric is emitted when the invocation
    has ended, with the time at which it began.
    """
    seen_seconds = code.timeout_seconds + LAG_MINUTES * minute_seconds
    if code.timeout_seconds <= _SLOW_SECONDS or plan_seconds >= seen_seconds:
        return None
    return (
        f"function {code.function} may take {spell_span(code.timeout_seconds)} to time out, and all of the "
        f"deployment {spell_span(plan_seconds)}: time-outs of the candidate can show after its promotion; a longer "
        "final_bake sees them"
    )
