"""What all entry points do: their log lines name the request, and their metrics are written."""

import gc
from collections.abc import Callable
from typing import Any, TypeVar, cast

from controller.observability import logger, metrics

Event = dict[str, Any]
Answer = TypeVar("Answer")


def entry_point(handle: Callable[[Event, Any], Answer]) -> Callable[[Event, Any], Answer]:
    """Return what Lambda invokes with an event and its context.

    It is the last thing that an entry point's module makes: what was imported is never looked through for garbage.
    """
    told = logger.inject_lambda_context(metrics.log_metrics(handle), clear_state=True)
    gc.freeze()
    return cast("Callable[[Event, Any], Answer]", told)
