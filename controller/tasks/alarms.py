"""Alarms at the start: those that the target names, armed as they are now."""

from controller.core.alarm_rule import AlarmRule, RedAtStart
from controller.core.errors import RefusedError, UnavailableError
from controller.core.request import Wish
from controller.core.target import Target
from controller.core.verdict import AlarmState, Reading, WatchedAlarm
from controller.tasks.context import Context


def read_alarms(context: Context, target: Target) -> list[tuple[AlarmRule, Reading]]:
    """Return the target's alarms, each with its reading."""
    readings = context.ports.alarms.read([rule.name for rule in target.alarms])
    return list(zip(target.alarms, readings, strict=True))


def find_alarm(context: Context, asked: Wish, target: Target, rule: AlarmRule, reading: Reading) -> WatchedAlarm:
    """Return an alarm as it is watched; raises RefusedError for one that blocks or is missing."""
    policy = rule.red_at_start or (RedAtStart.IGNORE_UNTIL_OK if asked.hotfix else RedAtStart.BLOCK)
    if reading.state is AlarmState.MISSING:
        raise RefusedError(f"alarm {rule.name} of target {target.name} does not exist; create it or drop it")
    if reading.state is AlarmState.UNREADABLE:
        raise UnavailableError(f"alarm {rule.name} cannot be read before the start: {reading.reason}")
    if reading.state is AlarmState.ALARM and policy is RedAtStart.BLOCK:
        raise RefusedError(
            f"alarm {rule.name} is in ALARM before the start; wait until it is OK, or start a hotfix, "
            'which deploys past it and arms it again once it has recovered ("hotfix": {"reason", "by"})'
        )
    armed = policy is not RedAtStart.IGNORE and reading.state is not AlarmState.ALARM
    return WatchedAlarm(name=rule.name, red_at_start=policy, armed=armed, armed_at=context.now)
