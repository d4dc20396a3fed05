"""Shift: give the candidate the weight of the intended step, on every member, and start its bake."""

from contextlib import suppress

from controller.core.alias import Alias, Routing
from controller.core.decision import Decision, Ruling
from controller.core.deployment import Deployment, Transition, event_of
from controller.core.errors import ConflictError, StoppedError
from controller.core.look import shifted
from controller.core.measurement import ShiftMade
from controller.core.member_record import MemberRecord
from controller.tasks.context import Context, read_live
from controller.tasks.first import alias_now, take_back


def shift(context: Context) -> Ruling:
    """Make the intended step real when its minute begins; repeated after that, say only how long to bake."""
    deployment = read_live(context)
    if deployment.intended_index < 0:
        raise StoppedError("no step has been intended; nothing may be shifted")
    if deployment.step_index != deployment.intended_index:
        clock = context.ports.clock
        earliest = deployment.shift_at or clock.now()
        clock.wait_until(earliest)
        aliases: list[Alias] = []
        try:
            for member in deployment.members:
                aliases.append(_shift_member(context, deployment, member))  # noqa: PERF401 - to be known when one fails
            # A try before this one may have made it, at any moment since.
            made = ShiftMade(at=earliest, until=clock.now(), weight=deployment.weight_at(deployment.intended_index))
            deployment = _record(context, deployment, aliases, made)
        except (StoppedError, ConflictError):  # the record of the shift is a first one's look after the write
            if deployment.is_first:
                take_back(context, aliases)
            raise
    return Ruling(Decision.HOLD, deployment.reason, deployment.seconds_to_look(context.ports.clock.now()))


def _shift_member(context: Context, deployment: Deployment, member: MemberRecord) -> Alias:
    """Shift one alias: at once where it is as we left it, else after a look at what it carries."""
    wanted = member.routing(deployment.weight_at(deployment.intended_index))
    as_left = member.routing(deployment.weight)
    if member.revision_id:  # one call instead of two, of the few that Lambda's control plane takes
        with suppress(ConflictError):
            return _write(
                context, member, Alias(member.function, member.alias, as_left, member.revision_id), wanted
            )
    alias = alias_now(context.ports.functions, member)
    if alias.routing == wanted:  # done before a crash, or before an answer that was lost
        return alias
    if alias.routing != as_left:
        raise StoppedError(f"alias {alias} was changed by somebody else: it is on {alias.routing}")
    return _write(context, member, alias, wanted)


def _write(context: Context, member: MemberRecord, alias: Alias, wanted: Routing) -> Alias:
    # After the RevisionId: whoever stopped us before now is seen, whoever does from now on makes it stale.
    read_live(context, member)
    if member.is_first:
        return context.ports.functions.create_alias(member.function, member.alias, wanted.version)
    written = context.ports.functions.route(alias, wanted)
    try:
        read_live(context, member)
    except StoppedError:  # by somebody whose own write left the RevisionId as it was
        context.ports.functions.route(written, member.routing(0))
        raise
    return written


def _record(context: Context, deployment: Deployment, aliases: list[Alias], made: ShiftMade) -> Deployment:
    members = tuple(
        member.model_copy(update={"revision_id": alias.revision_id})
        for member, alias in zip(deployment.members, aliases, strict=True)
    )
    after = shifted(deployment.model_copy(update={"members": members}), made, context.minute_seconds)
    return context.ports.deployments.save(deployment, after, event_of(after, Transition.SHIFTED, made.until))
