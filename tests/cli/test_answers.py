"""Answers for programs: one object of one form, whose fields the page of the command line tells."""

import json
import re
from typing import Any

import pytest
import typer.main

from rampart.cli.__main__ import app
from rampart.cli.application import ANSWER_VERSION
from tests.builders import a_target_document
from tests.cli.desk import Desk
from tests.cli.records import compared, ended, failed, story
from tests.engine.world import World
from tests.sam_template import ROOT

_ROW = re.compile(r"^\| (`[^|]*`) \| ([^|]*) \|", re.MULTILINE)


def documented() -> dict[str, str]:
    """Return where the page says that each field is answered, by field."""
    part = (ROOT / "docs/cli.md").read_text().partition("## Answers in JSON")[2].partition("\n## ")[0]
    return {name: where for fields, where in _ROW.findall(part) for name in re.findall(r"`(\w+)`", fields)}


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Return a desk in an account with deployments of every kind."""
    world = World()
    world.function()
    world.target()
    world.function("search")
    world.function("suggest")
    memory = world.ports.deployments
    for record in (compared(), failed(), ended("checkout-1").model_copy(update={"target": "checkout"})):
        memory.records[record.deployment_id] = record
        memory._events[record.deployment_id] = story(record)
    return Desk(world, monkeypatch)


def answered(desk: Desk, *words: str, code: int = 0) -> dict[str, Any]:
    """Return the answer to a command, whose every field is documented for it."""
    result = desk.type(*words, "--output", "json")
    assert (result.exit_code, result.stderr) == (code, "")
    document: dict[str, Any] = json.loads(result.stdout)
    assert (document["schema_version"], document["command"]) == (ANSWER_VERSION, words[0])
    fields = documented()
    fields["deployments"] += fields["answer"]
    told = {name: where == "all" or f"`{words[0]}`" in where for name, where in fields.items()}
    assert [name for name in document if not told.get(name)] == []
    return document


def test_every_command_answers_with_one_object_whose_fields_are_documented(desk: Desk) -> None:
    assert len(answered(desk, "status")["deployments"]) == 2
    assert answered(desk, "status", "checkout")["live"] == {"checkout": None}
    assert [each["deployment_id"] for each in answered(desk, "history", "checkout")["deployments"]] == [
        "checkout-1"
    ]
    shown = answered(desk, "show", "checkout-1")
    assert (len(shown["deployments"]), len(shown["events"])) == (1, 5)


def test_every_command_that_answers_programs_is_in_the_table() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    inner = {f"local {name}": each for name, each in commands["local"].commands.items()}
    answering = {name for name, each in (commands | inner).items() if any(p.name == "output" for p in each.params)}
    told = {name for where in documented().values() for name in re.findall(r"`([a-z -]+)`", where)}
    assert answering - told == set()
    assert len(answering) > 12


@pytest.mark.parametrize("verb", ["pause", "promote"])
def test_what_was_asked_is_answered_with_the_record_as_it_is_then(desk: Desk, verb: str) -> None:
    said = answered(desk, verb, "checkout", "--reason", "wrong build")
    (record,) = said["deployments"]
    assert said["answer"].startswith(f"deployment {record['deployment_id']} ")
    assert "wrong build" in json.dumps(record)


def test_an_abort_answers_with_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.function()
    world.target()
    world.start("checkout-1", {"target": "checkout", "artifact": world.upload("release = 2").model_dump()})
    world.wait(30)
    said = answered(Desk(world, monkeypatch), "abort", "checkout", "--reason", "wrong build")
    assert said["answer"] == "deployment checkout-1 is ROLLED_BACK"
    (record,) = said["deployments"]
    assert (record["status"], record["marks"]["abort"]["reason"]) == ("ROLLED_BACK", "wrong build")


def test_what_is_stuck_and_what_is_left_of_it_are_told_apart(desk: Desk) -> None:
    said = answered(desk, "repair", "search")
    assert said["findings"] == said["left"]
    (finding,) = said["findings"]
    assert finding["symptom"].startswith("the rollback of search-")
    assert (finding["is_for_a_person"], finding["command"]) == (False, None)


def test_documents_are_judged_each_by_itself(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("documents")
    good, bad = folder / "orders.json", folder / "bad.json"
    good.write_text(json.dumps(a_target_document()))
    bad.write_text("{}")
    said = answered(desk, "validate", str(good), str(bad), code=2)["documents"]
    assert [(each["file"], each["is_usable"]) for each in said] == [(str(good), True), (str(bad), False)]
    assert "version" in said[1]["told"][0]
