"""highway-env's observations, compiled, against its own. As a script it prints the differences as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))  # when run as a script from elsewhere

from simulator_worlds import Run, Step, in_plain_rounding, interpreted

from drive_gen.envs.files import InputError
from drive_gen.envs.simulator import observe_collisions, observe_grid, observe_kinematics
from drive_gen.envs.simulator.features import FEATURES
from drive_gen.envs.simulator.nearest import near_of
from drive_gen.envs.simulator.observations import Observation, observation_of
from drive_gen.envs.simulator.rounding import same_rounding

TOLERANCE = 1e-6  # of entries about one, where numpy and the C library differ in the last place
MODULES: dict[str, Any] = {"kinematics": observe_kinematics, "collisions": observe_collisions,
                           "grid": observe_grid}
SHOWN: dict[str, Any] = {"type": "Kinematics", "features": list(FEATURES), "vehicles_count": 8,
                         "see_behind": True, "observe_intentions": True}
RANGED = {**SHOWN, "absolute": True, "clip": False, "observe_intentions": False,
          "features_range": {"x": [-100, 120], "heading": [-3, 3], "vy": [-1, 1]}}
LAYERS = {"type": "OccupancyGrid", "grid_size": [[-30, 50], [-20, 20]], "grid_step": [4, 2.5],
          "features": ["presence", "vx", "vy", "on_road", "cos_h", "heading", "lat_off"]}
COARSE = {"type": "OccupancyGrid", "features": ["vx", "vy"], "grid_size": [[-100, 100], [-16, 16]],
          "grid_step": [50, 16]}
WIDE = {"type": "OccupancyGrid", "grid_size": [[-160, 160], [-160, 160]], "grid_step": [5, 5]}  # past 100 m
IMAGE = {**LAYERS, "align_to_vehicle_axes": True, "as_image": True}
UNCLIPPED = {**LAYERS, "features_range": {"x": [-100, 100], "y": [-80, 100], "vx": [-20, 20]}, "clip": False}
BOTH = {"controlled_vehicles": 2, "action": {"type": "MultiAgentAction", "action_config": {
    "type": "DiscreteMetaAction"}}}
# Environment, its observation where not the default one, what else differs from its config, policy steps.
CASES: list[tuple[str, dict[str, Any] | None, dict[str, Any], int]] = [
    ("highway-v0", None, {"vehicles_count": 12}, 4),
    ("highway-fast-v0", {"type": "MultiAgentObservation",
                         "observation_config": {**SHOWN, "normalize": False}},
     {"vehicles_count": 10, **BOTH}, 3),
    ("highway-v0", COARSE, {"vehicles_count": 20}, 2),
    ("exit-v0", None, {}, 4),
    ("exit-v0", {"type": "TimeToCollision", "horizon": 12}, {"policy_frequency": 5}, 6),
    ("merge-v0", SHOWN, {}, 4),
    ("merge-v0", {**SHOWN, "include_obstacles": False, "vehicles_count": 2}, {}, 1),
    ("merge-generic-v0", UNCLIPPED, {}, 2),
    ("roundabout-v0", None, {}, 3),
    ("roundabout-v0", RANGED, {}, 3),
    ("roundabout-generic-v0", IMAGE, {"roundabout_lanes": 3}, 3),
    ("two-way-v0", None, {}, 3),
    ("u-turn-v0", None, {}, 4),
    ("u-turn-v0", {"type": "OccupancyGrid"}, {}, 3),
    ("exit-v0", WIDE, {}, 12),
    ("racetrack-v0", WIDE, {}, 12),
    ("intersection-v0", None, {"initial_vehicle_count": 6}, 3),
    ("intersection-v0", {"type": "TimeToCollision"}, {"initial_vehicle_count": 8}, 3),
    ("racetrack-v0", None, {"other_vehicles": 3}, 3),
    ("racetrack-oval-v0", IMAGE, {}, 3),
]


@cache
def seen_in(case: int) -> tuple[Run, Observation, tuple[Step, ...]]:
    """A case's environment, how it is seen, and its first states."""
    env, seen, config, count = CASES[case]
    run = Run(env, **{"simulation_frequency": 5, **config, **({"observation": seen} if seen else {})})
    steps = [run.reset(case)]
    for action in run.actions(case, count):
        steps.append(run.step(action))
    return run, observation_of(run.world.config, steps[0].state), tuple(steps)


def observed(run: Run, seen: Observation, step: Step, ego: int,
             modules: dict[str, Any] = MODULES) -> np.ndarray:
    """What one car sees."""
    box: Any = seen.space[0] if seen.agents > 1 else seen.space  # type: ignore[index]
    out, settings = np.full(box.shape, 7, box.dtype), seen.settings
    observe, world = getattr(modules[seen.kind], f"observe_{seen.kind}"), (step.cars, step.world, run.network)
    if seen.kind == "kinematics":
        observe(*world, settings, ego, near_of(settings.rows - 1), out)
    elif seen.kind == "collisions":
        observe(*world, step.rules, settings, ego, observe_collisions.stack_of(run.network), out)
    else:
        observe(*world, settings, ego, out)
    return out


def differences(exact: bool, cases: range = range(len(CASES)),
                modules: dict[str, Any] = MODULES) -> Iterator[str]:
    """Where the compiled observations and highway-env's part: environment, case and step."""
    tolerance = 0 if exact else TOLERANCE
    for case in cases:
        run, seen, steps = seen_in(case)
        for number, step in enumerate(steps):
            theirs = step.observation if seen.agents > 1 else (step.observation,)
            egos = np.flatnonzero(step.state.controlled)[: seen.agents]
            ours = [observed(run, seen, step, int(ego), modules) for ego in egos]
            for mine, other in zip(ours, theirs, strict=True):
                if mine.dtype != other.dtype or not np.allclose(mine, other, 0, tolerance, equal_nan=True):
                    yield f"{CASES[case][0]} {case} {number}"


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")  # highway-env's: an empty cell's NaN
@pytest.mark.parametrize("case", range(len(CASES)), ids=[f"{env}-{n}" for n, (env, *_) in enumerate(CASES)])
def test_observations_are_highway_envs(case: int) -> None:
    assert list(differences(same_rounding(), range(case, case + 1))) == []
    run, seen, _ = seen_in(case)
    assert seen.space == run.world.observation_space


def test_bitwise_where_numpy_rounds_as_the_c_library() -> None:
    assert in_plain_rounding(__file__) == []


@pytest.mark.parametrize(("kind", "old", "new"), [
    ("kinematics", "kept, place, abs(ahead))", "kept, place, ahead)"),
    ("kinematics", "if seen.clip:", "if False:"),
    ("kinematics", "not math.sqrt(x * x + y * y) < PERCEPTION_M", "x > 60"),
    ("kinematics", "value = np.nan", "value = 0.0"),
    ("grid", "range(world.count - 1, -1, -1)", "range(world.count)"),
    ("grid", "if grid.aligned:", "if False:"),
    ("grid", "for place in (0, outermost)", "for place in ()"),
    ("grid", "2 * np.pi * np.rint(turned / (2 * np.pi))", "0.0"),
    ("collisions", "NEAR_COST = 0.5", "NEAR_COST = 0.4"),
    ("collisions", "math.ceil(when_s / seen.step_s)", "int(when_s / seen.step_s)"),
    ("collisions", "DEPTH = 3", "DEPTH = 0")])
def test_a_mutation_shows(tmp_path: Path, kind: str, old: str, new: str) -> None:
    mutant: ModuleType = interpreted(MODULES[kind], tmp_path, old, new)
    assert next(differences(exact=False, modules={**MODULES, kind: mutant}), None)


# --- by hand ----------------------------------------------------------------------------------------------


def on_highway(*places: tuple[float, float, float]) -> tuple[Run, Step]:
    """Cars of 5 x 2 m along a highway at (x, lane, speed) instead of case 0's; the first is the ego."""
    run, _, steps = seen_in(0)
    cars = np.zeros(len(places), steps[0].cars.dtype)
    cars[:] = steps[0].cars[0]
    cars["heading"], cars["cosine"], cars["sine"] = 0, 1, 0
    cars["x"], lanes, cars["speed"] = np.array(places).T
    cars["y"], cars["lane"], cars["target_lane"] = 4 * lanes, lanes, lanes
    cars["controlled"][1:], cars["speed_index"] = False, 1
    world = steps[0].world.copy()
    world.count = world.things = len(places)
    state = steps[0].state
    return run, Step(cars, world, steps[0].rules, None, None, 0.0, False, False, {}, state)


def look(config: dict[str, Any], *places: tuple[float, float, float]) -> np.ndarray:
    run, step = on_highway(*places)
    seen = observation_of({**run.world.config, "observation": config}, seen_in(0)[2][0].state)
    return observed(run, seen, step, 0)


def test_a_table_by_hand() -> None:
    out = look({"type": "Kinematics"}, (100, 1, 20), (150, 2, 30), (80, 1, 20), (400, 1, 20), (92, 0, 20))
    expected = [[1, .5, .25, .25, 0], [1, -.04, -.25, 0, 0], [1, .25, .25, .125, 0], [0] * 5, [0] * 5]
    assert np.allclose(out, expected)  # 20 m behind is out of sight, 8 m is not


def test_times_to_collision_by_hand() -> None:
    out = look({"type": "TimeToCollision", "horizon": 6}, (100, 0, 25), (145, 0, 15), (60, 1, 45))
    # The car ahead is met, centre to centre and end to end, after 9 s (8 to 10) at 20 m/s, 4.5 s (4 to 5) at
    # 25 and 3 s (2.7 to 3.3) at 30; the one behind catches up after 1.6 s, 2 s and 2.7 s.
    assert (out[:, 0] == 1).all()  # beyond the road's left edge
    assert out[:, 1].tolist() == [[0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1], [0, 0, .5, 1, .5, 0]]
    assert out[:, 2].tolist() == [[0, 1, 1, 0, 0, 0], [0, .5, 1, .5, 0, 0], [0, 0, 1, 1, 0, 0]]


def test_a_grid_by_hand() -> None:
    config = {"type": "OccupancyGrid", "features": ["presence", "on_road", "vx"],
              "grid_size": [[-10, 10], [-10, 10]], "grid_step": [4, 4]}
    out = look(config, (100, 0, 20), (105, 1, 28), (104, 1, 20))
    assert np.argwhere(out[0]).tolist() == [[2, 2], [3, 3]]
    assert out[2, 3, 3] == pytest.approx(.1)  # two cars in one cell: the first of the list is shown
    assert out[1].tolist() == [[0, 0, 1, 1, 1]] * 5  # no road to the left of lane 0


Places = list[tuple[float, float, float]]


def places(low: float, high: float) -> st.SearchStrategy[Places]:
    return st.lists(st.tuples(st.floats(low, high), st.integers(0, 3), st.floats(0, 40)), max_size=12)


@settings(max_examples=40, deadline=None)
@given(places(-190, 190), places(201, 5000))
def test_far_cars_do_not_matter(near: Places, far: Places) -> None:
    config = {**SHOWN, "features": ["x", "y", "vx"], "normalize": False}
    ego = (0.0, 1.0, 25.0)
    out = look(config, ego, *near)
    assert np.array_equal(out, look(config, ego, *far, *near))
    by_distance = sorted(near, key=lambda car: abs(car[0]))[:7]
    assert np.allclose(out[1 : 1 + len(by_distance), 0], [x for x, _, _ in by_distance])
    assert not out[1 + len(by_distance) :].any()


def test_of_equally_far_cars_the_first_of_the_list_is_first() -> None:
    config = {**SHOWN, "vehicles_count": 2, "features": ["x"], "normalize": False}
    assert look(config, (0, 1, 25), (30, 0, 25), (-30, 2, 25))[1, 0] == 30
    assert look(config, (0, 1, 25), (-30, 0, 25), (30, 2, 25))[1, 0] == -30


@pytest.mark.parametrize(("config", "says"), [
    ({"type": "Kinematic"}, "did you mean 'Kinematics'"),
    ({"type": "LidarObservation"}, "has no observation"),
    ({"type": "Kinematics", "sea_behind": True}, "did you mean 'see_behind'"),
    ({"type": "Kinematics", "features": ["x", "vz"]}, "feature 'vz'"),
    ({"type": "Kinematics", "order": "shuffled"}, "draws"),
    ({"type": "Kinematics", "features": ["x", "x"]}, "each once"),
    ({"type": "Kinematics", "vehicles_count": 1}, "2 or more"),
    ({"type": "Kinematics", "features_range": {"x": [1, 1]}}, "range of x"),
    ({"type": "ExitObservation"}, "exit-v0"),
    ({"type": "TimeToCollision", "horizon": .5}, "horizon"),
    ({"type": "OccupancyGrid", "absolute": True}, "absolute"),
    ({"type": "OccupancyGrid", "grid_step": [500, 5]}, "no cells")])
def test_misuse_is_named(config: dict[str, Any], says: str) -> None:
    run, _, steps = seen_in(0)
    with pytest.raises(InputError, match=says):
        observation_of({**run.world.config, "observation": config}, steps[0].state)


if __name__ == "__main__":
    print(json.dumps({"same_rounding": same_rounding(), "differences": list(differences(exact=True))}))
