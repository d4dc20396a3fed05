"""Dashboards and saved queries on the embedded AWS: kept as they were put, refused when nobody could show them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rampart.embedded.aws import EmbeddedAws
from rampart.embedded.cloudformation.deployer import remove

WIDGET = {
    "type": "metric",
    "x": 0,
    "width": 8,
    "properties": {"region": "eu-west-1", "metrics": [["AWS/SQS", "Sent"]]},
}
STACK = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Board:
    Type: AWS::CloudWatch::Dashboard
    Properties:
      DashboardName: board
      DashboardBody: '{body}'
  Query:
    Type: AWS::Logs::QueryDefinition
    Properties:
      Name: shop/errors
      LogGroupNames: [group]
      QueryString: fields @message
"""


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws(60.0) as aws:
        yield aws


def stack(folder: Path, body: Any) -> Path:
    """Write the template of a stack whose dashboard has this body."""
    path = folder / "template.yaml"
    path.write_text(STACK.format(body=json.dumps(body)))
    return path


def test_a_stack_makes_both_and_takes_both_back(aws: EmbeddedAws, tmp_path: Path) -> None:
    made = aws.deploy(stack(tmp_path, {"widgets": [WIDGET]}), "app", {})
    assert made.resources["Board"] == "board"
    cloudwatch, logs = aws.client("cloudwatch"), aws.client("logs")
    assert json.loads(cloudwatch.get_dashboard(DashboardName="board")["DashboardBody"]) == {"widgets": [WIDGET]}
    (query,) = logs.describe_query_definitions(queryDefinitionNamePrefix="shop/")["queryDefinitions"]
    assert (query["name"], query["logGroupNames"]) == ("shop/errors", ["group"])
    assert query["queryDefinitionId"] == made.resources["Query"]
    remove(made)
    assert logs.describe_query_definitions()["queryDefinitions"] == []
    with pytest.raises(ClientError, match="ResourceNotFound"):
        cloudwatch.get_dashboard(DashboardName="board")


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("{", "DashboardBody is not JSON"),
        ({"widget": []}, "/: should have widgets"),
        ({"widgets": [{**WIDGET, "type": "graph"}]}, "/widgets/0: type should be one of metric, alarm, text"),
        ({"widgets": [{**WIDGET, "x": 20}]}, "/widgets/0: x and width should stay within 24 columns"),
        ({"widgets": [{**WIDGET, "hight": 6}]}, "/widgets/0: should not have hight"),
        ({"widgets": [{"type": "alarm", "properties": {"alarms": ["errors"]}}]}, "errors should be an ARN"),
        ({"widgets": [{"type": "text", "properties": {"text": ""}}]}, "properties should have markdown"),
        (
            {
                "widgets": [
                    {**WIDGET, "properties": {"region": "eu-west-1", "metrics": [["AWS/SQS", "Sent", "QueueName"]]}}
                ]
            },
            "metrics/0: should be namespace, name, pairs of dimensions, and options",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_body_that_the_console_could_not_show_is_refused(aws: EmbeddedAws, body: Any, fault: str) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    with pytest.raises(ClientError, match=fault):
        aws.client("cloudwatch").put_dashboard(DashboardName="odd", DashboardBody=text)


def test_a_query_that_is_not_there_is_neither_changed_nor_deleted(aws: EmbeddedAws) -> None:
    logs = aws.client("logs")
    with pytest.raises(ClientError, match="There is no query definition q-1"):
        logs.put_query_definition(queryDefinitionId="q-1", name="errors", queryString="fields @message")
    with pytest.raises(ClientError, match="There is no such query definition"):
        logs.delete_query_definition(queryDefinitionId="q-1")
