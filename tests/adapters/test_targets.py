"""Targets, the port: the catalogue in SSM, and the same in memory."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from controller.adapters.ssm_targets import SsmTargets
from controller.core.errors import DeniedError, InputError, MissingError, UnavailableError
from controller.ports import Targets
from rampart.embedded.aws import EmbeddedAws
from rampart.embedded.clock import VirtualClock
from tests.adapters.clients import refusing, restricted
from tests.builders import a_target_document, events_of
from tests.engine.memory import MemoryTargets

Declare = Callable[[str, str], None]


@pytest.fixture
def path(fresh: Callable[[str], str]) -> str:
    """Return the path of a stage of its own."""
    return f"/rampart/{fresh('stage')}/targets/"


@pytest.fixture(params=["memory", "ssm"])
def targets(request: pytest.FixtureRequest) -> Targets:
    """Return an empty catalogue that does not keep what it read."""
    if request.param == "memory":
        return MemoryTargets()
    aws: EmbeddedAws = request.getfixturevalue("aws")
    return SsmTargets(aws.client("ssm"), request.getfixturevalue("path"), aws.clock.now, keep_seconds=-1.0)


@pytest.fixture
def declare(targets: Targets, request: pytest.FixtureRequest) -> Declare:
    """Return a function that puts a document into the catalogue."""
    if isinstance(targets, MemoryTargets):
        return targets.documents.__setitem__
    return put_into(request.getfixturevalue("aws"), request.getfixturevalue("path"))


def put_into(aws: EmbeddedAws, path: str) -> Declare:
    """Return a function that puts a document into an SSM parameter."""

    def put(name: str, text: str) -> None:
        aws.client("ssm").put_parameter(Name=path + name, Value=text, Type="String", Overwrite=True)

    return put


def document(**overrides: Any) -> str:
    """Return a target as JSON."""
    return json.dumps(a_target_document(**overrides))


def test_a_declared_target_is_read(targets: Targets, declare: Declare) -> None:
    declare("orders", document(test_events=[{"name": "ünïcode", "payload": {"price": 1.5}}]))
    target = targets.read("orders")
    assert (target.name, target.members[0].function) == ("orders", "orders")
    assert events_of(target)[0].payload == {"price": 1.5}


def test_a_read_sees_the_last_write(targets: Targets, declare: Declare) -> None:
    for strategy in ("AllAtOnce", "Canary10Percent5Minutes"):
        declare("orders", document(strategy=strategy))
        assert targets.read("orders").strategy == strategy


def test_a_target_that_is_not_declared_is_missing_by_its_name(targets: Targets, declare: Declare) -> None:
    declare("orders", document())
    with pytest.raises(MissingError, match="there is no target 'basket'"):
        targets.read("basket")


def test_a_broken_document_says_where_it_is_broken(targets: Targets, declare: Declare) -> None:
    declare("orders", "{")
    with pytest.raises(InputError, match=r"orders is not JSON: .* line 1"):
        targets.read("orders")


def test_an_empty_catalogue_is_no_fault(targets: Targets) -> None:
    assert targets.all() == ([], [])


def test_a_broken_document_does_not_hide_the_others(targets: Targets, declare: Declare) -> None:
    declare("orders", document())
    declare("basket", document(colour="red"))
    declare("search", document())
    found, faults = targets.all()
    assert sorted(target.name for target in found) == ["orders", "search"]
    (fault,) = faults
    assert "basket" in fault
    assert "colour: unknown field" in fault


def test_every_target_of_a_large_catalogue_is_read(targets: Targets, declare: Declare) -> None:
    names = [f"target-{number:02d}" for number in range(23)]
    for name in names:
        declare(name, document())
    found, faults = targets.all()
    assert sorted(target.name for target in found) == names
    assert faults == []


def test_the_catalogue_is_kept_for_a_while_by_the_given_clock(aws: EmbeddedAws, path: str) -> None:
    time = VirtualClock()
    targets = SsmTargets(aws.client("ssm"), path, time.now, keep_seconds=60.0)
    put = put_into(aws, path)
    put("orders", document())
    assert [target.name for target in targets.all()[0]] == ["orders"]
    put("basket", document())
    time.advance(60)
    assert [target.name for target in targets.all()[0]] == ["orders"]
    time.advance(1)
    assert sorted(target.name for target in targets.all()[0]) == ["basket", "orders"]


def test_the_catalogue_is_read_anew_for_whoever_asks(aws: EmbeddedAws, path: str) -> None:
    targets = SsmTargets(aws.client("ssm"), path, VirtualClock().now, keep_seconds=60.0)
    put = put_into(aws, path)
    assert targets.all()[0] == []
    put("orders", document())
    assert targets.all()[0] == []
    assert [target.name for target in targets.all(fresh=True)[0]] == ["orders"]
    assert [target.name for target in targets.all()[0]] == ["orders"]


def test_a_single_target_is_never_kept(aws: EmbeddedAws, path: str) -> None:
    targets = SsmTargets(aws.client("ssm"), path, VirtualClock().now)
    put = put_into(aws, path)
    for strategy in ("AllAtOnce", "Canary10Percent5Minutes"):
        put("orders", document(strategy=strategy))
        targets.all()
        assert targets.read("orders").strategy == strategy


def test_a_catalogue_that_could_not_be_read_is_not_kept(aws: EmbeddedAws, path: str) -> None:
    client = refusing(aws, "ssm", "get_parameters_by_path", "ThrottlingException")
    targets = SsmTargets(client, path, VirtualClock().now)
    with pytest.raises(UnavailableError):
        targets.all()


def test_another_stage_has_its_own_catalogue(aws: EmbeddedAws, path: str) -> None:
    put_into(aws, path)("orders", document())
    other = SsmTargets(aws.client("ssm"), path.replace("/targets/", "-other/targets/"), VirtualClock().now)
    assert other.all() == ([], [])
    with pytest.raises(MissingError, match="declare it in the SSM parameter /rampart/"):
        other.read("orders")


def test_a_missing_permission_is_said(aws: EmbeddedAws, path: str, fresh: Callable[[str], str]) -> None:
    targets = SsmTargets(restricted(aws, "ssm", fresh("role")), path, VirtualClock().now)
    with pytest.raises(DeniedError, match="ssm:GetParameter"):
        targets.read("orders")
    with pytest.raises(DeniedError, match="ssm:GetParametersByPath"):
        targets.all()
