"""Intrinsic functions, conditions, parameters and the order of creation, as CloudFormation documents them."""

from collections.abc import Mapping
from typing import Any

import pytest

from rampart.embedded.cloudformation.template import DeployError, Template, parameter_values

_CONDITIONS = {
    "IsProd": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]},
    "IsFive": {"Fn::Equals": [{"Ref": "Count"}, 5]},
    "NotProd": {"Fn::Not": [{"Condition": "IsProd"}]},
    "Both": {"Fn::And": [{"Condition": "IsFive"}, {"Condition": "IsProd"}]},
    "Either": {"Fn::Or": [{"Condition": "IsFive"}, {"Condition": "IsProd"}]},
    "Loop": {"Fn::Not": [{"Condition": "Loop"}]},
}


def _template(resources: Mapping[str, Any] | None = None, **sections: Any) -> Template:
    body = {
        "Conditions": _CONDITIONS,
        "Mappings": {"Sizes": {"dev": {"memory": 128}}},
        "Resources": resources or {"Queue": {"Type": "AWS::SQS::Queue"}},
        **sections,
    }
    attributes: dict[str, Mapping[str, Any]] = {
        "Queue": {"": "https://queue", "Arn": "arn:aws:sqs:eu-west-1:1:queue"}
    }
    return Template("app", body, {"Stage": "dev", "Count": "5", "Names": ["a", "b"]}, attributes)


@pytest.mark.parametrize(
    ("node", "value"),
    [
        ({"Ref": "Stage"}, "dev"),
        ({"Ref": "Names"}, ["a", "b"]),
        ({"Ref": "Queue"}, "https://queue"),
        ({"Ref": "AWS::Region"}, "eu-west-1"),
        ({"Fn::GetAtt": ["Queue", "Arn"]}, "arn:aws:sqs:eu-west-1:1:queue"),
        ({"Fn::GetAtt": "Queue.Arn"}, "arn:aws:sqs:eu-west-1:1:queue"),
        ({"Fn::Sub": "${AWS::StackName}/${Stage}/${Queue.Arn}"}, "app/dev/arn:aws:sqs:eu-west-1:1:queue"),
        ({"Fn::Sub": ["${Stage}-${Own}", {"Own": {"Ref": "Count"}}]}, "dev-5"),
        ({"Fn::Sub": "${!Stage} arn:${AWS::Partition}:${AWS::AccountId}"}, "${Stage} arn:aws:123456789012"),
        ({"Fn::Join": ["-", ["a", 1, True]]}, "a-1-true"),
        ({"Fn::Join": [",", {"Ref": "Names"}]}, "a,b"),
        ({"Fn::Split": [":", {"Fn::GetAtt": ["Queue", "Arn"]}]}, ["arn", "aws", "sqs", "eu-west-1", "1", "queue"]),
        ({"Fn::Select": ["1", {"Ref": "Names"}]}, "b"),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "Stage"}, "memory"]}, 128),
        ({"Fn::If": ["IsProd", "yes", "no"]}, "no"),
        ({"kept": 1, "dropped": {"Ref": "AWS::NoValue"}}, {"kept": 1}),
        ([{"Fn::If": ["IsProd", "yes", {"Ref": "AWS::NoValue"}]}, "other"], ["other"]),
        ({"Condition": {"Bool": {"a": {"Ref": "Stage"}}}}, {"Condition": {"Bool": {"a": "dev"}}}),
    ],
)
def test_an_intrinsic_function_has_its_documented_value(node: Any, value: Any) -> None:
    assert _template().resolve(node) == value


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"Fn::ImportValue": "other"}, "intrinsic function Fn::ImportValue is not supported"),
        ({"Ref": "Nothing"}, "Nothing is no parameter or resource of this stack"),
        ({"Ref": "AWS::NotificationARNs"}, "pseudo parameter AWS::NotificationARNs is not supported"),
        ({"Fn::GetAtt": ["Queue", "Depth"]}, "Queue (AWS::SQS::Queue) has no attribute Depth"),
        ({"Fn::Select": [2, {"Ref": "Names"}]}, "Fn::Select takes an index into a list"),
        ({"Fn::FindInMap": ["Sizes", "prod", "memory"]}, "Fn::FindInMap: no Sizes.prod.memory in Mappings"),
        ({"Fn::If": ["Unknown", 1, 2]}, "condition Unknown is not defined"),
        ({"Fn::If": ["Loop", 1, 2]}, "circular condition: Loop -> Loop"),
        ({"Fn::Join": [",", "text"]}, "Fn::Join takes a delimiter, written out, and a list"),
        ({"Fn::Join": [{"Ref": "Stage"}, ["a"]]}, "Fn::Join takes a delimiter, written out, and a list"),
        ({"Fn::Sub": 5}, "Fn::Sub takes a text, or a text and variables, not 5"),
    ],
)
def test_what_cannot_be_resolved_is_one_clear_sentence(node: Any, message: str) -> None:
    with pytest.raises(DeployError) as caught:
        _template().resolve(node)
    assert message in str(caught.value)


def test_conditions_combine() -> None:
    template = _template()
    held = {name for name in _CONDITIONS if name != "Loop" and template.condition(name)}
    assert held == {"IsFive", "NotProd", "Either"}


def test_creation_follows_references_and_depends_on() -> None:
    template = _template(
        {
            "A": {"Type": "T", "Properties": {"x": {"Fn::Sub": "${B.Arn}"}}},
            "B": {"Type": "T", "DependsOn": "C"},
            "C": {"Type": "T", "Properties": {"x": [{"Fn::GetAtt": ["D", "Arn"]}]}},
            "D": {"Type": "T"},
        }
    )
    assert template.creation_order() == ["D", "C", "B", "A"]


def test_a_branch_that_is_not_taken_makes_no_dependency() -> None:
    template = _template(
        {
            "A": {"Type": "T", "Properties": {"x": {"Fn::If": ["IsProd", {"Ref": "B"}, "none"]}}},
            "B": {"Type": "T", "Condition": "IsProd"},
            "C": {"Type": "T", "DependsOn": ["B"]},
        }
    )
    assert sorted(template.creation_order()) == ["A", "C"]


def test_a_circle_of_resources_is_refused() -> None:
    template = _template(
        {
            "A": {"Type": "T", "Properties": {"x": {"Ref": "B"}}},
            "B": {"Type": "T", "Properties": {"x": {"Ref": "A"}}},
        }
    )
    with pytest.raises(DeployError, match="circular dependency: "):
        template.creation_order()


def test_a_reference_to_a_resource_whose_condition_fails_is_refused() -> None:
    resources = {
        "A": {"Type": "T", "Properties": {"x": {"Ref": "B"}}},
        "B": {"Type": "T", "Condition": "IsProd"},
    }
    with pytest.raises(DeployError, match="A: refers to B"):
        _template(resources).creation_order()


def test_an_unknown_section_is_refused() -> None:
    with pytest.raises(DeployError, match="template section Rules is not supported"):
        _template(Rules={})


def test_parameters_take_defaults_and_lists() -> None:
    declared = {
        "Stage": {"Type": "String", "Default": "dev", "AllowedValues": ["dev", "prod"]},
        "Names": {"Type": "CommaDelimitedList"},
        "Count": {"Type": "Number", "Default": 3, "MinValue": 1},
    }
    values = parameter_values(declared, {"Names": "a, b"})
    assert values == {"Stage": "dev", "Names": ["a", "b"], "Count": "3"}


def test_everything_that_is_wrong_with_parameters_is_one_error() -> None:
    declared = {
        "Missing": {"Type": "String"},
        "Stage": {"Type": "String", "AllowedValues": ["dev", "prod"]},
        "Prefix": {"Type": "String", "AllowedPattern": "[a-z]+", "MaxLength": 3},
        "Count": {"Type": "Number", "MinValue": 1, "MaxValue": 5},
        "Size": {"Type": "Number"},
        "Secret": {"Type": "AWS::SSM::Parameter::Value<String>"},
    }
    given = {"Stage": "test", "Prefix": "Abcd", "Count": "9", "Size": "big", "Secret": "x", "Extra": "y"}
    with pytest.raises(DeployError) as caught:
        parameter_values(declared, given)
    assert str(caught.value).removeprefix("parameters: ").split("; ") == [
        "Extra is not a parameter of this template",
        "Missing is missing",
        "Stage is 'test', not one of dev, prod",
        "Prefix is 'Abcd', which does not match [a-z]+",
        "Prefix is 4 characters long, which is too short or too long",
        "Count is 9, not between 1 and 5",
        "Size is 'big', not a number",
        "Secret has the unsupported type AWS::SSM::Parameter::Value<String>",
    ]
