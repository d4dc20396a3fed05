"""Releases that no alarm watches: what becomes of them by the comparison with their baseline, and by rules.

Each story has a function of its own, and all of them are told at once.
"""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from controller.core.alias import Routing
from controller.core.deployment import Deployment, Event, Status, Transition
from rampart.demo.releases import Release, packed
from rampart.demo.report import counts
from rampart.demo.traffic import Traffic
from rampart.embedded.aws import EmbeddedAws
from tests.e2e.command_line import Terminal, filled_in, typed
from tests.e2e.shop import Shop, until
from tests.sam_template import ROOT

_PAGE = ROOT / "docs/judging.md"
_MINUTE_SECONDS = 3.0
_USUAL_REQUESTS = 40
"""How many requests are usual before anything is released."""
_SETTLING_MINUTES = 3
"""How long it takes until Plan counts them among what is usual: their own minute ends, and two more."""
_WATCHED = {"steps": [{"weight": "50%", "bake": "30m"}]}
"""Bakes for longer than anybody waits: whatever ends it is no end of a bake."""
_QUICK = {"steps": [{"weight": "50%", "bake": "4m"}]}
_QUICKEST = {"steps": [{"weight": "50%", "bake": "1m"}]}
_FLAKY_PERCENT = 20
_OWN_CODE = '''"""The prices, one in five of which cannot be found in a release with a bug."""

MISSING_IN_FIVE = {missing}


def price(event):
    """Answer an order as API Gateway is answered, whatever happens."""
    try:
        if event["order"] % 5 < MISSING_IN_FIVE:
            raise LookupError("no price")
    except LookupError as error:
        return {{"statusCode": 500, "body": str(error)}}
    return {{"statusCode": 200, "body": "9.99"}}
'''


def _zip(missing_in_five: int) -> bytes:
    """Return the zip of the function that docs/judging.md shows, with the prices that it asks."""
    return packed({"app.py": typed(_PAGE, "log_metrics"), "prices.py": _OWN_CODE.format(missing=missing_in_five)})


def _flaky(number: int, percent: int = _FLAKY_PERCENT) -> bytes:
    """Return the zip of a release that raises on some of its requests."""
    return Release(number, percent, Status.PROMOTED).zip


def _own_metric() -> dict[str, Any]:
    """Return the fields of a target that docs/judging.md shows for what that function counts."""
    fields: dict[str, Any] = json.loads("{" + typed(_PAGE, '"comparison": {"metrics"') + "}")
    return fields


def _limited(then: str) -> dict[str, Any]:
    return {"rules": [{"metric": "error_rate", "above": "1%", "over": "3m", "then": then}]}


@dataclass(frozen=True, slots=True)
class Story:
    """A function, its first release, the next one, and how that is deployed."""

    first: bytes
    then: bytes
    strategy: dict[str, Any]
    target: dict[str, Any]


_STORIES = {
    "raising": Story(_flaky(1, 0), _flaky(2), _WATCHED, {}),
    "answering": Story(_zip(0), _zip(1), _WATCHED, _own_metric()),
    "flaky": Story(_flaky(1), _flaky(2), _QUICK, _limited("observe")),
    "limited": Story(_flaky(1), _flaky(2), _WATCHED, _limited("roll_back")),
    "held": Story(
        _flaky(1),
        _flaky(2),
        _QUICK,
        _limited("hold") | {"comparison": False, "max_hold": "1m", "when_unclear": "roll_back"},
    ),
    "silenced": Story(
        _flaky(1, 0),
        _flaky(2, 0),
        _QUICKEST,
        {"comparison": {"min_requests": 2}, "max_hold": "1m", "when_unclear": "approve"},
    ),
    "unused": Story(_flaky(1, 0), _flaky(2, 0), _QUICKEST, {}),
}
_CALLED = ("raising", "answering", "flaky", "limited", "held")


class Stories:
    """All stories on one account."""

    def __init__(self, aws: EmbeddedAws, traffic: ExitStack) -> None:
        """Open every function, let customers call, and release what follows without an alarm on it."""
        shop = Shop(aws)
        self._opened = datetime.now(UTC)
        self.shops = {name: shop.open(name, ZipFile=story.first) for name, story in _STORIES.items()}
        for name in _CALLED:
            traffic.enter_context(Traffic(aws, per_second=12.0, customers=2, function=name))
        with Traffic(aws, per_second=12.0, customers=1, function="silenced"):
            until(
                lambda: all(self._is_used(name) for name in (*_CALLED, "silenced")), "customers call all functions"
            )
            settled = aws.clock.now() + _SETTLING_MINUTES * _MINUTE_SECONDS
            until(lambda: aws.clock.now() >= settled, "their requests are what is usual")
        self.since = datetime.now(UTC)
        self._artifacts = {name: self._release(name, story) for name, story in _STORIES.items()}

    def _is_used(self, name: str) -> bool:
        return counts(self.shops[name], "1", self._opened, name).requests >= _USUAL_REQUESTS

    def _release(self, name: str, story: Story) -> str:
        shop = self.shops[name]
        shop.declare_target(
            story.strategy, name, **({"alarms": [], "test_events": [], "final_bake": "1m"} | story.target)
        )
        return shop.upload(f"{name}/release-2.zip", story.then)

    def running(self, name: str) -> Deployment | None:
        """Return the deployment of a story as it is now."""
        shop = self.shops[name]
        of_artifact = (d for d in shop.deployments.history(name, 5) if d.what == self._artifacts[name])
        found = next(of_artifact, None)
        return shop.record(found.deployment_id) if found else None

    def ended(self, name: str) -> Deployment:
        """Return the deployment of a story, once it has ended."""
        return self.shops[name].deployment_of(self._artifacts[name])

    def told(self, name: str) -> list[str]:
        """Return the sentences that the team was told of a story."""
        shop = self.shops[name]
        return [each["message"] for each in shop.told(self.ended(name).deployment_id)]

    def looks(self, name: str) -> list[Event]:
        """Return the events that tell of a look."""
        events = self.shops[name].deployments.events(self.ended(name).deployment_id)
        return [event for event in events if event.transition is Transition.JUDGED]

    def is_back(self, name: str) -> bool:
        """Say whether a story's alias is on the version that it was on before."""
        return self.shops[name].routing(name) == Routing(self.ended(name).members[0].baseline)


@pytest.fixture(scope="module")
def stories() -> Iterator[Stories]:
    """Return the stories, all of which have just begun."""
    with EmbeddedAws(_MINUTE_SECONDS, processes=2) as aws, ExitStack() as traffic:
        yield Stories(aws, traffic)


def _counts_in(sentence: str, beginning: str, failed: str) -> tuple[int, int, int]:
    """Return the candidate's failures and requests and the baseline's requests, none of which failed."""
    found = re.fullmatch(
        rf"{beginning}: (\d+) of (\d+) requests \([\d.]+%\) {failed} against 0 of (\d+) requests \(0%\) in the "
        r"same \d+ minutes?; the odds that it is worse are .+ to 1, and 100 to 1 is enough",
        sentence,
    )
    assert found, sentence
    return int(found[1]), int(found[2]), int(found[3])


def test_a_person_approves_what_too_few_requests_have_reached_and_it_is_promoted(
    stories: Stories, tmp_path: Path
) -> None:
    shop = stories.shops["silenced"]

    def asking() -> Deployment | None:
        deployment = stories.running("silenced")
        return deployment if deployment and deployment.awaits_approval else None

    asked = shop.wait(asking, "approval is asked for")
    assert asked is not None
    command = typed(_PAGE, '"verb": "approve"')
    control = shop.stack.outputs["ControlFunctionName"]
    ran = Terminal(shop.aws.url, tmp_path).run(filled_in(command, CONTROL=control, NAME=asked.deployment_id))
    assert f"deployment {asked.deployment_id} is approved at step 1/2 and goes on" in ran.out, ran.err
    ended = stories.ended("silenced")
    assert ended.status is Status.PROMOTED, ended.reason
    unclear = "silenced version 2 has served 0 requests that can be compared, and 2 are asked for"
    reasons = [look.reason for look in stories.looks("silenced")]
    assert [each for each in reasons if each.endswith(f"still unclear after a hold of 3s: {unclear}")]
    assert f"step 1/2: approve by kim: it is night, though {unclear}" in reasons


def test_a_release_that_raises_is_rolled_back_and_the_team_is_told_why_with_both_versions_counts(
    stories: Stories,
) -> None:
    ended = stories.ended("raising")
    assert ended.status is Status.ROLLED_BACK, ended.reason
    assert ended.alarms == ()
    assert stories.is_back("raising")
    beginning = "raising: rolled back: step 1/2: raising version 2 fails more than version 1"
    failed, served, compared_with = _counts_in(stories.told("raising")[-1], beginning, "failed")
    assert 3 <= failed < served <= counts(stories.shops["raising"], "2", stories.since, "raising").requests
    assert 0 < compared_with <= counts(stories.shops["raising"], "1", stories.since, "raising").requests


def test_a_release_that_answers_500_without_an_error_is_rolled_back_by_the_counts_of_its_own(
    stories: Stories,
) -> None:
    ended = stories.ended("answering")
    assert ended.status is Status.ROLLED_BACK, ended.reason
    assert stories.is_back("answering")
    beginning = "answering: rolled back: step 1/2: answering version 2 fails more than version 1"
    failed, _, _ = _counts_in(stories.told("answering")[-1], beginning, r"failed \(orders\)")
    assert failed >= 3
    assert counts(stories.shops["answering"], "2", stories.since, "answering").errors == 0


def test_a_release_as_flaky_as_its_baseline_is_promoted(stories: Stories) -> None:
    ended = stories.ended("flaky")
    assert ended.status is Status.PROMOTED, ended.reason
    assert stories.shops["flaky"].routing("flaky") == Routing("2")
    assert counts(stories.shops["flaky"], "2", stories.since, "flaky").errors > 0
    assert "flaky version 2 is no worse than version 1: " in ended.reason


def test_a_rule_rolls_back_what_the_comparison_lets_pass(stories: Stories) -> None:
    ended = stories.ended("limited")
    assert ended.status is Status.ROLLED_BACK, ended.reason
    assert stories.is_back("limited")
    broken = (
        r"step 1/2: rule error_rate above 1% is broken: limited version 2 has [\d.]+% over \d minutes, \d+ req.*"
    )
    assert re.fullmatch(f"limited: rolled back: {broken}", stories.told("limited")[-1])


def test_a_rule_that_holds_keeps_the_candidate_at_its_step_until_the_hold_is_over(stories: Stories) -> None:
    ended = stories.ended("held")
    assert ended.status is Status.ROLLED_BACK, ended.reason
    assert stories.is_back("held")
    assert "step 1/2: still unclear after a hold of 3s: rule error_rate above 1% is broken: " in ended.reason
    assert {look.step_index for look in stories.looks("held")} == {0}


def test_a_rule_that_observes_records_what_it_found_and_does_nothing(stories: Stories) -> None:
    assert stories.ended("flaky").status is Status.PROMOTED
    values = [rule.get("value", 0) for look in stories.looks("flaky") for rule in look.evidence["rules"]]
    assert max(values) > 0.01


def test_a_release_that_nobody_calls_is_promoted_without_evidence_and_says_so(stories: Stories) -> None:
    ended = stories.ended("unused")
    assert ended.status is Status.PROMOTED, ended.reason
    planned, *_, promoted = stories.told("unused")
    assert planned.endswith("; without evidence, because the 0 requests of the last week are too few to compare by")
    assert "without evidence: unused version 2 has served 0 requests that can be compared" in promoted
