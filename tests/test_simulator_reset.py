"""Compiled resets against highway-env's. Run as a script it prints their differences as JSON."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulator_worlds import in_plain_rounding, interpreted

from drive_gen.envs.files import InputError
from drive_gen.envs.reference import EnvConfig, export_state, make_stock
from drive_gen.envs.simulator import reset_straight, rng
from drive_gen.envs.simulator.convert import cars_of, rules_of
from drive_gen.envs.simulator.intersection import after_step
from drive_gen.envs.simulator.network import network_of
from drive_gen.envs.simulator.reset import new_world, reset_world
from drive_gen.envs.simulator.rounding import same_rounding
from drive_gen.envs.simulator.spawn import Spawn, capacity_of
from drive_gen.envs.simulator.spawning import spawning_of
from drive_gen.envs.simulator.types import CAR, WORLD, Network
from drive_gen.envs.world import SUPPORTED, WorldState

TOLERANCE = 1e-9  # of positions and angles, where numpy and the C library differ in the last place
FAST = EnvConfig()
CONFIGS = [
    FAST,
    EnvConfig(env="highway-v0"),
    EnvConfig(lanes=5, vehicles=7, density=2.0, ego_spacing=3.0, initial_lane=2, traffic="aggressive"),
    EnvConfig(env="highway-v0", controlled=3, vehicles=11, traffic="linear"),
    EnvConfig(lanes=1, vehicles=0, traffic="defensive", actions="continuous"),
    EnvConfig(env="exit-v0"),
    EnvConfig(env="exit-v1", lanes=3, vehicles=30, traffic="linear", controlled=2),
    EnvConfig(env="merge-v0"),
    EnvConfig(env="merge-v1", traffic="aggressive", actions="steering"),
    EnvConfig(env="merge-generic-v0", lanes=1, vehicles=30, traffic="linear"),
    EnvConfig(env="merge-generic-v1", lanes=4, vehicles=20),
    EnvConfig(env="roundabout-v0"),
    EnvConfig(env="roundabout-v1", traffic="linear", actions="steering"),
    EnvConfig(env="roundabout-generic-v0"),
    EnvConfig(env="roundabout-generic-v1", lanes=4, vehicles=25, traffic="defensive"),
    EnvConfig(env="two-way-v0"),
    EnvConfig(env="u-turn-v0"),
    EnvConfig(env="u-turn-v1", traffic="linear", target_speeds_mps=(4.0, 12.0, 20.0, 28.0)),
    EnvConfig(env="racetrack-v0"),
    EnvConfig(env="racetrack-v1", vehicles=8, controlled=3, actions="continuous"),
    EnvConfig(env="racetrack-large-v0", vehicles=0),
    EnvConfig(env="racetrack-oval-v1", vehicles=6, controlled=2),
    EnvConfig(env="intersection-v0"),
    EnvConfig(env="intersection-v2", traffic="linear", vehicles=4, controlled=2, simulation_hz=10),
    EnvConfig(env="intersection-v0", vehicles=0, actions="continuous", policy_hz=5),
]


@cache
def made(config: EnvConfig) -> tuple[Any, Network, Any, Spawn]:
    """An environment and what a reset needs of it."""
    stock = make_stock(config)
    stock.reset(seed=0)
    network = network_of(stock)
    return (stock, network, rules_of(export_state(stock), stock.unwrapped.config),  # type: ignore[attr-defined]
            spawning_of(stock, network))


def differences(cars: np.ndarray, world: Any, state: WorldState, network: Network, exact: bool) -> list[str]:
    """Names of the fields in which a compiled world parts from highway-env's."""
    expected, clock = cars_of(state, network)
    if world.things != len(expected):
        return [f"{world.things} things, expected {len(expected)}"]
    cars = cars[: len(expected)].copy()
    for car in cars:  # what a route leaves behind when its car has driven on is nobody's
        car["route_road"][max(car["route_size"], 0) :] = car["route_lane"][max(car["route_size"], 0) :] = 0
    found = [name for name in CAR.names or () if not _equal(cars[name], expected[name], exact)]
    return found + [name for name in WORLD.names or () if getattr(world, name) != getattr(clock, name)]


def _equal(ours: np.ndarray, theirs: np.ndarray, exact: bool) -> bool:
    if exact or ours.dtype.kind != "f":
        return np.array_equal(ours, theirs)
    return np.allclose(ours, theirs, rtol=0, atol=TOLERANCE)


def reset_differences(config: EnvConfig, seed: int, exact: bool) -> list[str]:
    """What parts the compiled world of a seed from highway-env's."""
    stock, network, rules, spawn = made(config)
    stock.reset(seed=seed)
    cars, worlds = new_world(seed, network, rules, spawn)
    return differences(cars, worlds[0], export_state(stock), network, exact)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.env)
def test_every_field_is_highway_envs(config: EnvConfig) -> None:
    for seed in (0, 7):
        assert reset_differences(config, seed, same_rounding()) == []


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32))
def test_any_seed_of_a_highway(seed: int) -> None:
    assert reset_differences(FAST, seed, same_rounding()) == []


def test_bitwise_where_numpy_rounds_as_the_c_library() -> None:
    """In a process whose numpy leaves AVX-512 alone: the same comparison, to the last bit."""
    assert in_plain_rounding(__file__) == []


def test_a_reset_without_a_seed_goes_on_drawing() -> None:
    stock, network, rules, spawn = made(FAST)
    cars, worlds = new_world(3, network, rules, spawn)
    stock.reset(seed=3)
    for _ in range(2):
        stock.reset()
        reset_world(cars, worlds[0], network, rules, spawn)
        assert differences(cars, worlds[0], export_state(stock), network, same_rounding()) == []


def test_a_reset_leaves_nothing_of_the_world_before() -> None:
    _, network, rules, spawn = made(EnvConfig(env="roundabout-v0"))
    fresh, worlds = new_world(5, network, rules, spawn)
    used = fresh.copy()
    used.view(np.uint8)[:] = 1
    rng.seed_worlds(worlds, [5])
    reset_world(used, worlds[0], network, rules, spawn)
    assert used.tobytes() == fresh.tobytes()


@pytest.mark.parametrize("env", SUPPORTED)
def test_the_road_does_not_depend_on_the_seed(env: str) -> None:
    stock = make_stock(EnvConfig(env=env))
    networks = []
    for seed in (0, 1):
        stock.reset(seed=seed)
        networks.append(network_of(stock))
    assert all(np.array_equal(one, other) for one, other in zip(*networks, strict=True))


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.env)
def test_worlds_keep_within_their_capacity(config: EnvConfig) -> None:
    _, network, rules, spawn = made(config)
    for seed in range(20):
        _, worlds = new_world(seed, network, rules, spawn)
        assert 0 < worlds["count"][0] <= worlds["things"][0] <= capacity_of(spawn)


# --- intersections after a policy step --------------------------------------------------------------------


def steps_of(config: EnvConfig, seed: int, steps: int) -> list[tuple[WorldState, WorldState]]:
    """An intersection before and after vehicles are cleared and spawned, policy step by policy step."""
    stock, before, after = make_stock(config), [], []
    world: Any = stock.unwrapped
    clear = world._clear_vehicles

    def watched() -> None:
        before.append(export_state(stock))
        clear()

    world._clear_vehicles = watched
    stock.reset(seed=seed)
    for place, along in ((1, 70.0), (3, 45.0)):  # two that will leave, at 80 m
        vehicle, vehicle.target_lane_index = world.road.vehicles[place], ("il1", "o1", 0)
        lane = world.road.network.get_lane(vehicle.target_lane_index)
        vehicle.position, vehicle.heading, vehicle.speed = lane.position(along, 0.0), lane.heading, 8.0
        vehicle.on_state_update()
    for _ in range(steps):
        stock.step(1 if config.actions == "meta" else np.zeros(2))
        after.append(export_state(stock))
    return list(zip(before, after, strict=True))


@pytest.mark.parametrize("config", [EnvConfig(env="intersection-v0", traffic="aggressive"),
                                    EnvConfig(env="intersection-v2", actions="continuous")])
def test_who_leaves_and_comes_is_highway_envs(config: EnvConfig) -> None:
    _, network, rules, spawn = made(config)
    left, came = 0, 0
    for before, after in steps_of(config, 1, 8):
        cars, world = cars_of(before, network, room=1)
        assert after_step(cars, world, network, rules, spawn)
        assert differences(cars, world, after, network, same_rounding()) == []
        was, now = (set(map(tuple, state.position)) for state in (before, after))
        left, came = left + len(was - now), came + len(now - was)
    assert min(left, came) > 0  # else nothing was shown


def test_a_car_for_which_there_is_no_room_is_reported() -> None:
    _, network, rules, spawn = made(EnvConfig(env="intersection-v0"))
    answers = []
    for before, after in steps_of(EnvConfig(env="intersection-v0"), 1, 3):
        cars, world = cars_of(before, network)
        answers.append(after_step(cars, world, network, rules, spawn))
        assert answers[-1] == (after.vehicles <= before.vehicles)
        assert world.count == min(after.vehicles, before.vehicles)
    assert set(answers) == {True, False}


def test_other_families_keep_their_cars() -> None:
    _, network, rules, spawn = made(FAST)
    cars, worlds = new_world(0, network, rules, spawn)
    was = cars.tobytes(), worlds.tobytes()
    assert after_step(cars, worlds[0], network, rules, spawn)
    assert (cars.tobytes(), worlds.tobytes()) == was


# --- controls ---------------------------------------------------------------------------------------------


def test_another_seed_or_rule_shows() -> None:
    stock, network, rules, spawn = made(FAST)
    stock.reset(seed=2)
    state = export_state(stock)

    def parted(seed: int, spawn: Spawn) -> list[str]:
        cars, worlds = new_world(seed, network, rules, spawn)
        return differences(cars, worlds[0], state, network, exact=False)

    assert parted(2, spawn) == []
    assert {"x", "delta", "rng_low"} < set(parted(3, spawn))
    assert parted(2, spawn._replace(behavior=1.01 * spawn.behavior)) == ["delta"]
    plan = spawn.plan.copy()
    plan.crowding *= 1.0001
    assert parted(2, spawn._replace(plan=plan)) == ["x", "timer"]


def test_a_mutated_draw_shows(tmp_path: Path) -> None:
    stock, network, _, spawn = made(FAST)
    stock.reset(seed=2)
    for factor, same in (("1.1)", True), ("1.1000001)", False)):
        mutant = interpreted(reset_straight, tmp_path, "0.9, 1.1)", f"0.9, {factor}")
        cars, worlds = np.zeros(capacity_of(spawn), CAR), np.zeros(1, WORLD)
        rng.seed_worlds(worlds, [2])
        mutant.reset_highway(cars, worlds[0], network, spawn)
        worlds["things"] = worlds["count"]
        found = differences(cars, worlds[0], export_state(stock), network, exact=False)
        assert (found == []) == same


def test_what_the_simulator_cannot_reset_is_refused() -> None:
    for change, message in (({"other_vehicles_type": "highway_env.vehicle.kinematics.Vehicle"}, "drives"),
                            ({"action": {"type": "ContinuousAction", "dynamical": True}}, "moves")):
        stock = gymnasium.make("highway-fast-v0", config={"vehicles_count": 0, **change})
        stock.reset(seed=0)
        with pytest.raises(InputError, match=message):
            spawning_of(stock, network_of(stock))


def test_an_oval_drawn_from_no_seed_is_refused() -> None:
    stock = gymnasium.make("racetrack-oval-v1", config={"length": 0})
    stock.reset(seed=0)
    with pytest.raises(InputError, match="no seed"):
        spawning_of(stock, network_of(stock))


if __name__ == "__main__":
    found = [f"{config.env} {seed} {name}" for config in CONFIGS for seed in range(3)
             for name in reset_differences(config, seed, exact=True)]
    print(json.dumps({"same_rounding": same_rounding(), "differences": found}))
