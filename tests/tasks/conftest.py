"""The world in which tasks are tried."""

import pytest

from tests.engine.world import World


@pytest.fixture
def world() -> World:
    """Return an account with the function checkout, its target and one alarm that is OK."""
    world = World()
    world.function()
    world.alarm("errors")
    world.target(alarms=["errors"], test_events=[{"name": "ping", "payload": {}}])
    return world
