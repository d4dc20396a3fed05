"""Expectations: what a version must answer to a test event, and what is wrong with an answer that is not so."""

import json
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from controller.core.document import Document
from controller.core.duration import Milliseconds
from controller.core.expression import checked, evaluate
from controller.core.wording import one_line, shown

SERVER_ERROR = 500
"""The status from which on an answer fails whatever is expected of it, unless that is a status."""

_STATUS_CLASS = r"[1-5]xx"
_STATUS_TEXT = r"[1-9][0-9]{2}"
_SHOWN = 200


def _parse_status(value: Any) -> Any:
    is_number = isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 599
    if is_number or (isinstance(value, str) and re.fullmatch(_STATUS_CLASS, value)):
        return value
    raise ValueError(f'write a status such as 200, or a class of them such as "2xx", not {shown(value)}')


def _one_or_several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class Expectation(Document):
    """What a version must answer."""

    status: Annotated[int | str, BeforeValidator(_parse_status)] | None = None
    """The answer's statusCode, as handlers behind API Gateway, a function URL or a load balancer return it."""
    payload: Annotated[
        tuple[Annotated[str, AfterValidator(checked)], ...], Field(max_length=20), BeforeValidator(_one_or_several)
    ] = ()
    """JMESPath expressions over the answer, each of which must give true."""
    within: Milliseconds | None = None
    """The most milliseconds that the handler may take, by Lambda's own report, which leaves the init out."""

    def fault_in(self, payload: str, duration_ms: float | None) -> str | None:
        """Return what was expected of an answer and what came, in one line; None when all is as expected."""
        document, why = _read(payload)
        faults = (
            self._status_fault(document),
            self._payload_fault(document, why),
            self._duration_fault(duration_ms),
        )
        fault = next(filter(None, faults), None)
        return f"{fault}: {one_line(payload[: _SHOWN * 2], _SHOWN)}" if fault else None

    def _status_fault(self, document: Any) -> str | None:
        status = _status_of(document)
        if self.status is None:
            is_bad = status is not None and status >= SERVER_ERROR
            return f"statusCode {status}, expected less than {SERVER_ERROR}" if is_bad else None
        if status is None:
            return f"no statusCode, expected {self.status}"
        met = status == self.status or (isinstance(self.status, str) and f"{status // 100}xx" == self.status)
        return None if met else f"statusCode {status}, expected {self.status}"

    def _payload_fault(self, document: Any, why: str | None) -> str | None:
        for expression in self.payload:
            wanted = f"expected {one_line(expression, _SHOWN)} to be true"
            if why:
                return f"{why}, {wanted}"
            try:
                found = evaluate(expression, document)
            except ValueError as error:
                return f"{error}, {wanted}"
            if found is not True:
                return f"{shown(found)}, {wanted}"
        return None

    def _duration_fault(self, duration_ms: float | None) -> str | None:
        if self.within is None or (duration_ms is not None and duration_ms <= self.within):
            return None
        if duration_ms is None:
            return f"Lambda did not report how long it took, expected at most {self.within} ms"
        return f"it took {duration_ms:g} ms, expected at most {self.within} ms"


def _read(payload: str) -> tuple[Any, str | None]:
    """Return an answer as a value, or why it is none."""
    try:
        return json.loads(payload, parse_constant=_refuse_constant), None
    except RecursionError:
        return None, "an answer that is nested too deeply"
    except ValueError:
        return None, "an answer that is not JSON"


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _status_of(document: Any) -> int | None:
    """Return the statusCode of an answer that has one: a number, or the text of one, as API Gateway takes both."""
    status = document.get("statusCode") if isinstance(document, dict) else None
    match status:
        case bool():
            return None
        case int():
            return status
        case float() if status.is_integer():
            return int(status)
        case str() if re.fullmatch(_STATUS_TEXT, status):
            return int(status)
        case _:
            return None
