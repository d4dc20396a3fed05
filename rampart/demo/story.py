"""The demonstration from start to end."""

import json
import shlex
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from controller.core.deployment import Status
from rampart.demo.account import BUCKET, FUNCTION, TAG, TEMPLATE, Account, repository_of
from rampart.demo.releases import Push, Release
from rampart.demo.report import Report, counts, find, report
from rampart.demo.screen import Screen, Sight
from rampart.demo.traffic import Traffic
from rampart.embedded.alias_writes import AliasWrite, watching
from rampart.embedded.aws import EmbeddedAws
from rampart.embedded.cloudformation.template import DeployError

RECEIPTS = "receipts"
"""The function whose releases are images."""
STRATEGIES = {FUNCTION: "Linear25PercentEvery1Minute", RECEIPTS: "Linear50PercentEvery1Minute"}
PATIENT_STRATEGY = "Canary25Percent60Minutes"
"""What the shop declares before checkout's release with the bug: it bakes for longer than anybody watches."""
COMPARED_STRATEGY = "Canary50Percent5Minutes"
"""What it declares before that of receipts, which no alarm watches."""
MINUTE_SECONDS = 2.0
"""How long a minute takes in the demonstration."""
_PATIENCE_MINUTES = 5.0
"""How long the release with the bug has to set off its alarm."""
_MOST_SECONDS = 60.0
_LOOK_SECONDS = 0.2
_TELLING_SECONDS = 5.0


class DemoError(Exception):
    """The demonstration could not be carried on; one line that says why."""


def tell(
    screen: Screen, bug_percent: int, minute_seconds: float = MINUTE_SECONDS, template: Path = TEMPLATE
) -> Report:
    """Run the demonstration and return what the account says of it; raises DemoError."""
    writes: list[AliasWrite] = []
    with EmbeddedAws(minute_seconds, around=watching(writes.append, time.time)) as aws:
        try:
            account = Account(aws, template, [FUNCTION], images=[RECEIPTS])
        except DeployError as error:
            raise DemoError(str(error)) from error
        story = _Story(screen, account)
        screen.say(f"Rampart is deployed from {template.name}; a minute takes {minute_seconds:g} seconds")
        with Traffic(aws), Traffic(aws, per_second=20.0, customers=2, function=RECEIPTS):
            story.promote_two()
            story.roll_back_two(bug_percent)
            story.hurry()
        denied = account.denied()
        if denied:
            raise DemoError(denied)
        return report(account, story.pushes, writes)


class _Story:
    """What the shop's people do, and what they see of it."""

    def __init__(self, screen: Screen, account: Account) -> None:
        """Declare the targets."""
        self._screen = screen
        self._account = account
        self.pushes: list[Push] = []
        """All that was released, in order."""
        self._running: list[Push] = []
        for function, strategy in STRATEGIES.items():
            account.declare_target(strategy, function, final_bake="1m")

    def promote_two(self) -> None:
        """Upload a good zip, push a good image while it bakes, and see both promoted."""
        self._screen.say("release 1 of checkout (a zip) and of receipts (an image) is live; customers call both")
        checkout = self._upload(Release(2, 0, Status.PROMOTED))
        self._until(lambda: self._has_shifted(checkout))
        self._push(Release(2, 0, Status.PROMOTED, RECEIPTS))
        self._until(self._all_over)

    def roll_back_two(self, bug_percent: int) -> None:
        """Push an image and upload a zip that fail on some orders; only the zip has an alarm to stop it.

        The comparison that stops the image goes on while what comes next is told.
        """
        self._screen.say(f"receipts: its target is declared anew, with {COMPARED_STRATEGY} and no alarm")
        self._account.declare_target(COMPARED_STRATEGY, RECEIPTS, final_bake="1m", alarms=[])
        self._push(Release(3, bug_percent, Status.ROLLED_BACK, RECEIPTS))
        self._screen.say(f"checkout: its target is declared anew, with {PATIENT_STRATEGY}")
        self._account.declare_target(PATIENT_STRATEGY, FUNCTION, final_bake="1m")
        bad = self._upload(Release(3, bug_percent, Status.ROLLED_BACK))
        self._until(lambda: self._has_shifted(bad))
        patience_seconds = _PATIENCE_MINUTES * self._account.aws.clock.minute_seconds
        if not self._within(patience_seconds, lambda: self._is_over(bad)):
            self._screen.say(f"checkout: release 3 has not set off its alarm within {_PATIENCE_MINUTES:g} minutes")

    def hurry(self) -> None:
        """Start a zip by hand, as a hotfix with all of the traffic at once, and see it promoted."""
        release, key = Release(4, 0, Status.PROMOTED), "by-hand/release-4.zip"
        artifact = self._account.upload(key, release.zip)
        request = {
            "target": FUNCTION,
            "artifact": {"bucket": BUCKET, "key": key, "version_id": artifact.rpartition("@")[2]},
            "strategy": "AllAtOnce",
            "hotfix": {"reason": "discounts are missing", "by": "kim"},
        }
        self._screen.say(f"checkout: release 4 cannot wait an hour; it is uploaded to {key}, and started by hand")
        self._screen.quote(_command(self._account.stack.outputs["StateMachineArn"], request))
        at = _now()
        self._account.start(request)
        self._note(Push(release, artifact, "it was started by hand", at))
        self._until(self._all_over)

    def _upload(self, release: Release) -> Push:
        self._screen.say(
            f"{release.function}: release {release.number} is uploaded to {release.key}{_bug(release)}"
        )
        at = _now()
        return self._note(Push(release, self._account.upload(release.key, release.zip), "its zip was uploaded", at))

    def _push(self, release: Release) -> Push:
        where = f"repository {repository_of(release.function)} with tag {TAG}"
        self._screen.say(f"{release.function}: release {release.number} is pushed to {where}{_bug(release)}")
        at = _now()
        return self._note(Push(release, self._account.push(release), "its image was pushed", at))

    def _note(self, push: Push) -> Push:
        self.pushes.append(push)
        self._running.append(push)
        return push

    def _until(self, true: Callable[[], bool]) -> None:
        if not self._within(_MOST_SECONDS, true):
            letters = self._account.dead_letters()
            because = f"; intake refused: {letters[0].get('responsePayload')}" if letters else ""
            artifact = self._running[0].artifact
            raise DemoError(f"{artifact} has not ended after {_MOST_SECONDS:g} seconds{because}")

    def _within(self, seconds: float, true: Callable[[], bool]) -> bool:
        """Show what runs until something is true, and say whether it was within that time; raises DemoError."""
        deadline = time.monotonic() + seconds
        while not true():
            self._hear()
            if self._screen.is_live:
                self._screen.watch([self._sight(push) for push in self._running])
            denied = self._account.denied()
            if denied:
                raise DemoError(denied)
            if time.monotonic() > deadline:
                return False
            time.sleep(_LOOK_SECONDS)
        self._account.aws.wait_until_idle(_TELLING_SECONDS)
        self._hear()
        return True

    def _has_shifted(self, push: Push) -> bool:
        deployment = find(self._account, push)
        return deployment is not None and (deployment.step_index >= 0 or deployment.status.is_over)

    def _is_over(self, push: Push) -> bool:
        self._all_over()
        return push not in self._running

    def _all_over(self) -> bool:
        found = [(push, find(self._account, push)) for push in self._running]
        self._running = [push for push, deployment in found if not (deployment and deployment.status.is_over)]
        return not self._running

    def _sight(self, push: Push) -> Sight:
        function = push.release.function
        routing = self._account.routing(function)
        versions = [version for version in (routing.version, routing.second) if version]
        seen = {version: counts(self._account, version, push.at, function) for version in versions}
        deployment = find(self._account, push)
        alarm = None if deployment and not deployment.alarms else self._account.alarm_state(function)
        return Sight(function, deployment, routing, alarm, seen)

    def _hear(self) -> None:
        for message in self._account.listen():
            self._screen.transition(message)


def _bug(release: Release) -> str:
    return f", with a bug that fails {release.bug_percent} orders in 100" if release.bug_percent else ""


def _command(machine_arn: str, request: dict[str, Any]) -> str:
    """Return the command with which a person starts a request, one field a line."""
    fields = (f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in request.items())
    text = "{\n" + ",\n".join(fields) + "\n}"
    return f"aws stepfunctions start-execution --state-machine-arn {machine_arn} --input {shlex.quote(text)}"


def _now() -> datetime:
    return datetime.now(UTC)
