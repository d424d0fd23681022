"""Settings of all tests."""

import os
from collections.abc import Iterator

import pytest
from highway_env.vehicle.behavior import IDMVehicle
from hypothesis import settings

CHANGED = ("DISTANCE_WANTED", "COMFORT_ACC_MAX", "COMFORT_ACC_MIN")  # by IntersectionEnv._make_vehicles

# On a developer's machine examples are new at every run; continuous integration must not fail by chance.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


@pytest.fixture(autouse=True, scope="module")
def idm_as_it_was() -> Iterator[None]:
    """highway-env's own intersections change IDMVehicle for the whole process; not beyond their tests."""
    saved = {name: getattr(IDMVehicle, name) for name in CHANGED}
    yield
    for name, value in saved.items():
        setattr(IDMVehicle, name, value)
