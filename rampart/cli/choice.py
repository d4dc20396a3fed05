"""Choice: which deployment a person means by an id, the beginning of one, or the name of a target."""

import re
from collections.abc import Iterable

from controller.core.deployment import Deployment
from controller.core.errors import InputError, MissingError
from controller.core.target import Target
from controller.core.wording import shown
from controller.ports import Deployments, Targets

_LONGEST_NAME = 80
"""Of an execution, and so of a deployment (Step Functions API reference, StartExecution)."""
# Lambda API reference, FunctionName of CreateFunction: the name alone.
_FUNCTION = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_RECENT = 100
_OFFERED = 5


def checked_name(name: str) -> str:
    """Return a name that a deployment or a target may have; raises InputError."""
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise InputError(f"write a name of 1 to {_LONGEST_NAME} characters, not {shown(name)}")
    return name


def checked_function(name: str) -> str:
    """Return the plain name of a function, without ARN or qualifier; raises InputError."""
    if not _FUNCTION.fullmatch(name):
        raise InputError(f"--function: write a function's own name, not {shown(name)}")
    return name


def target_called(targets: Targets, name: str) -> Target:
    """Return the target of that name; raises InputError when there is none."""
    try:
        return targets.read(checked_name(name))
    except MissingError as missing:
        raise InputError(str(missing)) from None


def deployment_called(deployments: Deployments, name: str) -> Deployment:
    """Return the deployment of that id, a target's latest, or the only one whose id begins so; raises InputError.

    Ids that begin with their target's name, as those of events do, are found by their beginning when they have
    ended too; others only while they are live.
    """
    found = deployments.find(checked_name(name))
    if found:
        return found
    latest = deployments.history(name, 1)
    if latest:
        return _as_it_is(deployments, latest[0])
    targets = [name[:index] for index, character in enumerate(name) if character == "-" and index]
    known = [*deployments.unfinished(), *(d for target in targets for d in deployments.history(target, _RECENT))]
    return _only(deployments, name, (d for d in known if d.deployment_id.startswith(name)))


def live_deployment_called(deployments: Deployments, name: str) -> Deployment:
    """Return the deployment of that id, or the only live one of a target or that begins so; raises InputError."""
    found = deployments.find(checked_name(name))
    if found:
        return found
    live = deployments.unfinished()
    of_target = [d for d in live if d.target == name]
    return _only(deployments, name, of_target or (d for d in live if d.deployment_id.startswith(name)), "live ")


def promotion_called(deployments: Deployments, name: str) -> Deployment:
    """Return the last promotion of a target, or the deployment that is called so; raises InputError."""
    live = deployments.live(checked_name(name))
    promoted = deployments.find(live.deployment_id) if live else None
    return promoted or deployment_called(deployments, name)


def _only(deployments: Deployments, name: str, found: Iterable[Deployment], kind: str = "") -> Deployment:
    by_id = {d.deployment_id: d for d in found}
    if not by_id:
        raise InputError(f"there is no {kind}deployment {shown(name)}, and no target of that name has one")
    if len(by_id) > 1:
        offered, more = sorted(by_id)[:_OFFERED], len(by_id) - _OFFERED
        rest = f" or {more} more" if more > 0 else ""
        raise InputError(f"{shown(name)} may be {', '.join(offered)}{rest}; write more of the id")
    (one,) = by_id.values()
    return _as_it_is(deployments, one)


def _as_it_is(deployments: Deployments, seen: Deployment) -> Deployment:
    # An index may lag; the record itself is read strongly.
    return deployments.find(seen.deployment_id) or seen
