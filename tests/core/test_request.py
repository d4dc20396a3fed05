"""Requests: the input of an execution, by a person or by intake."""

import json
from typing import Any

import pytest

from controller.core.document import parse
from controller.core.errors import InputError
from controller.core.request import Request, canonical_request
from controller.core.strategy import Steps
from tests.builders import an_artifact

ARTIFACT = {"bucket": "releases", "key": "orders/1.zip", "version_id": "v1"}
BOTH = "say what to deploy: either artifact or version, and not both"
VERSION = 'version: write a version number such as "41", not'


def refusal(request: Any) -> str:
    """Return what a person reads about a request that cannot be used."""
    with pytest.raises(InputError) as refused:
        parse(Request, request, "execution input")
    line = str(refused.value)
    assert line.startswith("execution input: ")
    return line.removeprefix("execution input: ")


def test_a_request_names_a_target_and_an_artifact() -> None:
    request = parse(Request, {"target": "orders", "artifact": ARTIFACT}, "execution input")
    assert request.artifact == an_artifact()
    assert (request.version, request.strategy, request.hotfix, request.event_id) == (None, None, None, None)


def test_a_request_may_name_an_existing_version_a_strategy_and_a_hotfix() -> None:
    hotfix = {"reason": "payments fail", "by": "ada"}
    strategy = {"steps": [{"weight": "50%", "bake": "1m"}]}
    request = parse(
        Request, {"target": "orders", "version": "41", "strategy": strategy, "hotfix": hotfix}, "execution input"
    )
    assert request.version == "41"
    assert isinstance(request.strategy, Steps)
    assert request.hotfix is not None
    assert request.hotfix.by == "ada"


@pytest.mark.parametrize(
    ("request_", "line"),
    [
        ([1], "write a JSON object, not a list"),
        (None, "write a JSON object, not null"),
        ("orders", "write a JSON object, not 'orders'"),
        ({}, "target: this field is required"),
        ({"target": ""}, "target: write a target's name (a-z, 0-9 and -, at most 50 characters), not ''"),
        ({"target": 5, "version": "3"}, 'target: write "5", in quotes, not 5'),
        ({"target": "orders"}, BOTH),
        ({"target": "orders", "artifact": None}, BOTH),
        ({"target": "orders", "artifact": ARTIFACT, "version": "3"}, BOTH),
        ({"target": "orders", "version": 3}, 'version: write "3", in quotes, not 3'),
        ({"target": "orders", "version": "0"}, f"{VERSION} '0'"),
        ({"target": "orders", "version": "03"}, f"{VERSION} '03'"),
        ({"target": "orders", "version": "$LATEST"}, f"{VERSION} '$LATEST'"),
        ({"target": "orders", "version": "3\n"}, f"{VERSION} '3\\n'"),
        ({"target": "orders", "version": "٣"}, f"{VERSION} '٣'"),
        ({"target": "orders", "Artifact": ARTIFACT}, "Artifact: unknown field; did you mean 'artifact'?"),
        ({"target": "orders", "artefact": ARTIFACT}, "artefact: unknown field; did you mean 'artifact'?"),
        (
            {"target": "orders", "version": "3", "force": True},
            "force: unknown field; known fields: target, artifact, version, strategy, hotfix, event_id, retry",
        ),
        (
            {"target": "orders", "version": "3", "strategy": "fast"},
            "strategy: there is no strategy 'fast'; "
            "try one of AllAtOnce, Canary10Percent5Minutes, Linear10PercentEvery1Minute",
        ),
    ],
    ids=lambda value: ascii(value)[:50] if not isinstance(value, str) or value == "orders" else "",
)
def test_a_fault_in_a_request_is_told_with_its_field(request_: Any, line: str) -> None:
    assert refusal(request_) == line


@pytest.mark.parametrize(
    ("artifact", "line"),
    [
        ("s3://releases/1.zip", "write an object, not 's3://releases/1.zip'"),
        ({**ARTIFACT, "kind": "image"}, "kind: input should be 'zip', not 'image'"),
        ({**ARTIFACT, "bucket": "ab"}, "bucket: write at least 3 characters, not 'ab'"),
        ({**ARTIFACT, "bucket": "b" * 64}, f"bucket: write at most 63 characters, not '{'b' * 59}…'"),
        ({**ARTIFACT, "key": ""}, "key: write at least 1 character, not ''"),
        ({**ARTIFACT, "key": "k" * 1025}, f"key: write at most 1024 characters, not '{'k' * 59}…'"),
        ({**ARTIFACT, "version_id": ""}, "version_id: write at least 1 character, not ''"),
        ({**ARTIFACT, "etag": "x"}, "etag: unknown field; known fields: kind, bucket, key, version_id"),
        ({**ARTIFACT, "versionId": "x"}, "versionId: unknown field; did you mean 'version_id'?"),
        ({"bucket": "releases", "key": "1.zip"}, "version_id: this field is required"),
        (
            {"bucket": "a", "key": "", "version_id": ""},
            "bucket: write at least 3 characters, not 'a' (and 2 more)",
        ),
    ],
    ids=[
        "uri",
        "image",
        "short bucket",
        "long bucket",
        "no key",
        "long key",
        "no version id",
        "unknown",
        "misspelt",
        "missing",
        "three faults",
    ],
)
def test_a_fault_in_an_artifact_is_told_with_its_path(artifact: Any, line: str) -> None:
    place = "artifact: " if isinstance(artifact, str) else "artifact."
    assert refusal({"target": "orders", "artifact": artifact}) == place + line


@pytest.mark.parametrize(
    ("hotfix", "line"),
    [
        ({"reason": "x"}, "hotfix.by: this field is required"),
        ({"reason": "", "by": "ada"}, "hotfix.reason: write at least 1 character, not ''"),
        (
            {"reason": "x" * 501, "by": "ada"},
            f"hotfix.reason: write at most 500 characters, not '{'x' * 59}…'",
        ),
        ({"reason": "x", "by": "ada", "who": 1}, "hotfix.who: unknown field; known fields: reason, by"),
        ("now", "hotfix: write an object, not 'now'"),
    ],
    ids=["nobody", "no reason", "long reason", "unknown", "text"],
)
def test_a_hotfix_says_why_and_who(hotfix: Any, line: str) -> None:
    assert refusal({"target": "orders", "version": "3", "hotfix": hotfix}) == line


def test_intake_writes_the_same_bytes_for_the_same_event() -> None:
    text = canonical_request("orders", an_artifact(), "event-1")
    assert text == (
        '{"artifact":{"bucket":"releases","key":"orders/1.zip","kind":"zip","version_id":"v1"},'
        '"event_id":"event-1","target":"orders"}'
    )


@pytest.mark.parametrize("key", ["orders/été 🚀+%20.zip", 'a"b\\c', "a\nb"], ids=ascii)
def test_what_intake_writes_is_a_request_that_plan_reads(key: str) -> None:
    text = canonical_request("orders", an_artifact(key=key), "event-1")
    request = parse(Request, json.loads(text), "execution input")
    assert (request.target, request.artifact, request.event_id) == ("orders", an_artifact(key=key), "event-1")
