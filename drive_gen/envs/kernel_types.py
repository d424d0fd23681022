"""The kernel's data: a world is an array of Car records, its constants are one Rules record.

Records are C structs, so that compiled functions pass one pointer for a car.
"""

from __future__ import annotations

import typing
from typing import Any

import numpy as np

NOBODY = -1
NO_ACTION = -1  # as highway-env's step(None): the ego is asked nothing
LEFT, IDLE, RIGHT, FASTER, SLOWER = range(5)  # places in episode.META_ACTIONS
SPEEDS_MOST = 16  # in the grid of target speeds


class Car:
    """One vehicle: the fields of a VEHICLE record. SI units and radians."""

    x: float  # centre of the body
    y: float
    heading: float
    speed: float
    cosine: float  # of the heading; `kernel.move` keeps them equal to it
    sine: float
    acceleration: float  # as last commanded
    steering: float
    lane: int
    target_lane: int
    target_speed: float
    speed_index: int  # place of a meta-action car's target speed in the grid
    timer: float  # since the last look at a lane change
    impact_x: float  # displacement by a collision, applied at the next move
    impact_y: float
    delta: float  # exponent of IDM's velocity term
    length: float
    width: float
    crashed: bool
    has_impact: bool
    is_idm: bool  # False: meta-actions drive it
    checks: bool  # looks for its own collisions


class Rules:
    """What does not change in an episode; IDM and MOBIL as in IDMVehicle, rewards as in HighwayEnv."""

    target_speeds: np.ndarray  # (SPEEDS_MOST,) evenly spaced; the first `speeds` count
    speeds: int
    ego: int
    lanes: int
    frames: int  # a policy step
    dt_s: float
    lane_width: float
    road_length: float
    speed_limit: float
    acc_max: float
    comfort_acc_max: float
    comfort_acc_min: float
    distance_wanted: float
    time_wanted: float
    min_acc_gain: float
    max_braking_imposed: float
    lane_change_delay: float
    collision_reward: float
    right_lane_reward: float
    high_speed_reward: float
    slow_mps: float  # reward_speed_range
    fast_mps: float
    normalize_reward: bool
    offroad_terminal: bool


def _record(kind: type) -> np.dtype[Any]:
    """The aligned record type with the fields of an annotated class."""
    codes = {float: ("f8",), int: ("i8",), bool: ("?",), np.ndarray: ("f8", (SPEEDS_MOST,))}
    fields = [(name, *codes[hint]) for name, hint in typing.get_type_hints(kind).items()]
    return np.dtype((np.record, np.dtype(fields, align=True)))


VEHICLE, RULES = _record(Car), _record(Rules)
World = np.ndarray  # (N,) of VEHICLE, in highway-env's list order, which decides ties
