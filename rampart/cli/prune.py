"""Prune: delete the versions of functions that nobody needs any more, with the operator's own rights.

A deployment that starts meanwhile cannot lose its way back. Its baseline is what the alias is on when it starts,
and that is kept: by what was read, by Lambda itself, which deletes nothing that an alias names, and by a look at
the claim before each deletion, whose number every deployment raises first of all. Nothing is locked, so that a
laptop that falls asleep leaves nothing behind.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from rich.console import Console

from controller.core.deployment import Deployment, Status
from controller.core.errors import ConflictError, ControllerError, InputError, MissingError
from controller.core.history import HOUR_MINUTES, WEEK_MINUTES
from controller.core.measurement import LAMBDA, Metric, minute_number
from controller.core.pruning import WAY_BACK, Pruning, PublishedVersion, Uses, prune
from controller.core.target import Target
from controller.ports import Claim, Deployments, Metrics, Targets
from rampart.cli.choice import target_called
from rampart.cli.wording import line, listing

_AT_FIRST = 50
_REAL_MINUTE_SECONDS = 60
_MEGABYTE = 1_000_000


class VersionDesk(Protocol):
    """The versions of functions, and the right to delete one."""

    def published(self, function: str) -> list[PublishedVersion]:
        """Return the numbered versions of a function; raises MissingError."""
        ...

    def aliased(self, function: str) -> dict[str, frozenset[int]]:
        """Return the versions that each alias of a function names."""
        ...

    def named(self, function: str) -> dict[int, list[str]]:
        """Return what else names versions of a function."""
        ...

    def holds(self, function: str, version: PublishedVersion) -> list[str]:
        """Return what holds on to one version."""
        ...

    def delete(self, function: str, version: int) -> None:
        """Delete one version; raises ConflictError when an alias names it, MissingError when it is gone."""
        ...


class Reach(Protocol):
    """What pruning reads, and what it may do."""

    @property
    def deployments(self) -> Deployments:
        """Records and claims, to be read only."""
        ...

    @property
    def targets(self) -> Targets:
        """The catalogue."""
        ...

    @property
    def metrics(self) -> Metrics:
        """Who is invoked."""
        ...

    @property
    def minute_seconds(self) -> float:
        """How long a minute takes: 60 in an account."""
        ...

    @property
    def versions(self) -> VersionDesk:
        """Versions."""
        ...


@dataclass(frozen=True, slots=True)
class Survey:
    """What is to become of the versions of a function, and the claim as it was before anything was read."""

    pruning: Pruning
    claim: Claim
    former: tuple[str, ...] = ()
    """The targets that have deployed the function and do not name it any more."""

    @property
    def function(self) -> str:
        """The function's name."""
        return self.pruning.function


@dataclass(frozen=True, slots=True)
class Done:
    """What came of the deletions of one function."""

    deleted: tuple[int, ...]
    failed: tuple[str, ...]
    """Why a version was not deleted, or nothing more was, in one line each."""


def functions_of(targets: Targets, target: str | None) -> list[str]:
    """Return the functions of a target, or of all of them for None; raises InputError."""
    chosen = _all_targets(targets) if target is None else [target_called(targets, target)]
    return list(dict.fromkeys(member.function for each in chosen for member in each.members))


def survey(reach: Reach, function: str, keep: int, now: datetime) -> Survey:
    """Return what is to become of the versions of a function.

    Raises ConflictError while a deployment holds the function or waits for it, and InputError when a target cannot
    be read: it might have the function as a member.
    """
    claim = _free_claim(reach, function)  # first of all: what is read afterwards is no older
    targets = {t.name for t in _all_targets(reach.targets) if function in {member.function for member in t.members}}
    former = frozenset(claim.targets) - targets
    way_back = WAY_BACK * (reach.minute_seconds / _REAL_MINUTE_SECONDS)
    deployments = _unfinished(reach.deployments, function, targets)
    for target in sorted(targets | former):
        deployments += _recent(reach.deployments, target, now - way_back)
    others = reach.versions.named(function)
    versions = reach.versions.published(function)
    aliases = reach.versions.aliased(function)

    def decide() -> Pruning:
        return prune(function, versions, Uses(aliases, deployments, former, others), now, keep, way_back)

    _note_requests(reach, function, decide().deleted, now, others)
    for version in decide().deleted:
        others.setdefault(version.number, []).extend(reach.versions.holds(function, version))
    return Survey(decide(), claim, tuple(sorted(former)))


def carry_out(reach: Reach, found: Survey) -> Done:
    """Delete what a survey found nobody to need, the oldest first; stops when a deployment has begun since."""
    deleted, failed, function = [], [], found.function
    for version in found.pruning.deleted:
        try:
            _check_again(reach, found, version)
            reach.versions.delete(function, version.number)
        except _BegunError as begun:
            failed.append(str(begun))
            break
        except MissingError:
            continue  # somebody else has deleted it
        except ControllerError as error:
            failed.append(f"version {version.number} is kept: {error}")
            continue
        deleted.append(version.number)
    return Done(tuple(deleted), tuple(failed))


def prune_functions(
    console: Console | None, reach: Reach, functions: Sequence[str], keep: int, now: datetime, *, yes: bool
) -> tuple[bool, list[dict[str, Any]]]:
    """Survey functions and on a `yes` delete what nobody needs; say whether all went well, and what came of it.

    Prints as it goes where there is a console. A function that cannot be pruned now does not stop the others.
    """
    told, is_well = [], True
    for function in functions:
        try:
            found = survey(reach, function, keep, now)
        except (ConflictError, MissingError) as refusal:
            is_well = False
            told.append({"function": function, "refused": str(refusal)})
            if console:
                console.print(line(("not pruned: ", "red"), str(refusal)), soft_wrap=True)
            continue
        if console:
            _print_pruning(console, found)
        done = carry_out(reach, found) if yes else None
        is_well = is_well and not (done and done.failed)
        told.append(_document(found, done))
        if console:
            _print_end(console, found.pruning, done)
    return is_well, told


class _BegunError(ConflictError):
    """A deployment has begun since the survey."""


def _free_claim(reach: Reach, function: str) -> Claim:
    claim = reach.deployments.claim(function)
    if claim.owner or claim.waiters:
        who = claim.owner or claim.waiters[0]
        raise ConflictError(f"deployment {who} holds function {function}, or waits for it; prune when it has ended")
    return claim


def _check_again(reach: Reach, found: Survey, version: PublishedVersion) -> None:
    """Look once more, right before a deletion; raises ConflictError for whatever has begun to need the version."""
    claim = reach.deployments.claim(found.function)
    if claim.owner or claim.waiters or claim.fencing != found.claim.fencing:
        raise _BegunError(f"a deployment of function {found.function} has begun meanwhile; nothing more is deleted")
    held = reach.versions.holds(found.function, version)
    held += [
        f"alias {name} is on it"
        for name, named in reach.versions.aliased(found.function).items()
        if version.number in named
    ]
    if held:
        raise ConflictError(held[0])


def _all_targets(targets: Targets) -> list[Target]:
    found, faults = targets.all(fresh=True)
    if faults:
        raise InputError(f"{faults[0]}; until it can be read, nobody knows which versions it needs")
    return found


def _unfinished(deployments: Deployments, function: str, targets: Collection[str]) -> list[Deployment]:
    """Return what has not ended of a function, whosever it is, and of targets that may come to have it."""
    return [
        each
        for each in deployments.unfinished()
        if each.target in targets or function in {member.function for member in each.members}
    ]


def _recent(deployments: Deployments, target: str, since: datetime) -> list[Deployment]:
    """Return the deployments of a target back to its last promotion, and to where none can be undone any more."""
    limit = _AT_FIRST
    while True:
        found = deployments.history(target, limit)
        is_all = len(found) < limit
        ended = [each.ended_at for each in found if each.ended_at]
        is_far = bool(ended) and min(ended) < since
        if is_all or (is_far and any(each.status is Status.PROMOTED for each in found)):
            several = [*_last_promotion(deployments, target), *found]
            return list({each.deployment_id: each for each in reversed(several)}.values())
        limit *= 4


def _last_promotion(deployments: Deployments, target: str) -> list[Deployment]:
    """Return the last promotion of a target, read strongly: the history may miss what ended a second ago."""
    live = deployments.live(target)
    found = deployments.find(live.deployment_id) if live else None
    return [found] if found else []


def _note_requests(
    reach: Reach,
    function: str,
    versions: Sequence[PublishedVersion],
    now: datetime,
    others: dict[int, list[str]],
) -> None:
    """Note which versions somebody has invoked by their number in the last week."""
    asked = {
        version.number: Metric(
            LAMBDA, "Invocations", (("FunctionName", function), ("Resource", f"{function}:{version.number}"))
        )
        for version in versions
    }
    minute = minute_number(now, reach.minute_seconds)
    this_hour = minute - minute % HOUR_MINUTES
    read = (
        reach.metrics.read(list(asked.values()), this_hour - WEEK_MINUTES, this_hour + HOUR_MINUTES, HOUR_MINUTES)
        if asked
        else {}
    )
    for number, metric in asked.items():
        requests = sum(read.get(metric, {}).values())
        if requests:
            others.setdefault(number, []).append(f"it was invoked by its number {requests:,.0f} times last week")


def _print_pruning(console: Console, found: Survey) -> None:
    pruning = found.pruning
    there, unneeded = len(pruning.kept) + len(pruning.deleted), len(pruning.deleted)
    which = f"of which nobody needs {unneeded}{_size(pruning)}" if unneeded else "and nothing to delete"
    console.print(line((f"function {pruning.function}", "bold"), f": {there} version{'s' * (there != 1)}, {which}"))
    for target in found.former:
        what = f"  target {target} deployed it once and names it no more: what it promoted last is kept "
        console.print(line(what, "for as long as an alias is on it, or it can be undone"), soft_wrap=True)
    table = listing("  version", "", "why")
    for number, fate, style, why in sorted(_rows(pruning), reverse=True):
        table.add_row(line(f"  {number}"), line((fate, style)), line(why))
    console.print(table)


def _rows(pruning: Pruning) -> Iterator[tuple[int, str, str, str]]:
    for kept in pruning.kept:
        yield kept.version.number, "keep", "green", "; ".join(kept.reasons)
    for version in pruning.deleted:
        yield version.number, "delete", "yellow", "nobody needs it"


def _size(pruning: Pruning) -> str:
    size = pruning.freed_bytes
    if not size:
        return ""
    told = f"{size / _MEGABYTE:,.1f} MB" if size >= _MEGABYTE / 10 else f"{size:,} bytes"
    return f" ({told} of code storage)"


def _print_end(console: Console, pruning: Pruning, done: Done | None) -> None:
    if done is None:
        if pruning.deleted:
            console.print("Nothing has been changed; --yes deletes what nobody needs.")
        return
    if done.deleted:
        console.print(line(f"deleted {', '.join(map(str, done.deleted))}"), soft_wrap=True)
    for failure in done.failed:
        console.print(line(("not deleted: ", "red"), failure), soft_wrap=True)


def _document(found: Survey, done: Done | None) -> dict[str, Any]:
    pruning = found.pruning
    return {
        "function": pruning.function,
        "former_targets": list(found.former),
        "kept": [{"version": kept.version.number, "reasons": list(kept.reasons)} for kept in pruning.kept],
        "unneeded": [version.number for version in pruning.deleted],
        "freed_bytes": pruning.freed_bytes,
        "deleted": list(done.deleted) if done else [],
        "failures": list(done.failed) if done else [],
    }
