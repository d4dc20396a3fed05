"""Expectations: what a version must answer to a test event, how it is written, and what comes of other answers."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.document import parse
from controller.core.errors import InputError
from controller.core.expectation import Expectation
from controller.core.target import Target, parse_target
from tests.builders import a_target, a_target_document, events_of


def expect(**fields: Any) -> Expectation:
    """Return an expectation as a person writes it."""
    return parse(Expectation, fields, "expect")


def answer(status: Any = 200, **body: Any) -> str:
    """Return the answer of a handler behind API Gateway."""
    return json.dumps({"statusCode": status, "body": json.dumps(body)})


MET: list[tuple[dict[str, Any], str]] = [
    ({"status": 200}, answer(200)),
    ({"status": "2xx"}, answer(204)),
    ({"status": "2xx"}, answer("201")),
    ({"status": 200}, answer(200.0)),
    ({"status": "5xx"}, answer(503)),
    ({"status": 503}, answer(503)),
    ({"payload": "total > `10`"}, '{"total": 12.5}'),
    ({"payload": ["total == `12`", "length(items) == `2`"]}, '{"total": 12, "items": [1, 2]}'),
    ({"payload": "powertools_json(body).order == `59`"}, answer(200, order=59)),
    ({"payload": "@ == `null`"}, "null"),
    ({"within": "100ms"}, "{}"),
    ({}, answer(404)),
    ({}, "not JSON at all"),
    ({}, answer(None)),
    ({}, answer(True)),
    ({}, answer("CREATED")),
    ({}, '{"statusCode": [500]}'),
]


@pytest.mark.parametrize(("fields", "payload"), MET)
def test_an_answer_that_is_as_expected_is_no_fault(fields: dict[str, Any], payload: str) -> None:
    assert expect(**fields).fault_in(payload, 100.0) is None


FAULTS: list[tuple[dict[str, Any], str, str]] = [
    ({"status": "2xx"}, answer(500), "statusCode 500, expected 2xx: "),
    ({"status": 200}, answer(201), "statusCode 201, expected 200: "),
    ({"status": "2xx"}, '{"ok": true}', 'no statusCode, expected 2xx: {"ok": true}'),
    ({"status": 200}, "[200]", "no statusCode, expected 200: [200]"),
    ({}, answer(500), "statusCode 500, expected less than 500: "),
    ({}, answer("502"), "statusCode 502, expected less than 500: "),
    ({}, '{"statusCode": 10e2}', "statusCode 1000, expected less than 500: "),
    ({"payload": "ok"}, answer(500), "statusCode 500, expected less than 500: "),
    ({"payload": "ok"}, '{"ok": false}', 'false, expected ok to be true: {"ok": false}'),
    ({"payload": "ok"}, '{"ok": "yes"}', "'yes', expected ok to be true: "),
    ({"payload": "ok"}, "{}", "null, expected ok to be true: {}"),
    ({"payload": "ok"}, "oops", "an answer that is not JSON, expected ok to be true: oops"),
    ({"payload": "ok"}, '{"ok": NaN}', "an answer that is not JSON, expected ok to be true: "),
    ({"payload": ["a", "b"]}, '{"a": true, "b": 1}', "1, expected b to be true: "),
    ({"payload": "length(a) == `1`"}, '{"a": 7}', "In function length(), invalid type"),
    ({"payload": "powertools_json(body).a"}, '{"body": "oops"}', "Expecting value: line 1 column 1"),
    ({"payload": "ceil(a) == `1`"}, '{"a": 1e400}', "cannot convert float infinity to integer, expected ceil(a)"),
    ({"within": "99ms"}, "{}", "it took 100 ms, expected at most 99 ms: {}"),
]


@pytest.mark.parametrize(("fields", "payload", "line"), FAULTS)
def test_a_fault_says_what_was_expected_and_what_came(fields: dict[str, Any], payload: str, line: str) -> None:
    fault = expect(**fields).fault_in(payload, 100.0)
    assert fault is not None
    assert fault.startswith(line)


def test_a_duration_that_lambda_did_not_report_is_no_success() -> None:
    fault = expect(within="2s").fault_in("{}", None)
    assert fault == "Lambda did not report how long it took, expected at most 2000 ms: {}"


HOSTILE = [
    pytest.param("[" * 200_000, id="deep"),
    pytest.param('{"statusCode": ' + "9" * 5000 + "}", id="digits"),
    pytest.param('{"statusCode": 1e999}', id="infinite"),
    pytest.param('{"statusCode": 500, "body": "' + "é" * 6_000_000 + '"}', id="huge"),
    pytest.param("\x1b[31mred\x1b[0m\r\n\x00\x07\u202e", id="terminal"),
    pytest.param("\ufffd\ufffd\udcff", id="binary"),
    pytest.param("", id="empty"),
]


@pytest.mark.parametrize("payload", HOSTILE)
def test_a_hostile_answer_is_a_fault_in_one_short_line(payload: str) -> None:
    fault = expect(status="2xx", payload="a.b == `1`").fault_in(payload, 1.0)
    assert fault is not None
    assert len(fault) < 500
    assert fault.isprintable()
    Expectation().fault_in(payload, None)


@given(st.text() | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(json.dumps))
def test_whatever_is_answered_the_finding_is_one_line(payload: str) -> None:
    fault = expect(status=200, payload="keys(@)[0] == 'statusCode'").fault_in(payload, 1.0)
    assert fault is not None
    assert fault.isprintable()


STATUS = 'write a status such as 200, or a class of them such as "2xx", not'
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"status": "200"}, f"expect.status: {STATUS} '200'"),
    ({"status": True}, f"expect.status: {STATUS} true"),
    ({"status": 20}, f"expect.status: {STATUS} 20"),
    ({"status": "6xx"}, f"expect.status: {STATUS} '6xx'"),
    ({"status": [200]}, f"expect.status: {STATUS} a list"),
    ({"within": 800}, 'expect.within: write a time such as "800ms" or "2s", not 800'),
    ({"within": "5m"}, 'expect.within: write a time such as "800ms" or "2s", not \'5m\''),
    ({"payload": "a["}, "expect.payload[0]: 'a[' is not JMESPath: "),
    ({"payload": ""}, "expect.payload[0]: '' is not JMESPath: "),
    ({"payload": ["ok", "lenght(a)"]}, "expect.payload[1]: 'lenght(a)': there is no function 'lenght' in JMESPath"),
    ({"payload": "length()"}, "expect.payload[0]: 'length()': function length takes 1 arguments, not 0"),
    ({"payload": "a[?contains(@)]"}, "function contains takes 2 arguments, not 1"),
    ({"payload": "merge()"}, "function merge takes at least 1 arguments, not 0"),
    ({"payload": "(" * 450 + "a"}, "is not JMESPath: "),
    ({"payload": "a" * 501}, "expect.payload[0]: write at most 500 characters, not 501"),
    ({"payload": 5}, "expect.payload: write a list, not 5"),
    ({"stauts": 200}, "expect.stauts: unknown field; did you mean 'status'?"),
]


@pytest.mark.parametrize(("fields", "line"), REFUSED)
def test_what_cannot_be_expected_is_refused_with_its_place(fields: dict[str, Any], line: str) -> None:
    with pytest.raises(InputError) as refused:
        expect_in_target(fields)
    message = str(refused.value)
    assert line in message
    assert "\n" not in message
    assert "test_events[0].expect." in message


def expect_in_target(fields: dict[str, Any]) -> None:
    """Read a target with a test event of which this is expected."""
    events = [{"name": "ping", "payload": {}, "expect": fields}]
    parse(Target, a_target_document(name="orders", test_events=events), "target")


def test_what_is_expected_is_kept_as_it_was_written() -> None:
    written = {"status": "2xx", "payload": ["ok", "powertools_json(body).id"], "within": "1500ms"}
    target = a_target(test_events=[{"name": "ping", "payload": {}, "expect": written}])
    kept = events_of(target)[0].model_dump(mode="json")
    assert kept["expect"] == written
    assert type(events_of(target)[0]).model_validate(kept) == events_of(target)[0]


PAYLOADS: list[tuple[str, str]] = [
    ("NaN", "nan is no number of JSON"),
    ("[1e400]", "inf is no number of JSON"),
    ('{"a": -Infinity}', "-inf is no number of JSON"),
    ("1e126", "the number 1e+126 is too large or too small to be kept"),
    ("[1e-200]", "the number 1e-200 is too large or too small to be kept"),
    ("1" * 39, "a number of more than 38 digits cannot be kept"),
    ("[" * 26 + "]" * 26, "nested more than 24 levels deep"),
]


@pytest.mark.parametrize(("payload", "words"), PAYLOADS)
def test_a_payload_that_no_record_can_keep_is_refused_when_the_target_is_read(payload: str, words: str) -> None:
    document = json.dumps(a_target_document(test_events=[{"name": "p", "payload": "?"}])).replace('"?"', payload)
    with pytest.raises(InputError, match=r"^target: test_events\[0\]\.payload: ") as refused:
        parse_target("orders", document, "target")
    assert words in str(refused.value)


def test_a_payload_that_can_just_be_kept_is_taken() -> None:
    payload = [1e125, -1e-130, 0.0, 10**38 - 1, json.loads("[" * 23 + "]" * 23)]
    assert events_of(a_target(test_events=[{"name": "p", "payload": payload}]))[0].payload == payload
