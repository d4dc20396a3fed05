"""Targets: what an operator may declare, and the line that tells what is wrong with it."""

import json
from typing import Any

import pytest

from controller.core.alarm_rule import RedAtStart
from controller.core.errors import InputError
from controller.core.target import parse_target
from tests.builders import a_target, a_target_document, events_of

WHERE = "target /rampart/dev/targets/orders"
KNOWN = (
    "version, name, source, members, strategy, alarms, final_bake, approval, max_hold, when_unclear, comparison, "
    "rules, test_events, hooks, freeze, when_busy"
)


def refusal(**overrides: Any) -> str:
    """Return what a person reads about a target that differs from a good one in this; ABSENT leaves a field out."""
    document = {k: v for k, v in a_target_document(**overrides).items() if v is not ABSENT}
    with pytest.raises(InputError) as refused:
        parse_target("orders", json.dumps(document), WHERE)
    line = str(refused.value)
    assert line.startswith(f"{WHERE}: ")
    return line.removeprefix(f"{WHERE}: ")


ABSENT = "(left out)"
A_GOOD_MEMBER = {"function": "payments"}
FUNCTION = "write the function's name (letters, digits, - and _, at most 64), not its ARN, not"
ALIAS = "write the alias's name (letters, digits, - and _, at most 128; not a number alone), not"
ALARM = 'write an alarm\'s name or {"name": …}, not'
DURATION = 'write a duration such as "90s", "5m", "1h" or "7d", not'


def test_a_target_needs_little_and_has_defaults_for_the_rest() -> None:
    target = parse_target("orders", json.dumps(a_target_document()), WHERE)
    assert target.name == "orders"
    assert [(m.function, m.alias) for m in target.members] == [("orders", "live")]
    assert target.alarms == ()
    assert target.final_bake is None
    assert target.max_hold == 3600
    assert target.test_events == ()


def test_a_target_may_say_everything() -> None:
    document = a_target_document(
        name="orders",
        members=[{"function": "orders", "alias": "prod"}, {"function": "payments"}],
        strategy={"steps": [{"weight": "0.5%", "bake": "10m"}]},
        alarms=["errors", {"name": "latency", "red_at_start": "ignore"}],
        final_bake="0s",
        max_hold="1d",
        test_events=[{"name": "empty basket", "payload": {"basket": [], "note": "prêt 🚀"}}],
    )
    target = parse_target("orders", json.dumps(document), WHERE)
    assert [(m.function, m.alias) for m in target.members] == [("orders", "prod"), ("payments", "live")]
    assert [(a.name, a.red_at_start) for a in target.alarms] == [("errors", None), ("latency", RedAtStart.IGNORE)]
    assert target.final_bake == 0
    assert target.max_hold == 86_400
    assert events_of(target)[0].payload == {"basket": [], "note": "prêt 🚀"}


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        ({"version": ABSENT}, "version: this field is required"),
        ({"version": 2}, "version: input should be 1, not 2"),
        ({"version": "1"}, "version: input should be 1, not '1'"),
        ({"version": True}, "version: input should be 1, not true"),
        ({"name": "payments"}, "name: write 'orders', as the parameter is called, or leave it out"),
        ({"name": "Orders"}, "name: write 'orders', as the parameter is called, or leave it out"),
        ({"name": 5}, 'name: write "5", in quotes, not 5'),
        ({"source": ABSENT}, "source: this field is required"),
        ({"source": {"bucket": "releases"}}, "source.key: this field is required"),
        ({"source": {"bucket": 1, "key": "*"}}, 'source.bucket: write "1", in quotes, not 1'),
        (
            {"source": {"bucket": "releases", "key": "*", "prefix": "x"}},
            "source.prefix: unknown field; known fields: bucket, key",
        ),
        ({"source": "s3://releases"}, "source: write an object, not 's3://releases'"),
        ({"source": {"bucket": "", "key": "*"}}, "source.bucket: write at least 3 characters, not ''"),
        ({"source": {"bucket": "b", "key": "*"}}, "source.bucket: write at least 3 characters, not 'b'"),
        ({"source": {"bucket": "releases", "key": ""}}, "source.key: write at least 1 character, not ''"),
        ({"strategy": ABSENT}, "strategy: this field is required"),
        ({"max_hold": 5}, 'max_hold: write a duration with its unit, such as "5s" or "5m", not 5'),
        ({"max_hold": "86401s"}, "max_hold: a step may be held for 1d at most, not 86401s"),
        ({"max_hold": "2d"}, "max_hold: a step may be held for 1d at most, not 2d"),
        ({"max_hold": "soon"}, f"max_hold: {DURATION} 'soon'"),
        ({"final_bake": "1h30m"}, f"final_bake: {DURATION} '1h30m'"),
        ({"final_bakes": "1h"}, "final_bakes: unknown field; did you mean 'final_bake'?"),
        ({"Alarms": []}, "Alarms: unknown field; did you mean 'alarms'?"),
        ({"owner": "me"}, f"owner: unknown field; known fields: {KNOWN}"),
        ({"🚀": 1}, f"🚀: unknown field; known fields: {KNOWN}"),
    ],
    ids=lambda value: str(value)[:60] if isinstance(value, dict) else "",
)
def test_a_fault_at_the_top_is_told_with_its_field(overrides: dict[str, Any], line: str) -> None:
    assert refusal(**overrides) == line


@pytest.mark.parametrize(
    ("member", "line"),
    [
        ({}, "members[0].function: this field is required"),
        ({"function": 5}, 'members[0].function: write "5", in quotes, not 5'),
        ({"function": ""}, f"members[0].function: {FUNCTION} ''"),
        ({"function": "orders\n"}, f"members[0].function: {FUNCTION} 'orders\\n'"),
        ({"function": "commandes-été"}, f"members[0].function: {FUNCTION} 'commandes-été'"),
        ({"function": "🚀"}, f"members[0].function: {FUNCTION} '🚀'"),
        ({"function": "f" * 65}, f"members[0].function: {FUNCTION} '{'f' * 59}…'"),
        ({"function": "orders:live"}, f"members[0].function: {FUNCTION} 'orders:live'"),
        ({"function": "orders", "alias": ""}, f"members[0].alias: {ALIAS} ''"),
        ({"function": "orders", "alias": "12"}, f"members[0].alias: {ALIAS} '12'"),
        ({"function": "orders", "alias": "$LATEST"}, f"members[0].alias: {ALIAS} '$LATEST'"),
        ({"function": "orders", "alias": "a" * 129}, f"members[0].alias: {ALIAS} '{'a' * 59}…'"),
        ({"function": "orders", "alais": "live"}, "members[0].alais: unknown field; did you mean 'alias'?"),
        ("orders", "members[0]: write an object, not 'orders'"),
    ],
    ids=lambda value: ascii(value)[:40] if isinstance(value, dict) or value == "orders" else "",
)
def test_a_bad_member_is_told_with_its_place(member: Any, line: str) -> None:
    assert refusal(members=[member, A_GOOD_MEMBER]) == line


@pytest.mark.parametrize(
    ("members", "line"),
    [
        ([], "members: write at least 1, not 0"),
        ({"function": "orders"}, "members: write a list, not an object"),
        ([{"function": f"f{n}"} for n in range(21)], "members: write at most 20, not 21"),
        (
            [{"function": "orders"}, A_GOOD_MEMBER, {"function": "orders", "alias": "beta"}],
            "members[2].function: 'orders' is a member already; name it once",
        ),
    ],
    ids=["none", "object", "21", "duplicate"],
)
def test_members_are_one_to_twenty_different_functions(members: Any, line: str) -> None:
    assert refusal(members=members) == line


@pytest.mark.parametrize(
    ("alarm", "line"),
    [
        (5, f"alarms[0]: {ALARM} 5"),
        (None, f"alarms[0]: {ALARM} null"),
        ("", "alarms[0].name: write at least 1 character, not ''"),
        ("e" * 256, f"alarms[0].name: write at most 255 characters, not '{'e' * 59}…'"),
        ({}, "alarms[0].name: this field is required"),
        (
            {"name": "errors", "red_at_start": "BLOCK"},
            "alarms[0].red_at_start: input should be 'block', 'ignore_until_ok' or 'ignore', not 'BLOCK'",
        ),
        (
            {"name": "errors", "read_at_start": "block"},
            "alarms[0].read_at_start: unknown field; did you mean 'red_at_start'?",
        ),
    ],
    ids=["number", "null", "empty", "long", "no name", "upper case", "misspelt"],
)
def test_a_bad_alarm_is_told_with_its_place(alarm: Any, line: str) -> None:
    assert refusal(alarms=[alarm]) == line


@pytest.mark.parametrize("again", ["errors", {"name": "errors", "red_at_start": "ignore"}], ids=["name", "rule"])
def test_an_alarm_is_named_once(again: Any) -> None:
    assert refusal(alarms=["errors", "latency", again]) == "alarms[2]: 'errors' is named already; name it once"


def test_fifty_alarms_are_the_most() -> None:
    assert len(a_target(alarms=[f"a{n}" for n in range(50)]).alarms) == 50
    assert refusal(alarms=[f"a{n}" for n in range(51)]) == "alarms: write at most 50, not 51"


@pytest.mark.parametrize(
    ("event", "line"),
    [
        ({"name": "ping"}, "test_events[0].payload: this field is required"),
        ({"payload": {}}, "test_events[0].name: this field is required"),
        ({"name": "", "payload": 1}, "test_events[0].name: write at least 1 character, not ''"),
        ("ping", "test_events[0]: write an object, not 'ping'"),
    ],
    ids=["no payload", "no name", "empty name", "text"],
)
def test_a_bad_test_event_is_told_with_its_place(event: Any, line: str) -> None:
    assert refusal(test_events=[event]) == line


@pytest.mark.parametrize("payload", [None, False, 0, "", [], {}], ids=str)
def test_a_test_event_may_carry_any_payload(payload: Any) -> None:
    target = a_target(test_events=[{"name": "ping", "payload": payload}])
    assert events_of(target)[0].payload == payload


@pytest.mark.parametrize(
    "name", ["Orders", "", "-orders", "o" * 51, "été", "🚀", "a/b", "a_b", "orders\n"], ids=ascii
)
def test_a_name_that_no_execution_could_bear_is_refused(name: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_target(name, json.dumps(a_target_document()), WHERE)
    assert str(refused.value) == (
        f"{WHERE}: name a target with a-z, 0-9 and -, at most 50 characters, not {name!r}"
    )
