"""boto3 clients with the rights of the operator, who may do everything."""

import threading
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from rampart.embedded.iam.authoriser import OPERATOR_KEY
from rampart.embedded.wire import REGION


@cache
def _session() -> Any:
    """Return the session whose API models every account of this process reads once."""
    return boto3.session.Session()


class OperatorClients:
    """boto3 clients with the operator's key, one for each service; clients may be shared by threads."""

    def __init__(self) -> None:
        self.url = ""
        """Where the account is; to be set before the first client is made."""
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """Return the client of a service."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = _session().client(
                    service,
                    region_name=REGION,
                    endpoint_url=self.url,
                    aws_access_key_id=OPERATOR_KEY,
                    aws_secret_access_key="embedded",  # noqa: S106 (no signature is checked)
                    config=Config(max_pool_connections=64, retries={"total_max_attempts": 1}),
                )
            return self._clients[service]

    def close(self) -> None:
        """Close every client; those that are asked for later are new."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()
