"""Compiled resets against highway-env's. Run as a script it prints their differences as JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drive_gen.envs.files import InputError
from drive_gen.envs.kernel_state import PLAIN_ROUNDING, same_rounding
from drive_gen.envs.reference import EnvConfig, export_state, make_stock
from drive_gen.envs.simulator import rng
from drive_gen.envs.simulator.network import network_of
from drive_gen.envs.simulator.reset import new_world, reset_world
from drive_gen.envs.simulator.spawn import Spawn, capacity_of
from drive_gen.envs.simulator.spawning import spawning_of
from drive_gen.envs.simulator.types import ANY_LANE, RULES, Network
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
]
SAME = ("heading", "speed", "lane", "target_lane", "speed_index", "timer", "delta", "crashed", "hit",
        "has_impact", "length", "width", "controlled", "solid", "yielding", "linear")
RENAMED = {"checks": "check_collisions", "changes_lanes": "enable_lane_change"}
PAIRS = {"position": ("x", "y"), "action": ("acceleration", "steering"), "impact": ("impact_x", "impact_y")}


@cache
def made(config: EnvConfig) -> tuple[Any, Network, Any, Spawn]:
    """An environment and what a reset needs of it."""
    stock = make_stock(config)
    stock.reset(seed=0)
    network = network_of(stock)
    return stock, network, np.zeros(1, RULES)[0], spawning_of(stock, network)


def differences(cars: np.ndarray, world: Any, state: WorldState, exact: bool) -> list[str]:
    """Names of what parts a compiled world from highway-env's."""
    things = len(state.classes)
    if (world.count, world.things) != (state.vehicles, things):
        return [f"{world.count} vehicles of {world.things}, expected {state.vehicles} of {things}"]
    cars = cars[:things]
    pairs = [(name, cars[name], getattr(state, name)) for name in SAME]
    pairs += [(name, cars[name], getattr(state, theirs)) for name, theirs in RENAMED.items()]
    pairs += [(name, np.stack([cars[part] for part in parts], axis=-1), getattr(state, name))
              for name, parts in PAIRS.items()]
    pairs += [("target_speed", cars["target_speed"], np.nan_to_num(state.target_speed)),
              ("cosine", cars["cosine"], np.cos(state.heading)),
              ("sine", cars["sine"], np.sin(state.heading))]
    found = [name for name, ours, theirs in pairs if not _equal(ours, theirs, exact)]
    found += [f"route of {place}" for place in range(things)
              if route(cars[place], state) != state.routes[place]]
    clock = (world.time_s, world.steps, world.road_steps) == (state.time, state.steps, state.road_steps)
    return found + ["clock"] * (not clock) + ["rng"] * (rng.generator_state(world) != state.rng)


def _equal(ours: np.ndarray, theirs: np.ndarray, exact: bool) -> bool:
    if exact or ours.dtype.kind != "f":
        return np.array_equal(ours, theirs, equal_nan=ours.dtype.kind == "f")
    return np.allclose(ours, theirs, rtol=0, atol=TOLERANCE, equal_nan=True)


def route(car: Any, state: WorldState) -> tuple[Any, ...] | None:
    """A car's route as WorldState has it."""
    roads = list(dict.fromkeys(key[:2] for key in state.lane_keys))
    size = car["route_size"]
    if size < 0:
        return None
    return tuple((*roads[road], None if lane == ANY_LANE else int(lane))
                 for road, lane in zip(car["route_road"][:size], car["route_lane"][:size], strict=True))


def reset_differences(config: EnvConfig, seed: int, exact: bool) -> list[str]:
    """What parts the compiled world of a seed from highway-env's."""
    stock, network, rules, spawn = made(config)
    stock.reset(seed=seed)
    cars, worlds = new_world(seed, network, rules, spawn)
    return differences(cars, worlds[0], export_state(stock), exact)


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
    environment = {**os.environ, **PLAIN_ROUNDING, "PYTHONWARNINGS": "ignore"}
    run = subprocess.run([sys.executable, __file__], env=environment, capture_output=True, text=True,
                         timeout=300, check=True)
    report = json.loads(run.stdout.splitlines()[-1])
    if not report["same_rounding"]:
        pytest.skip("this machine's numpy does not round as the C library, whatever it is told")
    assert report["differences"] == []


def test_a_reset_without_a_seed_goes_on_drawing() -> None:
    stock, network, rules, spawn = made(FAST)
    cars, worlds = new_world(3, network, rules, spawn)
    stock.reset(seed=3)
    for _ in range(2):
        stock.reset()
        reset_world(cars, worlds[0], network, rules, spawn)
        assert differences(cars, worlds[0], export_state(stock), same_rounding()) == []


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


# --- controls ---------------------------------------------------------------------------------------------


def test_another_seed_or_rule_shows() -> None:
    stock, network, rules, spawn = made(FAST)
    stock.reset(seed=2)
    state = export_state(stock)

    def parted(seed: int, spawn: Spawn) -> list[str]:
        cars, worlds = new_world(seed, network, rules, spawn)
        return differences(cars, worlds[0], state, exact=False)

    assert parted(2, spawn) == []
    assert {"position", "rng"} < set(parted(3, spawn))
    assert parted(2, spawn._replace(behavior=1.01 * spawn.behavior)) == ["delta"]
    plan = spawn.plan.copy()
    plan.crowding *= 1.0001
    assert parted(2, spawn._replace(plan=plan)) == ["timer", "position"]


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
