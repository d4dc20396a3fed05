"""The authoriser: who may call what, in AWS's words, and what was granted and used."""

from typing import Any

import pytest

from rampart.embedded.iam.authoriser import OPERATOR_KEY, Authoriser, Denial, Grant, Use
from rampart.embedded.iam.policy import PolicyError
from rampart.embedded.wire import ApiError, Call

FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:shop"


def allow(action: str | list[str], resource: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return {"Version": "2012-10-17", "Statement": [statement | more]}


def call(name: str, principal: str = "ASIASHIFT", **params: Any) -> Call:
    service, _, operation = name.partition(":")
    return Call(service, operation, principal, params)


def update_alias(principal: str = "ASIASHIFT") -> Call:
    return call("lambda:UpdateAlias", principal, FunctionName="shop", Name="live")


def authoriser(*policies: dict[str, Any], **more: Any) -> Authoriser:
    made = Authoriser(**more)
    made.register("ASIASHIFT", "ShiftRole", policies, "ShiftFunction")
    return made


def test_a_call_that_the_role_allows_passes_and_is_remembered() -> None:
    iam = authoriser(allow("lambda:UpdateAlias", FUNCTION, Sid="Shift"))
    iam.check(update_alias())
    assert iam.used == {Use("ShiftRole", "Shift", "lambda:UpdateAlias", FUNCTION)}
    assert iam.denials == []


def test_a_call_that_nothing_allows_is_refused_in_the_words_of_aws() -> None:
    iam = authoriser(allow("lambda:GetAlias"))
    with pytest.raises(ApiError) as refused:
        iam.check(update_alias())
    assert refused.value.message == (
        "User: arn:aws:sts::123456789012:assumed-role/ShiftRole/ShiftFunction is not authorized to perform: "
        f"lambda:UpdateAlias on resource: {FUNCTION} "
        "because no identity-based policy allows the lambda:UpdateAlias action"
    )
    assert (refused.value.code, refused.value.status) == ("AccessDeniedException", 403)
    assert iam.denials == [Denial("ShiftRole", "lambda:UpdateAlias", FUNCTION)]


def test_an_explicit_deny_says_so() -> None:
    deny = {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "lambda:*", "Resource": "*"}}
    iam = authoriser(allow("*"), deny)
    with pytest.raises(ApiError, match="with an explicit deny in an identity-based policy"):
        iam.check(update_alias())
    assert (len(iam.denials), iam.used) == (1, set())


@pytest.mark.parametrize(
    ("name", "params", "code"),
    [
        ("s3:GetObject", {"Bucket": "b", "Key": "k"}, "AccessDenied"),
        ("sqs:SendMessage", {"QueueUrl": "http://h/1/q"}, "AccessDenied"),
        ("sns:Publish", {"TopicArn": "arn"}, "AuthorizationErrorException"),
        ("dynamodb:GetItem", {"TableName": "t", "Key": {}}, "AccessDeniedException"),
        ("stepfunctions:StartExecution", {"stateMachineArn": "arn"}, "AccessDeniedException"),
    ],
)
def test_each_service_has_its_own_error_code(name: str, params: dict[str, Any], code: str) -> None:
    with pytest.raises(ApiError) as refused:
        authoriser().check(call(name, **params))
    assert (refused.value.code, refused.value.status) == (code, 403)


def test_the_operator_may_do_everything_even_what_is_not_known() -> None:
    Authoriser().check(call("lambda:PutFunctionCodeSigningConfig", OPERATOR_KEY))


def test_the_operators_key_cannot_be_given_a_role() -> None:
    with pytest.raises(ValueError, match="operator's key"):
        Authoriser().register(OPERATOR_KEY, "Role", [])


def test_a_key_without_a_role_is_refused() -> None:
    iam = authoriser(allow("*"))
    with pytest.raises(ApiError, match="'ASIAOTHER' belongs to no role"):
        iam.check(update_alias("ASIAOTHER"))
    assert iam.denials == [Denial("ASIAOTHER", "lambda:UpdateAlias", "*")]


def test_an_operation_that_is_not_known_slips_through_for_nobody() -> None:
    iam = authoriser(allow("*"))
    with pytest.raises(ApiError, match="does not know what lambda:PutFunctionCodeSigningConfig needs") as refused:
        iam.check(call("lambda:PutFunctionCodeSigningConfig", FunctionName="shop"))
    assert refused.value.status == 501
    assert len(iam.denials) == 1


def test_a_role_may_have_several_access_keys() -> None:
    iam = authoriser(allow("lambda:UpdateAlias"))
    iam.register("ASIASECOND", "ShiftRole", [allow("lambda:UpdateAlias")])
    iam.check(update_alias("ASIASECOND"))
    iam.check(update_alias())


def test_every_need_of_a_call_must_be_allowed() -> None:
    code = {"FunctionName": "shop", "S3Bucket": "b", "S3Key": "k", "S3ObjectVersion": "v"}
    with pytest.raises(ApiError, match="s3:GetObjectVersion on resource: arn:aws:s3:::b/k"):
        authoriser(allow(["lambda:UpdateFunctionCode", "s3:GetObject"])).check(
            call("lambda:UpdateFunctionCode", **code)
        )
    authoriser(allow(["lambda:UpdateFunctionCode", "s3:GetObjectVersion"])).check(
        call("lambda:UpdateFunctionCode", **code)
    )


def test_a_resource_tag_is_asked_of_the_function_even_for_a_version() -> None:
    condition = {"StringEquals": {"aws:ResourceTag/rampart:managed": "prod"}}
    policy = allow("lambda:*", f"{FUNCTION}*", Condition=condition)
    version = call("lambda:DeleteFunction", FunctionName="shop", Qualifier="7")
    authoriser(policy, tags=lambda arn: {"rampart:managed": "prod"} if arn == FUNCTION else {}).check(version)
    with pytest.raises(ApiError, match="no identity-based policy"):
        authoriser(policy, tags=lambda arn: {"rampart:managed": "dev"}).check(version)
    with pytest.raises(ApiError, match="no identity-based policy"):
        authoriser(policy).check(version)


def test_put_events_is_held_to_its_source_for_each_entry() -> None:
    iam = authoriser(allow("events:PutEvents", Condition={"StringEquals": {"events:source": "rampart"}}))
    iam.check(call("events:PutEvents", Entries=[{"Source": "rampart"}]))
    with pytest.raises(ApiError, match="events:PutEvents"):
        iam.check(call("events:PutEvents", Entries=[{"Source": "rampart"}, {"Source": "other"}]))


def test_leading_keys_fence_a_role_into_its_items() -> None:
    condition = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["T#*"]}}
    iam = authoriser(allow("dynamodb:GetItem", Condition=condition), hash_key_of=lambda table: "id")
    iam.check(call("dynamodb:GetItem", TableName="t", Key={"id": {"S": "T#1"}}))
    with pytest.raises(ApiError, match="dynamodb:GetItem"):
        iam.check(call("dynamodb:GetItem", TableName="t", Key={"id": {"S": "other"}}))


@pytest.mark.parametrize(
    ("key", "value", "passes"),
    [
        ("aws:ResourceAccount", "123456789012", True),
        ("aws:ResourceAccount", "210987654321", False),
        ("aws:PrincipalAccount", "123456789012", True),
    ],
)
def test_accounts_are_known(key: str, value: str, passes: bool) -> None:
    iam = authoriser(allow("*", Condition={"StringEquals": {key: value}}))
    assert iam.allows("ShiftRole", "s3:GetObject", "arn:aws:s3:::b/k") is passes
    assert iam.allows("ShiftRole", "lambda:UpdateAlias", FUNCTION) is passes


def test_a_service_can_ask_in_the_name_of_a_role() -> None:
    iam = authoriser(
        allow("states:StartExecution", Condition={"ArnLike": {"aws:SourceArn": "arn:aws:events:*:*:rule/*"}})
    )
    context = {"aws:SourceArn": ("arn:aws:events:eu-west-1:123456789012:rule/r",)}
    assert iam.allows("ShiftRole", "states:StartExecution", "machine", context)
    assert not iam.allows("ShiftRole", "states:StartExecution", "machine")
    assert not iam.allows("OtherRole", "states:StartExecution", "machine", context)
    assert [denial.role for denial in iam.denials] == ["ShiftRole", "OtherRole"]


def test_what_is_granted_and_not_used_is_told() -> None:
    iam = authoriser(allow(["lambda:UpdateAlias", "lambda:GetAlias"], [FUNCTION, f"{FUNCTION}-2"], Sid="Shift"))
    iam.check(update_alias())
    used = Grant("ShiftRole", "Shift", "lambda:UpdateAlias", FUNCTION)
    assert len(iam.grants()) == 4
    assert iam.unused() == [grant for grant in iam.grants() if grant != used]


def test_a_statement_without_sid_is_named_by_its_place() -> None:
    iam = authoriser(allow("s3:*"), allow("lambda:*"))
    iam.check(update_alias())
    assert {use.statement for use in iam.used} == {"policies[1].Statement[0]"}


def test_a_policy_that_is_not_understood_is_refused_when_registered() -> None:
    with pytest.raises(PolicyError):
        authoriser(allow("*", Condition={"IpAddress": {"aws:SourceIp": "::1"}}))
