"""What runs are made of: what people, AWS and the shop do in them."""

import json
from collections.abc import Mapping
from typing import Any

from controller.core.deployment import Deployment, Status
from rampart.demo.account import ALIAS, STAGE
from rampart.demo.releases import Release
from tests.e2e.shop import Shop
from tests.engine.account import zip_of

Strategy = str | Mapping[str, Any]

GOOD = Release(2, 0, Status.PROMOTED)
LONG = "12h"
"""Longer than any run takes."""


def abort(shop: Shop, deployment_id: str) -> None:
    """Stop a deployment as a person does; also one whose rollback failed."""
    ask(shop, deployment_id, "abort", reason="mended")


def ask(shop: Shop, deployment_id: str | None, verb: str, reason: str = "wrong prices") -> str:
    """Ask something of a deployment, or of the line, as a person does, and return the answer."""
    asked = {"deployment_id": deployment_id, "verb": verb, "by": "kim", "reason": reason}
    control = shop.stack.outputs["ControlFunctionName"]
    answer = shop.aws.client("lambda").invoke(FunctionName=control, Payload=json.dumps(asked))["Payload"].read()
    return str(json.loads(answer).get("answer", answer))


def ends(shop: Shop, deployment_id: str, field: str, wanted: str) -> None:
    """See that an execution ends with the wanted status, or error."""
    ended = shop.execution(deployment_id)
    assert ended.get(field) == wanted, (
        f"{deployment_id}: {ended.get('status')} {ended.get('error')}: {ended.get('cause')}"
    )


def over(shop: Shop, deployment_id: str) -> Deployment | None:
    """Return the record of a deployment if it is over."""
    found = shop.record(deployment_id)
    return found if found.status.is_over else None


def enter(shop: Shop, function: str, payload: dict[str, Any]) -> None:
    """Invoke the function of a Task state as the state machine does."""
    name = shop.stack.resources[function]
    answer = shop.aws.client("lambda").invoke(FunctionName=name, Payload=json.dumps(payload))
    said = answer["Payload"].read()
    shop.settle()
    assert "FunctionError" not in answer, said


def stop(shop: Shop, deployment_id: str) -> None:
    """Stop an execution as a person does."""
    states = shop.aws.client("stepfunctions")
    states.stop_execution(executionArn=shop.execution_arn(deployment_id), cause="in a hurry")


def reconcile(shop: Shop, about: str) -> None:
    """Run reconcile until it has had the patience to do something about one thing."""
    shop.wait(lambda: any(about in line for line in shop.reconcile()), f"reconcile deals with {about}")


def declare(shop: Shop, strategy: Strategy = "AllAtOnce", **fields: Any) -> None:
    """Declare the shop's target, which asks no test events and bakes as shortly as can be but for `fields`."""
    shop.declare_target(strategy, shop.function, **({"final_bake": "1s", "test_events": []} | fields))


def version(shop: Shop, number: int) -> str:
    """Publish a good release past the controller, and return its version."""
    return shop.publish(Release(number, 0, Status.PROMOTED).zip)


def start(shop: Shop, what: Release = GOOD, strategy: Strategy = "AllAtOnce", **fields: Any) -> str:
    """Start by hand with a new version and return the deployment's id."""
    declare(shop, strategy, **fields)
    return shop.start({"target": shop.function, "version": shop.publish(what.zip)}, shop.function)


def hook(shop: Shop, says: str) -> str:
    """Make a function that this stage may ask as a hook, and that says PASS, FAIL or WAIT; return its name."""
    client, name = shop.aws.client("lambda"), f"{shop.function}-hook"
    client.create_function(
        FunctionName=name,
        Role=shop.aws.client("iam").get_role(RoleName="shop")["Role"]["Arn"],
        Runtime="python3.13",
        Handler="app.handler",
        Architectures=["arm64"],
        Code={"ZipFile": zip_of(f"def handler(event, context):\n    return {{'outcome': '{says}'}}\n")},
        Tags={"rampart:hook": STAGE},
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    return name


def hooks_of(function: str) -> list[dict[str, str]]:
    """Return a function as the hook of a target before the traffic and after the promotion.

    Of its time, which minutes of a fifth of a second shorten, no busy machine may take the whole.
    """
    return [{"function": function, "at": at, "timeout": "12h"} for at in ("before_traffic", "after_promotion")]


def say(shop: Shop, deployment_id: str, hook_id: str, outcome: str) -> None:
    """Say as a hook that found out."""
    said = {"deployment_id": deployment_id, "verb": "hook", "hook_id": hook_id, "outcome": outcome, "by": "suite"}
    control = shop.stack.outputs["ControlFunctionName"]
    shop.aws.client("lambda").invoke(FunctionName=control, Payload=json.dumps(said))["Payload"].read()


def baking(shop: Shop, strategy: Strategy = "AllAtOnce") -> Deployment:
    """Return a deployment that bakes for longer than the test takes, and can be woken."""
    name = start(shop, strategy=strategy, final_bake=LONG)
    shop.shifted(name)
    shop.wait(lambda: shop.record(name).token, f"deployment {name} bakes")
    return shop.record(name)


def describe_alias(shop: Shop) -> None:
    """Give the alias another RevisionId, so that whoever puts it back has to look first."""
    shop.aws.client("lambda").update_alias(FunctionName=shop.function, Name=ALIAS, Description="what customers use")


def with_images(shop: Shop) -> Shop:
    """Return a shop whose function is an image that a target follows by its tag."""
    images = shop.open_image(f"{shop.function}-image")
    declare(images)
    return images


def promoted(shop: Shop, artifact: str) -> Deployment:
    """Return the deployment of an artifact, which ends PROMOTED."""
    ended = shop.deployment_of(artifact)
    assert ended.status is Status.PROMOTED, ended.reason
    shop.settle()
    return ended


def image(images: Shop, number: int) -> Release:
    """Return a good release of the shop's function."""
    return Release(number, 0, Status.PROMOTED, images.function)
