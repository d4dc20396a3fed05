"""Which deployment a person means."""

import pytest

from controller.core.deployment import Status
from controller.core.errors import InputError
from rampart.cli.choice import checked_name, deployment_called, live_deployment_called
from tests.builders import after
from tests.cli.records import ended, running, store

OLD, NEW = "big-shop-aaaa1111-e1", "big-shop-aaaa2222-e2"
SHOP = store(
    ended(OLD, target="big-shop"),
    ended(NEW, Status.PROMOTED, target="big-shop", started_at=after(60)),
    running(),
    running().model_copy(update={"deployment_id": "by-hand-1"}),
    running().model_copy(update={"deployment_id": "by-hand-2"}),
)


@pytest.mark.parametrize(
    ("name", "meant"),
    [(OLD, OLD), ("big-shop", NEW), ("big-shop-aaaa1", OLD), ("by-hand-2", "by-hand-2"), ("checkout-7f", None)],
)
def test_an_id_a_target_or_an_unambiguous_beginning_names_a_deployment(name: str, meant: str | None) -> None:
    assert deployment_called(SHOP, name).deployment_id == (meant or running().deployment_id)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("big-shop-aaaa", f"'big-shop-aaaa' may be {OLD}, {NEW}; write more of the id"),
        ("by-", "'by-' may be by-hand-1, by-hand-2; write more of the id"),
        ("chekout", "there is no deployment 'chekout', and no target of that name has one"),
        ("", "write a name of 1 to 80 characters, not ''"),
        ("a\nb", "write a name of 1 to 80 characters, not 'a\\nb'"),
    ],
)
def test_what_names_none_or_several_is_one_line_with_the_candidates(name: str, line: str) -> None:
    with pytest.raises(InputError) as refused:
        deployment_called(SHOP, name)
    assert str(refused.value) == line


def test_many_candidates_are_not_all_listed() -> None:
    many = store(*(running().model_copy(update={"deployment_id": f"d-{n}"}) for n in range(9)))
    with pytest.raises(InputError, match="may be d-0, d-1, d-2, d-3, d-4 or 4 more;"):
        deployment_called(many, "d")


def test_a_name_that_no_deployment_can_have_is_never_asked_for() -> None:
    with pytest.raises(InputError):
        checked_name("x" * 81)


def test_to_abort_a_target_is_to_abort_its_one_live_deployment() -> None:
    one = store(ended("orders-new", started_at=after(60)), ended("orders-live", Status.IN_PROGRESS, ended_at=None))
    assert live_deployment_called(one, "orders").deployment_id == "orders-live"
    assert live_deployment_called(one, "orders-l").deployment_id == "orders-live"


def test_of_several_live_deployments_none_is_aborted_by_guess() -> None:
    with pytest.raises(InputError, match="may be by-hand-1, by-hand-2, checkout-7f"):
        live_deployment_called(SHOP, "checkout")


def test_a_target_on_which_nothing_runs_has_nothing_to_abort() -> None:
    with pytest.raises(InputError, match="there is no live deployment 'big-shop'"):
        live_deployment_called(SHOP, "big-shop")
