"""Requests: what somebody asks to have deployed to which target."""

import json

from pydantic import model_validator

from controller.core.artifact import Artifact, WrittenArtifact
from controller.core.by_hand import Hotfix, Retry
from controller.core.document import Document
from controller.core.names import TargetName, VersionNumber
from controller.core.strategy import Strategy


class Wish(Document):
    """What somebody thinks of deploying to which target, which may not be said yet."""

    target: TargetName
    artifact: WrittenArtifact | None = None
    version: VersionNumber | None = None
    """An existing version to deploy instead of an artifact; for targets of one member."""
    strategy: Strategy | None = None
    """Overrules the target's strategy for this deployment."""
    hotfix: Hotfix | None = None
    event_id: str | None = None
    """The event that asked for it; absent when a person did."""


class Request(Wish):
    """The input of an execution: what to deploy to which target. People write it; intake writes the same."""

    retry: Retry | None = None
    """The deployment that it tries again; control writes it."""

    @model_validator(mode="after")
    def _one_thing_to_deploy(self) -> "Request":
        if (self.artifact is None) == (self.version is None):
            raise ValueError("say what to deploy: either artifact or version, and not both")
        return self


def canonical_request(target: str, artifact: Artifact, event_id: str) -> str:
    """Return the input of an execution as intake writes it: the same bytes for the same event.

    StartExecution with the same name is idempotent only for the same bytes of input.
    """
    document = {"target": target, "artifact": artifact.model_dump(), "event_id": event_id}
    return json.dumps(document, sort_keys=True, separators=(",", ":"))
