"""What an environment rewards and when it ends, as one record: GOALS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from drive_gen.envs.config import check_choice
from drive_gen.envs.files import InputError
from drive_gen.envs.simulator.records import filled, record_type
from drive_gen.envs.simulator.types import NOBODY
from drive_gen.envs.world import LaneKey

HIGHWAY, EXIT, MERGE, ROUNDABOUT, TWO_WAY, U_TURN, INTERSECTION, RACETRACK = range(8)
FAMILIES = {"highway": HIGHWAY, "highway-fast": HIGHWAY, "exit": EXIT, "merge": MERGE, "merge-generic": MERGE,
            "roundabout": ROUNDABOUT, "roundabout-generic": ROUNDABOUT, "two-way": TWO_WAY, "u-turn": U_TURN,
            "intersection": INTERSECTION, "intersection-multi-agent": INTERSECTION, "racetrack": RACETRACK,
            "racetrack-large": RACETRACK, "racetrack-oval": RACETRACK}
# Names of the terms of each family's reward, in the order in which highway-env adds them.
TERMS = {
    HIGHWAY: ("collision_reward", "right_lane_reward", "high_speed_reward", "on_road_reward"),
    EXIT: ("collision_reward", "goal_reward", "high_speed_reward", "right_lane_reward"),
    MERGE: ("collision_reward", "right_lane_reward", "high_speed_reward", "lane_change_reward",
            "merging_speed_reward"),
    ROUNDABOUT: ("collision_reward", "high_speed_reward", "lane_change_reward", "on_road_reward"),
    TWO_WAY: ("high_speed_reward", "left_lane_reward"),
    U_TURN: ("collision_reward", "left_lane_reward", "high_speed_reward", "on_road_reward"),
    INTERSECTION: ("collision_reward", "high_speed_reward", "arrived_reward", "on_road_reward"),
    RACETRACK: ("lane_centering_reward", "action_reward", "collision_reward", "on_road_reward"),
}
TERMS_MOST = 5
GOAL_LANES_MOST = 4
STEPS_MOST = {"two-way": 15}  # gymnasium's TimeLimit, as highway-env registers the id
MERGE_END_M = 370.0  # MergeEnv._is_terminated


class Goals:
    """Rewards and ends of one environment: the fields of a GOALS record."""

    weights: np.ndarray  # (TERMS_MOST,) of the family's TERMS
    goal_lanes: np.ndarray  # (GOAL_LANES_MOST,) exit: that count as success; merge: whose cars merge;
    # intersection: that lead out of it; NOBODY fills up
    low: float  # the sums of terms that normalizing maps to 0, and to 1
    high: float
    slow_mps: float  # the speeds whose term is 0, and 1
    fast_mps: float
    centering_cost: float  # racetrack
    duration_s: float  # inf where the time is no limit
    end_x: float  # a car beyond it is through; inf where there is no such end
    most_steps: int  # policy steps; 0 where there is no limit
    family: int
    normalize: bool
    offroad_ends: bool  # leaving the road ends the episode


GOALS = record_type(Goals, {"weights": ("f8", TERMS_MOST), "goal_lanes": ("i8", GOAL_LANES_MOST)})


def goals_of(env_id: str, settings: Mapping[str, Any], lane_keys: Sequence[LaneKey]) -> Goals:
    """Goals of an environment, by its id, highway-env's resolved config and its lanes' names in order."""
    name = check_choice(env_id.rsplit("-", 1)[0], FAMILIES, "environment")
    family = FAMILIES[name]
    _check_actions(env_id, family, settings)
    low, high = _bounds(family, settings)
    slow, fast = settings.get("reward_speed_range", (0.0, 1.0))  # some families scale no speed
    values = {
        "family": family, "low": low, "high": high, "slow_mps": slow, "fast_mps": fast,
        "centering_cost": settings.get("lane_centering_cost", 0), "end_x": _end_x(name, settings),
        "duration_s": np.inf if family in (MERGE, TWO_WAY) else settings["duration"],
        "most_steps": STEPS_MOST.get(name, 0), "offroad_ends": _offroad_ends(family, settings),
        "normalize": family in (MERGE, RACETRACK) or bool(settings.get("normalize_reward", False))}
    lanes = _goal_lanes(family, settings, lane_keys)
    weights = [settings.get(term, 0) for term in TERMS[family]]
    return cast(Goals, filled(GOALS, {
        **values, "weights": weights, "goal_lanes": [*lanes, *[NOBODY] * (GOAL_LANES_MOST - len(lanes))]}))


def _bounds(family: int, settings: Mapping[str, Any]) -> tuple[float, float]:
    """The sums of terms that are mapped to 0 and 1."""
    worst = settings["collision_reward"]
    if family == HIGHWAY:
        return worst, settings["high_speed_reward"] + settings["right_lane_reward"]
    if family == EXIT:
        return worst, settings["goal_reward"]
    if family == MERGE:
        return (worst + settings["merging_speed_reward"],
                settings["high_speed_reward"] + settings["right_lane_reward"])
    if family == ROUNDABOUT:
        return worst, settings["high_speed_reward"]
    if family == U_TURN:
        return worst, settings["high_speed_reward"] + settings["left_lane_reward"]
    return worst, settings["arrived_reward"] if family == INTERSECTION else 1.0


def _end_x(name: str, settings: Mapping[str, Any]) -> float:
    if name == "merge":
        return MERGE_END_M
    if name == "merge-generic":  # MergeGenericEnv.end_position
        return float(settings["before_merge_length"] + settings["converge_merge_length"]
                     + settings["parallel_merge_length"] + settings["after_merge_length"] - 90)
    return np.inf


def _offroad_ends(family: int, settings: Mapping[str, Any]) -> bool:
    """Of the configs that have a key for it, exit's and u-turn's do not read it."""
    if family == RACETRACK:
        return bool(settings["terminate_off_road"])
    return family in (HIGHWAY, INTERSECTION) and bool(settings["offroad_terminal"])


def _goal_lanes(family: int, settings: Mapping[str, Any], keys: Sequence[LaneKey]) -> list[int]:
    wanted: set[LaneKey] = set()
    if family == EXIT:
        wanted = {("1", "2", settings["lanes_count"]), ("2", "exit", 0)}
    elif family == MERGE:
        wanted = {("b", "c", 2)}  # whatever the count of lanes is: MergeEnv._rewards
    elif family == INTERSECTION:
        wanted = {key for key in keys if "il" in key[0] and "o" in key[1]}
    return [number for number, key in enumerate(keys) if key in wanted]


def _check_actions(env_id: str, family: int, settings: Mapping[str, Any]) -> None:
    """highway-env's own step fails on these, at the reward."""
    action = settings["action"]
    if action["type"] != "ContinuousAction":
        return
    both = action.get("longitudinal", True) and action.get("lateral", True)
    if family == TWO_WAY or (family in (MERGE, ROUNDABOUT) and both):
        raise InputError(f"{env_id} has no reward for continuous actions; use DiscreteMetaAction")
