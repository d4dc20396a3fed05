"""Retry: a person starts the deployment of what was refused, rolled back or broken off once more."""

import hashlib
import json
from typing import Any

from controller.core.deployment import Deployment, MarkDetail, Status, Transition, event_of
from controller.core.errors import InputError
from controller.tasks.context import Context


def retry(context: Context, deployment: Deployment, detail: MarkDetail) -> str:
    """Start a new deployment of the same artifact, or version, to the same target; raises InputError.

    It goes by the target as it is declared now. A deployment is retried once; to ask again starts nothing more.
    """
    name = deployment.deployment_id
    if not deployment.status.is_over or deployment.status is Status.PROMOTED:
        raise InputError(f"control: deployment {name} is {deployment.status}; there is nothing to try again")
    what: dict[str, Any] = {"version": deployment.version}
    if deployment.artifact:
        what = {"artifact": deployment.artifact.model_dump()}
    elif not deployment.version:
        raise InputError(f"control: deployment {name} names nothing that could be deployed; start another one")
    again = f"{deployment.target}-retry-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
    what["retry"] = {"deployment_id": name, "by": detail.by, "reason": detail.reason}
    request = json.dumps({"target": deployment.target, **what}, sort_keys=True, separators=(",", ":"))
    if context.ports.deployments.find(again) or not context.ports.executions.start(again, request):
        return f"deployment {name} was tried again already, as {again}"
    event = event_of(deployment, Transition.ASKED, context.now)
    said = event.model_copy(update={"reason": f"retry by {detail.by}: {detail.reason}, as {again}"})
    context.ports.deployments.save(deployment, deployment, said)
    return f"deployment {name} is tried again, as {again}"
