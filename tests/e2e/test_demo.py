"""`rampart demo` as a person meets it: what it says, how it ends, what it leaves behind."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from controller.core.deployment import Status
from rampart.demo.account import ALIAS, FUNCTION
from rampart.demo.releases import Release
from rampart.demo.report import Counts, Report, counts
from rampart.embedded.aws import EmbeddedAws
from tests.e2e.shop import Shop

_COMMAND = Path(sys.executable).with_name("rampart")
_TRANSITION = re.compile(
    r" *[\d.]+s {4}(PLANNED|PUBLISHED|VERIFIED|SHIFTED|JUDGED|PROMOTED|ROLLED_BACK) +\S.*", re.MULTILINE
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


def test_the_demo_shows_a_promotion_and_a_rollback_and_leaves_nothing_behind(tmp_path: Path) -> None:
    run = _rampart(tmp_path, "demo", "--bug-percent", "20", "--json", "summary.json")
    assert (run.code, run.err) == (0, "")
    report = Report.model_validate_json((tmp_path / "summary.json").read_text())
    good, bad = report.releases
    assert (good.status, bad.status) == (Status.PROMOTED, Status.ROLLED_BACK)
    assert [step.weight_percent for step in good.steps] == _WEIGHTS
    assert [step.weight_percent for step in bad.steps] == _WEIGHTS[: len(bad.steps)]
    for release in report.releases:
        times = [step.at for step in release.steps]
        assert times == sorted(times)
        assert release.ended_at is not None
        assert release.started_at < times[0] <= times[-1] < release.ended_at
        assert release.notifications == release.transitions
    assert (good.requests > 0, good.failed_requests) == (True, 0)
    assert 0 < bad.failed_requests < bad.requests
    assert report.alias == f"version {good.candidate}"

    assert len(_TRANSITION.findall(run.out)) == good.transitions + bad.transitions
    assert f"version {bad.candidate} answered {bad.requests} requests, {bad.failed_requests} failed" in run.out
    assert run.out.endswith(f"The alias is on version {good.candidate}.\n")
    assert "\x1b" not in run.out, "there is no terminal"

    assert run.left_processes == []
    assert run.left_files == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scratch", "summary.json"]


def test_a_demo_without_a_bug_ends_otherwise_than_it_must_and_says_so_in_one_line(tmp_path: Path) -> None:
    run = _rampart(tmp_path, "demo", "--bug-percent", "0", "--json", "summary.json")
    assert run.code == 1
    assert run.err == "rampart demo: a release did not end as it must, see above\n"
    assert "it must have ended ROLLED_BACK" in run.out
    releases = json.loads((tmp_path / "summary.json").read_text())["releases"]
    assert [each["status"] for each in releases] == ["PROMOTED", "PROMOTED"]
    assert [each["failed_requests"] for each in releases] == [0, 0]
    assert (run.left_processes, run.left_files) == ([], [])


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
