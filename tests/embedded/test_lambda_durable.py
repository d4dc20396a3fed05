"""Durable executions: their records, which pin a version, and where they may be."""

import pytest

from rampart.embedded.wire import ApiError
from tests.embedded.lambda_account import Account, refused

DURABLE = {"ExecutionTimeout": 3_600, "RetentionPeriodInDays": 1}


def durable_account() -> Account:
    """Return an account whose function shop is durable and has versions 1 and 2."""
    account = Account()
    account.create(DurableConfig=DURABLE)
    for number in ("1", "2"):
        account.clock.advance(1)
        assert account.call("PublishVersion", FunctionName="shop")["Version"] == number
        account.clock.advance(1)
        account.call("UpdateFunctionConfiguration", FunctionName="shop", MemorySize=256 * int(number))
    account.clock.advance(1)
    return account


def listed(account: Account, **params: object) -> list[str]:
    """Return the ARNs of the executions of shop."""
    found = account.call("ListDurableExecutionsByFunction", FunctionName="shop", **params)
    return [each["DurableExecutionArn"] for each in found["DurableExecutions"]]


def test_executions_are_told_by_version_and_by_status() -> None:
    account = durable_account()
    first, second = (account.model.durable.begin("shop", version) for version in ("1", "2"))
    paused = account.model.durable.begin("shop", "1", "PAUSED")
    assert sorted(listed(account)) == sorted([first, second, paused])
    assert listed(account, Qualifier="2") == [second]
    assert listed(account, Qualifier="1", Statuses=["RUNNING"]) == [first]
    account.model.durable.end(first)
    assert listed(account, Qualifier="1", Statuses=["RUNNING"]) == []
    assert listed(account, Statuses=["SUCCEEDED"]) == [first]


def test_a_version_shows_that_it_is_durable_and_a_function_cannot_become_it() -> None:
    account = durable_account()
    shown = account.call("ListVersionsByFunction", FunctionName="shop")["Versions"]
    assert all(each["DurableConfig"] == DURABLE for each in shown)
    plain = Account()
    plain.create()
    plain.clock.advance(1)
    error = refused(plain.call, "UpdateFunctionConfiguration", FunctionName="shop", DurableConfig=DURABLE)
    assert error.code == "InvalidParameterValueException"
    with pytest.raises(ApiError, match="is not a durable function"):
        plain.model.durable.begin("shop", "$LATEST")


def test_a_version_that_is_not_there_has_no_executions() -> None:
    error = refused(durable_account().call, "ListDurableExecutionsByFunction", FunctionName="shop", Qualifier="9")
    assert error.code == "ResourceNotFoundException"
