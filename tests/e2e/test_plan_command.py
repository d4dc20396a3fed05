"""`rampart plan` on the embedded AWS, with the operator's own clients: it tells, and changes nothing."""

import json
from pathlib import Path

from rampart.demo.account import STAGE, TARGET
from tests.e2e import acts
from tests.e2e.command_line import Terminal
from tests.e2e.shop import Shop


def test_the_command_tells_of_a_zip_what_the_controller_would_and_leaves_no_trace(
    shop: Shop, tmp_path: Path
) -> None:
    acts.declare(shop, "Linear10PercentEvery1Minute", comparison={})
    terminal = Terminal(shop.aws.url, tmp_path)
    machine = shop.stack.outputs["StateMachineArn"]
    options = f"--stage {STAGE} --state-machine {machine} --output json"
    before = shop.routing(), shop.deployments.unfinished()
    ran = terminal.run(f"rampart plan {TARGET} {options}")
    assert (ran.code, ran.err) == (0, "")
    told = json.loads(ran.out)
    assert [step["weight_percent"] for step in told["steps"]] == [*range(10, 101, 10)]
    assert (shop.routing(), shop.deployments.unfinished()) == before
