"""Provisioned concurrency, snapshots and code storage of the Lambda model."""

import pytest

from rampart.embedded.wire import ApiError
from tests.embedded.lambda_account import ROLE, Account, refused, zip_of


@pytest.fixture
def account() -> Account:
    """Return an account whose function shop has version 1, and the alias live on it."""
    account = Account()
    account.call(
        "CreateFunction",
        FunctionName="shop",
        Runtime="python3.13",
        Role=ROLE,
        Handler="shop.handler",
        Code={"ZipFile": zip_of(shop="release = 1")},
    )
    account.clock.advance(1)
    account.call("PublishVersion", FunctionName="shop")
    account.clock.advance(1)
    account.call("CreateAlias", FunctionName="shop", Name="live", FunctionVersion="1")
    return account


def put(account: Account, qualifier: str, number: int = 3) -> None:
    """Ask for provisioned concurrency."""
    where = {"FunctionName": "shop", "Qualifier": qualifier}
    account.call("PutProvisionedConcurrencyConfig", ProvisionedConcurrentExecutions=number, **where)


def listed(account: Account) -> dict[str, int]:
    """Return what is provisioned, by alias or version."""
    shown = account.call("ListProvisionedConcurrencyConfigs", FunctionName="shop")["ProvisionedConcurrencyConfigs"]
    return {
        each["FunctionArn"].rpartition(":")[2]: each["RequestedProvisionedConcurrentExecutions"] for each in shown
    }


def test_provisioned_concurrency_belongs_to_a_version_or_an_alias_and_goes_with_it(account: Account) -> None:
    put(account, "live", 2)
    put(account, "1", 5)
    assert listed(account) == {"1": 5, "live": 2}
    account.call("DeleteProvisionedConcurrencyConfig", FunctionName="shop", Qualifier="live")
    assert listed(account) == {"1": 5}
    account.call("DeleteAlias", FunctionName="shop", Name="live")
    account.call("DeleteFunction", FunctionName="shop", Qualifier="1")
    assert listed(account) == {}


def test_what_is_not_published_or_is_split_has_none(account: Account) -> None:
    assert refused(put, account, "$LATEST").code == "InvalidParameterValueException"
    account.call("UpdateFunctionCode", FunctionName="shop", ZipFile=zip_of(shop="release = 2"))
    account.clock.advance(1)
    account.call("PublishVersion", FunctionName="shop")
    account.call(
        "UpdateAlias",
        FunctionName="shop",
        Name="live",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}},
    )
    error = refused(put, account, "live")
    assert (error.code, error.status) == ("ResourceConflictException", 409)


def test_a_version_with_a_snapshot_is_pending_until_that_is_made_and_has_no_provisioned_concurrency(
    account: Account,
) -> None:
    account.call("UpdateFunctionConfiguration", FunctionName="shop", SnapStart={"ApplyOn": "PublishedVersions"})
    account.clock.advance(1)
    latest = account.call("GetFunction", FunctionName="shop")["Configuration"]
    assert latest["SnapStart"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}
    assert account.call("PublishVersion", FunctionName="shop")["State"] == "Pending"
    account.clock.advance(1)
    where = {"FunctionName": "shop", "Qualifier": "2"}
    assert account.call("GetFunctionConfiguration", **where)["State"] == "Pending"
    account.clock.advance(2)
    shown = account.call("GetFunctionConfiguration", **where)
    assert (shown["State"], shown["SnapStart"]["OptimizationStatus"]) == ("Active", "On")
    assert "SnapStart enabled" in refused(put, account, "2").message


def test_a_runtime_that_has_no_snapshots_is_refused(account: Account) -> None:
    error = refused(
        account.call,
        "UpdateFunctionConfiguration",
        FunctionName="shop",
        Runtime="python3.11",
        SnapStart={"ApplyOn": "PublishedVersions"},
    )
    assert error.message == "python3.11 is not supported for SnapStart enabled functions."


def test_code_that_does_not_fit_any_more_is_refused_and_nothing_is_changed(account: Account) -> None:
    used = account.call("GetAccountSettings")["AccountUsage"]["TotalCodeSize"]
    account.model.limit_code_storage(used)
    before = account.call("GetFunction", FunctionName="shop")
    with pytest.raises(ApiError, match="Code storage limit exceeded"):
        account.call("UpdateFunctionCode", FunctionName="shop", ZipFile=zip_of(shop="release = 2", more="x = 1"))
    assert account.call("GetFunction", FunctionName="shop") == before
    account.call("UpdateFunctionConfiguration", FunctionName="shop", Timeout=9)
    account.clock.advance(1)
    with pytest.raises(ApiError, match="Code storage limit exceeded"):
        account.call("PublishVersion", FunctionName="shop")
