"""The compiled (17, 9) observation against drive_gen.envs.observe. As a script it prints the differences."""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))  # when run as a script from elsewhere

from simulator_worlds import Run, in_plain_rounding, interpreted

from drive_gen.envs.observe import NEIGHBOURS, SHAPE, observe_scene
from drive_gen.envs.recorder import Recorder
from drive_gen.envs.reference import export_road
from drive_gen.envs.road import straight_road
from drive_gen.envs.simulator import observe_own as module
from drive_gen.envs.simulator.lines import Lines, lines_of
from drive_gen.envs.simulator.nearest import keep, near_of
from drive_gen.envs.simulator.rounding import same_rounding
from drive_gen.envs.simulator.types import CAR, WORLD

TOLERANCE = 1e-6  # of entries about one, where numpy and the C library differ in the last place
CASES = [("highway-v0", 0), ("highway-v0", 1), ("exit-v0", 0), ("merge-v0", 0), ("roundabout-v0", 0),
         ("two-way-v0", 0), ("u-turn-v0", 0), ("intersection-v0", 0), ("racetrack-v0", 0)]
Seen = tuple[np.ndarray, Any, Lines, int, np.ndarray]  # cars, world, road, ego, what it should see


@cache
def seen_in(env: str, seed: int, count: int = 6) -> tuple[Seen, ...]:
    """The states of a short random episode, and what DriveEnv observes in them."""
    run, states = Run(env, simulation_frequency=5), []
    run.reset(seed)
    road = export_road(run.stock)
    recorder, lines = Recorder(run.stock, road, keep=False), lines_of(road)
    for action in run.actions(seed, count):
        ended = run.step(action).terminated
        cars, world, _ = run.now()
        scene = recorder.scene()
        ego = int(np.flatnonzero(cars["controlled"])[0])
        states.append((cars, world, lines, ego, observe_scene(scene, scene.ego or 0)))
        if ended:
            break
    return tuple(states)


def observed(cars: np.ndarray, world: Any, lines: Lines, ego: int, with_module: Any = module) -> np.ndarray:
    out = np.full(SHAPE, np.nan, np.float32)
    with_module.observe_own(cars, world, lines, ego, near_of(NEIGHBOURS), out)
    return out


def differences(exact: bool, with_module: Any = module) -> list[str]:
    tolerance = 0 if exact else TOLERANCE
    return [f"{env} {seed} {number}" for env, seed in CASES
            for number, (*state, expected) in enumerate(seen_in(env, seed))
            if not np.allclose(observed(*state, with_module), expected, rtol=0, atol=tolerance)]


def test_every_road_is_seen_as_drive_env_sees_it() -> None:
    assert differences(exact=same_rounding()) == []


def test_bitwise_where_numpy_rounds_as_the_c_library() -> None:
    assert in_plain_rounding(__file__) == []


@pytest.mark.parametrize(("old", "new"), [
    ("kept, place, distance)", "kept, place, abs(east))"),
    ("if distance <= RANGE_M", "if distance <= RANGE_M / 2"),
    ("if place == ego or", "if place < ego or"),
    ("speed * math.cos(turned) - own_speed * math.cos(own_turned)", "speed - own_speed")])
def test_a_mutation_shows(tmp_path: Path, old: str, new: str) -> None:
    mutant: ModuleType = interpreted(module, tmp_path, old, new)
    assert differences(exact=False, with_module=mutant)


# --- by hand ----------------------------------------------------------------------------------------------


def on_three_lanes(*places: tuple[float, float, float]) -> tuple[np.ndarray, Any, Lines]:
    """Cars of 5 x 2 m along +x at (x, y) with a speed; the first is the ego."""
    cars, world = np.zeros(len(places), CAR), np.zeros(1, WORLD)
    cars["x"], cars["y"], cars["speed"] = np.array(places).T
    cars["length"], cars["width"] = 5, 2
    world["count"] = world["things"] = len(places)
    return cars, world[0], lines_of(straight_road(3, 1000.0))


def test_rows_by_hand() -> None:
    out = observed(*on_three_lanes((100, 5, 20), (50, 8, 30), (400, 0, 20)), 0)
    assert out[0].tolist() == pytest.approx([1, 1, 0, .25, .25, .25, 1, 1, 1])  # 1 m right of lane 1's centre
    assert out[1].tolist() == pytest.approx([1, -1, .75, 1, 0, 0, 1, 1, 1.5])
    assert not out[2:].any()  # the third car is out of sight


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(-140, 140), st.sampled_from([0.0, 4.0, 8.0]), st.floats(0, 40)),
                min_size=1, max_size=30, unique_by=lambda car: round(np.hypot(car[0], car[1] - 4), 3)),
       st.randoms())
def test_the_order_of_the_others_does_not_matter(others: list[tuple[float, float, float]], draw: Any) -> None:
    shuffled = others.copy()
    draw.shuffle(shuffled)
    one, other = (observed(*on_three_lanes((0, 4, 25), *cars), 0) for cars in (others, shuffled))
    assert np.array_equal(one, other)
    assert one[:, 0].sum() == 1 + min(len(others), 16)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 9), max_size=30), st.integers(1, 8))
def test_the_least_are_kept_in_order(keys: list[int], most: int) -> None:
    near, kept = near_of(most), 0
    for place, key in enumerate(keys):
        kept = keep(near, kept, place, float(key))
    assert near.places[:kept].tolist() == sorted(range(len(keys)), key=lambda place: keys[place])[:most]


def test_a_road_of_one_lane_is_its_own_nearest() -> None:
    cars, world, _ = on_three_lanes((100, 5, 20))
    out = observed(cars, world, lines_of(straight_road(1, 1000.0)), 0)
    assert out[0, 3:6].tolist() == [1.25, 0, 0]


if __name__ == "__main__":
    print(json.dumps({"same_rounding": same_rounding(), "differences": differences(exact=True)}))
