"""Controller: whether Rampart itself is whole: its stack, its state machine, its dead letters, its bus.

Source: EventBridge user guide, "Permissions for event buses in Amazon EventBridge".
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rampart.doctor.finding import Check, Finding, error, warning

QUEUES = {
    "IntakeDeadLettersUrl": "events that could not be turned into deployments",
    "StopDeadLettersUrl": "alarms and dead executions that could not be dealt with",
    "NotifyDeadLettersUrl": "transitions that could not be told",
}
"""The outputs that name dead-letter queues, and what lies in them."""
OUTPUTS = ("ControlFunctionName", "StateMachineArn", "TableName", *QUEUES)
"""The outputs that the command line needs."""


def judge_outputs(stack: str, outputs: Mapping[str, str]) -> Iterator[Finding]:
    """Yield that outputs are missing, as after an update that was never made."""
    missing = [name for name in OUTPUTS if name not in outputs]
    if missing:
        yield error(
            Check.STACK,
            f"stack {stack} lacks the outputs {', '.join(missing)}: it is older than this command; deploy it again",
            "sam deploy",
        )


def judge_queue(output: str, url: str, letters: int) -> Iterator[Finding]:
    """Yield that a dead-letter queue is not empty."""
    if letters:
        yield error(
            Check.DEAD_LETTERS,
            f"{letters} message{' waits' if letters == 1 else 's wait'} in the queue of output {output}: "
            f"{QUEUES[output]}",
            f"aws sqs receive-message --queue-url {url} --max-number-of-messages 10 --message-attribute-names All "
            "--visibility-timeout 0",
        )


def judge_machine(arn: str, status: str) -> Iterator[Finding]:
    """Yield that the state machine takes no executions."""
    if status != "ACTIVE":
        yield error(Check.STATE_MACHINE, f"state machine {arn.rpartition(':')[2]} is {status}: nothing is deployed")


def judge_bus(bus: str, account: str, policy: str | None) -> Iterator[Finding]:
    """Yield the statements by which other accounts may put events of any source on the bus of AWS's own events."""
    statements: Sequence[Mapping[str, Any]] = json.loads(policy)["Statement"] if policy else ()
    for statement in statements:
        who = [each for each in _principals(statement.get("Principal")) if account not in each]
        conditions = json.dumps(statement.get("Condition", {})).lower()
        is_bound = "events:source" in conditions or "aws:principalaccount" in conditions
        if statement.get("Effect") == "Allow" and who and not is_bound:
            sid = str(statement.get("Sid", ""))
            yield warning(
                Check.BUS,
                f"statement {sid} lets {', '.join(who)} send events to bus {bus}, of AWS's own sources too; "
                "Rampart's rules take those of this account alone, and other rules may not",
                f"aws events remove-permission --event-bus-name {bus} --statement-id {sid}",
            )


def _principals(principal: Any) -> list[str]:
    if isinstance(principal, Mapping):
        return [value for each in principal.values() for value in ([each] if isinstance(each, str) else each)]
    return [str(principal)] if principal else []
