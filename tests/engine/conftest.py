"""The world in which the engine itself is tried."""

import pytest

from tests.engine.world import World


@pytest.fixture
def world() -> World:
    """Return an account with the functions checkout and basket, and a target for each."""
    world = World()
    for name in ("checkout", "basket"):
        world.function(name)
        world.target(name)
    return world
