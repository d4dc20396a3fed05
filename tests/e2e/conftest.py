"""What the end-to-end tests share."""

from collections.abc import Iterator

import pytest

from rampart.embedded.aws import EmbeddedAws
from tests.e2e.shop import Shop


@pytest.fixture(scope="module")
def running_shop() -> Iterator[Shop]:
    """Return the shop, with a minute of one second and functions in processes of their own."""
    with EmbeddedAws(1.0) as aws:
        shop = Shop(aws)
        shop.declare_target("AllAtOnce", final_bake="1m")
        yield shop


@pytest.fixture
def shop(running_shop: Shop) -> Shop:
    """Return the shop with its alarm OK and its target as usual."""
    running_shop.declare_target("AllAtOnce", final_bake="1m")
    running_shop.wait(lambda: running_shop.alarm_state() == "OK", "the alarm is OK")
    return running_shop
