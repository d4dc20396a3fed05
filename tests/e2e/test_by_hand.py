"""Deployments by hand with nothing but the AWS CLI: the README's commands, run as they stand there."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.core.alarm_rule import RedAtStart
from controller.core.alias import Routing
from controller.core.by_hand import Hotfix
from controller.core.deployment import Status
from rampart.demo.account import ALARM, BUCKET, TARGET
from rampart.demo.releases import Release
from tests.e2e.command_line import Ran, Terminal, filled_in, typed
from tests.e2e.shop import Shop
from tests.sam_template import ROOT

_README = ROOT / "README.md"
_HOTFIX = typed(_README, '"hotfix": {"reason": "checkout is down"')
_ANOTHER_VERSION = typed(_README, '"version": "41"')
_ABORT = typed(_README, '"verb": "abort"')
_STEPS = {"steps": [{"weight": "25%", "bake": "30m"}]}


@pytest.fixture
def terminal(shop: Shop, tmp_path: Path) -> Terminal:
    """Return a shell on the shop's account."""
    return Terminal(shop.aws.url, tmp_path)


@pytest.fixture
def red(shop: Shop) -> Iterator[Shop]:
    """Return the shop with an alarm that is red and stays red, as there is no traffic to tell otherwise."""
    alarms = shop.aws.client("cloudwatch")
    (alarm,) = alarms.describe_alarms(AlarmNames=[ALARM])["MetricAlarms"]
    asked = alarms.meta.service_model.operation_model("PutMetricAlarm").input_shape.members
    kept = {name: value for name, value in alarm.items() if name in asked}
    alarms.put_metric_alarm(**{**kept, "TreatMissingData": "ignore"})
    shop.set_alarm("ALARM")
    yield shop
    shop.make_alarm()
    shop.set_alarm("OK")


def started(ran: Ran) -> str:
    """Return the name of the execution that a command has started."""
    assert ran.code == 0, ran.err
    arn: str = json.loads(ran.out)["executionArn"]
    return arn.rpartition(":")[2]


def of_machine(shop: Shop, command: str, **places: str) -> str:
    """Return a command with the ARN of the shop's state machine, and more."""
    return filled_in(command, ARN=shop.stack.outputs["StateMachineArn"], **places)


def with_input(command: str, text: str) -> str:
    """Return a command with another input in place of its own."""
    begin, quoted, _ = command.partition("--input '")
    return f"{begin}{quoted}{text}'"


@pytest.mark.parametrize("name", ["hotfix-of-kim", None], ids=["named", "unnamed"])
def test_a_hotfix_as_typed_goes_past_a_red_alarm_at_once(red: Shop, terminal: Terminal, name: str | None) -> None:
    red.declare_target(_STEPS, final_bake="1m")
    release = Release(20 + bool(name), 0, Status.PROMOTED)
    (key,) = re.findall(r'"key": "([^"]+)"', _HOTFIX)
    artifact = red.upload(key, release.zip)
    by_event = red.deployment_of(artifact)
    assert by_event.status is Status.REJECTED
    assert by_event.reason.startswith(
        f"alarm {ALARM} is in ALARM before the start; wait until it is OK, or start a"
    )

    places = {"my-artifacts": BUCKET, "3sL4kqtJlcpXroDTDmJ": artifact.partition("@")[2]}
    command = of_machine(red, _HOTFIX, **places).rstrip() + (f" --name {name}" if name else "")
    deployment_id = started(terminal.run(command))
    assert red.execution(deployment_id)["status"] == "SUCCEEDED"
    assert deployment_id == name or not name
    record = red.record(deployment_id)
    assert (record.status, record.what) == (Status.PROMOTED, artifact)
    assert record.hotfix == Hotfix(reason="checkout is down", by="kim")
    assert record.plan is not None
    assert (record.plan.strategy, [step.weight for step in record.plan.steps]) == ("AllAtOnce", [10_000])
    (alarm,) = record.alarms
    assert (alarm.red_at_start, alarm.armed) == (RedAtStart.IGNORE_UNTIL_OK, False)
    assert red.routing() == Routing(str(record.members[0].candidate))
    assert red.alarm_state() == "ALARM"


def test_the_version_that_was_there_before_is_deployed_as_typed(shop: Shop, terminal: Terminal) -> None:
    shop.declare_target(_STEPS, final_bake="1m")
    before = shop.publish(Release(30, 0, Status.PROMOTED).zip)
    deployment_id = started(terminal.run(of_machine(shop, _ANOTHER_VERSION, **{"41": before})))
    assert shop.execution(deployment_id)["status"] == "SUCCEEDED"
    record = shop.record(deployment_id)
    assert (record.status, record.version, record.artifact) == (Status.PROMOTED, before, None)
    assert record.hotfix == Hotfix(reason="wrong prices", by="kim")
    assert record.plan is not None
    assert record.plan.strategy == "AllAtOnce"
    assert shop.routing() == Routing(before)


def test_a_deployment_is_aborted_as_typed(shop: Shop, terminal: Terminal) -> None:
    shop.declare_target(_STEPS)
    baseline = shop.routing()
    deployment_id = shop.start({"target": TARGET, "version": shop.publish(Release(31, 0, Status.PROMOTED).zip)})
    shop.shifted(deployment_id)
    assert shop.routing().is_split
    control = shop.stack.outputs["ControlFunctionName"]
    ran = terminal.run(filled_in(_ABORT, CONTROL=control, NAME=deployment_id))
    assert ran.code == 0, ran.err
    answer, _ = json.JSONDecoder().raw_decode(ran.out)
    # A step that is being looked at just now is rolled back by control, and not by its execution.
    assert answer["answer"] in {f"deployment {deployment_id} is {what}" for what in ("rolling back", "ROLLED_BACK")}
    assert shop.routing() == baseline
    ended = shop.execution(deployment_id)
    assert ended["error"] == "RolledBack"
    assert ended["cause"].removeprefix("step 1/2: ") == "abort by kim: wrong build"


@pytest.mark.parametrize(
    "text",
    [
        '{"target":"checkout","version":"VERSION","hotfix":{"by":"kim","reason":"no time for spaces"}}',
        '\n\n  {\n\t"hotfix"  :\t{ "by":"Zoë"\n,"reason" : "tabs, \\u00fc and 🚀" },\n\n"version":"VERSION" '
        ',"target"\n: "checkout"\t}\n ',
    ],
    ids=["no space", "odd space"],
)
def test_json_is_read_however_it_is_spaced(shop: Shop, terminal: Terminal, text: str) -> None:
    version = shop.publish(Release(40 + len(text), 0, Status.PROMOTED).zip)
    command = with_input(of_machine(shop, _HOTFIX), text.replace("VERSION", version))
    deployment_id = started(terminal.run(command))
    assert shop.execution(deployment_id)["status"] == "SUCCEEDED"
    assert shop.record(deployment_id).hotfix == Hotfix(**json.loads(text)["hotfix"])
    assert shop.routing() == Routing(version)


@pytest.mark.parametrize(
    ("typo", "meant", "cause"),
    [
        ("stratgy", "strategy", "execution input: stratgy: unknown field; did you mean 'strategy'?"),
        (
            "AllAtOne",
            "AllAtOnce",
            "execution input: strategy: there is no strategy 'AllAtOne'; did you mean 'AllAtOnce'?",
        ),
        ("who", "by", "execution input: hotfix.who: unknown field; known fields: reason, by (and 1 more)"),
    ],
)
def test_a_typo_is_the_one_line_that_the_execution_ends_with(
    shop: Shop, terminal: Terminal, typo: str, meant: str, cause: str
) -> None:
    before = shop.belongings()
    command = of_machine(shop, _ANOTHER_VERSION).replace(f'"{meant}"', f'"{typo}"')
    deployment_id = started(terminal.run(command))
    ended = shop.execution(deployment_id)
    assert (ended["status"], ended["error"], ended["cause"]) == ("FAILED", "Rejected", cause)
    shown = terminal.run(
        f"aws stepfunctions describe-execution --execution-arn {shop.execution_arn(deployment_id)} "
        "--query cause --output text"
    )
    assert shown.out.splitlines() == [cause]
    assert shop.belongings() == before


def test_json_that_is_broken_starts_nothing(shop: Shop, terminal: Terminal) -> None:
    executions = shop.executions()
    ran = terminal.run(with_input(of_machine(shop, _HOTFIX), '{"target": "checkout", "version": "1",}'))
    assert ran.code != 0
    assert "line 1 column 39" in ran.err
    assert shop.executions() == executions
