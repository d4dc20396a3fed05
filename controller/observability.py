"""Logs, metrics and traces: every line carries the deployment it is about."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from controller.core.errors import NotReadyError

# Lambda sets the root logger to INFO for JSON logs, at which botocore tells of every client it makes.
logging.getLogger("botocore").setLevel(logging.WARNING)

logger = Logger()
metrics = Metrics()


def count(name: str, value: int = 1) -> None:
    """Add to a metric of the controller's own namespace."""
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)


@contextmanager
def failures_told() -> Iterator[None]:
    """Count and log what goes wrong inside by the name of the error, and let it go on."""
    try:
        yield
    except NotReadyError as error:  # the way in which Publish waits
        count(type(error).__name__)
        raise
    except Exception as error:
        count(type(error).__name__)
        logger.error("failed", error=type(error).__name__, reason=str(error))
        raise


def traced(name: str) -> AbstractContextManager[Any]:
    """Return a subsegment of the current X-Ray trace, or nothing when the trace is not sampled.

    Importing the X-Ray SDK costs three quarters of a boto3 client at cold start, so that only a sampled
    trace pays for it.
    """
    if "Sampled=1" not in os.environ.get("_X_AMZN_TRACE_ID", ""):
        return nullcontext()
    subsegment: Callable[..., AbstractContextManager[Any]] = _tracer().provider.in_subsegment
    return subsegment(name=f"## {name}")


@lru_cache(maxsize=1)
def _tracer() -> Any:
    from aws_lambda_powertools import Tracer

    return Tracer(auto_patch=False)
