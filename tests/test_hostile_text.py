"""What somebody writes to fool a reader is text: in every command, in what teams are told, and in every log line.

HTML, escapes of terminals, marks of direction, what has no width, newlines and ten thousand characters come in by
keys and tags, by reasons and names that people give, by alarms, and by what functions answer.
"""

import json
import logging
from collections.abc import Iterator

import pytest

from controller.core.by_hand import Hotfix
from controller.core.deployment import Deployment, Event, Mark, MarkDetail, Pause, Status, Transition
from controller.core.notification import notification
from controller.observability import as_line, logger
from controller.signal import AlarmChange, on_alarm_change
from tests.builders import START, a_mark, after, an_alarm, an_artifact
from tests.cli.desk import Desk
from tests.cli.records import compared, ended, waiting
from tests.engine.world import World

HTML = '<script>alert("x")</script><b>bold</b>'
ESCAPES = "\x1b[31mred\x1b[0m\x1b]0;title\x07\x9b2J\r\x08"
UNSEEN = "\u202eright to left\u202c\u200b\u2066\ufeff\u00ad"
HOSTILE = f"{HTML}{ESCAPES}{UNSEEN}\nsecond line\u2028third\t{'x' * 10_000}"
_RUNNING, _ENDED = "checkout-running-1", "checkout-ended-1"


def everywhere(**fields: object) -> Deployment:
    """Return a deployment with hostile text wherever somebody else's text may stand."""
    word = MarkDetail(at=START, by=HOSTILE, reason=HOSTILE)
    evidence = {"alarms": {HOSTILE: HOSTILE}, "rules": [{HOSTILE: HOSTILE}], HOSTILE: HOSTILE}
    counts = {"version": HOSTILE, "requests": 10, "failures": 9}
    odd = {"name": HOSTILE, "outcome": HOSTILE, "candidate": counts, "baseline": counts, "odds": 7.0}
    verdict = compared().verdict
    assert verdict is not None
    return compared().model_copy(
        update={
            "reason": HOSTILE,
            "warnings": (HOSTILE,),
            "hotfix": Hotfix.model_construct(reason=HOSTILE, by=HOSTILE),
            "event_id": None,
            "artifact": an_artifact(key=HOSTILE[:1000], version_id=HOSTILE[:1000]),
            "alarms": (an_alarm(name=HOSTILE),),
            "marks": a_mark(Mark.ALARM, HOSTILE, HOSTILE),
            "pause": Pause(**word.model_dump(), until=after(600)),
            "approval": word,
            "verdict": verdict.model_copy(
                update={"reason": HOSTILE, "evidence": {**evidence, "comparisons": [odd, HOSTILE]}}
            ),
            **fields,
        }
    )


def told(deployment: Deployment) -> Event:
    """Return an event with hostile text in it."""
    return Event(
        deployment_id=deployment.deployment_id,
        sequence=1,
        target=deployment.target,
        transition=Transition.ENDED,
        status=Status.ROLLED_BACK,
        at=after(9),
        reason=HOSTILE,
        artifact=deployment.what,
        hotfix=deployment.hotfix,
        warnings=(HOSTILE,),
        evidence=deployment.verdict.evidence if deployment.verdict else {},
    )


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Return a desk at which every record has hostile text in it."""
    world = World()
    world.function()
    world.target()
    memory = world.ports.deployments
    over = {"status": Status.ROLLED_BACK, "ended_at": after(140), "step_index": -1, "deployment_id": _ENDED}
    records = (
        everywhere(deployment_id=_RUNNING),
        everywhere(**over),
        everywhere(deployment_id="basket-1", target="basket", status=Status.ROLLBACK_FAILED),
        waiting().model_copy(update={"waits_for": HOSTILE, "reason": HOSTILE}),
    )
    for record in records:
        memory.records[record.deployment_id] = record
        memory._events[record.deployment_id] = [told(record)]
    return Desk(world, monkeypatch)


def is_text(text: str) -> bool:
    """Say whether a terminal shows a text as it is: nothing is unseen, and no line comes from a text in it."""
    return all(c.isprintable() or c == "\n" for c in text)


_REASON = ("--reason", HOSTILE[:500])
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("status",),
    ("status", "checkout"),
    ("status", HOSTILE[:60]),
    ("history", "checkout"),
    ("history", HOSTILE[:60]),
    ("show", _RUNNING),
    ("show", _ENDED),
    ("show", HOSTILE[:60]),
    ("deploy", HOSTILE[:60], "--version", "1"),
    ("deploy", "checkout", "--version", HOSTILE[:60]),
    ("deploy", "checkout", "--version", "1", "--strategy", HOSTILE[:60]),
    ("deploy", "checkout", "--zip", HOSTILE[:60]),
    ("deploy", "checkout", "--image", HOSTILE[:60]),
    ("deploy", "checkout", "--version", "1", "--hotfix", HOSTILE, "--by", HOSTILE[:60]),
    ("approve", _RUNNING, *_REASON, "--by", HOSTILE[:60]),
    ("pause", _RUNNING, *_REASON),
    ("resume", _RUNNING, *_REASON),
    ("promote", _RUNNING, *_REASON),
    ("abort", _RUNNING, *_REASON, "--by", HOSTILE[:60]),
    ("abort", HOSTILE[:60], *_REASON),
    ("undo", "checkout", *_REASON),
    ("undo", HOSTILE[:60], *_REASON),
    ("retry", _ENDED, *_REASON),
    ("plan", HOSTILE[:60]),
    ("plan", "checkout", "--strategy", HOSTILE[:60]),
    ("repair", "checkout"),
    ("repair", "basket"),
    ("repair", "basket", "--yes"),
    ("repair", "--function", HOSTILE[:60]),
    ("validate", HOSTILE[:60]),
)


@pytest.mark.parametrize("words", COMMANDS, ids=[f"{number}-{each[0]}" for number, each in enumerate(COMMANDS)])
def test_every_command_shows_it_as_text(desk: Desk, words: tuple[str, ...]) -> None:
    result = desk.type(*words)
    assert result.exit_code in (0, 1, 2)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert is_text(result.stdout), words
    assert is_text(result.stderr), words
    assert len(result.output) < 60_000, "nobody reads that"


@pytest.mark.parametrize(
    "words",
    [("status",), ("history", "checkout"), ("show", _RUNNING), ("repair", "basket"), ("validate", HOSTILE[:60])],
    ids=lambda words: words[0],
)
def test_programs_get_it_whole_and_a_terminal_that_shows_the_json_is_not_fooled(
    desk: Desk, words: tuple[str, ...]
) -> None:
    result = desk.type(*words, "--output", "json")
    assert is_text(result.stdout)
    document = json.loads(result.stdout)
    assert document["command"] == words[0]
    if words[0] in ("status", "show"):
        assert document["deployments"][0]["reason"] == HOSTILE


def test_what_runs_is_found_by_its_name_however_hostile_the_rest_of_it_is(desk: Desk) -> None:
    shown = desk.type("show", _RUNNING)
    assert shown.exit_code == 0
    assert HTML in shown.stdout, "it is text, and there is nothing to be afraid of"
    assert "\\u001b[31mred" in shown.stdout


def texts(value: object) -> Iterator[str]:
    """Yield every text in a document."""
    match value:
        case str():
            yield value
        case dict():
            for key, inner in value.items():
                yield from texts(key)
                yield from texts(inner)
        case list() | tuple():
            for inner in value:
                yield from texts(inner)


def test_teams_are_told_it_as_one_line_of_text_that_is_not_long() -> None:
    detail = notification(told(everywhere()), "prod")
    found = list(texts(detail))
    assert [text for text in found if not text.isprintable()] == []
    assert max(len(text) for text in found if text != detail["artifact"]) <= 2000
    assert HTML in detail["message"]
    assert HTML in detail["reason"]
    assert len(json.dumps(detail)) < 256 * 1024, "an event of EventBridge"


def test_an_alarm_of_an_evil_name_and_reason_rolls_back_and_is_told_as_text() -> None:
    world = World()
    world.function()
    world.target(strategy="Canary10Percent5Minutes")
    name = HOSTILE[:255]
    world.start("checkout-1", {"target": "checkout", "artifact": world.upload("release = 2").model_dump()})
    world.wait(90)
    record = world.record("checkout-1")
    memory = world.ports.deployments
    memory.records["checkout-1"] = record.model_copy(update={"alarms": (an_alarm(name=name, armed_at=START),)})
    state = {"value": "ALARM", "reason": HOSTILE, "timestamp": world.now().isoformat()}
    change = AlarmChange.model_validate(
        {"alarmName": name, "state": state, "previousState": {**state, "value": "OK"}}
    )
    assert on_alarm_change(world.visit, change) == ["checkout-1"]
    world.settle()
    assert world.record("checkout-1").status is Status.ROLLED_BACK
    assert world.alias() == "version 1"
    last = [n for n in world.ports.bus.told if n["deployment_id"] == "checkout-1"][-1]
    assert (last["status"], [text for text in texts(last) if not text.isprintable()]) == ("ROLLED_BACK", [])


def test_a_log_line_is_one_line_of_printable_json_with_nothing_lost(caplog: pytest.LogCaptureFixture) -> None:
    line = as_line({"message": HOSTILE, "naïve": {"key": [HOSTILE]}})
    assert line.isprintable()
    assert "naïve" in line
    assert json.loads(line) == {"message": HOSTILE, "naïve": {"key": [HOSTILE]}}
    record = logging.LogRecord("x", logging.INFO, "f", 1, HOSTILE, None, None)
    written = logger.registered_formatter.format(record)
    assert written.isprintable()
    assert json.loads(written)["message"] == HOSTILE


def test_a_record_that_ended_long_ago_is_shown_the_same(desk: Desk) -> None:
    desk.stack.deployments.records["orders-abc-1"] = ended(reason=HOSTILE)  # type: ignore[attr-defined]
    assert is_text(desk.type("history", "orders").stdout)
