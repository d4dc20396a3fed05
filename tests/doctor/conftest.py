"""Somebody whom doctor looks at."""

import pytest

from tests.doctor.patient import Patient
from tests.engine.world import World


@pytest.fixture
def world() -> World:
    """Return an account with the function checkout and its target."""
    world = World()
    world.function()
    world.target()
    return world


@pytest.fixture
def patient(world: World) -> Patient:
    """Return what doctor looks at, with nothing wrong."""
    return Patient(world)
