"""The events by which AWS tells the controller what happened."""

from typing import Any

from controller.core.artifact import ImageArtifact, ZipArtifact
from tests.engine.walker import Execution


def ecr_event(image: ImageArtifact, tag: str, event_id: str = "event-1") -> dict[str, Any]:
    """Return the event by which ECR announces an image."""
    detail = {
        "action-type": "PUSH",
        "result": "SUCCESS",
        "repository-name": image.repository,
        "image-digest": image.digest,
        "image-tag": tag,
    }
    return _event("aws.ecr", "ECR Image Action", event_id, detail) | {"account": image.registry}


def s3_event(artifact: ZipArtifact, event_id: str = "event-1") -> dict[str, Any]:
    """Return the event by which S3 announces an artifact."""
    detail = {
        "version": "0",
        "bucket": {"name": artifact.bucket},
        "object": {"key": artifact.key, "version-id": artifact.version_id, "size": 1, "sequencer": "00A1"},
        "reason": "PutObject",
    }
    return _event("aws.s3", "Object Created", event_id, detail, f"arn:aws:s3:::{artifact.bucket}")


def fired(alarm: str, at: str, event_id: str = "event-1") -> dict[str, Any]:
    """Return the event by which CloudWatch tells that an alarm went off at a moment."""
    state = {"value": "ALARM", "reason": "Threshold Crossed", "timestamp": at}
    detail = {"alarmName": alarm, "state": state, "previousState": {"value": "OK", "timestamp": at}}
    return _event("aws.cloudwatch", "CloudWatch Alarm State Change", event_id, detail)


def status_event(execution: Execution, request: str, event_id: str = "event-1") -> dict[str, Any]:
    """Return the event by which Step Functions tells that an execution ended badly."""
    detail = {
        "executionArn": execution.arn,
        "stateMachineArn": execution.arn.replace(":execution:", ":stateMachine:").rpartition(":")[0],
        "name": execution.name,
        "status": execution.status,
        "input": request,
        "output": None,
        "error": execution.error or None,
        "cause": execution.cause or None,
    }
    return _event("aws.states", "Step Functions Execution Status Change", event_id, detail, execution.arn)


def _event(source: str, kind: str, event_id: str, detail: dict[str, Any], *resources: str) -> dict[str, Any]:
    return {
        "version": "0",
        "id": event_id,
        "detail-type": kind,
        "source": source,
        "account": "123456789012",
        "region": "eu-west-1",
        "resources": list(resources),
        "detail": detail,
    }
