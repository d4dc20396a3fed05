"""`rampart demo` as a person meets it: what it says, how it ends, what it leaves behind."""

import io
import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from controller.core.alias import Routing
from controller.core.deployment import Status
from controller.core.request import Request
from rampart.demo.account import ALIAS, FUNCTION
from rampart.demo.releases import Release
from rampart.demo.report import Counts, ReleaseReport, Report, counts
from rampart.demo.screen import Screen, Sight
from rampart.embedded.aws import EmbeddedAws
from tests.e2e.shop import Shop

_COMMAND = Path(sys.executable).with_name("rampart")
_TRANSITION = re.compile(
    r" *[\d.]+s {4}(checkout|receipts)  (?:PLANNED|PUBLISHED|VERIFIED|SHIFTED|JUDGED|PROMOTED|ROLLED_BACK) +\S"
)
_WEIGHTS = [25, 50, 75, 100]


@dataclass(frozen=True, slots=True)
class _Run:
    """What came of one run of the command."""

    code: int
    out: str
    err: str
    left_files: list[Path]
    left_processes: list[int]

    @property
    def lines(self) -> list[str]:
        """What it said."""
        return self.out.splitlines()


@dataclass(frozen=True, slots=True)
class _Told:
    """A demonstration, and what it tells of each release."""

    run: _Run
    left: list[str]
    aliases: dict[str, str]
    releases: tuple[ReleaseReport, ...]
    zip: ReleaseReport
    image: ReleaseReport
    bad_image: ReleaseReport
    bad: ReleaseReport
    hotfix: ReleaseReport


def _rampart(folder: Path, *arguments: str) -> _Run:
    """Run the command in a folder, with a temporary directory of its own."""
    scratch = folder / "scratch"
    scratch.mkdir()
    environment = {**os.environ, "TMPDIR": str(scratch)}
    done = subprocess.run(
        [_COMMAND, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return _Run(done.returncode, done.stdout, done.stderr, list(scratch.rglob("*")), _processes_with(str(scratch)))


def _processes_with(text: str) -> list[int]:
    """Return the processes whose environment has a text: functions get the temporary directory as HOME."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if text.encode() in environment.read_bytes():
                found.append(int(environment.parent.name))
        except OSError:  # it has ended, or is not ours to read
            continue
    return found


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> _Told:
    """Return a demonstration that was run in a folder of its own."""
    folder = tmp_path_factory.mktemp("demo")
    run = _rampart(folder, "demo", "--bug-percent", "20", "--json", "summary.json")
    assert (run.code, run.err) == (0, "")
    report = Report.model_validate_json((folder / "summary.json").read_text())
    left = sorted(path.name for path in folder.iterdir())
    told = good, image, bad_image, bad, hotfix = tuple(report.releases)
    return _Told(run, left, report.aliases, told, good, image, bad_image, bad, hotfix)


def test_the_demo_promotes_a_zip_step_by_step_and_the_team_hears_of_everything(told: _Told) -> None:
    assert (told.zip.target, told.zip.status) == ("checkout", Status.PROMOTED)
    assert [step.weight_percent for step in told.zip.steps] == _WEIGHTS
    for release in told.releases:
        times = [step.at for step in release.steps]
        assert times == sorted(times)
        assert release.ended_at is not None
        assert release.pushed_at < release.started_at < times[0] <= times[-1] < release.ended_at
        assert release.notifications == release.transitions
    for release in (told.zip, told.image, told.hotfix):
        assert (release.requests > 0, release.failed_requests) == (True, 0)
        assert release.full_after_seconds is not None
        assert release.ended_at is not None
        full_at = release.pushed_at + timedelta(seconds=release.full_after_seconds)
        assert release.pushed_at < full_at < release.steps[-1].at < release.ended_at
    assert told.aliases == {
        "checkout": f"version {told.hotfix.candidate}",
        "receipts": f"version {told.image.candidate}",
    }


def test_the_demo_promotes_an_image_that_is_pushed_while_a_zip_of_another_target_bakes(told: _Told) -> None:
    assert (told.image.target, told.image.status) == ("receipts", Status.PROMOTED)
    assert "/shop/receipts@sha256:" in told.image.artifact
    assert [step.weight_percent for step in told.image.steps] == [50, 100]
    assert told.zip.ended_at is not None
    assert told.zip.steps[0].at < told.image.pushed_at < told.zip.ended_at
    heard = [found[1] for line in told.run.lines if (found := _TRANSITION.match(line))]
    assert heard.count("receipts") == told.image.transitions + told.bad_image.transitions
    assert heard.count("checkout") == sum(each.transitions for each in (told.zip, told.bad, told.hotfix))


def test_a_bad_release_is_rolled_back_by_its_alarm_in_the_middle_of_a_long_bake(told: _Told) -> None:
    bad = told.bad
    assert (bad.status, bad.strategy) == (Status.ROLLED_BACK, "Canary25Percent60Minutes")
    assert [step.weight_percent for step in bad.steps] == [25]
    assert "alarm checkout-errors fired" in bad.reason
    assert 0 < bad.failed_requests < bad.requests
    assert bad.restored_by in ("SignalFunction", "RollBackFunction")
    assert bad.full_after_seconds is None
    assert bad.alarm_fired_at is not None
    assert bad.restored_after_seconds is not None
    restored_at = bad.alarm_fired_at + timedelta(seconds=bad.restored_after_seconds)
    assert bad.started_at < bad.alarm_fired_at < restored_at < told.hotfix.pushed_at
    assert f"alias back {bad.restored_after_seconds:.2f} s after its alarm went off" in told.run.out
    assert f"version {bad.candidate} answered {bad.requests} requests, {bad.failed_requests} failed" in told.run.out


def test_a_bad_release_without_an_alarm_is_rolled_back_by_the_comparison_with_both_versions_counts(
    told: _Told,
) -> None:
    bad, stopped_by = told.bad_image, told.bad_image.comparison
    assert (bad.target, bad.status, bad.has_alarm) == ("receipts", Status.ROLLED_BACK, False)
    assert stopped_by is not None
    assert 0 < stopped_by.candidate_failures < stopped_by.candidate_requests <= bad.requests
    assert stopped_by.candidate_failures <= bad.failed_requests
    assert (stopped_by.baseline_requests > 0, stopped_by.baseline_failures) == (True, 0)
    assert stopped_by.odds >= 100
    why = (
        rf"step 1/2: receipts version {bad.candidate} fails more than version {bad.baseline}: "
        rf"{stopped_by.candidate_failures} of {stopped_by.candidate_requests} requests \([\d.]+%\) failed "
        rf"against 0 of {stopped_by.baseline_requests} requests \(0%\) in the same \d+ minutes?; .*"
    )
    assert re.fullmatch(why, bad.reason)
    assert bad.exposed_seconds is not None
    assert bad.restored_by == "RollBackFunction"
    assert (bad.alarm_fired_at, bad.restored_after_seconds) == (None, None)
    assert f"alias back {bad.exposed_seconds:.1f} s after its first step, by the comparison" in told.run.out
    summary = " ".join(told.run.out[told.run.out.index("receipts release 3  ROLLED_BACK") :].split())
    assert bad.reason in summary


def test_the_hotfix_is_started_with_the_command_that_the_demo_prints(told: _Told) -> None:
    first = next(i for i, line in enumerate(told.run.lines) if "aws stepfunctions start-execution" in line)
    last = told.run.lines.index(" " * 10 + "}'")
    command = shlex.split("\n".join(told.run.lines[first : last + 1]))
    request = Request.model_validate_json(command[command.index("--input") + 1])
    assert (request.strategy, request.hotfix is not None) == ("AllAtOnce", True)
    assert request.artifact is not None
    assert request.artifact.identity == told.hotfix.artifact
    assert (told.hotfix.target, told.hotfix.status) == (request.target, Status.PROMOTED)
    assert [step.weight_percent for step in told.hotfix.steps] == [100]


def test_the_summary_fits_a_hundred_columns_and_the_demo_leaves_nothing_behind(told: _Told) -> None:
    summary = told.run.lines[told.run.lines.index("") :]
    assert [line for line in summary if len(line) > 100] == []
    assert told.run.out.endswith(f"receipts:live is on version {told.image.candidate}.\n")
    assert "\x1b" not in told.run.out, "there is no terminal"
    assert told.run.left_processes == []
    assert told.run.left_files == []
    assert told.left == ["scratch", "summary.json"]


def test_a_demo_without_a_bug_stops_nothing_ends_otherwise_and_says_so_in_one_line(tmp_path: Path) -> None:
    run = _rampart(tmp_path, "demo", "--bug-percent", "0", "--json", "summary.json")
    assert run.code == 1
    assert run.err == "rampart demo: a release did not end as it must, see above\n"
    assert "it must have ended ROLLED_BACK" in run.out
    assert "its alarm must have stopped it" in run.out
    releases = json.loads((tmp_path / "summary.json").read_text())["releases"]
    assert [each["status"] for each in releases] == [
        *("PROMOTED", "PROMOTED", "PROMOTED", "ROLLED_BACK", "PROMOTED")
    ]
    assert [each["failed_requests"] for each in releases] == [0, 0, 0, 0, 0]
    assert releases[3]["restored_after_seconds"] is None
    assert "superseded" in releases[3]["reason"]
    assert (run.left_processes, run.left_files) == ([], [])


def test_the_picture_shows_every_target_that_is_being_deployed_to_within_the_terminal() -> None:
    terminal = Console(file=io.StringIO(), force_terminal=True, no_color=True, width=80)
    screen = Screen(terminal)
    requests = {"1": Counts(requests=12345), "2": Counts(requests=4321, errors=99)}
    targets = ("checkout", "receipts")
    screen.watch([Sight(each, None, Routing("1", "2", 2500), "ALARM", requests) for each in targets])
    assert isinstance(terminal.file, io.StringIO)
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.file.getvalue()).splitlines()
    screen.calm()
    for target in targets:
        assert [line.split()[1:3] for line in shown if line.split()[0] == target] == [["1", "75%"], ["2", "25%"]]
        assert any(line.startswith(f"  {target}: alarm ALARM, next: ") for line in shown)
    assert max(map(len, shown)) <= 80


def test_the_bug_rate_is_the_share_of_the_requests_that_fail() -> None:
    started = datetime.now(UTC)
    with EmbeddedAws(1.0) as aws:
        shop = Shop(aws)
        for percent in (20, 100):
            version = shop.publish(Release(3, percent, Status.ROLLED_BACK).zip)
            client = aws.client("lambda")
            client.update_alias(FunctionName=FUNCTION, Name=ALIAS, FunctionVersion=version)
            for order in range(100):
                payload = json.dumps({"order": order}).encode()
                client.invoke(FunctionName=FUNCTION, Qualifier=ALIAS, Payload=payload)["Payload"].read()
            assert counts(shop, version, started) == Counts(requests=100, errors=percent)


def test_a_summary_that_cannot_be_written_is_refused_before_anything_starts(tmp_path: Path) -> None:
    run = _rampart(tmp_path, "demo", "--json", "missing/summary.json")
    assert (run.code, run.out) == (2, "")
    line = "cannot write missing/summary.json: No such file or directory"
    assert [line in each for each in run.err.splitlines()].count(True) == 1
    assert run.left_files == []
