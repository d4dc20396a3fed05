"""Preflight of functions and aliases: refused with one line that says what to do, or warned of."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from controller.core.alias import Alias, Routing
from controller.core.artifact import ZipArtifact
from controller.core.bypass import latest_warning, source_warning
from controller.core.code import Code, Readiness
from controller.core.compatibility import refuse_weights
from controller.core.errors import DeniedError, RefusedError
from controller.core.request import Wish
from controller.core.target import Member, Target
from controller.core.zip_package import read_package
from controller.ports import Live, Stored
from controller.tasks.context import Context
from controller.tasks.way_back import judge_way_back

if TYPE_CHECKING:
    from controller.tasks.survey import Survey

MANAGED_TAG = "rampart:managed"
"""The tag that opts a function in; its value is the stage. IAM requires it for every write."""
CONTROLLER_TAG = "rampart:controller"
"""The tag of every function of a Rampart, whichever stage it is: what deploys is not deployed by it."""

_LATEST = "$LATEST"


@dataclass(frozen=True, slots=True)
class Found:
    """One member as it was found."""

    alias: Alias
    fencing: int
    baseline: Code | None
    """None where there is no alias yet."""
    others: tuple[Alias, ...]
    """The other aliases of the function."""


def find_artifact(context: Context, asked: Wish) -> Stored | None:
    """Return what is known of the artifact that was asked for; raises MissingError."""
    if asked.artifact is None:
        return None
    return context.ports.artifacts.find(asked.artifact)


def check_managed(code: Code, stage: str) -> None:
    """Raise RefusedError unless a function opted in to this stage, and is none of the controller's own."""
    if code.tags is None:
        raise DeniedError(
            f"the tags of function {code.function} are not told; the role needs lambda:ListTags on it"
        )
    own = code.tags.get(CONTROLLER_TAG)
    if own is not None:
        raise RefusedError(
            f"function {code.function} is a part of Rampart (stage {own}), which does not deploy itself; "
            "deploy its stack with sam deploy"
        )
    if code.tags.get(MANAGED_TAG) != stage:
        raise RefusedError(
            f"function {code.function} is not tagged {MANAGED_TAG}={stage}; tag it to let this stage deploy to it"
        )


def check_zip(context: Context, artifact: ZipArtifact, codes: list[Code], stored: Stored) -> None:
    """Raise RefusedError unless every function can run the zip, as far as can be told without running it."""
    package = read_package(artifact.identity, partial(context.ports.artifacts.read, artifact), stored.size_bytes)
    for code in codes:
        if code.runtime:
            package.check(code.function, code.runtime)


def find_member(context: Context, member: Member, fencing: int) -> Found:
    """Return a member as it is, without a baseline where it has no alias yet; raises RefusedError."""
    aliases = {alias.name: alias for alias in context.ports.functions.aliases(member.function)}
    alias = aliases.pop(member.alias, None)
    if alias is None:
        absent = Alias(member.function, member.alias, Routing(""), "")
        return Found(absent, fencing, None, tuple(aliases.values()))
    if alias.routing.is_split:
        raise RefusedError(
            f"alias {alias} is split by somebody else ({alias.routing}); put it back on one version with: "
            f"aws lambda update-alias --function-name {member.function} --name {member.alias} "
            f"--function-version {alias.routing.version} --routing-config AdditionalVersionWeights={{}}"
        )
    if alias.routing.version == _LATEST:
        raise RefusedError(f"alias {alias} points at $LATEST, which cannot be split; point it at a version")
    baseline = context.ports.functions.version(member.function, alias.routing.version)
    if baseline.readiness is Readiness.FAILED:
        raise RefusedError(
            f"alias {alias} is on version {baseline.version}, which Lambda cannot run ({baseline.why}): "
            "there is no way back; point it at a version that runs"
        )
    return Found(alias, fencing, baseline, tuple(aliases.values()))


def is_first(target: Target, live: Live | None, *, no_alias: bool) -> bool:
    """Say whether a deployment makes the aliases of a target, of whose functions none has an alias of any name.

    An alias that was there when a deployment of the target was promoted has been deleted since, by mistake or not.
    """
    was_there = live is not None and any(member.function in live.versions for member in target.members)
    return no_alias and not was_there


def refuse_absent(found: Found, live: Live | None) -> RefusedError:
    """Return the refusal of a member without its alias where no first deployment makes it."""
    alias, names = found.alias, sorted(other.name for other in found.others)
    hint = f" (the function has {', '.join(names)}: is one of them meant?)" if names else ""
    version = live.versions.get(alias.function) if live else None
    if live and version:
        hint += f" (deployment {live.deployment_id} left it on version {version})"
    return RefusedError(
        f"alias {alias} does not exist{hint}; make it on the version that serves now: aws lambda "
        f"create-alias --function-name {alias.function} --name {alias.name} --function-version VERSION"
    )


def refuse_split(survey: "Survey", member: Member, found: Found) -> str | None:
    """Return why Lambda would not split an alias between baseline and candidate, or None.

    Raises MissingError when the version that was asked for does not exist.
    """
    asked, functions = survey.asked, survey.context.ports.functions
    candidate = functions.version(member.function, asked.version) if asked.version else None
    candidate = candidate or survey.codes.get(member.function)
    if candidate is None or found.baseline is None:  # refused already
        return None
    return refuse_weights(found.baseline, candidate)


def surroundings(survey: "Survey", member: Member, found: Found) -> None:
    """Judge what an alias has of concurrency, and warn of what gets new code without going through it."""
    functions = survey.context.ports.functions
    if found.baseline:
        with survey.judging():
            survey.runs[member.function] = judge_way_back(survey, member, found.baseline)
    with survey.judging():
        _check_provisioned(survey, member, found, functions.provisioned(member.function))
    on_latest = [alias.name for alias in found.others if alias.routing.version == _LATEST]
    what = f"whether event sources invoke function {member.function} without its alias"
    sources = survey.known(what, lambda: functions.sources(member.function))
    survey.warn(
        source_warning(member.function, member.alias, sources or ()), latest_warning(member.function, on_latest)
    )


def _check_provisioned(survey: "Survey", member: Member, found: Found, provisioned: dict[str, int]) -> None:
    """Raise RefusedError where provisioned concurrency is on an alias that is to be split.

    Source: Lambda developer guide, "Configuring provisioned concurrency for a function": it belongs to a version,
    and is not managed on an alias while that has a routing configuration.
    """
    if member.alias in provisioned and survey.plan and survey.plan.is_split:
        raise RefusedError(
            f"alias {member} has provisioned concurrency ({provisioned[member.alias]}), which Lambda does not "
            "manage while an alias is split, and of which the candidate would have none; take it off with: aws "
            f"lambda delete-provisioned-concurrency-config --function-name {member.function} --qualifier "
            f"{member.alias}, or deploy with strategy AllAtOnce"
        )
    version = found.alias.routing.version
    if version in provisioned:
        survey.warn(
            f"version {version}, on which alias {member} is, has provisioned concurrency ({provisioned[version]}), "
            "and the candidate will have none"
        )
