"""Pruning: which old versions of a function nobody needs any more, and why each of the others is kept.

No version is given up that an alias, a way back or a running durable execution needs. What is not known to be free
is kept.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from controller.core.deployment import Deployment
from controller.core.member_record import MemberRecord

KEPT_VERSIONS = 5
"""How many of the newest versions are kept whatever becomes of them, unless somebody says otherwise."""
WAY_BACK = timedelta(hours=72)
"""How long after its end a deployment's versions are kept: within this time it can be undone."""


@dataclass(frozen=True, slots=True)
class PublishedVersion:
    """One numbered version of a function."""

    number: int
    size_bytes: int = 0
    """What it takes of the account's code storage; 0 for an image, which ECR keeps."""
    is_durable: bool = False
    """Whether executions of it may be suspended for up to a year, and are then replayed on it."""


@dataclass(frozen=True, slots=True)
class Uses:
    """Who needs which versions of a function, as far as that can be read."""

    aliases: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """The versions that each alias names, whatever their weights."""
    deployments: Sequence[Deployment] = ()
    """The latest deployments of every target that has the function as a member, or once had it."""
    former: frozenset[str] = frozenset()
    """Those of the targets that do not have it any more, such as one whose document is gone."""
    others: Mapping[int, Sequence[str]] = field(default_factory=dict)
    """What else names a version, in words, by version."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A version that is kept, with every reason for that."""

    version: PublishedVersion
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pruning:
    """What becomes of the versions of one function; each is in one of the two lists, by number."""

    function: str
    kept: tuple[Kept, ...]
    deleted: tuple[PublishedVersion, ...]

    @property
    def freed_bytes(self) -> int:
        """How much of the account's code storage the deleted ones take."""
        return sum(version.size_bytes for version in self.deleted)


def prune(
    function: str,
    versions: Iterable[PublishedVersion],
    uses: Uses,
    now: datetime,
    keep: int = KEPT_VERSIONS,
    way_back: timedelta = WAY_BACK,
) -> Pruning:
    """Return which versions of a function are kept and which nobody needs; `keep` is at least 1.

    `way_back` is shorter than WAY_BACK where a minute is shorter than a minute.
    Raises ValueError for a smaller `keep`: the newest version may be one that somebody is about to deploy.
    """
    if keep < 1:
        raise ValueError(f"keep 1 version at least, not {keep}")
    there = sorted(versions, key=lambda version: version.number)
    reasons: dict[int, list[str]] = {version.number: [] for version in there}
    for version in there[-keep:]:
        reasons[version.number].append(f"one of the {keep} newest" if keep > 1 else "the newest")
    for alias, named in sorted(uses.aliases.items()):
        for number in named:
            reasons.setdefault(number, []).append(f"alias {alias} is on it")
    for number, why in _ways_back(function, uses, now - way_back):
        reasons.setdefault(number, []).append(why)
    for number, several in uses.others.items():
        reasons.setdefault(number, []).extend(several)
    kept = tuple(
        Kept(version, tuple(dict.fromkeys(reasons[version.number]))) for version in there if reasons[version.number]
    )
    return Pruning(function, kept, tuple(version for version in there if not reasons[version.number]))


def _ways_back(function: str, uses: Uses, since: datetime) -> Iterable[tuple[int, str]]:
    """Yield the versions that a deployment needs, or needed to be undone, with the reason.

    Of the deployments of each target that have ended, those count that ended `since` then, and the last promotion,
    however old it is: its baseline is where the target can go back to. A former target goes nowhere: what it
    promoted last counts for as long as an alias is on it.
    """
    aliased = {number for named in uses.aliases.values() for number in named}
    promoted: set[str] = set()
    for deployment in sorted(uses.deployments, key=lambda each: each.started_at, reverse=True):
        name = deployment.deployment_id
        member = next((member for member in deployment.members if member.function == function), None)
        if not deployment.status.is_over:
            yield from _named(deployment, function, f"{name} is {deployment.status}")
        elif member and deployment.status == "PROMOTED" and deployment.target not in promoted:
            promoted.add(deployment.target)
            if deployment.target in uses.former and _is_left(member, aliased) and _is_past(deployment, since):
                continue
            yield from _named(deployment, function, f"{name} was the last promotion of {deployment.target}")
        elif not _is_past(deployment, since):
            yield from _named(deployment, function, f"{name} can still be undone, or tried again")


def _is_past(deployment: Deployment, since: datetime) -> bool:
    return deployment.ended_at is not None and deployment.ended_at < since


def _is_left(member: MemberRecord, aliased: Collection[int]) -> bool:
    """Say whether no alias is on what a member was promoted to."""
    return not (member.candidate and member.candidate.isdecimal() and int(member.candidate) in aliased)


def _named(deployment: Deployment, function: str, why: str) -> Iterable[tuple[int, str]]:
    """Yield the versions of a function that a record names: baseline, candidate, or what was asked for."""
    members = [member for member in deployment.members if member.function == function]
    named = {member.baseline for member in members} | {member.candidate for member in members}
    if deployment.version and (members or not deployment.members):
        named.add(deployment.version)  # of a record without members yet, whose function is not known
    for version in named:
        if version and version.isdecimal():
            yield int(version), why
