"""docs/incidents.md: every notification that disturbs people has an answer, found by its status and its words."""

import ast
import re
from collections.abc import Iterator

import pytest

from controller.core.deployment import Mark, Status
from controller.core.notification import Severity, severity
from tests.engine.world import World
from tests.sam_template import ROOT
from tests.tasks.walks import arrive, mark, resume
from tests.test_notifications import Told, told_of_every_way

PAGE = (ROOT / "docs/incidents.md").read_text()
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))
Row = tuple[list[str], str]


def rows(section: str) -> list[Row]:
    """Return the rows of a section: the forms of the reason, and the answer."""
    cells = re.findall(r"^\| (`.*`) \| (.+) \|$", SECTIONS[section], re.MULTILINE)
    return [(re.findall(r"`([^`]+)`", reasons), answer) for reasons, answer in cells]


def answered_by(told: Told) -> Row | None:
    """Return the first row that answers a notification."""
    section = told["status"] if told["transition"] == "ENDED" else told["transition"]
    for forms, answer in rows(section):
        if any(
            re.fullmatch(".*".join(map(re.escape, form.split("…"))), told["reason"], re.DOTALL) for form in forms
        ):
            return forms, answer
    return None


def more() -> Iterator[Told]:
    """Yield what is told of a deployment that an alarm, a person, a newer one or its own death stops."""

    def world() -> World:
        made = World()
        made.function()
        made.alarm("errors")
        made.target(alarms=["errors"])
        return made

    fired = world()
    fired.alarm_events = True
    fired.at(30, lambda: fired.set_alarm("errors", "ALARM"))
    fired.run("fired", {"target": "checkout", "artifact": fired.upload().model_dump()})
    stopped = world()
    stopped.at(30, lambda: stopped.stop("stopped"))
    stopped.run("stopped", {"target": "checkout", "artifact": stopped.upload().model_dump()})
    stopped.settle(60)
    missing = world()
    missing.target(alarms=["absent"])
    missing.run("missing", {"target": "checkout", "artifact": missing.upload().model_dump()})
    first = world()
    first.aws("DeleteAlias", FunctionName="checkout", Name="live")
    stop_in_judge = arrive(first, "Judge")
    mark(first, stop_in_judge, Mark.ABORT)
    resume(stop_in_judge)
    for each in (fired, stopped, missing, first):
        yield from each.ports.bus.told


def disturbing() -> list[Told]:
    """Return all that is told and should disturb people."""
    return [told for told in (*told_of_every_way(), *more()) if told["severity"] != Severity.INFO]


def test_every_status_that_disturbs_has_a_section_that_says_how_much() -> None:
    disturbs = {status: severity(status) for status in Status if severity(status) is not Severity.INFO}
    assert SECTIONS.keys() == {*disturbs, "JUDGED", "UNDONE"}
    for status, how in disturbs.items():
        assert SECTIONS[status].strip().startswith(f"{how}. ")
    assert severity(Status.IN_PROGRESS, awaits_approval=True) is Severity.WARNING


def test_every_notification_that_disturbs_has_an_answer() -> None:
    told = disturbing()
    assert len({each["reason"] for each in told}) > 15
    assert [each for each in told if answered_by(each) is None] == []


@pytest.mark.parametrize(
    ("words", "begins"),
    [
        ("alarm errors fired", "The alarm says what is wrong."),
        ("the execution ended ABORTED", "The Step Functions execution was stopped"),
        ("of target checkout does not exist", "Make the alarm"),
        ("could not be put back: alias checkout:live: User: rampart is not authorized", "A policy"),
        ("before the start", "Production is red already."),
    ],
)
def test_the_answer_is_the_one_for_these_words(words: str, begins: str) -> None:
    about = [each for each in disturbing() if words in each["reason"]]
    assert about
    for each in about:
        row = answered_by(each)
        assert row is not None
        assert row[1].startswith(begins)


def test_the_words_by_which_answers_are_found_are_the_codes_own() -> None:
    said = []
    for path in sorted((ROOT / "controller").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                parts = (v.value if isinstance(v, ast.Constant) else "\0" for v in node.values)
                said.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                said.append(node.value)
    corpus = "\n".join(said)
    fragments = {part for section in SECTIONS for forms, _ in rows(section) for f in forms for part in f.split("…")}
    words = {part.strip(" :") for part in fragments} - {"", "not authorized", "abort by"}  # AWS's, or a mark's
    names = {"alarm", "fired", "superseded by"}
    assert [each for each in sorted(words - names) if each not in corpus] == []
