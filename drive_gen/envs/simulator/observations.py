"""highway-env's observation configs: which of them the simulator computes, and their spaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import gymnasium
import numpy as np

from drive_gen.envs.config import check_choice, nearest
from drive_gen.envs.files import InputError
from drive_gen.envs.simulator.features import FEATURES
from drive_gen.envs.simulator.observe_collisions import COLLISIONS, LANES, SPEEDS, Collisions
from drive_gen.envs.simulator.observe_grid import GRID, LAYERS, Grid
from drive_gen.envs.simulator.observe_kinematics import KINEMATICS, Kinematics
from drive_gen.envs.simulator.records import filled
from drive_gen.envs.simulator.types import NOBODY
from drive_gen.envs.world import LaneKey, WorldState

TYPES = ("Kinematics", "ExitObservation", "TimeToCollision", "OccupancyGrid", "MultiAgentObservation")
_TABLE = ("type", "features", "vehicles_count", "features_range", "absolute", "order", "normalize", "clip",
          "see_behind", "observe_intentions", "include_obstacles", "flatten")
_KEYS = {"Kinematics": _TABLE, "ExitObservation": _TABLE, "TimeToCollision": ("type", "horizon"),
         "OccupancyGrid": ("type", "features", "grid_size", "grid_step", "features_range", "absolute",
                           "align_to_vehicle_axes", "clip", "as_image"),
         "MultiAgentObservation": ("type", "observation_config")}
MAX_SPEED_MPS, LANE_WIDTH_M = 40.0, 4.0  # Vehicle.MAX_SPEED, AbstractLane.DEFAULT_WIDTH
Ranges = dict[str, tuple[float, float]]
_SPEEDS: Ranges = dict.fromkeys(("vx", "vy"), (-2 * MAX_SPEED_MPS, 2 * MAX_SPEED_MPS))
EXIT_ROAD = ("1", "2")  # ExitObservation sees the ego's place along its last lane


class Observation(NamedTuple):
    """How a world is seen. Of several agents each sees by the same settings, and the space is a Tuple."""

    space: gymnasium.Space[Any]
    settings: Kinematics | Collisions | Grid
    kind: Literal["kinematics", "collisions", "grid"]  # observe_<kind> computes it
    agents: int  # observers: the first controlled cars


def observation_of(settings: Mapping[str, Any], state: WorldState) -> Observation:
    """The observation of highway-env's resolved config, in the worlds of which `state` is one, just reset."""
    config, agents = settings["observation"], 1
    _check(config)
    multiple = config["type"] == "MultiAgentObservation"
    if multiple:
        config, agents = config["observation_config"], int(state.controlled.sum())
        _check(config)
        if config["type"] == "MultiAgentObservation":
            raise InputError("a MultiAgentObservation's observation_config names what one agent sees")
    made = _MAKERS[config["type"]](config, settings, state)
    if multiple:
        made = made._replace(space=gymnasium.spaces.Tuple([made.space] * agents), agents=agents)
    return made


def _check(config: Mapping[str, Any]) -> None:
    """Refuse what highway-env takes in silence, and what only highway-env itself computes."""
    kind = config.get("type", "none")
    if kind not in TYPES:
        raise InputError(f"the simulator has no observation {kind!r}{nearest(str(kind), TYPES)}; "
                         f"it has: {', '.join(TYPES)}")
    for key in config:
        if key not in _KEYS[kind]:
            raise InputError(f"observation {kind}: unknown key {key!r}{nearest(str(key), _KEYS[kind])}; "
                             f"known: {', '.join(_KEYS[kind])}")


def _kinematics(config: Mapping[str, Any], settings: Mapping[str, Any], state: WorldState) -> Observation:
    names = config.get("features") or FEATURES[:5]
    rows = int(config.get("vehicles_count", 5))
    if rows < 2:
        raise InputError(f"vehicles_count of an observation is {rows}, expected 2 or more")
    _check_order(config.get("order", "sorted"))
    codes = _codes(names, FEATURES)
    ranges = _ranges(config, _default_ranges(_lanes_beside(state))) if config.get("normalize", True) else {}
    exits = config["type"] == "ExitObservation"  # which sees no objects
    seen = filled(KINEMATICS, {
        "features": codes, "columns": len(codes), "rows": rows, **_columns(names, ranges),
        "absolute": config.get("absolute", False), "clip": config.get("clip", True),
        "see_behind": config.get("see_behind", False), "intentions": config.get("observe_intentions", False),
        "objects": not exits and config.get("include_obstacles", True),
        "exit_lane": _last_lane(state.lane_keys) if exits else NOBODY})
    space = gymnasium.spaces.Box(-np.inf, np.inf, (rows, len(codes)), np.float32)
    return Observation(space, seen, "kinematics", 1)


def _codes(names: Sequence[str], known: Sequence[str]) -> list[int]:
    """Places of features among the known ones."""
    if len(set(names)) != len(names):
        raise InputError(f"an observation's features are {list(names)}, expected each once")
    return [known.index(check_choice(name, known, "feature")) for name in names]


def _check_order(order: str) -> None:
    if order == "shuffled":
        raise InputError("observation: order 'shuffled' draws from highway-env's generator at every step; "
                         "use 'sorted' and shuffle the rows yourself")
    check_choice(order, ("sorted",), "order of an observation's rows")


def _lanes_beside(state: WorldState) -> int:
    """Lanes of the road on which the first controlled car starts."""
    road = state.lane_keys[state.lane[np.flatnonzero(state.controlled)[0]]][:2]
    return sum(key[:2] == road for key in state.lane_keys)


def _default_ranges(lanes: int) -> Ranges:
    """KinematicObservation.normalize_obs."""
    across = LANE_WIDTH_M * lanes
    return {"x": (-5 * MAX_SPEED_MPS, 5 * MAX_SPEED_MPS), "y": (-across, across), **_SPEEDS}


def _ranges(config: Mapping[str, Any], default: Ranges) -> Ranges:
    given = config.get("features_range") or default
    for name, bounds in given.items():
        check_choice(name, FEATURES, "feature with a range")
        if len(bounds) != 2 or bounds[0] == bounds[1]:
            raise InputError(f"observation: the range of {name} is {bounds}, expected two different numbers")
    return dict(given)


def _columns(names: Sequence[str], ranges: Ranges) -> dict[str, Any]:
    """Whether each feature has a range, and its ends."""
    low, high = zip(*(ranges.get(name, (0, 1)) for name in names), strict=True)
    return {"ranged": [name in ranges for name in names], "low": low, "high": high}


def _last_lane(keys: Sequence[LaneKey]) -> int:
    lanes = [number for number, key in enumerate(keys) if key[:2] == EXIT_ROAD]
    if not lanes:
        raise InputError("ExitObservation is for exit-v0 and exit-v1 only; use Kinematics")
    return lanes[-1]


def _collisions(config: Mapping[str, Any], settings: Mapping[str, Any], state: WorldState) -> Observation:
    if state.target_speeds.size < 2:
        raise InputError("TimeToCollision needs meta-actions with two or more target_speeds; use Kinematics")
    step_s = 1 / settings["policy_frequency"]
    steps = int(config.get("horizon", 10) / step_s)
    if steps < 1:
        raise InputError(f"observation: horizon is {config['horizon']} s, shorter than a policy step")
    space = gymnasium.spaces.Box(0, 1, (SPEEDS, LANES, steps), np.float32)
    return Observation(space, filled(COLLISIONS, {"steps": steps, "step_s": step_s}), "collisions", 1)


def _grid(config: Mapping[str, Any], settings: Mapping[str, Any], state: WorldState) -> Observation:
    if config.get("absolute", False):
        raise InputError("observation: highway-env has no OccupancyGrid that is absolute; leave the key out")
    names = config.get("features")
    names = ("presence", "vx", "vy", "on_road") if names is None else names
    codes = _codes(names, LAYERS)
    size = np.array(config.get("grid_size") or [[-27.5, 27.5], [-27.5, 27.5]], float)
    step = np.array(config.get("grid_step") or [5, 5], float)
    cells = np.floor((size[:, 1] - size[:, 0]) / step).astype(int)
    if (cells < 1).any() or (step <= 0).any():
        raise InputError(f"observation: a grid of {size.tolist()} in steps of {step.tolist()} m has no cells")
    image = config.get("as_image", False)
    grid = filled(GRID, {
        "features": codes, "layers": len(codes), **_columns(FEATURES, _ranges(config, _SPEEDS)),
        "start_x": size[0, 0], "start_y": size[1, 0], "step_x": step[0], "step_y": step[1], "as_image": image,
        "aligned": config.get("align_to_vehicle_axes", False), "clip": config.get("clip", True)})
    shape = (len(codes), *map(int, cells))
    space = (gymnasium.spaces.Box(0, 255, shape, np.uint8) if image
             else gymnasium.spaces.Box(-np.inf, np.inf, shape, np.float32))
    return Observation(space, grid, "grid", 1)


_MAKERS = {"Kinematics": _kinematics, "ExitObservation": _kinematics, "TimeToCollision": _collisions,
           "OccupancyGrid": _grid}
