"""What the simulator does the quick way gives what the plain way gives."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from highway_env.envs.common.action import ContinuousAction
from hypothesis import given, settings
from hypothesis import strategies as st
from simulator_worlds import make

from drive_gen.envs.reference import export_state
from drive_gen.envs.simulator.collide import apart, fill_corners, near, overlap
from drive_gen.envs.simulator.control import commands_of, half_to_even
from drive_gen.envs.simulator.convert import cars_of, rules_of
from drive_gen.envs.simulator.lanes import closest_lane, wrap
from drive_gen.envs.simulator.motion import lane_at
from drive_gen.envs.simulator.network import network_of
from drive_gen.envs.simulator.order import scratch_of, sort_along
from drive_gen.envs.simulator.regulation import corner_inside
from drive_gen.envs.simulator.steering import quick_wrap
from drive_gen.envs.simulator.step import policy_step, traced_step
from drive_gen.envs.simulator.types import CAR, LANDMARK, NO_ACTION, OBSTACLE, Network

seeds = st.integers(0, 2**32 - 1)


@cache
def first_world(env: str) -> tuple[np.ndarray, Any, Network, Any]:
    """Cars, clock, network and rules of a fresh world; to be copied before use."""
    stock: Any = make(env, {})
    stock.reset(seed=0)
    state, network = export_state(stock), network_of(stock)
    return *cars_of(state, network), network, rules_of(state, stock.unwrapped.config)


def crowd(seed: int, count: int = 21) -> np.ndarray:
    """Cars of a highway, two of them objects, near each other on its start, some level with others."""
    draw, cars = np.random.default_rng(seed), first_world("highway-fast-v0")[0].copy()[:count]
    cars["x"] = draw.uniform(-8, 15 * count ** 0.5 * 4, count).round(draw.integers(0, 3))
    cars["y"] = draw.uniform(-3, 11, count).round(draw.integers(0, 3))
    cars["heading"] = draw.choice([0.0, 1.0], count) * draw.normal(0, 0.3, count)
    cars["cosine"], cars["sine"] = np.cos(cars["heading"]), np.sin(cars["heading"])
    cars["speed"] = draw.uniform(-3, 35, count)
    cars["timer"], cars["checks"] = draw.uniform(0, 1.5, count), True
    cars["target_lane"] = cars["lane"] = draw.integers(0, 3, count)
    cars["kind"][-2:] = OBSTACLE, LANDMARK
    cars["speed"][-2:], cars["solid"][-1] = 0, False
    return cars


# --- a highway is a road as any other ---------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_neighbours_lanes_and_collisions_of_a_highway(seed: int) -> None:
    _, clock, network, rules = first_world("highway-fast-v0")
    worlds = []
    for parallel in (True, False):
        cars, world = crowd(seed), clock.copy()
        world.count, world.things = cars.size - 2, cars.size
        for _ in range(2):
            policy_step(cars, world, network._replace(parallel=parallel), rules, scratch_of(cars, rules),
                        np.array([NO_ACTION]), np.zeros((1, 2)))
        worlds.append(cars)
    assert [name for name in CAR.names or () if not np.array_equal(worlds[0][name], worlds[1][name])] == []


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_the_order_is_by_x_and_then_by_list(seed: int) -> None:
    _, clock, _, rules = first_world("highway-fast-v0")
    cars = crowd(seed)
    scratch, world = scratch_of(cars, rules), clock.copy()
    world.things = cars.size
    scratch.order[:] = np.random.default_rng(seed).permutation(cars.size)
    sort_along(cars, world, scratch)
    assert np.array_equal(scratch.order, np.lexsort((np.arange(cars.size), cars["x"])))
    assert np.array_equal(scratch.order[scratch.rank], np.arange(cars.size))


@pytest.mark.parametrize("env", ["merge-v0", "roundabout-v0", "exit-v0", "racetrack-large-v0"])
def test_the_present_lane_is_a_guess_only(env: str) -> None:
    cars, _, network, _ = first_world(env)
    car, draw = cars.copy()[0], np.random.default_rng(0)
    for x, y, heading in draw.uniform((-60, -60, -4), (400, 60, 4), (300, 3)):
        car.x, car.y, car.heading, car.lane = x, y, heading, draw.integers(network.lanes.size)
        assert lane_at(car, network) == closest_lane(network, x, y, heading)


# --- boxes ------------------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(seeds)
def test_boxes_that_are_surely_apart_never_touch(seed: int) -> None:
    one, other = crowd(seed)[:2]
    draw = np.random.default_rng(seed)
    other.x, other.y = one.x + draw.uniform(-8, 8), one.y + draw.uniform(-5, 5)
    corners = np.empty((2, 4, 2))
    fill_corners(one, corners[0])
    fill_corners(other, corners[1])
    moved = [one.speed * one[name] * 0.2 - other.speed * other[name] * 0.2 for name in ("cosine", "sine")]
    touching, will_touch, _, _ = overlap(corners[0], corners[1], *moved)
    if apart(one, other, 0.2):
        assert not touching
        assert not will_touch
    if touching and one.speed > 0:
        assert near(one, other, 0.2)


def test_points_of_a_box_in_another_by_hand() -> None:
    one, other = crowd(0)[:2]  # 7.5 x 1.8 m in a conflict
    ahead = np.array([7.4, 0.0, 0.0])
    assert corner_inside(one, ahead, other, np.zeros(3))
    assert not corner_inside(one, np.array([7.6, 0.0, 0.0]), other, np.zeros(3))
    assert not corner_inside(one, np.array([0.0, 1.9, 0.0]), other, np.zeros(3))


# --- scalars ----------------------------------------------------------------------------------------------


@given(st.floats(-20, 20))
def test_the_quick_wrap_is_the_plain_one(angle: float) -> None:
    assert quick_wrap(angle) == wrap(angle)


@given(st.integers(-40, 40).map(lambda number: number / 4))
def test_rounding_is_numpys(value: float) -> None:
    assert half_to_even(value) == np.round(value)


@given(st.sampled_from([np.float32, np.float64]),
       st.lists(st.floats(-1.5, 1.5, width=32), min_size=2, max_size=2),
       st.sampled_from([(True, True), (True, False), (False, True)]))
def test_controls_are_highway_envs(kind: type, values: list[float], parts: tuple[bool, bool]) -> None:
    _, _, _, rules = first_world("racetrack-v0")
    rules = rules.copy()
    rules.longitudinal, rules.lateral = parts
    action = np.array(values, kind)[: sum(parts)]
    theirs = ContinuousAction(None, longitudinal=parts[0], lateral=parts[1]).get_action(action)
    assert commands_of(action, rules).tolist() == [float(theirs["acceleration"]), float(theirs["steering"])]


def test_a_trace_is_the_states_and_commands_of_every_frame() -> None:
    start, clock, network, rules = first_world("highway-fast-v0")
    cars, twin, world = start.copy(), start.copy(), clock.copy()
    trace = np.empty((rules.frames, cars.size, 7))
    actions, controls = np.array([NO_ACTION]), np.zeros((1, 2))
    traced_step(cars, world, network, rules, scratch_of(cars, rules), actions, controls, trace)
    policy_step(twin, clock.copy(), network, rules, scratch_of(twin, rules), actions, controls)
    assert all(np.array_equal(cars[name], twin[name]) for name in CAR.names or ())
    for column, name in enumerate(("x", "y", "heading", "speed")):
        assert np.array_equal(trace[0, :, column], start[name])
    assert np.allclose(trace[-1, :, 3] + trace[-1, :, 5] * rules.dt_s, cars["speed"])
    assert (world.steps, world.time_s) == (clock.steps + rules.frames, clock.time_s + 1)
