"""How deployments look in the table: what expires, what the indexes hold, what the limits of items do."""

from collections.abc import Callable
from typing import Any

import pytest

from controller.adapters.dynamodb_deployments import DynamoDbDeployments
from controller.adapters.dynamodb_items import HISTORY_DAYS, from_dynamodb
from controller.core.deployment import Mark, Status, Transition, event_of
from controller.core.errors import DeniedError, MissingError, UnavailableError
from rampart.embedded.aws import EmbeddedAws
from tests.adapters.clients import refusing, restricted
from tests.adapters.records import close, mark, open_one, planned, planned_event, told
from tests.adapters.table import declared_table
from tests.builders import START, after

Items = Callable[[], dict[str, dict[str, Any]]]


@pytest.fixture
def store(aws: EmbeddedAws, table: str) -> DynamoDbDeployments:
    """Return an empty store in a table of its own."""
    return DynamoDbDeployments(aws.client("dynamodb"), table)


@pytest.fixture
def items(aws: EmbeddedAws, table: str) -> Items:
    """Return a function that returns all of the table by "pk sk"."""

    def read() -> dict[str, dict[str, Any]]:
        rows = [from_dynamodb(row) for row in aws.client("dynamodb").scan(TableName=table)["Items"]]
        return {f"{row['pk']} {row['sk']}": row for row in rows}

    return read


@pytest.fixture
def live(aws: EmbeddedAws, table: str) -> Callable[[], list[str]]:
    """Return a function that lists the deployments in the index of live ones."""

    def read() -> list[str]:
        answer = aws.client("dynamodb").query(
            TableName=table,
            IndexName="live",
            KeyConditionExpression="live = :live",
            ExpressionAttributeValues={":live": {"S": "live"}},
        )
        return [row["deployment_id"]["S"] for row in answer["Items"]]

    return read


def test_the_table_lets_go_of_what_has_an_expiry_under_the_name_that_items_use() -> None:
    assert declared_table()["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


def test_only_an_ended_record_expires(store: DynamoDbDeployments, items: Items) -> None:
    opened = open_one(store)
    assert "expires_at" not in items()["deployment#d-1 record"]
    close(store, opened, Status.ROLLED_BACK)
    ended = int(after(120).timestamp())
    assert items()["deployment#d-1 record"]["expires_at"] == ended + HISTORY_DAYS * 86_400


def test_a_failed_rollback_does_not_expire(store: DynamoDbDeployments, items: Items) -> None:
    before = open_one(store)
    failed = before.model_copy(update={"status": Status.ROLLBACK_FAILED})
    store.save(before, failed, event_of(failed, Transition.ENDED, START))
    assert "expires_at" not in items()["deployment#d-1 record"]


def test_events_and_what_ended_at_once_expire_from_the_start(store: DynamoDbDeployments, items: Items) -> None:
    open_one(store, status=Status.REJECTED)
    wanted = int(START.timestamp()) + HISTORY_DAYS * 86_400
    assert items()["deployment#d-1 record"]["expires_at"] == wanted
    assert items()["deployment#d-1 event#000001"]["expires_at"] == wanted


def test_claims_what_is_live_and_what_was_tried_never_expire(store: DynamoDbDeployments, items: Items) -> None:
    close(store, open_one(store), Status.PROMOTED)
    open_one(store, "d-2")
    kept = [row for row in items().values() if not row["pk"].startswith("deployment#")]
    assert sorted(row["sk"].partition("#")[0] for row in kept) == ["artifact", "claim", "live"]
    assert not any("expires_at" in row for row in kept)


def test_a_deployment_is_in_the_index_of_live_ones_until_it_ends(
    store: DynamoDbDeployments, live: Callable[[], list[str]]
) -> None:
    opened = open_one(store)
    open_one(store, "d-2", status=Status.SKIPPED)
    assert live() == ["d-1"]
    failed = opened.model_copy(update={"status": Status.ROLLBACK_FAILED})
    saved = store.save(opened, failed, event_of(failed, Transition.ENDED, START))
    assert live() == ["d-1"]
    close(store, saved, Status.ROLLED_BACK)
    assert live() == []


def test_a_record_opened_with_marks_and_a_token_starts_without_them(store: DynamoDbDeployments) -> None:
    annotated = open_one(store, "d-1", marks={Mark.ABORT: {"at": START, "by": "ada", "reason": "no"}}, token="t")
    assert (annotated.marks, annotated.token) == ({}, None)
    assert mark(store, "d-1", Mark.PAUSE).marks.keys() == {Mark.PAUSE}


def test_a_field_of_a_later_version_survives_a_save(
    aws: EmbeddedAws, table: str, store: DynamoDbDeployments, items: Items
) -> None:
    before = open_one(store)
    aws.client("dynamodb").update_item(
        TableName=table,
        Key={"pk": {"S": "deployment#d-1"}, "sk": {"S": "record"}},
        UpdateExpression="SET later = :later",
        ExpressionAttributeValues={":later": {"S": "than us"}},
    )
    store.save(before, before.model_copy(update={"reason": "judged"}), told(before))
    assert items()["deployment#d-1 record"]["later"] == "than us"


def test_two_writers_of_different_fields_without_events_both_leave_their_mark(store: DynamoDbDeployments) -> None:
    before = open_one(store)
    store.save(before, before.model_copy(update={"step_index": 1}))
    store.save(before, before.model_copy(update={"intended_index": 1}))
    found = store.find("d-1")
    assert found is not None
    assert (found.step_index, found.intended_index) == (1, 1)


def test_an_event_that_has_expired_when_it_was_sent_does_not_come_back_as_a_stub(
    store: DynamoDbDeployments, items: Items
) -> None:
    store.sent(planned_event(planned(store, "d-0")))
    assert items() == {}


class Crossing:
    """A client whose next transactions are cancelled, because others are writing the same items."""

    def __init__(self, client: Any, times: int, *codes: str) -> None:
        """`codes` are the reasons: one for each write, None for those that were well."""
        self._client, self._left = client, times
        self._reasons = [{"Code": code} for code in codes]
        self.exceptions = client.exceptions

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def transact_write_items(self, **params: Any) -> Any:
        """Write, unless it is cancelled once more."""
        if self._left:
            self._left -= 1
            response = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": self._reasons}
            raise self.exceptions.TransactionCanceledException(response, "TransactWriteItems")
        return self._client.transact_write_items(**params)


def test_a_transaction_that_met_another_is_tried_again_at_once(aws: EmbeddedAws, table: str) -> None:
    crossing = Crossing(aws.client("dynamodb"), 3, "TransactionConflict", "None")
    store = DynamoDbDeployments(crossing, table)  # type: ignore[arg-type]
    before = open_one(store)
    assert before.sequence == 1
    assert store.save(before, before, told(before)).sequence == 2


@pytest.mark.parametrize(
    ("times", "code"), [(99, "TransactionConflict"), (1, "ThrottlingError"), (1, "ProvisionedThroughputExceeded")]
)
def test_a_transaction_that_cannot_be_made_now_is_worth_another_try_later(
    aws: EmbeddedAws, table: str, times: int, code: str
) -> None:
    before = open_one(DynamoDbDeployments(aws.client("dynamodb"), table))
    crossing = Crossing(aws.client("dynamodb"), times, code, "None")
    with pytest.raises(UnavailableError, match=code):
        DynamoDbDeployments(crossing, table).save(before, before, told(before))  # type: ignore[arg-type]


@pytest.mark.parametrize("code", ["ThrottlingException", "ProvisionedThroughputExceededException"])
def test_a_throttled_read_is_worth_another_try(aws: EmbeddedAws, code: str) -> None:
    client = refusing(aws, "dynamodb", "get_item", code)
    with pytest.raises(UnavailableError):
        DynamoDbDeployments(client, "table").find("d-1")


def test_a_missing_permission_is_said(aws: EmbeddedAws, table: str, fresh: Callable[[str], str]) -> None:
    client = restricted(aws, "dynamodb", fresh("role"), "dynamodb:GetItem")
    store = DynamoDbDeployments(client, table)
    with pytest.raises(DeniedError, match="dynamodb:"):
        mark(store, "d-1", Mark.ABORT)
    assert store.find("d-1") is None


def test_a_missing_table_is_missing(aws: EmbeddedAws) -> None:
    with pytest.raises(MissingError):
        DynamoDbDeployments(aws.client("dynamodb"), "no-such-table").find("d-1")
