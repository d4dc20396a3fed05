"""Alarms, the port: what a look sees, over HTTP and straight over the same model of CloudWatch."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from controller.adapters.cloudwatch_alarms import CloudWatchAlarms
from controller.core.errors import DeniedError
from controller.core.verdict import AlarmState, Reading
from rampart.embedded.aws import EmbeddedAws
from rampart.embedded.clock import VirtualClock
from rampart.embedded.wire import ApiError, Call, Service
from tests.adapters.clients import client, refusing, restricted
from tests.builders import a_kept_alarm
from tests.engine.model_client import ModelClient


class Account:
    """CloudWatch as somebody else than the controller handles it."""

    def __init__(self, aws: EmbeddedAws, clock: VirtualClock, fresh: Callable[[str], str]) -> None:
        self.model = aws.cloudwatch
        self.clock = clock
        self.fresh = fresh

    def alarm(self, state: str | None = None) -> str:
        """Create an alarm that keeps its state, and return its name."""
        name = self.fresh("alarm")
        self.call("PutMetricAlarm", **a_kept_alarm(name))
        if state:
            self.set(name, state)
        return name

    def set(self, name: str, state: str, reason: str = "as the story goes") -> datetime:
        """Put an alarm into a state, a second later than anything before, and return that moment."""
        self.clock.advance(1)
        self.call("SetAlarmState", AlarmName=name, StateValue=state, StateReason=reason)
        return self.now()

    def now(self) -> datetime:
        """Return the time of the account."""
        return datetime.fromtimestamp(self.clock.now(), UTC)

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        """Call CloudWatch."""
        return self.model.handle(Call("cloudwatch", operation, "AKIAPERSON", params))


@pytest.fixture
def account(aws: EmbeddedAws, clock: VirtualClock, fresh: Callable[[str], str]) -> Account:
    """Return the account, some time after whatever happened in it before."""
    clock.advance(10)
    return Account(aws, clock, fresh)


@pytest.fixture(params=["model", "http"])
def alarms(request: pytest.FixtureRequest, aws: EmbeddedAws) -> CloudWatchAlarms:
    """Return the port over each way to the same model of CloudWatch."""
    over_http = request.param == "http"
    return CloudWatchAlarms(aws.client("cloudwatch") if over_http else ModelClient("cloudwatch", aws.cloudwatch))  # type: ignore[arg-type]


def over(service: Service) -> CloudWatchAlarms:
    """Return the port straight over a service."""
    return CloudWatchAlarms(ModelClient("cloudwatch", service))  # type: ignore[arg-type]


@pytest.mark.parametrize("state", [AlarmState.OK, AlarmState.INSUFFICIENT_DATA])
def test_a_quiet_alarm_is_told_with_its_reason(
    alarms: CloudWatchAlarms, account: Account, state: AlarmState
) -> None:
    name = account.alarm("OK")
    account.set(name, state.value, "nothing to see")
    (reading,) = alarms.read([name], account.now())
    assert (reading.name, reading.state, reading.alarmed_at) == (name, state, None)
    assert state is AlarmState.INSUFFICIENT_DATA or reading.reason


def test_an_alarm_in_alarm_is_told_with_its_reason_and_when_it_began(
    alarms: CloudWatchAlarms, account: Account
) -> None:
    name = account.alarm("OK")
    began = account.set(name, "ALARM", "5 errors")
    account.clock.advance(30)
    assert alarms.read([name], account.now()) == [Reading(name, AlarmState.ALARM, "5 errors", began)]


def test_an_alarm_that_does_not_exist_is_missing(alarms: CloudWatchAlarms, account: Account) -> None:
    assert alarms.read(["no-such-alarm"], account.now()) == [Reading("no-such-alarm", AlarmState.MISSING)]


def test_no_names_give_no_readings(alarms: CloudWatchAlarms, account: Account) -> None:
    assert alarms.read([], account.now()) == []


def test_readings_come_in_the_order_of_the_names(alarms: CloudWatchAlarms, account: Account) -> None:
    names = [account.alarm("OK"), "absent", account.alarm("ALARM"), account.alarm("OK")]
    names.reverse()
    assert [reading.name for reading in alarms.read(names, account.now())] == names


def test_an_alarm_that_is_named_twice_is_read_twice(alarms: CloudWatchAlarms, account: Account) -> None:
    name = account.alarm("ALARM")
    assert [r.state for r in alarms.read([name, name], account.now())] == [AlarmState.ALARM] * 2


def test_more_names_than_cloudwatch_takes_at_once_are_all_read(alarms: CloudWatchAlarms, account: Account) -> None:
    names = [account.alarm() for _ in range(101)]
    account.set(names[100], "ALARM")
    readings = alarms.read(names, account.now())
    assert [reading.name for reading in readings] == names
    assert [r.state for r in readings].count(AlarmState.MISSING) == 0
    assert readings[100].state is AlarmState.ALARM


class _FiftyAtATime:
    """CloudWatch as it pages when it is not asked for more: 50 records."""

    def __init__(self, model: Service) -> None:
        self._model = model

    def handle(self, call: Call) -> dict[str, Any]:
        """Carry out one call."""
        params = {"MaxRecords": 50, **call.params}
        return self._model.handle(Call(call.service, call.operation, call.principal, params))


def test_alarms_on_the_second_page_are_read_too(account: Account) -> None:
    names = [account.alarm() for _ in range(60)]
    readings = over(_FiftyAtATime(account.model)).read(names, account.now())
    assert [r.state for r in readings].count(AlarmState.MISSING) == 0


def test_a_flap_since_then_is_found_though_the_alarm_has_recovered(
    alarms: CloudWatchAlarms, account: Account
) -> None:
    name = account.alarm("OK")
    since = account.now()
    began = account.set(name, "ALARM")
    account.set(name, "OK")
    assert alarms.read([name], since)[0].alarmed_at == began


def test_of_several_flaps_the_last_one_is_told(alarms: CloudWatchAlarms, account: Account) -> None:
    name = account.alarm("OK")
    since = account.now()
    for _ in range(3):
        began = account.set(name, "ALARM")
        account.set(name, "INSUFFICIENT_DATA")
        account.set(name, "OK")
    assert alarms.read([name], since)[0].alarmed_at == began


def test_a_flap_before_then_is_not_told(alarms: CloudWatchAlarms, account: Account) -> None:
    name = account.alarm("OK")
    account.set(name, "ALARM")
    account.set(name, "OK")
    account.clock.advance(1)
    assert alarms.read([name], account.now())[0].alarmed_at is None


def test_a_recovery_from_an_alarm_that_began_before_then_is_no_flap(
    alarms: CloudWatchAlarms, account: Account
) -> None:
    name = account.alarm("ALARM")
    account.clock.advance(5)
    since = account.now()
    account.set(name, "OK")
    assert alarms.read([name], since)[0].alarmed_at is None


def test_an_alarm_that_never_left_ok_has_no_history_to_look_for(alarms: CloudWatchAlarms, account: Account) -> None:
    name = account.alarm("OK")
    account.set(name, "OK")
    assert alarms.read([name], account.now() - timedelta(seconds=1))[0].alarmed_at is None


def test_a_composite_alarm_is_read_with_its_flaps(alarms: CloudWatchAlarms, account: Account) -> None:
    child, name = account.alarm("OK"), account.fresh("composite")
    account.call("PutCompositeAlarm", AlarmName=name, AlarmRule=f'ALARM("{child}")')
    account.clock.advance(60)
    account.model.evaluate()
    since = account.now()
    assert alarms.read([name], since)[0].state is AlarmState.OK
    began = account.set(child, "ALARM")
    assert alarms.read([name], since)[0].state is AlarmState.ALARM
    account.set(child, "OK")
    (reading,) = alarms.read([name], since)
    assert (reading.state, reading.alarmed_at) == (AlarmState.OK, began)


@pytest.mark.parametrize(
    ("operation", "code", "status"),
    [
        ("DescribeAlarms", "Throttling", 400),
        ("DescribeAlarms", "InternalServiceFault", 500),
        ("DescribeAlarms", "SlowDown", 429),
    ],
)
def test_what_could_not_be_read_is_unreadable_and_never_ok(
    account: Account, operation: str, code: str, status: int
) -> None:
    def fault(called: str, moment: str) -> None:
        if (called, moment) == (operation, "before"):
            raise ApiError(code, "not now", status)

    names = [account.alarm("OK"), account.alarm("OK")]
    since = account.now()
    account.set(names[1], "ALARM")
    account.set(names[1], "OK")
    readings = CloudWatchAlarms(ModelClient("cloudwatch", account.model, fault)).read(names, since)  # type: ignore[arg-type]
    assert [reading.state for reading in readings] == [AlarmState.UNREADABLE] * 2
    assert "not now" in readings[0].reason


def test_a_history_that_could_not_be_read_hides_no_alarm_that_is_known_to_be_red(account: Account) -> None:
    def fault(called: str, moment: str) -> None:
        if (called, moment) == ("DescribeAlarmHistory", "before"):
            raise ApiError("Throttling", "not now", 400)

    quiet, flapped, red = names = [account.alarm("OK") for _ in range(3)]
    since = account.now()
    for name in (flapped, red):
        account.set(name, "ALARM")
    account.set(flapped, "OK")
    readings = CloudWatchAlarms(ModelClient("cloudwatch", account.model, fault)).read(names, since)  # type: ignore[arg-type]
    assert [r.state for r in readings] == [AlarmState.OK, AlarmState.UNREADABLE, AlarmState.ALARM]
    assert "not now" in readings[1].reason
    assert quiet == readings[0].name


def test_a_throttle_over_http_is_unreadable(aws: EmbeddedAws, account: Account) -> None:
    throttled = CloudWatchAlarms(refusing(aws, "cloudwatch", "describe_alarms", "Throttling"))
    (reading,) = throttled.read(["errors"], account.now())
    assert (reading.name, reading.state) == ("errors", AlarmState.UNREADABLE)


def test_a_lost_connection_is_unreadable(aws: EmbeddedAws, account: Account) -> None:
    lost = client(aws, "cloudwatch")
    lost.meta.events.register("before-send", _lose_connection)
    assert CloudWatchAlarms(lost).read(["errors"], account.now())[0].state is AlarmState.UNREADABLE


def _lose_connection(request: Any, **_: Any) -> None:
    from botocore.exceptions import EndpointConnectionError

    raise EndpointConnectionError(endpoint_url=request.url)


def test_a_missing_permission_is_said_and_not_taken_for_a_passing_trouble(
    aws: EmbeddedAws, account: Account, fresh: Callable[[str], str]
) -> None:
    name = account.alarm("OK")
    since = account.now()
    with pytest.raises(DeniedError, match="cloudwatch:DescribeAlarms"):
        CloudWatchAlarms(restricted(aws, "cloudwatch", fresh("role"))).read([name], since)
    account.set(name, "ALARM")
    account.set(name, "OK")
    half = CloudWatchAlarms(restricted(aws, "cloudwatch", fresh("role"), "cloudwatch:DescribeAlarms"))
    with pytest.raises(DeniedError, match="cloudwatch:DescribeAlarmHistory"):
        half.read([name], since)
