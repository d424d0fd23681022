"""States into the simulator and out of it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from simulator_frames import Case, alike, episode
from simulator_worlds import make

from drive_gen.envs.files import InputError
from drive_gen.envs.reference import EnvConfig, export_state, import_state, make_stock
from drive_gen.envs.simulator.convert import cars_of, rules_of, state_after
from drive_gen.envs.simulator.network import network_of
from drive_gen.envs.simulator.order import scratch_of
from drive_gen.envs.simulator.step import policy_step
from drive_gen.envs.simulator.types import EGO, IDM, NO_ACTION, TRAFFIC, VEHICLE
from drive_gen.envs.world import WorldState, differences

CASES = [Case("highway-fast-v0", {"vehicles_count": 8}, idm_ego=True, steps=2),
         Case("merge-v1", {"other_vehicles_type": "highway_env.vehicle.behavior.LinearVehicle"}, steps=2),
         Case("roundabout-v0", steps=3), Case("exit-v0", {"vehicles_count": 4}, steps=1),
         Case("intersection-v0", {"initial_vehicle_count": 6}, steps=2), Case("racetrack-v0", steps=2)]


@cache
def fresh(env: str) -> tuple[Any, WorldState]:
    """A stock environment and its first state."""
    stock = make(env, {})
    stock.reset(seed=0)
    return stock, export_state(stock)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.env)
def test_in_and_out_is_the_identity(case: Case) -> None:
    for stock, before, _, _, frames in episode(case):
        for state in (before, *frames):
            cars, world = cars_of(state, network_of(stock), room=2)
            assert cars.size == len(state.classes) + 2
            assert differences(state_after(before, cars, world), state) == []


@pytest.mark.parametrize("env", ["merge-v0", "roundabout-v1", "highway-fast-v0"])
def test_a_world_goes_on_in_highway_env(env: str) -> None:
    """A step in the simulator and one in highway-env are two in either."""
    stock, state = make_stock(EnvConfig(env=env)), fresh(env)[1]
    stock.reset(seed=5)
    network, rules = network_of(stock), rules_of(state, stock.unwrapped.config)
    cars, world = cars_of(state, network)
    states = []
    for _ in range(2):
        policy_step(cars, world, network, rules, scratch_of(cars, rules), np.array([NO_ACTION]),
                    np.zeros((1, 2)))
        states.append(state_after(state, cars, world))
    import_state(stock, states[0])
    stock.step(None)
    there = export_state(stock)
    assert all(alike(getattr(there, name), getattr(states[1], name), exact=False)
               for name in ("position", "speed", "lane", "target_lane", "timer", "routes", "time", "steps"))


def test_newcomers_are_of_the_traffics_class() -> None:
    stock, state = fresh("intersection-v0")
    cars, world = cars_of(state, network_of(stock), room=1)
    assert set(state.classes) == {"IntersectionIdm", "MDPVehicle"}
    cars[-1] = cars[0]
    world.count += 1
    world.things += 1
    later = state_after(state, cars, world)
    assert later.classes == (*state.classes, "IntersectionIdm")
    alone = replace(state, classes=("MDPVehicle",) * len(state.classes))
    with pytest.raises(InputError, match="traffic"):
        state_after(alone, cars, world)


def test_parameters_of_the_traffic_and_of_an_idm_ego() -> None:
    stock, state = fresh("intersection-v0")
    rules = rules_of(state, stock.unwrapped.config)
    assert rules.distance_wanted.tolist() == [7, 7]  # IdmEgo's are set to the traffic's
    assert rules.braking_scale == pytest.approx(2 * np.sqrt([18, 18]))
    assert (rules.regulation, rules.frames, rules.speeds) == (7, 15, 3)
    stock = make_stock(EnvConfig(env="merge-v1", traffic="aggressive"))
    stock.reset(seed=0)
    rules = rules_of(export_state(stock), stock.unwrapped.config)
    assert (rules.time_wanted[TRAFFIC], rules.time_wanted[EGO]) == (2.5, 1.5)
    assert (rules.min_acc_gain[TRAFFIC], rules.min_acc_gain[EGO]) == (1.0, 0.2)
    assert (rules.regulation, rules.connected, rules.continuous) == (0, True, False)


def test_kinds_and_controls_of_a_racetrack() -> None:
    stock, state = fresh("racetrack-v0")
    cars, _ = cars_of(state, network_of(stock))
    assert cars["kind"].tolist() == [VEHICLE] + [IDM] * (cars.size - 1)
    rules = rules_of(state, stock.unwrapped.config)
    assert (rules.continuous, rules.longitudinal, rules.lateral, rules.speeds) == (True, False, True, 1)
    assert (rules.least_acceleration, rules.most_steering) == (-5, np.pi / 4)


@pytest.mark.parametrize(("values", "message"), [
    ({"classes": ("ControlledVehicle",) * 6}, "ControlledVehicle"),
    ({"routes": ((("a", "b", None),) * 13, *(None,) * 5)}, "up to 12 roads"),
    ({"lane_keys": (("a", "b", 0),)}, "same environment")])
def test_what_cannot_be_moved_is_named(values: dict[str, Any], message: str) -> None:
    stock, state = fresh("two-way-v0")
    with pytest.raises(InputError, match=message):
        cars_of(replace(state, **values), network_of(stock))


def test_rules_that_cannot_be_kept_are_named() -> None:
    stock, state = fresh("two-way-v0")
    with pytest.raises(InputError, match="target speeds"):
        rules_of(replace(state, target_speeds=np.arange(17.0)), stock.unwrapped.config)
    mixed = replace(state, classes=("MDPVehicle", "LinearVehicle", *state.classes[2:]))
    with pytest.raises(InputError, match="one class"):
        rules_of(mixed, stock.unwrapped.config)
