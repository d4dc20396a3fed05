"""A team's own rule, as docs/notifications.md tells to write it, on the bus of real deployments."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from controller.core.deployment import Deployment, Status
from rampart.demo.account import ALARM, TARGET
from rampart.demo.releases import Release
from rampart.embedded.wire import ACCOUNT, REGION
from tests.e2e.command_line import Terminal, filled_in, typed
from tests.e2e.shop import Shop
from tests.sam_template import ROOT

_PAGE = ROOT / "docs/notifications.md"
_QUEUE = "checkout-team"


class Team:
    """A team with a queue, and with the rule of the page."""

    def __init__(self, shop: Shop, home: Path) -> None:
        self._sqs = shop.aws.client("sqs")
        self._queue = self._sqs.create_queue(QueueName=_QUEUE)["QueueUrl"]
        policy = filled_in(typed(_PAGE, '"aws:SourceArn"'), REGION=REGION, ACCOUNT=ACCOUNT)
        self._sqs.set_queue_attributes(QueueUrl=self._queue, Attributes={"Policy": json.dumps(json.loads(policy))})
        commands = filled_in(typed(_PAGE, "aws events put-rule"), REGION=REGION, ACCOUNT=ACCOUNT)
        ran = Terminal(shop.aws.url, home).run(commands)
        assert ran.code == 0, ran.err
        assert '"FailedEntryCount": 0' in ran.out
        self._shop = shop

    def hears(self) -> list[dict[str, Any]]:
        """Return what has arrived in the queue since the last time, once all is delivered."""
        self._shop.settle()
        heard = []
        while messages := self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                heard.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return heard


@pytest.fixture(scope="module")
def team(running_shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Team:
    """Return a team that has written its rule."""
    return Team(running_shop, tmp_path_factory.mktemp("team"))


def promoted(shop: Shop) -> Deployment:
    """Return the deployment of a good release, promoted."""
    release = Release(2, 0, Status.PROMOTED)
    ended = shop.deployment_of(shop.upload(release.key, release.zip))
    assert ended.status is Status.PROMOTED, ended.reason
    return ended


def rolled_back(shop: Shop) -> Deployment:
    """Return a deployment that its alarm has stopped while it baked."""
    shop.declare_target({"steps": [{"weight": "25%", "bake": "30m"}]})
    deployment_id = shop.start({"target": TARGET, "version": shop.publish(Release(3, 0, Status.ROLLED_BACK).zip)})
    shop.shifted(deployment_id)
    shop.set_alarm("ALARM")
    assert shop.execution(deployment_id)["error"] == "RolledBack"
    return shop.record(deployment_id)


def test_a_teams_rule_hears_of_the_rollback_once_in_a_sentence_and_of_nothing_else(shop: Shop, team: Team) -> None:
    good = promoted(shop)
    bad = rolled_back(shop)
    (heard,) = team.hears()
    assert heard["id"] == f"{bad.deployment_id}.{bad.sequence}"
    # The alarm's event and a look race for it; each says what it saw.
    seen = rf"(step 1/2: )?alarm {ALARM} (fired|is in ALARM|was in ALARM at \S+)(: a rehearsal)?.*"
    assert re.fullmatch(rf"checkout: rolled back: {seen}", heard["text"])
    assert heard["text"].endswith(bad.reason)
    told = [*shop.told(good.deployment_id), *shop.told(bad.deployment_id)]
    assert len(told) == good.sequence + bad.sequence
    schema = json.loads((ROOT / "docs/notification.schema.json").read_text())
    assert [e.message for each in told for e in Draft202012Validator(schema).iter_errors(each)] == []


def test_a_transition_that_is_told_again_has_the_id_of_the_first_time(shop: Shop, team: Team) -> None:
    """Lambda hands records of a stream to a function at least once."""
    bad = rolled_back(shop)
    first = team.hears()
    key = {"pk": {"S": f"deployment#{bad.deployment_id}"}, "sk": {"S": f"event#{bad.sequence:06d}"}}
    item = shop.aws.client("dynamodb").get_item(TableName=shop.stack.outputs["TableName"], Key=key)["Item"]
    record = {"eventName": "INSERT", "dynamodb": {"Keys": key, "NewImage": item, "SequenceNumber": "1"}}
    answer = shop.aws.client("lambda").invoke(
        FunctionName=shop.stack.resources["NotifyFunction"], Payload=json.dumps({"Records": [record]}).encode()
    )
    assert json.load(answer["Payload"]) == {"batchItemFailures": []}
    assert team.hears() == first
    assert [each["id"] for each in first] == [f"{bad.deployment_id}.{bad.sequence}"]
