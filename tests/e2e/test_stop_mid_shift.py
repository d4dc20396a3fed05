"""An execution that is stopped while Shift writes the alias: Restore's write meets Shift's, in either order."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from controller.core.alias import Routing
from controller.core.deployment import Status
from rampart.demo.account import FUNCTION, TARGET
from rampart.demo.releases import Release
from rampart.embedded.aws import EmbeddedAws
from rampart.embedded.wire import ApiError, Call
from tests.e2e.shop import Shop

_LONGEST_SECONDS = 60.0
_WRITERS = ("ShiftFunction", "RestoreFunction")


class Crossing:
    """Holds the UpdateAlias of Shift and that of Restore until both are under way, and lets one go first."""

    def __init__(self, first: str) -> None:
        """Let the write of the function `first` (by its logical id) take effect first."""
        self._first = first
        self._changed = threading.Condition()
        self._under_way: list[str] = []
        self.answers: list[tuple[str, str]] = []
        """Who wrote, and "done" or the code of the error, in the order of the answers."""

    @contextmanager
    def around(self, call: Call) -> Iterator[None]:
        """Carry out a call; give this to the embedded AWS."""
        who = next((name for name in _WRITERS if name in call.principal), None)
        if call.operation != "UpdateAlias" or who is None:
            yield
            return
        with self._changed:
            self._under_way.append(who)
            self._changed.notify_all()
        self.wait_for(*_WRITERS)
        with self._changed:
            assert self._changed.wait_for(lambda: who == self._first or self.answers, _LONGEST_SECONDS)
        answer = "done"
        try:
            yield
        except ApiError as error:
            answer = error.code
            raise
        finally:
            with self._changed:
                self.answers.append((who, answer))
                self._changed.notify_all()

    def wait_for(self, *names: str) -> None:
        """Wait until functions have begun to write the alias."""
        with self._changed:
            assert self._changed.wait_for(lambda: {*names} <= {*self._under_way}, _LONGEST_SECONDS), names


@pytest.mark.parametrize("first", _WRITERS)
def test_an_execution_stopped_in_the_middle_of_a_shift_leaves_the_baseline_and_no_claim_and_is_told_once(
    first: str,
) -> None:
    crossing = Crossing(first)
    with EmbeddedAws(1.0, around=crossing.around) as aws:
        shop = Shop(aws)
        shop.declare_target("AllAtOnce", final_bake="30m")
        baseline = shop.routing()
        version = shop.publish(Release(2, 0, Status.ROLLED_BACK).zip)
        deployment_id = shop.start({"target": TARGET, "version": version}, "stopped")
        crossing.wait_for("ShiftFunction")
        arn = shop.execution_arn(deployment_id)
        aws.client("stepfunctions").stop_execution(executionArn=arn, cause="in a hurry")
        shop.wait(lambda: shop.record(deployment_id).status.is_over, f"{deployment_id} has ended")
        shop.wait(lambda: {*_WRITERS} == {who for who, _ in crossing.answers}, "both have their answers")

        assert crossing.answers[0] == (first, "done")
        others = [answer for who, answer in crossing.answers if who != first]
        assert others[0] == "PreconditionFailedException", "what it had read was used up"
        record = shop.record(deployment_id)
        assert (record.status, record.reason) == (Status.ROLLED_BACK, "the execution ended ABORTED: in a hurry")
        assert shop.claims()[f"function#{FUNCTION}"] is None
        assert shop.execution(deployment_id)["status"] == "ABORTED"
        ends = [each for each in shop.told(deployment_id) if each["transition"] == "ENDED"]
        assert [(each["status"], each["reason"]) for each in ends] == [("ROLLED_BACK", record.reason)]
        restore = f":{shop.stack.resources['RestoreFunction']}"
        assert [each.target_arn.endswith(restore) for each in aws.events.delivered].count(True) == 1
        assert shop.routing() == baseline == Routing(record.members[0].baseline)
