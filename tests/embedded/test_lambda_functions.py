"""Functions and versions behave as AWS documents them."""

import base64
import hashlib
from typing import Any

import pytest

from rampart.embedded.aws_lambda import packages
from tests.embedded.lambda_account import ARN, Account, refused, shop_with_two_versions, zip_of

NEW = zip_of(shop="release = 9")


def test_a_new_function_is_pending_and_then_active() -> None:
    account = Account()
    created = account.create(settled=False, Code={"ZipFile": NEW})
    assert (created["State"], created["Version"], created["FunctionArn"]) == ("Pending", "$LATEST", ARN)
    assert created["CodeSha256"] == base64.b64encode(hashlib.sha256(NEW).digest()).decode()

    busy = refused(account.call, "PublishVersion", FunctionName="shop")
    assert (busy.code, busy.status) == ("ResourceConflictException", 409)
    assert "currently in the following state: Pending" in busy.message

    account.clock.advance(0.3)
    assert account.call("GetFunction", FunctionName="shop")["Configuration"]["State"] == "Active"


def test_an_update_is_in_progress_for_a_while_and_nothing_else_may_change_meanwhile() -> None:
    account = Account()
    account.create()
    updated = account.call("UpdateFunctionCode", FunctionName="shop", ZipFile=NEW)
    assert (updated["State"], updated["LastUpdateStatus"]) == ("Active", "InProgress")
    for operation, params in (
        ("UpdateFunctionCode", {"ZipFile": NEW}),
        ("UpdateFunctionConfiguration", {"Timeout": 5}),
        ("PublishVersion", {}),
    ):
        error = refused(account.call, operation, FunctionName="shop", **params)
        assert (error.code, error.status) == ("ResourceConflictException", 409)
        assert error.message.endswith(f"An update is in progress for resource: {ARN}")
    account.clock.advance(0.3)
    settled = account.call("GetFunctionConfiguration", FunctionName="shop")
    assert settled["LastUpdateStatus"] == "Successful"
    assert settled["RevisionId"] != updated["RevisionId"]


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("UpdateFunctionCode", {"ZipFile": NEW}),
        ("UpdateFunctionConfiguration", {"Timeout": 5}),
        ("PublishVersion", {}),
    ],
)
def test_a_stale_revision_id_is_refused(operation: str, params: dict[str, Any]) -> None:
    account = Account()
    created = account.create()
    error = refused(account.call, operation, FunctionName="shop", RevisionId=created["RevisionId"], **params)
    assert (error.code, error.status) == ("PreconditionFailedException", 412)
    fresh = account.call("GetFunctionConfiguration", FunctionName="shop")["RevisionId"]
    account.call(operation, FunctionName="shop", RevisionId=fresh, **params)


def test_a_version_keeps_its_code_and_configuration_when_latest_moves_on() -> None:
    account = shop_with_two_versions()
    before = account.call("GetFunctionConfiguration", FunctionName="shop", Qualifier="1")
    variables = {"COLOUR": "green"}
    account.call(
        "UpdateFunctionConfiguration", FunctionName="shop", Environment={"Variables": variables}, Timeout=9
    )
    variables["COLOUR"] = "red"
    account.clock.advance(1)
    account.release(3)
    assert account.call("GetFunctionConfiguration", FunctionName="shop", Qualifier="1") == before
    third = account.call("GetFunctionConfiguration", FunctionName="shop", Qualifier="3")
    assert (third["Environment"], third["Timeout"]) == ({"Variables": {"COLOUR": "green"}}, 9)
    assert third["ConfigSha256"] != before["ConfigSha256"]


def test_a_version_is_pending_until_it_is_published() -> None:
    account = Account()
    account.create()
    assert account.call("PublishVersion", FunctionName="shop")["State"] == "Pending"
    account.clock.advance(0.2)
    shown = account.call("GetFunctionConfiguration", FunctionName="shop", Qualifier="1")
    assert (shown["State"], shown["FunctionArn"]) == ("Active", f"{ARN}:1")


def test_publishing_unchanged_code_returns_the_last_version_whatever_the_description() -> None:
    account = shop_with_two_versions()
    again = account.call("PublishVersion", FunctionName="shop", Description="a retry")
    assert (again["Version"], again["Description"]) == ("2", "")
    # Only the last version is compared: going back to older code makes a new number.
    assert account.release(1) == "3"


def test_publishing_other_code_than_expected_is_refused() -> None:
    account = Account()
    account.create()
    error = refused(account.call, "PublishVersion", FunctionName="shop", CodeSha256="other")
    assert error.code == "InvalidParameterValueException"
    assert error.message.startswith("CodeSHA256 (other) is different from current CodeSHA256 in $LATEST")


def test_a_version_number_is_never_used_again() -> None:
    account = shop_with_two_versions()
    account.call("DeleteFunction", FunctionName="shop", Qualifier="2")
    assert account.call("PublishVersion", FunctionName="shop")["Version"] == "3"
    account.call("DeleteFunction", FunctionName="shop")
    account.create()
    assert account.call("PublishVersion", FunctionName="shop")["Version"] == "4"


def test_a_version_that_an_alias_uses_cannot_be_deleted() -> None:
    account = shop_with_two_versions()
    account.call(
        "UpdateAlias",
        FunctionName="shop",
        Name="live",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.1}},
    )
    for version in ("1", "2"):
        error = refused(account.call, "DeleteFunction", FunctionName="shop", Qualifier=version)
        assert (error.code, error.status) == ("ResourceConflictException", 409)
        assert error.message.endswith("the following aliases reference it: [live]")


@pytest.mark.parametrize(
    ("qualifier", "code"),
    [
        ("$LATEST", "InvalidParameterValueException"),
        ("live", "InvalidParameterValueException"),
        ("9", "ResourceNotFoundException"),
    ],
)
def test_only_a_version_can_be_deleted_by_its_qualifier(qualifier: str, code: str) -> None:
    account = shop_with_two_versions()
    assert refused(account.call, "DeleteFunction", FunctionName="shop", Qualifier=qualifier).code == code


def test_code_comes_from_an_object_version() -> None:
    account = Account()
    account.create()
    account.objects["builds", "shop.zip", "v2"] = NEW
    updated = account.call(
        "UpdateFunctionCode", FunctionName="shop", S3Bucket="builds", S3Key="shop.zip", S3ObjectVersion="v2"
    )
    assert updated["CodeSize"] == len(NEW)


@pytest.mark.parametrize(
    ("params", "code", "text"),
    [
        ({"ZipFile": b"not a zip"}, "InvalidParameterValueException", "Could not unzip uploaded file."),
        ({"ZipFile": NEW[:-30]}, "InvalidParameterValueException", "Could not unzip uploaded file."),
        ({}, "InvalidParameterValueException", "Please provide a source for function code."),
        ({"S3Bucket": "builds", "S3Key": "no"}, "InvalidParameterValueException", "S3 Error Code: NoSuchKey."),
        ({"S3Bucket": "b", "S3Key": "no"}, "ValidationException", "'s3Bucket'"),
        ({"ImageUri": "repo@sha256:1"}, "InvalidParameterValueException", "with packageType Zip"),
        ({"ZipFile": NEW, "PublishTo": "LATEST_PUBLISHED"}, "NotImplementedException", "PublishTo"),
        ({"ZipFile": NEW, "Architectures": ["mips"]}, "ValidationException", "enum value set"),
    ],
)
def test_code_that_lambda_cannot_take_is_refused(params: dict[str, Any], code: str, text: str) -> None:
    account = Account()
    before = account.create()
    error = refused(account.call, "UpdateFunctionCode", FunctionName="shop", **params)
    assert error.code == code
    assert text in error.message
    assert account.call("GetFunctionConfiguration", FunctionName="shop")["CodeSha256"] == before["CodeSha256"]


def test_code_that_is_too_large_once_unzipped_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    account = Account()
    account.create()
    monkeypatch.setattr(packages, "MAXIMUM_UNZIPPED_BYTES", 1000)
    error = refused(account.call, "UpdateFunctionCode", FunctionName="shop", ZipFile=zip_of(shop="#" * 1000))
    assert error.message == "Unzipped size must be smaller than 1000 bytes"


def test_a_dry_run_checks_and_changes_nothing() -> None:
    account = Account()
    account.create()
    before = account.call("GetFunctionConfiguration", FunctionName="shop")
    tried = account.call("UpdateFunctionCode", FunctionName="shop", ZipFile=NEW, DryRun=True)
    assert tried["CodeSha256"] != before["CodeSha256"]
    assert account.call("GetFunctionConfiguration", FunctionName="shop") == before


def test_updating_code_without_an_architecture_means_x86_64() -> None:
    account = Account()
    account.create(Architectures=["arm64"])
    updated = account.call("UpdateFunctionCode", FunctionName="shop", ZipFile=NEW)
    assert updated["Architectures"] == ["x86_64"]


def test_publishing_with_the_update_freezes_the_new_code_at_once() -> None:
    account = Account()
    account.create(Publish=True)
    updated = account.call("UpdateFunctionCode", FunctionName="shop", ZipFile=NEW, Publish=True)
    assert (updated["Version"], updated["CodeSize"]) == ("2", len(NEW))


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"Timeout": 901}, "'Timeout'"),
        ({"Timeout": 0}, "'timeout'"),
        ({"MemorySize": 64}, "'memorySize'"),
        ({"Role": "shop"}, "regular expression"),
        ({"Runtime": "nodejs22.x"}, "runs Python only"),
        ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, "reserved keys"),
        ({"Environment": {"Variables": {"1A": "x"}}}, "regular expression"),
        ({"Environment": {"Variables": {"BIG": "x" * 4096}}}, "4KB"),
        ({"Layers": [f"{ARN.replace('function', 'layer')}:1"]}, "does not exist"),
        ({"LoggingConfig": {"ApplicationLogLevel": "INFO"}}, "JSON"),
        ({"VpcConfig": {"SubnetIds": ["a"]}}, "does not support the parameter VpcConfig"),
        ({"Nonsense": 1}, "does not support the parameter Nonsense"),
    ],
)
def test_a_setting_out_of_bounds_is_refused(params: dict[str, Any], text: str) -> None:
    account = Account()
    account.create()
    error = refused(account.call, "UpdateFunctionConfiguration", FunctionName="shop", **params)
    assert text in error.message


def test_versions_are_listed_in_pages_with_latest_first() -> None:
    account = shop_with_two_versions()
    account.release(3)
    first = account.call("ListVersionsByFunction", FunctionName="shop", MaxItems=3)
    assert [each["Version"] for each in first["Versions"]] == ["$LATEST", "1", "2"]
    second = account.call("ListVersionsByFunction", FunctionName="shop", Marker=first["NextMarker"])
    assert [each["Version"] for each in second["Versions"]] == ["3"]
    assert "NextMarker" not in second


def test_functions_are_found_by_name_and_by_arn() -> None:
    account = shop_with_two_versions()
    for name in ("shop", "123456789012:function:shop", ARN):
        assert account.call("GetFunction", FunctionName=name)["Configuration"]["Version"] == "$LATEST"
    shown = account.call("GetFunctionConfiguration", FunctionName=f"{ARN}:live")
    assert (shown["Version"], shown["FunctionArn"]) == ("1", f"{ARN}:live")
    missing = refused(account.call, "GetFunction", FunctionName="shop", Qualifier="9")
    assert (missing.code, missing.status) == ("ResourceNotFoundException", 404)
    assert missing.message == f"Function not found: {ARN}:9"
    abroad = ARN.replace("eu-west-1", "us-east-1")
    assert refused(account.call, "GetFunction", FunctionName=abroad).status == 404


def test_an_operation_that_is_not_there_is_an_error() -> None:
    error = refused(Account().call, "PutRuntimeManagementConfig", FunctionName="shop")
    assert (error.code, error.status) == ("NotImplementedException", 501)


def test_an_answer_is_a_copy() -> None:
    account = Account()
    account.create(Environment={"Variables": {"COLOUR": "green"}})
    account.call("GetFunctionConfiguration", FunctionName="shop")["Environment"]["Variables"].clear()
    shown = account.call("GetFunctionConfiguration", FunctionName="shop")
    assert shown["Environment"] == {"Variables": {"COLOUR": "green"}}
