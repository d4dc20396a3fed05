"""The IAM policy language: what a statement covers, and what is refused when it is parsed."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rampart.embedded.iam.policy import (
    PolicyError,
    Values,
    allowing,
    arn_like,
    denies,
    like,
    parse_policies,
)

FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:shop"


def verdict(
    *statements: Mapping[str, Any],
    action: str = "lambda:UpdateAlias",
    resource: str = FUNCTION,
    keys: Mapping[str, Values] | None = None,
) -> str:
    parsed = parse_policies([{"Version": "2012-10-17", "Statement": list(statements)}])
    lookup = (keys or {}).get
    if denies(parsed, action, resource, lookup):
        return "deny"
    return "allow" if allowing(parsed, action, resource, lookup) else "nothing"


def statement(**elements: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "lambda:UpdateAlias", "Resource": "*"} | elements


def without(element: str, **elements: Any) -> dict[str, Any]:
    return {key: value for key, value in statement(**elements).items() if key != element}


@pytest.mark.parametrize(
    ("given_statement", "expected"),
    [
        (statement(), "allow"),
        (statement(Action="LAMBDA:updatealias"), "allow"),
        (statement(Action=["s3:*", "lambda:Update*"]), "allow"),
        (statement(Action="lambda:UpdateAlia?"), "allow"),
        (statement(Action="*"), "allow"),
        (statement(Action="lambda:UpdateAlias?"), "nothing"),
        (statement(Action="lambda:Update"), "nothing"),
        (statement(Resource=FUNCTION), "allow"),
        (statement(Resource="arn:aws:lambda:*:*:function:sh*"), "allow"),
        (statement(Resource="arn:aws:lambda:*"), "allow"),
        (statement(Resource="arn:aws:*:function:shop"), "nothing"),
        (statement(Resource=FUNCTION.upper()), "nothing"),
        (statement(Resource=FUNCTION + ":*"), "nothing"),
        (without("Action", NotAction="s3:*"), "allow"),
        (without("Action", NotAction="lambda:*"), "nothing"),
        (without("Resource", NotResource=FUNCTION), "nothing"),
        (without("Resource", NotResource=FUNCTION + "2"), "allow"),
    ],
)
def test_a_statement_covers_what_its_patterns_match(given_statement: dict[str, Any], expected: str) -> None:
    assert verdict(given_statement) == expected


def test_an_explicit_deny_overrides_every_allow() -> None:
    assert verdict(statement(), statement(Effect="Deny", Action="lambda:*")) == "deny"


def test_a_deny_of_something_else_changes_nothing() -> None:
    assert verdict(statement(), statement(Effect="Deny", Action="s3:*")) == "allow"


SOURCE = "events:source"
KEYS = "dynamodb:leadingkeys"


@pytest.mark.parametrize(
    ("operator", "key", "wanted", "keys", "expected"),
    [
        ("StringEquals", SOURCE, "rampart", {SOURCE: ("rampart",)}, "allow"),
        ("StringEquals", SOURCE, ["a", "rampart"], {SOURCE: ("rampart",)}, "allow"),
        ("StringEquals", "Events:Source", "rampart", {SOURCE: ("rampart",)}, "allow"),
        ("StringEquals", SOURCE, "ramp*", {SOURCE: ("rampart",)}, "nothing"),
        ("StringEquals", SOURCE, "rampart", {}, "nothing"),
        ("StringEqualsIfExists", SOURCE, "rampart", {}, "allow"),
        ("StringEqualsIfExists", SOURCE, "rampart", {SOURCE: ("x",)}, "nothing"),
        ("StringNotEquals", SOURCE, "rampart", {SOURCE: ("x",)}, "allow"),
        ("StringNotEquals", SOURCE, ["x", "y"], {SOURCE: ("x",)}, "nothing"),
        ("StringNotEquals", SOURCE, "rampart", {}, "allow"),
        ("StringLike", SOURCE, "ramp*", {SOURCE: ("rampart",)}, "allow"),
        ("Bool", SOURCE, True, {SOURCE: ("true",)}, "allow"),
        ("Bool", SOURCE, "false", {SOURCE: ("true",)}, "nothing"),
        (
            "ArnLike",
            "aws:SourceArn",
            "arn:aws:events:*:*:rule/r*",
            {"aws:sourcearn": ("arn:aws:events:a:b:rule/r1",)},
            "allow",
        ),
        (
            "ArnEquals",
            "aws:SourceArn",
            "arn:aws:*:rule/r",
            {"aws:sourcearn": ("arn:aws:events:a:b:rule/r",)},
            "nothing",
        ),
        ("Null", SOURCE, "true", {}, "allow"),
        ("Null", SOURCE, True, {SOURCE: ("x",)}, "nothing"),
        ("Null", SOURCE, "false", {SOURCE: ("x",)}, "allow"),
        ("ForAllValues:StringEquals", KEYS, ["a", "b"], {KEYS: ("a", "b", "a")}, "allow"),
        ("ForAllValues:StringEquals", KEYS, ["a"], {KEYS: ("a", "b")}, "nothing"),
        ("ForAllValues:StringLike", KEYS, "T#*", {KEYS: ("T#1", "T#2")}, "allow"),
        ("ForAllValues:StringEquals", KEYS, ["a"], {}, "allow"),
        ("ForAnyValue:StringEquals", KEYS, ["a"], {KEYS: ("a", "b")}, "allow"),
        ("ForAnyValue:StringLike", KEYS, ["c*"], {KEYS: ("a", "b")}, "nothing"),
        ("ForAnyValue:StringEquals", KEYS, ["a"], {}, "nothing"),
        ("StringEquals", "aws:ResourceTag/stage", "prod", {"aws:resourcetag/stage": ("prod",)}, "allow"),
    ],
)
def test_a_condition_holds_as_the_reference_says(
    operator: str, key: str, wanted: Any, keys: dict[str, Values], expected: str
) -> None:
    assert verdict(statement(Condition={operator: {key: wanted}}), keys=keys) == expected


def test_all_conditions_of_a_statement_must_hold() -> None:
    conditions = {"StringEquals": {SOURCE: "rampart"}, "Null": {"aws:SourceArn": "false"}}
    assert verdict(statement(Condition=conditions), keys={SOURCE: ("rampart",)}) == "nothing"


@pytest.mark.parametrize(
    ("given_statement", "message"),
    [
        (statement(Principal="*"), "statement element Principal"),
        (statement(Effect="Perhaps"), "Effect must be"),
        (without("Resource"), "either Resource or NotResource"),
        (statement(NotAction="s3:*"), "either Action or NotAction"),
        (statement(Action="UpdateAlias"), "names no service"),
        (statement(Resource="arn:aws:s3:::${aws:username}"), "policy variable"),
        (statement(Resource={"Ref": "Table"}), "is not text"),
        (statement(Condition={"NumericEquals": {SOURCE: 1}}), "operator 'NumericEquals'"),
        (statement(Condition={"NullIfExists": {SOURCE: "true"}}), "operator 'NullIfExists'"),
        (statement(Condition={"ForAllValues:Bool": {SOURCE: "true"}}), "operator 'ForAllValues:Bool'"),
        (statement(Condition={"StringEquals": {"aws:SourceIp": "::1"}}), "key 'aws:SourceIp'"),
    ],
)
def test_what_is_not_known_is_an_error(given_statement: dict[str, Any], message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        verdict(given_statement)


def test_a_policy_element_that_is_not_known_is_an_error() -> None:
    with pytest.raises(PolicyError, match="policy element Rules"):
        parse_policies([{"Version": "2012-10-17", "Statement": [], "Rules": []}])


NAMES = st.text("abc:/-", max_size=12)


@given(NAMES, NAMES)
def test_a_text_matches_itself_and_a_star_matches_everything(one: str, other: str) -> None:
    assert like(one, one)
    assert like("*", one)
    assert like(one + "*", one + other)
    assert like(one, other) == (one == other)


@given(st.lists(st.text("abc/-", max_size=4), min_size=6, max_size=8))
def test_an_arn_matches_itself_and_its_own_parts_replaced_by_stars(parts: list[str]) -> None:
    arn = ":".join(parts)
    assert arn_like(arn, arn)
    assert arn_like("*", arn)
    for place in range(5):
        assert arn_like(":".join([*parts[:place], "*", *parts[place + 1 :]]), arn)
