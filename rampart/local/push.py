"""Push: the next release for a function of the local Rampart, from another terminal."""

import re
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from controller.core.deployment import Status
from controller.core.errors import InputError
from controller.core.wording import shown
from rampart.demo.releases import BUCKET, FIRST, Release
from rampart.local.place import Running

_NUMBER = re.compile(r"release-(\d+)\.zip")
_CONFIG = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30)


def push(running: Running, function: str, bug_percent: int) -> tuple[Release, str]:
    """Upload the next release of a function, which fails so many orders in a hundred; return it and its identity.

    Raises InputError for a function that is not there, or when what runs does not answer.
    """
    try:
        known = _targets(running)
        if function not in known:
            raise InputError(f"there is no function {shown(function)} to push to; there is {' and '.join(known)}")
        s3 = _client(running, "s3")
        there = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{function}/").get("Contents", [])
        numbers = [int(found[1]) for each in there if (found := _NUMBER.fullmatch(each["Key"].rpartition("/")[2]))]
        must_end = Status.ROLLED_BACK if bug_percent else Status.PROMOTED
        release = Release(max(numbers, default=FIRST.number) + 1, bug_percent, must_end, function)
        answer = s3.put_object(Bucket=BUCKET, Key=release.key, Body=release.zip)
    except (BotoCoreError, ClientError) as error:
        raise InputError(f"the local Rampart does not answer: {error}") from None
    return release, f"s3://{BUCKET}/{release.key}@{answer['VersionId']}"


def _targets(running: Running) -> list[str]:
    path = f"/rampart/{running.variables['RAMPART_STAGE']}/targets/"
    pages = _client(running, "ssm").get_paginator("get_parameters_by_path").paginate(Path=path)
    return sorted(each["Name"].removeprefix(path) for page in pages for each in page["Parameters"])


def _client(running: Running, service: str) -> Any:
    """Return a client of what runs, whatever the environment leads to."""
    given = running.variables
    session = boto3.Session(
        given["AWS_ACCESS_KEY_ID"], given["AWS_SECRET_ACCESS_KEY"], region_name=given["AWS_REGION"]
    )
    client: Any = session.client(service, endpoint_url=running.url, config=_CONFIG)  # type: ignore[call-overload]
    return client
