"""`rampart local` as a person meets it with two terminals: found, played with, killed, started again, ended."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.command_line import Ran, bash, this_checkout
from tests.e2e.shop import until

_BIN = Path(sys.executable).parent
_NOBODY = "rampart local env: no local Rampart runs; start one in another terminal with: rampart local\n"


@dataclass
class Desk:
    """A desk with two terminals: one runs `rampart local`, in the other somebody types."""

    home: Path

    def start(self) -> subprocess.Popen[str]:
        """Start `rampart local`, with a minute of one second, and return it when it says what to type."""
        command = [str(_BIN / "rampart"), "local", "--minute-seconds", "1"]
        with (self.home / "out.txt").open("w") as out:
            started = subprocess.Popen(
                command, stdout=out, stderr=subprocess.STDOUT, env=self._environment, cwd=self.home, text=True
            )
        until(lambda: "What happens:" in self.said() or started.poll() is not None, "it is up")
        return started

    def said(self) -> str:
        """Return what the first terminal says."""
        return (self.home / "out.txt").read_text()

    def type(self, command: str, *, found: bool = True) -> Ran:
        """Type a command in the second terminal, after the line that leads it to the first one."""
        line = f'eval "$({_BIN}/rampart local env)"; {command}' if found else command
        return bash(line, self.home, self._environment)

    @property
    def _environment(self) -> dict[str, str]:
        names = {"PATH": os.environ["PATH"], "HOME": str(self.home), "AWS_PROFILE": "of-work", "LANG": "C.UTF-8"}
        return names | this_checkout()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Return a desk at which nothing has been typed yet."""
    return Desk(tmp_path_factory.mktemp("desk"))


@pytest.fixture(scope="module")
def first(desk: Desk) -> Iterator[subprocess.Popen[str]]:
    """Return the `rampart local` of the first terminal."""
    started = desk.start()
    yield started
    started.kill()
    started.wait()


def test_a_bad_release_that_is_pushed_from_a_second_terminal_is_rolled_back_and_says_why(
    desk: Desk, first: subprocess.Popen[str]
) -> None:
    assert desk.type("aws lambda get-alias --function-name checkout --name live").code == 0
    unknown = desk.type("rampart local push chekout")
    assert (unknown.code, unknown.err) == (
        2,
        "rampart local push: there is no function 'chekout' to push to; there is checkout and receipts\n",
    )
    pushed = desk.type("rampart local push checkout --failing 40")
    assert (pushed.code, pushed.err) == (0, "")
    assert pushed.out.startswith("Release 2 of checkout, which fails 40 orders in 100, is uploaded: s3://")
    until(lambda: "ROLLED_BACK" in desk.said(), "the alarm or the comparison stops it")
    shown = desk.type("rampart show checkout")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.startswith("checkout  ROLLED_BACK\n")
    assert "checkout-errors" in shown.out or "fails more than" in shown.out
    assert "denied" not in desk.said()
    assert "intake could not use" not in desk.said()


def test_who_deploys_by_hand_and_waits_learns_the_end_from_the_exit_code(
    desk: Desk, first: subprocess.Popen[str]
) -> None:
    there = desk.type("rampart deploy receipts --version 1 --wait --timeout 1m")
    assert (there.code, there.err) == (0, "")
    assert "SKIPPED      version 1 is live already: receipts version 1\n" in there.out
    late = desk.type("rampart deploy receipts --version 1 --wait --timeout 0s")
    assert (late.code, late.err.count("\n")) == (3, 1)
    unknown = desk.type("rampart deploy recipes --version 1 --wait --output json")
    assert (unknown.code, unknown.err) == (1, "")
    (record,) = json.loads(unknown.out)["deployments"]
    assert (record["status"], record["target"]) == ("REJECTED", "recipes")


def test_a_second_one_says_that_one_runs_and_a_killed_one_is_in_nobodys_way(
    desk: Desk, first: subprocess.Popen[str]
) -> None:
    second = desk.type("rampart local")
    assert (second.code, second.out) == (1, "")
    assert second.err.startswith(f"rampart local: one runs already: process {first.pid} at http://127.0.0.1:")
    where = desk.type(f"{_BIN}/rampart local env", found=False).out
    first.send_signal(signal.SIGKILL)
    first.wait()
    nobody = desk.type(f"{_BIN}/rampart local env", found=False)
    assert (nobody.code, nobody.out, nobody.err) == (1, "", _NOBODY)
    lost = desk.type(f"{where}\nrampart status", found=False)
    assert (lost.code, lost.out, lost.err.count("\n")) == (1, "", 1)
    assert lost.err.startswith(
        "rampart status: the AWS of this machine that this shell points at (http://127.0.0.1:"
    )
    assert lost.err.endswith('with: rampart local, and point this shell at it with: eval "$(rampart local env)"\n')
    again = desk.start()
    try:
        assert desk.type("rampart status").out == "No deployment is running or waiting.\n"
        again.send_signal(signal.SIGINT)
        assert again.wait(20) == 0
    finally:
        again.kill()
    assert desk.said().endswith("\nEnded; nothing is left behind.\n")
    assert "Traceback" not in desk.said()
    assert _left_in(desk.home / ".local") == ["lock"]


def _left_in(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]
