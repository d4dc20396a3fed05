"""One session of a local Rampart: it starts, says what to type, and tells of transitions until it is ended."""

import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from controller.core.deployment import Status
from rampart.cli.wording import STATUS_STYLES, line
from rampart.demo.account import ALARM, FUNCTION, STAGE, Account
from rampart.demo.releases import FIRST
from rampart.demo.traffic import Traffic
from rampart.embedded.aws import EmbeddedAws
from rampart.embedded.cloudformation.template import DeployError
from rampart.embedded.iam.authoriser import OPERATOR_KEY
from rampart.embedded.wire import REGION
from rampart.local.place import Place, Running

COMPARED = "receipts"
"""The second function: its target has no alarm, and goes as fast as the comparison allows."""
STRATEGIES = {FUNCTION: "Linear20PercentEvery1Minute", COMPARED: "guarded"}
_ORDERS_PER_SECOND = {FUNCTION: 12.0, COMPARED: 8.0}
_LISTEN_SECONDS = 0.5
_MINUTES_OF_A_ROLLOUT = 7
"""Five of the steps, one of the final bake, one for all else."""


class LocalError(Exception):
    """The local Rampart could not start; one line that says why."""


def keep_running(
    console: Console, place: Place, minute_seconds: float, quick: str, pause: Callable[[float], object] = time.sleep
) -> None:
    """Keep a local Rampart running until somebody interrupts it.

    `place` is held by this process. `quick` is how the command `rampart` is typed in a terminal that has not been
    told of this one yet. Raises LocalError when it cannot start, and KeyboardInterrupt once it has been ended.
    """
    with ExitStack() as stack:
        aws = stack.enter_context(EmbeddedAws(minute_seconds))
        stack.callback(_leave_in_peace)
        try:
            account = Account(aws, functions=STRATEGIES)
        except DeployError as error:
            raise LocalError(str(error)) from error
        for function, strategy in STRATEGIES.items():
            fields: dict[str, Any] = {"final_bake": "1m", "max_hold": "5m"}
            account.declare_target(strategy, function, **fields | ({"alarms": []} if function == COMPARED else {}))
        for function, per_second in _ORDERS_PER_SECOND.items():
            stack.enter_context(Traffic(aws, per_second, customers=2, function=function))
        place.publish(Running(os.getpid(), aws.url, _variables(aws.url, minute_seconds)))
        _say_what_to_type(console, minute_seconds, quick)
        _tell(console, account, pause)


def _leave_in_peace() -> None:
    """Let nobody break off the closing: it takes a second, and leaves nothing behind."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _variables(url: str, minute_seconds: float) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": url,
        "RAMPART_LOCAL": url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": OPERATOR_KEY,
        "AWS_SECRET_ACCESS_KEY": "embedded",
        "NO_PROXY": "127.0.0.1",
        "RAMPART_STAGE": STAGE,
        "RAMPART_MINUTE_SECONDS": str(minute_seconds),
    }


def _say_what_to_type(console: Console, minute_seconds: float, quick: str) -> None:
    takes = _MINUTES_OF_A_ROLLOUT * minute_seconds
    told: list[tuple[str, str]] = [
        ("", f"Release {FIRST.number} of {FUNCTION} and of {COMPARED} is live; customers call both."),
        ("", f"Each rollout takes about {takes:.0f} seconds. In a second terminal:"),
        ("", ""),
        (f'eval "$({quick} local env)"', "so that it finds this one; plain aws does, too"),
        (f"rampart local push {FUNCTION}", "a good release"),
        ("rampart status --watch", "see it go; Ctrl-C ends the watching"),
        (f"rampart local push {FUNCTION} --failing 30", f"a bad one; alarm {ALARM} stops it"),
        (f"rampart local push {COMPARED} --failing 30", "a bad one that no alarm watches"),
        (f"rampart show {FUNCTION}", "why the last one ended as it did"),
        (f'rampart abort {FUNCTION} --reason "changed my mind"', "while one runs"),
        ("", ""),
        ("", "Ctrl-C here ends it all. What happens:"),
    ]
    for command, words in told:
        shown = line((f"  {command:<52}", "cyan"), f"  {words}") if command else line(words)
        console.print(shown, soft_wrap=True)


def _tell(console: Console, account: Account, pause: Callable[[float], object]) -> None:
    """Tell of every transition, and of what goes wrong, for as long as nobody interrupts."""
    told: set[str] = set()
    """What went wrong, each told once."""
    while True:
        for message in account.listen():
            console.print(_transition(message), soft_wrap=True)
        wrong = [_why(letter) for letter in account.dead_letters()]
        wrong += [denied] if (denied := account.denied()) else []
        for each in wrong:
            if each not in told:
                console.print(line(_now(), "  ", (each, "red")), soft_wrap=True)
        told.update(wrong)
        pause(_LISTEN_SECONDS)


def _why(letter: Mapping[str, Any]) -> str:
    """Return why an event lies in the dead-letter queue."""
    answer = letter.get("responsePayload")
    why = answer.get("errorMessage") if isinstance(answer, dict) else None
    return f"intake could not use an event: {why or 'it does not say why'}"


def _transition(message: Mapping[str, Any]) -> Text:
    ended = message["transition"] == "ENDED"
    what = message["status"] if ended else message["transition"]
    style = STATUS_STYLES[Status(message["status"])] if ended else ""
    return line(_now(), f"  {message['target']:<9} ", (f"{what:<12}", style), f" {message['reason']}")


def _now() -> str:
    return f"{datetime.now(UTC):%H:%M:%SZ}"
