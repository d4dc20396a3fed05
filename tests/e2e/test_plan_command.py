"""`rampart plan` on the embedded AWS, with the operator's own clients: it tells, and changes nothing."""

import json
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from controller.core.deployment import Status
from rampart.demo.account import STAGE, TARGET
from tests.e2e import acts
from tests.e2e.command_line import Terminal
from tests.e2e.shop import Shop

_LATE_SECONDS = 10.0
"""How much later than it must be a shift, or the end, may come on a machine that runs other tests beside it."""


def planned(shop: Shop, home: Path) -> dict[str, Any]:
    """Return what `rampart plan` answers of the shop's target."""
    machine = shop.stack.outputs["StateMachineArn"]
    minute = {"RAMPART_MINUTE_SECONDS": str(shop.aws.clock.minute_seconds)}
    command = f"rampart plan {TARGET} --stage {STAGE} --state-machine {machine} --output json"
    ran = Terminal(shop.aws.url, home, minute).run(command)
    assert (ran.code, ran.err) == (0, "")
    told: dict[str, Any] = json.loads(ran.out)
    return told


def test_the_command_tells_of_a_target_what_the_controller_would_and_leaves_no_trace(
    shop: Shop, tmp_path: Path
) -> None:
    acts.declare(shop, "Linear10PercentEvery1Minute", comparison={})
    before = shop.routing(), shop.deployments.unfinished()
    told = planned(shop, tmp_path)
    assert [step["weight_percent"] for step in told["steps"]] == [*range(10, 101, 10)]
    assert (shop.routing(), shop.deployments.unfinished()) == before


def test_its_steps_and_times_are_those_of_the_deployment_that_follows(shop: Shop, tmp_path: Path) -> None:
    acts.declare(
        shop, {"steps": [{"weight": "10%", "bake": "4m"}, {"weight": "50%", "bake": "3m"}]}, final_bake="2m"
    )
    told = planned(shop, tmp_path)
    deployment = shop.deployment_of(shop.upload(acts.GOOD.key, acts.GOOD.zip))
    assert deployment.status is Status.PROMOTED, deployment.reason
    assert [(step["weight_percent"] * 100, step["bake_seconds"]) for step in told["steps"]] == [
        (step.weight, step.bake_seconds) for step in deployment.steps
    ]
    foretold = [datetime.fromisoformat(at) for at in (*(s["at"] for s in told["steps"]), told["promoted_at"])]
    came = [*(shift.until for shift in deployment.shifts), deployment.ended_at]
    for (planned_at, next_planned), (at, next_at) in zip(pairwise(foretold), pairwise(came), strict=True):
        assert at
        assert next_at
        late = ((next_at - at) - (next_planned - planned_at)).total_seconds()
        assert -1 < late < _LATE_SECONDS, "a bake is never shorter than was told"
