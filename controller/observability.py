"""Logs, metrics and traces: every line carries the deployment it is about."""

import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from controller.core.errors import NotReadyError

# Lambda sets the root logger to INFO for JSON logs, at which botocore tells of every client it makes.
logging.getLogger("botocore").setLevel(logging.WARNING)


def as_line(entry: dict[str, Any]) -> str:
    """Return an entry of the log as one line of JSON, in which what cannot be seen is escaped, whoever wrote it."""
    text = json.dumps(entry, default=str, separators=(",", ":"), ensure_ascii=False)
    return text if text.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


logger = Logger(json_serializer=as_line)
metrics = Metrics()


def count(name: str, value: int = 1) -> None:
    """Add to a metric of the controller's own namespace."""
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)


def record_seconds(name: str, seconds: float) -> None:
    """Add a length of time to a metric of the controller's own namespace."""
    metrics.add_metric(name=name, unit=MetricUnit.Seconds, value=seconds)


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


def is_traced() -> bool:
    """Say whether the current X-Ray trace is sampled."""
    return "Sampled=1" in os.environ.get("_X_AMZN_TRACE_ID", "")


@contextmanager
def traced(name: str, **annotations: str) -> Iterator[Callable[[str, str], None]]:
    """Give a subsegment of the current X-Ray trace with annotations, by which traces are found, and add more to it.

    There is none when the trace is not sampled: importing the X-Ray SDK costs three quarters of a boto3 client at
    cold start, so that only a sampled trace pays for it. What is annotated with "" is left out.
    """
    if not is_traced():
        yield lambda key, value: None
        return
    with _tracer().provider.in_subsegment(name=f"## {name}") as subsegment:

        def annotate(key: str, value: str) -> None:
            if value:
                subsegment.put_annotation(key, value)

        for key, value in annotations.items():
            annotate(key, value)
        yield annotate


@lru_cache(maxsize=1)
def _tracer() -> Any:
    from aws_lambda_powertools import Tracer

    return Tracer(auto_patch=False)
