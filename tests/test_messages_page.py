"""Messages to teams: the page's filters and the templates' rules, tried against all that teams are really told."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from controller.core.notification import DETAIL_TYPE, SOURCE
from rampart.embedded.aws import EmbeddedAws
from rampart.embedded.eventbridge.patterns import check_pattern, target_input
from rampart.embedded.moto_guard import pattern_matcher
from tests.sam_template import ROOT
from tests.test_notifications import Told, in_code, told_of_every_way

PAGE = (ROOT / "docs/messages.md").read_text()
FOLDER = ROOT / "examples/messages"
TEMPLATES = {path.stem: yaml_parse(path.read_text()) for path in sorted(FOLDER.glob("*.yaml"))}
HOSTILE = 'checkout: rolled back: "<b>no</b>" <message> \\ {"a": 1} \u202e\u2028'
ARN = "arn:aws:events:eu-west-1:123456789012:rule/team"

FILTERS: list[Callable[[Told], bool]] = [
    lambda told: told["transition"] == "JUDGED" and told["severity"] == "WARNING",
    lambda told: told["transition"] == "SHIFTED" and told["step"] == 1,
    lambda told: told["hotfix"] is not None,
    lambda told: told["transition"] == "WAITING",
    lambda told: told["status"] in ("DRIFTED", "ROLLBACK_FAILED"),
    lambda told: told["transition"] != "JUDGED" and told["status"] != "SKIPPED",
]
"""What the filters of the page let through, in their order, in the words of the sentences above them."""


def event(told: Told) -> dict[str, Any]:
    """Return what is told as EventBridge delivers it."""
    sent = {"source": SOURCE, "detail-type": DETAIL_TYPE, "detail": told}
    return {"version": "0", "id": "id-1", "account": "123456789012", "region": "eu-west-1", "resources": [], **sent}


def everything() -> list[Told]:
    """Return all that teams are told, and what is seldom: a hotfix, somebody who is asked."""
    told = told_of_every_way()
    first = next(each for each in told if each["transition"] == "JUDGED")
    seldom: list[Told] = [
        {"hotfix": {"reason": HOSTILE, "by": "kim"}},
        {"severity": "WARNING"},
    ]
    return [*told, *(first | each for each in seldom)]


@pytest.mark.parametrize("place", range(len(FILTERS)))
def test_a_filter_of_the_page_lets_through_what_its_sentence_says(place: int) -> None:
    patterns = in_code(PAGE, "## Filters")
    assert len(patterns) == len(FILTERS)
    check_pattern(patterns[place])
    matches = pattern_matcher(patterns[place])
    heard = [each for each in everything() if matches(event(each))]
    assert heard == [each for each in everything() if FILTERS[place](each)]
    assert 0 < len(heard) < len(everything())


def rule(name: str) -> dict[str, Any]:
    """Return the rule of a template with the defaults of its parameters."""
    template = TEMPLATES[name]
    values = {each: str(parameter.get("Default", each)) for each, parameter in template["Parameters"].items()}

    def filled(node: Any) -> Any:
        match node:
            case {"Ref": str(parameter)} if parameter in values:
                return values[parameter]
            case dict():
                return {key: filled(inner) for key, inner in node.items()}
            case list():
                return [filled(inner) for inner in node]
            case _:
                return node

    found: dict[str, Any] = filled(template["Resources"]["Rule"]["Properties"])
    return found


def made_of(name: str, message: str) -> dict[str, str]:
    """Return what each target of a template's rule gets of a transition with this message."""
    told = told_of_every_way()[-1] | {"message": message, "stage": "prod"}
    targets = rule(name)["Targets"]
    return {each["Id"]: target_input(each, event(told), ARN, "2026-11-20T09:14:03Z") for each in targets}


def test_every_template_is_linked_from_the_page() -> None:
    linked = re.findall(r"\]\(\.\./examples/messages/([a-z-]+)\.yaml\)", PAGE)
    assert sorted(linked) == sorted(TEMPLATES)


@pytest.mark.parametrize(
    ("name", "hears"),
    [
        ("mail", lambda told: told["severity"] in ("WARNING", "CRITICAL")),
        ("chat", lambda told: told["transition"] in ("PLANNED", "SHIFTED", "JUDGED", "ENDED")),
        ("webhook", lambda told: told["transition"] == "ENDED"),
        ("another-account", lambda told: True),
        ("bus-for-many-accounts", lambda told: told["severity"] == "CRITICAL"),
    ],
)
def test_a_rule_hears_its_stage_and_what_it_is_for(name: str, hears: Callable[[Told], bool]) -> None:
    pattern = json.dumps(rule(name)["EventPattern"])
    check_pattern(pattern)
    matches = pattern_matcher(pattern)
    ours = [each | {"stage": "prod"} for each in everything()]
    assert [each for each in ours if matches(event(each))] == [each for each in ours if hears(each)]
    if "Stage" in TEMPLATES[name]["Parameters"]:
        assert not [each for each in everything() if matches(event(each | {"stage": "dev"}))]


def test_chat_gets_a_custom_notification_whatever_the_words_are() -> None:
    notification = json.loads(made_of("chat", HOSTILE)["chat"])
    # Amazon Q Developer in chat applications, "Custom notifications": all of it is required.
    assert (notification["version"], notification["source"]) == ("1.0", "custom")
    assert notification["content"]["textType"] == "client-markdown"
    assert notification["content"]["description"] == HOSTILE
    assert notification["metadata"]["threadId"] == told_of_every_way()[-1]["deployment_id"]
    assert notification["id"] == told_of_every_way()[-1]["event_id"]


def test_webhooks_get_text_and_a_card_whatever_the_words_are() -> None:
    made = made_of("webhook", HOSTILE)
    assert json.loads(made["slack"]) == {"text": HOSTILE}
    (attachment,) = json.loads(made["teams"])["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert [block["text"] for block in attachment["content"]["body"]] == ["checkout", HOSTILE]


def test_mail_has_two_lines_and_the_pager_one() -> None:
    first, second = made_of("mail", "checkout: rolled back")["mail"].splitlines()
    assert json.loads(first).endswith(" checkout: rolled back")
    assert json.loads(second) == f"rampart show {told_of_every_way()[-1]['deployment_id']}"
    pager = made_of("bus-for-many-accounts", "checkout: rolled back")["pager"]
    assert json.loads(pager) == "123456789012 eu-west-1: checkout: rolled back"


def test_the_template_of_mail_delivers_what_it_is_for_and_nothing_else() -> None:
    with EmbeddedAws(60.0, runner="in_process") as aws:
        stack = aws.deploy(FOLDER / "mail.yaml", "messages", {"Mail": "team@example.com", "Target": "check*"})
        url = aws.client("sqs").create_queue(QueueName="mailbox")["QueueUrl"]  # in the place of somebody's
        topic, mailbox = stack.resources["Topic"], f"arn:aws:sqs:eu-west-1:123456789012:{url.rpartition('/')[2]}"
        raw = {"RawMessageDelivery": "true"}
        aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=mailbox, Attributes=raw)
        told = told_of_every_way()[-1] | {"stage": "prod", "message": "checkout: rolled back"}
        for each in (
            told | {"severity": "WARNING"},
            told | {"severity": "INFO"},
            told | {"severity": "CRITICAL", "target": "receipts"},
        ):
            entry = {"Source": SOURCE, "DetailType": DETAIL_TYPE, "Detail": json.dumps(each)}
            aws.client("events").put_events(Entries=[entry])
        assert aws.wait_until_idle(10)
        received = aws.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
        assert [message["Body"].splitlines()[0] for message in received] == ['"WARNING checkout: rolled back"']


def test_what_a_template_calls_by_name_is_in_it() -> None:
    for template in TEMPLATES.values():
        text = json.dumps(template)
        named = set(re.findall(r'"(?:Ref|Fn::GetAtt)": (?:\[)?"([A-Za-z]+)', text))
        assert named <= {*template["Resources"], *template["Parameters"], "AWS"}


def test_the_command_of_the_page_names_parameters_of_its_template() -> None:
    command = PAGE.partition("```\n")[2].partition("```")[0].replace("\\\n", " ")
    path = re.findall(r"--template-file (\S+)", command)[0]
    overrides = re.findall(r'"?([A-Z]\w+)=', command.partition("--parameter-overrides")[2])
    assert (ROOT / path).is_file()
    assert set(overrides) <= TEMPLATES[Path(path).stem]["Parameters"].keys()
