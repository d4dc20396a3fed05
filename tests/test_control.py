"""What people ask of a deployment: what they may write, and the one line that they read when it cannot be used."""

from typing import Any

import pytest

from controller.control import asked_of
from controller.core.errors import InputError

ABSENT = "(left out)"
VERBS = (
    "control: verb: input should be 'abort', 'approve', 'pause', 'promote', 'resume', 'retry', "
    "'undo', 'stop-the-line' or 'release-the-line'"
)
AN_ABORT = {"deployment_id": "orders-abc-1", "verb": "abort", "by": "ada", "reason": "wrong build"}


def refusal(request: Any) -> str:
    """Return what a person reads about what cannot be asked."""
    with pytest.raises(InputError) as refused:
        asked_of(request)
    return str(refused.value)


def test_a_person_asks_for_an_abort_and_says_who_and_why() -> None:
    assert asked_of(AN_ABORT).model_dump() == AN_ABORT


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"deployment_id": ABSENT}, "control: deployment_id: this field is required"),
        ({"deployment_id": ""}, "control: deployment_id: write at least 1 character, not ''"),
        ({"deployment_id": 1}, 'control: deployment_id: write "1", in quotes, not 1'),
        ({"deployment_id": "o" * 81}, f"control: deployment_id: write at most 80 characters, not '{'o' * 59}…'"),
        ({"verb": ABSENT}, "control: verb: this field is required"),
        (
            {"verb": "alarm"},
            f"{VERBS}, not 'alarm'",
        ),
        (
            {"verb": "Abort"},
            f"{VERBS}, not 'Abort'",
        ),
        ({"by": ""}, "control: by: write at least 1 character, not ''"),
        ({"by": "a" * 201}, f"control: by: write at most 200 characters, not '{'a' * 59}…'"),
        ({"reason": ABSENT}, "control: reason: this field is required"),
        ({"reason": "x" * 501}, f"control: reason: write at most 500 characters, not '{'x' * 59}…'"),
        ({"force": True}, "control: force: unknown field; known fields: deployment_id, verb, by, reason"),
        ({"reasons": "x"}, "control: reasons: unknown field; did you mean 'reason'?"),
    ],
    ids=lambda value: str(value)[:30] if isinstance(value, dict) else "",
)
def test_a_fault_in_a_request_is_told_with_its_field(changes: dict[str, Any], line: str) -> None:
    request = {name: value for name, value in (AN_ABORT | changes).items() if value is not ABSENT}
    assert refusal(request) == line


@pytest.mark.parametrize(
    ("request_", "line"),
    [
        (None, "control: write a JSON object, not null"),
        ([], "control: write a JSON object, not a list"),
        ("abort", "control: write a JSON object, not 'abort'"),
    ],
    ids=["null", "list", "text"],
)
def test_what_is_no_object_asks_for_nothing(request_: Any, line: str) -> None:
    assert refusal(request_) == line
