"""boto3 clients of the embedded AWS that have few rights, or that get a certain answer."""

import functools
from typing import Any

import boto3
from botocore.config import Config
from botocore.stub import Stubber

from rampart.embedded.aws import EmbeddedAws
from rampart.embedded.wire import REGION


@functools.cache
def _session() -> Any:
    return boto3.session.Session()


def client(aws: EmbeddedAws, service: str, key: str = "AKIAOPERATOR") -> Any:
    """Return a client of its own, which signs with a key."""
    return _session().client(
        service,
        region_name=REGION,
        endpoint_url=aws.url,
        aws_access_key_id=key,
        aws_secret_access_key="embedded",
        config=Config(retries={"total_max_attempts": 1}),
    )


def restricted(aws: EmbeddedAws, service: str, role: str, *actions: str) -> Any:
    """Return a client whose role may do only the actions."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    aws.authoriser.register(f"ASIA-{role}", role, [{"Version": "2012-10-17", "Statement": [statement]}])
    return client(aws, service, f"ASIA-{role}")


def refusing(aws: EmbeddedAws, service: str, method: str, code: str, status: int = 400, **modeled: Any) -> Any:
    """Return a client whose next call, of `method`, is answered with an error."""
    refuser = client(aws, service)
    stubber = Stubber(refuser)
    stubber.add_client_error(method, code, f"{code} from AWS", status, modeled_fields=modeled or None)
    stubber.activate()
    return refuser


def answering(aws: EmbeddedAws, service: str, method: str, answer: dict[str, Any]) -> Any:
    """Return a client whose next call, of `method`, is answered so."""
    answerer = client(aws, service)
    stubber = Stubber(answerer)
    stubber.add_response(method, answer)
    stubber.activate()
    return answerer
