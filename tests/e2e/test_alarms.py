"""The alarms that teams have, on real traffic through the alias: failed requests, and slow ones."""

import io
import zipfile
from collections.abc import Iterator

import pytest

from controller.core.alias import Routing
from controller.core.deployment import Status
from rampart.demo.account import ALARM
from rampart.demo.traffic import Traffic
from rampart.embedded.aws import EmbeddedAws
from tests.e2e.shop import Shop

_MINUTE_SECONDS = 2.0
_SLOW_SECONDS = 0.6
_THRESHOLD_MS = 400.0
_LATENCY_ALARM = "checkout-latency"
_CODE = '''"""Checkout."""

import time


def handler(event, context):
    """Price an order."""
    time.sleep({seconds})
    if event["order"] % 10 < {failing_in_ten}:
        raise RuntimeError("no price")
    return event["order"]
'''


def _zip(seconds: float = 0.0, failing_in_ten: int = 0) -> bytes:
    """Return the zip of a release that takes its time over every order and fails on some."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("app.py")
        entry.external_attr = 0o644 << 16  # else nobody may read it
        archive.writestr(entry, _CODE.format(seconds=seconds, failing_in_ten=failing_in_ten))
    return buffer.getvalue()


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """Return the shop with customers, and an alarm on failed requests and one on slow ones."""
    with EmbeddedAws(_MINUTE_SECONDS) as aws:
        shop = Shop(aws)
        shop.make_alarm(
            AlarmName=_LATENCY_ALARM,
            MetricName="Duration",
            Statistic=None,
            ExtendedStatistic="p95",
            Threshold=_THRESHOLD_MS,
        )
        with Traffic(aws):
            yield shop


@pytest.mark.parametrize(
    ("release", "bake", "status", "alarm"),
    [
        (_zip(), "1m", Status.PROMOTED, None),
        (_zip(failing_in_ten=3), "30m", Status.ROLLED_BACK, ALARM),
        (_zip(seconds=_SLOW_SECONDS), "30m", Status.ROLLED_BACK, _LATENCY_ALARM),
    ],
    ids=["good", "failing", "slow"],
)
def test_a_bad_release_is_rolled_back_by_the_alarm_that_it_sets_off_and_a_good_one_is_promoted(
    shop: Shop, release: bytes, bake: str, status: Status, alarm: str | None
) -> None:
    shop.wait(lambda: _states(shop) == {ALARM: "OK", _LATENCY_ALARM: "OK"}, "both alarms are OK")
    strategy = {"steps": [{"weight": "50%", "bake": bake}]}
    shop.declare_target(strategy, alarms=[ALARM, _LATENCY_ALARM], final_bake="1m")
    before = shop.routing()
    ended = shop.deployment_of(shop.upload(f"checkout/{status}-{alarm}.zip", release))
    member = ended.members[0]
    assert ended.status is status, ended.reason
    if alarm is None:
        assert shop.routing() == Routing(str(member.candidate))
        return
    assert f"alarm {alarm} " in ended.reason
    assert shop.routing() == before == Routing(member.baseline)
    assert shop.execution(ended.deployment_id)["cause"] == ended.reason


def _states(shop: Shop) -> dict[str, str]:
    """Return the states of the shop's alarms."""
    answer = shop.aws.client("cloudwatch").describe_alarms(AlarmNames=[ALARM, _LATENCY_ALARM])
    return {each["AlarmName"]: each["StateValue"] for each in answer["MetricAlarms"]}
