"""Aliases hold to AWS's rules for weights and revisions."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from rampart.embedded.wire import ApiError
from tests.embedded.lambda_account import ARN, Account, refused, shop_with_two_versions


def weigh(account: Account, weights: dict[str, float], **params: Any) -> dict[str, Any]:
    return account.call(
        "UpdateAlias",
        FunctionName="shop",
        Name="live",
        RoutingConfig={"AdditionalVersionWeights": weights},
        **params,
    )


def test_an_alias_refuses_a_stale_revision_id() -> None:
    account = shop_with_two_versions()
    first = account.call("GetAlias", FunctionName="shop", Name="live")["RevisionId"]
    second = weigh(account, {"2": 0.1}, RevisionId=first)["RevisionId"]
    assert second != first
    error = refused(weigh, account, {"2": 0.5}, RevisionId=first)
    assert (error.code, error.status) == ("PreconditionFailedException", 412)
    assert weigh(account, {"2": 0.5}, RevisionId=second)["RoutingConfig"] == {
        "AdditionalVersionWeights": {"2": 0.5}
    }


def test_of_many_updates_with_one_revision_id_exactly_one_succeeds() -> None:
    account = shop_with_two_versions()
    revision = account.call("GetAlias", FunctionName="shop", Name="live")["RevisionId"]
    barrier = Barrier(8)

    def update(number: int) -> str:
        barrier.wait()
        try:
            updated: str = weigh(account, {"2": number / 10}, RevisionId=revision)["RevisionId"]
        except ApiError as error:
            return error.code
        return updated

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(update, range(1, 9)))
    won = account.call("GetAlias", FunctionName="shop", Name="live")["RevisionId"]
    assert sorted(answers) == sorted([won, *["PreconditionFailedException"] * 7])


@pytest.mark.parametrize(
    ("weights", "code", "text"),
    [
        ({"2": 1.5}, "ValidationException", "less than or equal to 1.0"),
        ({"2": -0.1}, "ValidationException", "greater than or equal to 0.0"),
        ({"2": float("nan")}, "ValidationException", "Member must have value"),
        ({"2": True}, "ValidationException", "of type double"),
        ({"$LATEST": 0.1}, "ValidationException", "regular expression"),
        ({"live": 0.1}, "ValidationException", "regular expression"),
        ({"9": 0.1}, "ResourceNotFoundException", f"Function not found: {ARN}:9"),
        ({"1": 0.1}, "InvalidParameterValueException", "already included in routing"),
        ({"1": 0.1, "2": 0.1}, "InvalidParameterValueException", "cannot be greater than 1"),
    ],
)
def test_a_weight_that_makes_no_sense_is_refused(weights: dict[str, float], code: str, text: str) -> None:
    account = shop_with_two_versions()
    before = account.call("GetAlias", FunctionName="shop", Name="live")
    error = refused(weigh, account, weights)
    assert error.code == code
    assert text in error.message
    assert account.call("GetAlias", FunctionName="shop", Name="live") == before


def test_an_alias_of_latest_takes_no_weights() -> None:
    account = shop_with_two_versions()
    error = refused(weigh, account, {"2": 0.1}, FunctionVersion="$LATEST")
    assert error.message == "$LATEST is not supported for an alias pointing to more than 1 version"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"Role": "arn:aws:iam::123456789012:role/other"}, "same execution role"),
        ({"DeadLetterConfig": {"TargetArn": "arn:aws:sqs:eu-west-1:123456789012:dlq"}}, "dead-letter"),
    ],
)
def test_two_versions_of_an_alias_share_role_and_dead_letter_target(change: dict[str, Any], text: str) -> None:
    account = shop_with_two_versions()
    account.call("UpdateFunctionConfiguration", FunctionName="shop", **change)
    account.clock.advance(1)
    third = account.call("PublishVersion", FunctionName="shop")["Version"]
    error = refused(weigh, account, {third: 0.1})
    assert error.code == "InvalidParameterValueException"
    assert text in error.message


def test_moving_an_alias_leaves_weights_that_are_not_mentioned() -> None:
    account = shop_with_two_versions()
    third = account.release(3)
    weigh(account, {"2": 0.2})
    moved = account.call("UpdateAlias", FunctionName="shop", Name="live", FunctionVersion=third)
    assert moved["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.2}}
    error = refused(account.call, "UpdateAlias", FunctionName="shop", Name="live", FunctionVersion="2")
    assert "already included" in error.message
    assert "RoutingConfig" not in weigh(account, {}, FunctionVersion="2")


def test_an_alias_name_is_taken_once_and_is_not_a_number() -> None:
    account = shop_with_two_versions()

    def create(name: str, version: str = "1") -> dict[str, Any]:
        return account.call("CreateAlias", FunctionName="shop", Name=name, FunctionVersion=version)

    assert refused(create, "live").message == f"Alias already exists: {ARN}:live"
    assert refused(create, "12").code == "ValidationException"
    assert refused(create, "next", "9").code == "ResourceNotFoundException"


def test_a_missing_alias_cannot_be_read_or_updated_but_is_as_good_as_deleted() -> None:
    account = shop_with_two_versions()
    for operation in ("GetAlias", "UpdateAlias"):
        error = refused(account.call, operation, FunctionName="shop", Name="none")
        assert (error.status, error.message) == (404, f"Cannot find alias arn: {ARN}:none")
    assert account.call("DeleteAlias", FunctionName="shop", Name="none") == {}


def test_aliases_are_listed_by_the_versions_they_invoke() -> None:
    account = shop_with_two_versions()
    weigh(account, {"2": 0.2})
    account.call("CreateAlias", FunctionName="shop", Name="old", FunctionVersion="1")

    def names(**params: Any) -> list[str]:
        return [each["Name"] for each in account.call("ListAliases", FunctionName="shop", **params)["Aliases"]]

    assert names() == ["live", "old"]
    assert names(FunctionVersion="1") == ["live", "old"]
    assert names(FunctionVersion="2") == ["live"]
    assert names(MaxItems=1) == ["live"]
