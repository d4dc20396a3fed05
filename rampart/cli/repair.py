"""Repair: find what is stuck around a target or a function, say what would mend it, and do so when told.

Only what is provably ours is touched: a dead deployment goes through the controller's own roll_back, a claim is
freed when its owner cannot come back, weights are taken off an alias when they are those that our last deployment
wrote. For all else a person gets the command.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from rich.console import Console

from controller.core.alias import Alias, Routing
from controller.core.deployment import Deployment, Status
from controller.core.errors import ControllerError, InputError, MissingError
from controller.core.member_record import MemberRecord
from controller.core.wording import shown
from controller.ports import Deployments, Executions, Functions
from rampart.cli.choice import checked_name
from rampart.cli.claims import HeldClaim
from rampart.cli.wording import line

_RECENT = 50
_REASON = "rampart repair: it cannot end by itself"


class ClaimDesk(Protocol):
    """The claims, and the right to free one."""

    def held(self, function: str) -> HeldClaim | None:
        """Return the claim on a function, if somebody holds it."""
        ...

    def free(self, claim: HeldClaim) -> None:
        """Free a claim if it is still as it was read; raises ConflictError."""
        ...


class Reach(Protocol):
    """What repair looks at, and what it may do."""

    @property
    def deployments(self) -> Deployments:
        """Records."""
        ...

    @property
    def claims(self) -> ClaimDesk:
        """Claims."""
        ...

    @property
    def functions(self) -> Functions:
        """Functions and aliases."""
        ...

    @property
    def executions(self) -> Executions:
        """Executions."""
        ...

    @property
    def aws_options(self) -> str:
        """The options that lead a command of the AWS CLI to the same place."""
        ...

    def caller(self) -> str:
        """Return who asks."""
        ...

    def ask(self, verb: str, deployment_id: str, by: str, reason: str) -> str:
        """Ask something of a deployment and return the controller's answer."""
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is stuck."""

    symptom: str
    remedy: str
    """What repair does about it, or what a person must do."""
    mend: Callable[[], str] | None = None
    """Do so, and return what came of it in one line; None where only a person may."""
    command: str = ""
    """What a person may run."""


def examine_target(reach: Reach, target: str) -> list[Finding]:
    """Return what is stuck around a target; raises InputError when nothing is known of it."""
    history = reach.deployments.history(checked_name(target), _RECENT)
    live = [d for d in reach.deployments.unfinished() if d.target == target]
    claimed = next((d for d in history if d.members), None)
    if claimed is None and not live:
        raise InputError(f"no deployment of target {shown(target)} is on record; name a function with --function")
    findings = [found for deployment in live for found in _examine_live(reach, deployment)]
    for member in claimed.members if claimed else ():
        findings += _examine_member(reach, member.function, member.alias, claimed)
    return list({found.symptom: found for found in findings}.values())


def examine_function(reach: Reach, function: str, alias: str) -> list[Finding]:
    """Return what is stuck around one function and alias, as far as its claim tells; raises InputError."""
    return list(_examine_member(reach, checked_name(function), checked_name(alias), None))


def findings_document(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Return what is stuck, as JSON has it."""
    return [
        {
            "symptom": each.symptom,
            "remedy": each.remedy,
            "is_for_a_person": each.mend is None,
            "command": each.command or None,
        }
        for each in findings
    ]


def repair(console: Console, examine: Callable[[], list[Finding]], yes: bool) -> bool:
    """Print what is stuck; on a `yes` mend it and look again; say whether a person has nothing left to do."""
    findings = examine()
    _print_findings(console, findings)
    may = any(found.mend for found in findings)
    if may and not yes:
        console.print("Nothing has been changed; --yes does what repair can.")
    elif may:
        _mend(console, findings)
        findings = examine()
        if findings:
            console.print("Left to do:")
            _print_findings(console, findings)
    if not findings:
        console.print("Nothing is stuck.")
    return all(found.mend and not yes for found in findings)


def _print_findings(console: Console, findings: Sequence[Finding]) -> None:
    for number, found in enumerate(findings, 1):
        who, style = ("repair can: ", "green") if found.mend else ("for a person: ", "yellow")
        console.print(line(f"{number}. ", (found.symptom, "bold")), soft_wrap=True)
        console.print(line("   ", (who, style), found.remedy), soft_wrap=True)
        if found.command:  # on a line of its own, to be copied
            console.print(line("   ", found.command, at_most=2000), soft_wrap=True)


def _mend(console: Console, findings: Sequence[Finding]) -> None:
    """Mend what may be mended; one that fails does not keep the others from it."""
    for number, found in enumerate(findings, 1):
        if found.mend:
            try:
                console.print(line(f"{number}. ", found.mend()), soft_wrap=True)
            except ControllerError as error:
                console.print(line(f"{number}. ", ("failed: ", "red"), str(error)), soft_wrap=True)


def _examine_live(reach: Reach, seen: Deployment) -> Iterator[Finding]:
    """Find a deployment that nothing ends any more."""
    deployment = reach.deployments.find(seen.deployment_id) or seen  # the index may lag
    name = deployment.deployment_id
    if deployment.status.is_over:
        return
    if deployment.status is Status.ROLLBACK_FAILED:
        symptom = f"the rollback of {name} failed: {deployment.reason}"
    elif not reach.executions.is_alive(deployment.execution_arn):
        symptom = f"{name} is {deployment.status}, but its execution is not running"
    else:
        return
    remedy = f"abort {name}: the control function puts its aliases back, ends it and frees its claims"
    yield Finding(symptom, remedy, partial(_abort, reach, name))


def _abort(reach: Reach, deployment_id: str) -> str:
    return reach.ask("abort", deployment_id, reach.caller(), _REASON)


def _examine_member(reach: Reach, function: str, name: str, last: Deployment | None) -> Iterator[Finding]:
    """Find a claim without owner, and weights that nobody will take off.

    The alias comes first and the claim second: a deployment claims before it writes, so that weights on an alias
    that nobody holds afterwards are left over, and its RevisionId is stale once anybody has written since.
    """
    alias = None
    try:
        alias = reach.functions.alias(function, name)
    except MissingError as missing:
        member = next((m for m in last.members if m.function == function), None) if last else None
        if last is None or member is None or not member.is_first or last.status is Status.PROMOTED:
            yield Finding(str(missing), "create it, or take it out of the target")
    claim = reach.claims.held(function)
    if claim:
        owner = reach.deployments.find(claim.owner)
        if owner and not owner.status.is_over:
            yield from _examine_live(reach, owner)
            return  # what the alias carries is its business
        if owner is None and reach.executions.is_alive(claim.execution_arn):
            yield _running_without_record(reach, claim)
            return
        last = last or owner
        yield _orphan(reach, claim, owner)
    if alias and alias.routing.is_split:
        yield _examine_split(reach, alias, last)


def _running_without_record(reach: Reach, claim: HeldClaim) -> Finding:
    command = f"aws stepfunctions stop-execution --execution-arn {claim.execution_arn}{reach.aws_options}"
    return Finding(
        f"function {claim.function} is claimed by {claim.owner}, which has no record, but whose execution runs",
        "stop it and repair again:",
        command=command,
    )


def _orphan(reach: Reach, claim: HeldClaim, owner: Deployment | None) -> Finding:
    why = f"is {owner.status}" if owner else "has no record and no running execution"
    waiting = f"; {', '.join(claim.waiters)} will go on within 5 minutes" if claim.waiters else ""
    return Finding(
        f"function {claim.function} is claimed by {claim.owner}, which {why}",
        f"free the claim{waiting}",
        partial(_free, reach, claim),
    )


def _free(reach: Reach, claim: HeldClaim) -> str:
    reach.claims.free(claim)
    return f"function {claim.function} is free"


def _examine_split(reach: Reach, alias: Alias, last: Deployment | None) -> Finding:
    members = last.members if last else ()
    member = next((m for m in members if (m.function, m.alias) == (alias.function, alias.name)), None)
    if last and member and _is_left_by(last, member, alias):
        baseline = member.routing(0)
        return Finding(
            f"alias {alias} is on {alias.routing}, as {last.deployment_id} wrote it, which is {last.status}",
            f"put it back on {baseline}",
            partial(_put_back, reach, alias, baseline),
        )
    whose = f"not what {last.deployment_id} left, which is {last.status}" if last else "nothing that we know of"
    command = (
        f"aws lambda update-alias --function-name {alias.function} --name {alias.name} "
        f"--function-version {alias.routing.version} --routing-config AdditionalVersionWeights={{}} "
        f"--revision-id {alias.revision_id}{reach.aws_options}"
    )
    return Finding(
        f"alias {alias} is on {alias.routing}, {whose}",
        f"not ours to mend; if version {alias.routing.version} is right:",
        command=command,
    )


def _is_left_by(last: Deployment, member: MemberRecord, alias: Alias) -> bool:
    """Say whether weights are those of a deployment that was rolled back, by a write that came late."""
    return last.status is Status.ROLLED_BACK and alias.routing in {member.routing(s.weight) for s in last.steps}


def _put_back(reach: Reach, alias: Alias, baseline: Routing) -> str:
    return f"alias {alias} is on {reach.functions.route(alias, baseline).routing}"
