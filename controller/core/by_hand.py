"""Deployments that somebody starts by hand: who, and why."""

from pydantic import Field

from controller.core.document import Document


class Hotfix(Document):
    """Why somebody starts a deployment in a hurry, and who."""

    reason: str = Field(min_length=1, max_length=500)
    by: str = Field(min_length=1, max_length=200)


class Retry(Document):
    """Of which deployment another one is a further try, who asked for it, and why."""

    deployment_id: str = Field(min_length=1, max_length=80)
    by: str = Field(min_length=1, max_length=200)
    reason: str = Field(min_length=1, max_length=500)
