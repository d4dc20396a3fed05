"""The demonstration from start to end."""

import time
from datetime import UTC, datetime
from pathlib import Path

from rampart.demo.account import TEMPLATE, Account
from rampart.demo.releases import Release, releases
from rampart.demo.report import Counts, Report, counts, find, report
from rampart.demo.screen import Screen
from rampart.demo.traffic import Traffic
from rampart.embedded.aws import EmbeddedAws
from rampart.embedded.cloudformation.template import DeployError

STRATEGY = "Linear25PercentEvery1Minute"
MINUTE_SECONDS = 2.0
"""How long a minute takes in the demonstration."""
_MOST_SECONDS = 60.0
_LOOK_SECONDS = 0.2
_TELLING_SECONDS = 5.0


class DemoError(Exception):
    """The demonstration could not be carried on; one line that says why."""


def tell(
    screen: Screen, bug_percent: int, minute_seconds: float = MINUTE_SECONDS, template: Path = TEMPLATE
) -> Report:
    """Run the demonstration and return what the account says of it; raises DemoError."""
    with EmbeddedAws(minute_seconds) as aws:
        try:
            account = Account(aws, template)
        except DeployError as error:
            raise DemoError(str(error)) from error
        account.declare_target(STRATEGY)
        screen.say(f"Rampart is deployed from {template.name}; a minute takes {minute_seconds:g} seconds")
        screen.say("release 1 of the shop is live on version 1; customers order through the alias")
        uploaded: dict[Release, str] = {}
        with Traffic(aws):
            for release in releases(bug_percent):
                screen.say(f"release {release.number} is uploaded to {release.key}")
                uploaded[release] = account.upload(release.key, release.zip)
                _follow(screen, account, uploaded[release])
        denied = account.denied()
        if denied:
            raise DemoError(denied)
        return report(account, uploaded)


def _follow(screen: Screen, account: Account, artifact: str) -> None:
    """Show a release until its deployment has ended."""
    began, since = time.monotonic(), datetime.now(UTC)
    while True:
        _hear(screen, account)
        deployment = find(account, artifact)
        routing = account.routing()
        versions = [v for v in (routing.version, routing.second) if v]
        seen: dict[str, Counts] = {version: counts(account, version, since) for version in versions}
        screen.watch(deployment, routing, account.alarm_state(), seen)
        if deployment and deployment.status.is_over:
            account.aws.wait_until_idle(_TELLING_SECONDS)
            _hear(screen, account)
            return
        denied = account.denied()
        if denied:
            raise DemoError(denied)
        if time.monotonic() - began > _MOST_SECONDS:
            letters = account.dead_letters()
            because = f"; intake refused: {letters[0].get('responsePayload')}" if letters else ""
            raise DemoError(f"{artifact} has not ended after {_MOST_SECONDS:g} seconds{because}")
        time.sleep(_LOOK_SECONDS)


def _hear(screen: Screen, account: Account) -> None:
    for message in account.listen():
        screen.transition(message)
