"""Tags, concurrency, asynchronous settings, policies, layers and event source mappings are kept strictly."""

import json
from typing import Any

import pytest

from tests.embedded.lambda_account import ARN, Account, refused, shop_with_two_versions, zip_of

STREAM = "arn:aws:dynamodb:eu-west-1:123456789012:table/rollouts/stream/2027-01-15T08:00:00.000"
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:releases"


def test_tags_are_on_the_function_and_not_on_a_version() -> None:
    account = Account()
    account.create(Tags={"team": "shop"})
    account.call("TagResource", Resource=ARN, Tags={"rampart": "managed"})
    account.call("UntagResource", Resource=ARN, TagKeys=["team", "none"])
    assert account.call("ListTags", Resource=ARN) == {"Tags": {"rampart": "managed"}}
    assert account.call("GetFunction", FunctionName="shop")["Tags"] == {"rampart": "managed"}
    assert account.model.tags("shop") == account.model.tags(f"{ARN}:live") == {"rampart": "managed"}
    assert account.model.tags("none") == {}
    assert refused(account.call, "ListTags", Resource=f"{ARN}:1").code == "InvalidParameterValueException"


def test_a_hundred_executions_of_the_account_stay_unreserved() -> None:
    account = shop_with_two_versions()

    def reserve(number: int) -> dict[str, Any]:
        return account.call("PutFunctionConcurrency", FunctionName="shop", ReservedConcurrentExecutions=number)

    assert reserve(900) == reserve(900) == account.call("GetFunctionConcurrency", FunctionName="shop")
    assert "below its minimum value of [100]" in refused(reserve, 901).message
    settings = account.call("GetAccountSettings")
    assert settings["AccountLimit"]["UnreservedConcurrentExecutions"] == 100
    account.call("DeleteFunctionConcurrency", FunctionName="shop")
    assert account.call("GetFunctionConcurrency", FunctionName="shop") == {}


def test_asynchronous_settings_are_kept_by_qualifier() -> None:
    account = shop_with_two_versions()
    account.call("PutFunctionEventInvokeConfig", FunctionName="shop", Qualifier="live", MaximumRetryAttempts=0)
    read = account.call("GetFunctionEventInvokeConfig", FunctionName="shop:live")
    assert (read["FunctionArn"], read["MaximumRetryAttempts"]) == (f"{ARN}:live", 0)
    assert account.model.event_invoke_config("shop", "live") == read
    assert account.model.event_invoke_config("shop", None) == {}
    missing = refused(account.call, "GetFunctionEventInvokeConfig", FunctionName="shop")
    assert missing.message == f"The function {ARN}:$LATEST doesn't have an EventInvokeConfig"
    empty = refused(account.call, "PutFunctionEventInvokeConfig", FunctionName="shop")
    assert "at least one of" in empty.message
    many = refused(account.call, "PutFunctionEventInvokeConfig", FunctionName="shop", MaximumRetryAttempts=3)
    assert many.code == "ValidationException"


def test_a_policy_grants_on_the_alias_and_changes_its_revision_id() -> None:
    account = shop_with_two_versions()
    before = account.call("GetAlias", FunctionName="shop", Name="live")["RevisionId"]
    grant: dict[str, Any] = {
        "FunctionName": "shop",
        "Qualifier": "live",
        "StatementId": "rule",
        "Action": "lambda:InvokeFunction",
        "Principal": "events.amazonaws.com",
        "SourceArn": "arn:aws:events:eu-west-1:123456789012:rule/releases",
    }
    statement = json.loads(account.call("AddPermission", **grant)["Statement"])
    assert statement["Resource"] == f"{ARN}:live"
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Condition"] == {"ArnLike": {"AWS:SourceArn": grant["SourceArn"]}}
    assert account.model.function_policy(f"{ARN}:live") == [statement]
    assert account.model.function_policy("shop") == []

    policy = account.call("GetPolicy", FunctionName="shop", Qualifier="live")
    assert json.loads(policy["Policy"])["Statement"] == [statement]
    after = account.call("GetAlias", FunctionName="shop", Name="live")["RevisionId"]
    assert policy["RevisionId"] == after != before

    assert refused(account.call, "AddPermission", **grant).code == "ResourceConflictException"
    stale = {**grant, "StatementId": "second", "RevisionId": before}
    assert refused(account.call, "AddPermission", **stale).code == "PreconditionFailedException"


def test_a_removed_statement_is_gone() -> None:
    account = shop_with_two_versions()
    account.call(
        "AddPermission",
        FunctionName="shop",
        StatementId="s3",
        Action="lambda:InvokeFunction",
        Principal="123456789012",
    )
    account.call("RemovePermission", FunctionName="shop", StatementId="s3")
    assert refused(account.call, "GetPolicy", FunctionName="shop").status == 404
    again = refused(account.call, "RemovePermission", FunctionName="shop", StatementId="s3")
    assert again.message == "Statement s3 is not found in resource policy."


def test_a_layer_goes_with_the_version_that_names_it() -> None:
    account = Account()
    account.create()
    content = {"ZipFile": zip_of(library="x = 1")}
    published = account.call("PublishLayerVersion", LayerName="library", Content=content)
    assert account.call("PublishLayerVersion", LayerName="library", Content=content)["Version"] == 2
    arn = published["LayerVersionArn"]
    updated = account.call("UpdateFunctionConfiguration", FunctionName="shop", Layers=[arn])
    assert updated["Layers"] == [{"Arn": arn, "CodeSize": published["Content"]["CodeSize"]}]
    account.clock.advance(1)
    account.call("Invoke", FunctionName="shop")
    (layer,) = account.runner.requests[-1].layers
    assert layer.sha256 == published["Content"]["CodeSha256"]


def test_an_event_source_mapping_is_creating_and_then_enabled() -> None:
    account = shop_with_two_versions()
    made = account.call(
        "CreateEventSourceMapping",
        FunctionName="shop:live",
        EventSourceArn=STREAM,
        StartingPosition="TRIM_HORIZON",
        BisectBatchOnFunctionError=True,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        FilterCriteria={"Filters": [{"Pattern": "{}"}]},
    )
    assert (made["State"], made["FunctionArn"], made["BatchSize"]) == ("Creating", f"{ARN}:live", 100)
    account.clock.advance(0.3)
    (mapping,) = account.model.event_source_mappings()
    assert mapping == account.call("GetEventSourceMapping", UUID=made["UUID"])
    assert (mapping["State"], mapping["MaximumRetryAttempts"]) == ("Enabled", -1)
    assert account.call("ListEventSourceMappings", FunctionName="shop")["EventSourceMappings"] == []
    found = account.call("ListEventSourceMappings", EventSourceArn=STREAM)["EventSourceMappings"]
    assert found == [mapping]
    assert account.call("DeleteEventSourceMapping", UUID=made["UUID"])["State"] == "Deleting"
    assert account.model.event_source_mappings() == []


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"EventSourceArn": STREAM}, "startingPosition"),
        ({"EventSourceArn": STREAM, "StartingPosition": "AT_TIMESTAMP"}, "AT_TIMESTAMP"),
        ({"EventSourceArn": QUEUE, "StartingPosition": "LATEST"}, "StartingPosition"),
        ({"EventSourceArn": QUEUE, "BisectBatchOnFunctionError": True}, "BisectBatch"),
        ({"EventSourceArn": "arn:aws:kinesis:eu-west-1:123456789012:stream/x"}, "Unrecognized"),
        ({"EventSourceArn": QUEUE, "BatchSize": 0}, "greater than or equal to 1"),
        ({"EventSourceArn": QUEUE, "TumblingWindowInSeconds": 1}, "TumblingWindowInSeconds"),
    ],
)
def test_an_event_source_that_makes_no_sense_is_refused(params: dict[str, Any], text: str) -> None:
    account = shop_with_two_versions()
    error = refused(account.call, "CreateEventSourceMapping", FunctionName="shop", **params)
    assert text in error.message


def test_a_source_is_mapped_to_a_function_once() -> None:
    account = shop_with_two_versions()
    account.call("CreateEventSourceMapping", FunctionName="shop", EventSourceArn=QUEUE)
    again = refused(account.call, "CreateEventSourceMapping", FunctionName="shop", EventSourceArn=QUEUE)
    assert (again.code, again.status) == ("ResourceConflictException", 409)
