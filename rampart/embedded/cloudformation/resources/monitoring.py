"""CloudWatch alarms and dashboards, log groups and their saved queries."""

from typing import Any

from rampart.embedded.cloudformation.resources.maker import Resource, made, makes
from rampart.embedded.wire import ACCOUNT, REGION

_ACTIONS = "ActionsEnabled AlarmActions AlarmDescription InsufficientDataActions OKActions Tags"


@makes(
    "AWS::CloudWatch::Alarm",
    sent=f"{_ACTIONS} ComparisonOperator DatapointsToAlarm Dimensions EvaluateLowSampleCountPercentile "
    "EvaluationPeriods ExtendedStatistic MetricName Metrics Namespace Period Statistic Threshold ThresholdMetricId "
    "TreatMissingData Unit",
    used="AlarmName",
)
def _alarm(resource: Resource) -> dict[str, Any]:
    return _put(resource, "PutMetricAlarm")


@makes(
    "AWS::CloudWatch::CompositeAlarm",
    sent=f"{_ACTIONS} ActionsSuppressor ActionsSuppressorExtensionPeriod ActionsSuppressorWaitPeriod AlarmRule",
    used="AlarmName",
)
def _composite_alarm(resource: Resource) -> dict[str, Any]:
    return _put(resource, "PutCompositeAlarm")


@makes("AWS::Logs::LogGroup", used="LogGroupClass LogGroupName RetentionInDays Tags")
def _log_group(resource: Resource) -> dict[str, Any]:
    name = resource.name("LogGroupName", 512)
    resource.call(
        "logs",
        "CreateLogGroup",
        logGroupName=name,
        logGroupClass=resource.properties.get("LogGroupClass"),
        tags=resource.tags(),
    )
    resource.on_remove("logs", "DeleteLogGroup", logGroupName=name)
    retention = resource.properties.get("RetentionInDays")
    if retention is not None:
        resource.call("logs", "PutRetentionPolicy", logGroupName=name, retentionInDays=retention)
    return made(name, Arn=f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}:*")


@makes("AWS::CloudWatch::Dashboard", sent="DashboardBody", used="DashboardName")
def _dashboard(resource: Resource) -> dict[str, Any]:
    name = resource.name("DashboardName", 255)
    resource.call("cloudwatch", "PutDashboard", DashboardName=name, **resource.sent())
    resource.on_remove("cloudwatch", "DeleteDashboards", DashboardNames=[name])
    return made(name)


@makes("AWS::Logs::QueryDefinition", used="LogGroupNames Name QueryString")
def _query_definition(resource: Resource) -> dict[str, Any]:
    answer = resource.call(
        "logs",
        "PutQueryDefinition",
        name=resource.required("Name"),
        queryString=resource.required("QueryString"),
        logGroupNames=resource.properties.get("LogGroupNames"),
    )
    made_id = answer["queryDefinitionId"]
    resource.on_remove("logs", "DeleteQueryDefinition", queryDefinitionId=made_id)
    return made(made_id, QueryDefinitionId=made_id)


def _put(resource: Resource, operation: str) -> dict[str, Any]:
    name = resource.name("AlarmName", 255)
    resource.call("cloudwatch", operation, AlarmName=name, **resource.sent())
    resource.on_remove("cloudwatch", "DeleteAlarms", AlarmNames=[name])
    return made(name, Arn=f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}")
