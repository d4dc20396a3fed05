"""The shop's customers: orders at a steady rate, through the alias, whatever becomes of them."""

import json
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from botocore.exceptions import ClientError

from rampart.demo.account import ALIAS, FUNCTION
from rampart.embedded.aws import EmbeddedAws


class Traffic:
    """Threads that send a function `per_second` orders a second while the context lasts."""

    def __init__(
        self, aws: EmbeddedAws, per_second: float = 30.0, customers: int = 3, function: str = FUNCTION
    ) -> None:
        self._client = aws.client("lambda")
        self._function = function
        self._pause_seconds = customers / per_second
        self._closed = threading.Event()
        self._threads = [
            threading.Thread(
                target=self._order, args=(first, customers), name=f"{function}-customer-{first}", daemon=True
            )
            for first in range(customers)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closed.set()
        for thread in self._threads:
            thread.join(5)

    def _order(self, number: int, stride: int) -> None:
        due = time.monotonic()
        while not self._closed.wait(max(0.0, due - time.monotonic())):
            due += self._pause_seconds
            payload = json.dumps({"order": number}).encode()
            with suppress(ClientError):  # such as an alias that somebody is making anew
                answer = self._client.invoke(FunctionName=self._function, Qualifier=ALIAS, Payload=payload)
                answer["Payload"].read()
            number += stride
