"""Abort: ask the controller to roll a deployment back, and see how that ends."""

from collections.abc import Callable

from rich.console import Console

from controller.core.deployment import Deployment, Status
from controller.core.errors import ControllerError, UnavailableError
from controller.ports import Deployments
from rampart.cli.wording import line

LOOK_SECONDS = 2.0
"""How long to wait from one look at the record to the next."""
_MOST_LOOKS = 2100
"""RollBack gives up after an hour, and then the record says so."""

Pause = Callable[[float], None]
"""Waits for so many seconds."""


def abort(
    console: Console, deployments: Deployments, deployment_id: str, ask: Callable[[], str], pause: Pause | None
) -> bool:
    """Ask for the abort and print what comes of it; say whether that is a rollback, done or under way.

    With a `pause`, wait for the end. Raises what the asking raises, but not while waiting when the mark is there:
    then the execution finds it and goes on, whatever went wrong at that moment.
    """
    try:
        answer = ask()
    except ControllerError as error:
        found = deployments.find(deployment_id)
        if pause is None or found is None or not found.stopping_mark:
            raise
        answer = f"{error}; its execution goes on to roll it back"
    console.print(line(answer), soft_wrap=True)
    found = at_rest(deployments, deployment_id, pause) if pause else deployments.find(deployment_id)
    if found is None or not _is_at_rest(found):
        return True
    console.print(line(f"{found.status}: {found.reason}"), soft_wrap=True)
    return found.status is Status.ROLLED_BACK


def at_rest(deployments: Deployments, deployment_id: str, pause: Pause) -> Deployment:
    """Return a deployment once nothing more happens by itself; raises UnavailableError when that takes too long."""
    for _ in range(_MOST_LOOKS):
        found = deployments.find(deployment_id)
        if found and _is_at_rest(found):
            return found
        pause(LOOK_SECONDS)
    raise UnavailableError(f"deployment {deployment_id} has still not ended; see: rampart status")


def _is_at_rest(deployment: Deployment) -> bool:
    return deployment.status.is_over or deployment.status is Status.ROLLBACK_FAILED
