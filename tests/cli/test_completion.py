"""What a shell is offered, and that nobody waits for it or is bothered by it."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from rampart.cli import completion
from rampart.cli.completion import offered
from tests.e2e.command_line import this_checkout


def test_what_begins_so_is_offered_once() -> None:
    assert offered(lambda: ["checkout", "checkout-1", "basket", "checkout"], "check") == ["checkout", "checkout-1"]


def test_a_name_that_is_more_than_text_is_not_offered() -> None:
    assert offered(lambda: ["a\x1b[31m", "a\u202e", "ab"], "a") == ["ab"]


def test_what_fails_offers_nothing_and_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> list[str]:
        raise SystemExit("no credentials")

    assert offered(fail, "") == []
    assert capfd.readouterr() == ("", "")


def test_what_takes_long_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completion, "_MOST_SECONDS", 0.05)
    never = threading.Event()
    began = time.monotonic()
    assert offered(lambda: ["late"] if never.wait(30) else [], "") == []
    assert time.monotonic() - began < 5
    never.set()


def test_a_shell_that_completes_without_credentials_gets_an_empty_answer(tmp_path: Path) -> None:
    asked = {"_RAMPART_COMPLETE": "complete_bash", "COMP_WORDS": "rampart history ", "COMP_CWORD": "2"}
    here = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    command = Path(sys.executable).with_name("rampart")
    told = subprocess.run([command], env=here | this_checkout() | asked, capture_output=True, text=True, check=True)
    assert (told.stdout.strip(), told.stderr) == ("", "")
