"""Deployments, the port: marks and tokens, what is read back, and in which order."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from controller.adapters.dynamodb_deployments import DynamoDbDeployments
from controller.core.comparison import Bar, Contest, compare
from controller.core.criteria import ComparisonTerms, Rule, Then, WhenUnclear
from controller.core.deployment import Deployment, Mark, MarkDetail, Status, Transition, event_of
from controller.core.errors import MissingError
from controller.core.evidence import Minute
from controller.core.hook import At, HookOutcome, HookRun
from controller.core.measurement import ShiftMade, errors_of, slowness_of
from controller.core.outcome import Outcome
from controller.core.plan import Guard, Plan, Step
from controller.core.verdict import Verdict
from controller.core.verification import VerificationEvent
from controller.ports import Deployments
from rampart.embedded.aws import EmbeddedAws
from tests.adapters.records import DETAIL, close, found, mark, open_one, planned_event, told
from tests.builders import START, after, an_alarm

BY_VERSION = {"version_dimension": "version", "dimensions": {"service": "orders"}}
COUNTS = {"name": "orders", "namespace": "Shop", "requests": "Orders", "failures": "Failed", **BY_VERSION}


def test_registering_a_token_returns_the_marks_that_came_before_it(deployments: Deployments) -> None:
    open_one(deployments)
    mark(deployments, "d-1", Mark.ABORT)
    registered = deployments.register_token("d-1", "token-1")
    assert (registered.token, registered.marks) == ("token-1", {Mark.ABORT: DETAIL})
    assert found(deployments) == registered


def test_marking_returns_the_token_that_came_before_it(deployments: Deployments) -> None:
    open_one(deployments)
    deployments.register_token("d-1", "token-1")
    marked = mark(deployments, "d-1", Mark.ALARM)
    assert (marked.token, marked.marks) == ("token-1", {Mark.ALARM: DETAIL})
    assert found(deployments) == marked


def test_the_token_of_a_later_bake_replaces_the_one_before(deployments: Deployments) -> None:
    open_one(deployments)
    deployments.register_token("d-1", "token-1")
    assert deployments.register_token("d-1", "token-2").token == "token-2"


def test_whoever_marks_first_is_remembered(deployments: Deployments) -> None:
    open_one(deployments)
    mark(deployments, "d-1", Mark.ABORT)
    again = deployments.mark("d-1", Mark.ABORT, MarkDetail(at=after(9), by="bo", reason="me too"))
    assert again.marks == {Mark.ABORT: DETAIL}


def test_marks_stand_beside_each_other(deployments: Deployments) -> None:
    open_one(deployments)
    for which in Mark:
        mark(deployments, "d-1", which)
    assert found(deployments).marks == dict.fromkeys(Mark, DETAIL)


def test_marks_and_tokens_do_not_disturb_a_writer(deployments: Deployments) -> None:
    before = open_one(deployments)
    mark(deployments, "d-1", Mark.PAUSE)
    deployments.register_token("d-1", "token-1")
    assert deployments.save(before, before, told(before)).sequence == 2


def test_a_mark_on_an_unknown_deployment_is_an_error_and_makes_none(deployments: Deployments) -> None:
    with pytest.raises(MissingError, match="there is no deployment 'd-9'"):
        mark(deployments, "d-9", Mark.ABORT)
    assert deployments.find("d-9") is None


def test_a_token_on_an_unknown_deployment_is_an_error_and_makes_none(deployments: Deployments) -> None:
    with pytest.raises(MissingError, match="there is no deployment 'd-9'"):
        deployments.register_token("d-9", "token-1")
    assert deployments.find("d-9") is None


def test_every_read_sees_the_last_write(deployments: Deployments) -> None:
    before = open_one(deployments)
    for number in range(5):
        before = deployments.save(before, before.model_copy(update={"reason": f"look {number}"}))
        assert found(deployments) == before


def test_events_are_told_oldest_first_past_the_ninth(deployments: Deployments) -> None:
    before = open_one(deployments)
    for _ in range(11):
        before = deployments.save(before, before, told(before))
    assert [event.sequence for event in deployments.events("d-1")] == list(range(1, 13))


def test_history_is_newest_first_of_one_target_and_no_longer_than_asked(deployments: Deployments) -> None:
    for number in range(4):
        open_one(deployments, f"d-{number}", f"function-{number}", started_at=after(number))
    open_one(deployments, "d-other", "other", target="other")
    assert [d.deployment_id for d in deployments.history("orders", 3)] == ["d-3", "d-2", "d-1"]
    assert [d.deployment_id for d in deployments.history("other", 3)] == ["d-other"]
    assert deployments.history("unknown", 3) == []


def test_history_of_large_records_is_as_long_as_asked(deployments: Deployments) -> None:
    # DynamoDB API reference, Query: a page has 1 MB at most, however many items are asked for.
    large = (VerificationEvent(name="ping", payload="x" * 95_000),)
    for number in range(1, 15):
        open_one(deployments, f"d-{number}", f"f-{number}", started_at=after(number), test_events=large)
    assert [d.deployment_id for d in deployments.history("orders", 13)] == [f"d-{n}" for n in range(14, 1, -1)]


PAYLOADS: list[Any] = [
    {"price": 12.5, "share": 0.1, "tiny": 1e-7, "count": 3, "whole": 2.0, "negative": -0.25},
    {"name": "Zoë 🚀 日本", "empty": "", "quote": '"\\'},
    {"nothing": {}, "list": [], "null": None, "yes": True, "no": False},
    [[1, [2.5, ["deep"]]], {}],
    None,
    "plain text",
    0,
]


@pytest.mark.parametrize("payload", PAYLOADS, ids=["numbers", "text", "empty", "nested", "null", "string", "zero"])
def test_a_test_event_is_read_back_as_it_was_written(deployments: Deployments, payload: Any) -> None:
    event = VerificationEvent(name="ping", payload=payload)
    opened = open_one(deployments, test_events=(event,))
    assert opened.test_events == (event,)


def test_every_part_of_a_record_is_read_back_as_it_was_written(deployments: Deployments) -> None:
    full: dict[str, Any] = {
        "reason": "schön 🚀",
        "plan": Plan(
            strategy="Steps",
            steps=(Step(weight=3333, bake_seconds=7), Step(weight=10_000, bake_seconds=1)),
            guard=Guard(requests=None, seconds=1, finest=10, min_duration_seconds=540),
        ),
        "alarms": (an_alarm(), an_alarm(name="ünïcode", armed=False)),
        "verdict": Verdict(outcome=Outcome.PASS, reason="fine", evidence={"share": 0.05, "alarms": {}}),
        "hotfix": {"reason": "down", "by": "ada"},
        "event_id": "e-1",
        "shifted_at": START,
        "look_at": after(0.25),
        "refused": True,
        "comparison": ComparisonTerms.model_validate({"false_rollbacks": "0.5%", "metrics": [COUNTS]}),
        "rules": (
            Rule.model_validate({"metric": "error_rate", "above": "2.5%", "over": "15m"}),
            Rule.model_validate({"metric": {"namespace": "Shop", "name": "Baskets", **BY_VERSION}, "below": 0.5}),
        ),
        "subjects": (errors_of("orders", "live"), slowness_of("orders", "live", 812.5, Then.HOLD)),
        "shifts": (ShiftMade(at=START, until=after(0.25), weight=3333),),
        "shift_at": after(60),
        "when_unclear": WhenUnclear.APPROVE,
        "approval_seconds": 86_400,
        "awaits_approval": True,
        "expects_evidence": True,
    }
    opened = open_one(deployments, **full)
    wanted = Deployment.model_validate(opened.model_dump() | full)
    assert opened == wanted


# Whoever waits for a day for an approval, or bakes a canary for one, sees the evidence grow, or vanish, all along.
@pytest.mark.parametrize(
    "minute", [Minute(1e6, 2e5, 1e6, 5e4), Minute(1e6, 1e4, 1e6, 1e4)], ids=["worse", "as good"]
)
def test_the_evidence_of_a_day_of_comparing_can_be_written(deployments: Deployments, minute: Minute) -> None:
    comparison = compare(Contest("orders version 2", "version 1"), [minute] * 1_440, Bar())
    verdict = Verdict(outcome=comparison.outcome, reason=comparison.reason, evidence=comparison.evidence)
    before = open_one(deployments)
    judged = before.model_copy(update={"verdict": verdict})
    deployments.save(before, judged, event_of(judged, Transition.JUDGED, after(0.5), verdict.evidence))
    assert found(deployments).verdict == verdict


def test_the_evidence_of_an_event_is_read_back_as_it_was_written(deployments: Deployments) -> None:
    before = open_one(deployments)
    evidence = {"alarms": {"errors": "OK"}, "rate": 0.0125, "counts": [1, 2.5], "none": None, "empty": {}}
    event = event_of(before, Transition.JUDGED, after(0.5), evidence)
    deployments.save(before, before, event)
    assert deployments.events("d-1")[-1] == event


def test_a_record_is_written_as_it_was_and_not_as_the_caller_changes_it_later(deployments: Deployments) -> None:
    payload = {"n": [1]}
    open_one(deployments, test_events=(VerificationEvent(name="ping", payload=payload),))
    payload["n"].append(2)
    assert found(deployments).test_events[0].payload == {"n": [1]}


def test_the_first_event_is_the_one_that_was_given(deployments: Deployments) -> None:
    opened = open_one(deployments)
    assert deployments.events("d-1") == [planned_event(opened.model_copy(update={"sequence": 0}))]


def test_the_deployments_that_have_not_ended_are_found_the_oldest_first(deployments: Deployments) -> None:
    open_one(deployments, "d-2", "basket", started_at=after(60))
    first = open_one(deployments, "d-1", "orders", started_at=after(0))
    close(deployments, open_one(deployments, "d-3", "search"), Status.PROMOTED)
    assert [d.deployment_id for d in deployments.unfinished()] == ["d-1", "d-2"]
    close(deployments, first, Status.ROLLED_BACK)
    assert [d.deployment_id for d in deployments.unfinished()] == ["d-2"]


def test_the_events_that_are_still_to_be_sent_are_found_once_they_are_old_enough(deployments: Deployments) -> None:
    opened = open_one(deployments, "d-1")
    close(deployments, opened, Status.ROLLED_BACK)
    assert [e.event_id for e in deployments.unsent(after(60))] == ["d-1.1"]
    assert [e.event_id for e in deployments.unsent(after(600))] == ["d-1.1", "d-1.2"]
    deployments.sent(deployments.events("d-1")[0])
    assert [e.event_id for e in deployments.unsent(after(600))] == ["d-1.2"]


def test_a_mark_that_meets_a_transaction_is_left_all_the_same(aws: EmbeddedAws, table: str) -> None:
    client = aws.client("dynamodb")
    open_one(DynamoDbDeployments(client, table), "d-1")
    update, met = client.update_item, iter(range(3))

    class InTheWay:
        def __getattr__(self, name: str) -> Any:
            return getattr(client, name)

        def update_item(self, **params: Any) -> Any:
            if next(met, None) is not None:
                response = {"Error": {"Code": "TransactionConflictException", "Message": "in the way"}}
                raise ClientError(response, "UpdateItem")  # type: ignore[arg-type]
            return update(**params)

    marked = DynamoDbDeployments(InTheWay(), table).mark("d-1", Mark.ABORT, DETAIL)  # type: ignore[arg-type]
    assert marked.marks == {Mark.ABORT: DETAIL}


def asking(hook_id: str = "d-1.0.0") -> HookRun:
    """Return the asking of a hook that is waited for."""
    return HookRun(
        hook_id=hook_id,
        step=0,
        number=0,
        function="acceptance",
        at=At.BEFORE_TRAFFIC,
        timeout_seconds=300,
        until=after(300),
        outcome=HookOutcome.WAIT,
    )


def says(hook_id: str, outcome: HookOutcome, by: str = "suite") -> MarkDetail:
    """Return what a hook says."""
    return MarkDetail(at=after(10), by=by, reason="seen", hook_id=hook_id, outcome=outcome)


def test_a_hook_that_was_asked_answers_once(deployments: Deployments) -> None:
    open_one(deployments, hook=asking())
    deployments.register_token("d-1", "token-1")
    first = says("d-1.0.0", HookOutcome.PASS)
    answered = deployments.answer("d-1", "d-1.0.0", first)
    assert (answered.marks, answered.token) == ({Mark.HOOK: first}, "token-1")
    assert deployments.answer("d-1", "d-1.0.0", says("d-1.0.0", HookOutcome.FAIL, "later")) == answered
    assert found(deployments) == answered


def test_an_answer_to_another_asking_changes_nothing(deployments: Deployments) -> None:
    before = open_one(deployments, hook=asking())
    assert deployments.answer("d-1", "d-1.1.0", says("d-1.1.0", HookOutcome.PASS)) == before
    unasked = open_one(deployments, "d-2", "basket")
    assert deployments.answer("d-2", "d-2.0.0", says("d-2.0.0", HookOutcome.PASS)) == unasked


def test_the_next_asking_is_answered_in_the_place_of_the_last(deployments: Deployments) -> None:
    before = open_one(deployments, hook=asking())
    before = deployments.answer("d-1", "d-1.0.0", says("d-1.0.0", HookOutcome.PASS))
    deployments.save(before, before.model_copy(update={"hook": asking("d-1.1.0")}))
    second = says("d-1.1.0", HookOutcome.FAIL)
    assert deployments.answer("d-1", "d-1.1.0", second).marks == {Mark.HOOK: second}


def test_a_hook_of_no_deployment_is_missing(deployments: Deployments) -> None:
    with pytest.raises(MissingError):
        deployments.answer("nobody", "nobody.0.0", says("nobody.0.0", HookOutcome.PASS))
