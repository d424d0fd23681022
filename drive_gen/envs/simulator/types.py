"""The simulator's data: C records in numpy arrays, so that compiled functions pass one pointer for a car.

A world's cars are `count` vehicles in highway-env's list order, which decides ties, and after them, up to
`things`, the road's objects. All worlds of a simulator share one Network and one Rules record.
"""

from __future__ import annotations

import typing
from typing import Any, NamedTuple

import numpy as np

NOBODY = -1
NO_ACTION = -1  # as highway-env's step(None): the car is asked nothing
LEFT, IDLE, RIGHT, FASTER, SLOWER = range(5)  # places in episode.META_ACTIONS
SPEEDS_MOST = 16  # in the grid of target speeds
ROUTE_MOST = 12  # roads in a planned route
ANY_LANE = -1  # in a route: the road is given, its lane is not

# What moves a car: highway-env's classes.
VEHICLE, MDP, IDM, LINEAR, OBSTACLE, LANDMARK = range(6)
LOGGED = 6  # and a car that does again what a log says
STRAIGHT, SINE, CIRCULAR = range(3)  # kinds of lanes
TRAFFIC, EGO = range(2)  # places in the drivers' parameters of Rules; EGO is an IDM ego's


class Car:
    """One vehicle or object: the fields of a CAR record. SI units and radians."""

    x: float  # centre of the body
    y: float
    heading: float
    speed: float
    cosine: float  # of the heading; `motion.move` keeps them equal to it
    sine: float
    acceleration: float  # as last commanded
    steering: float
    target_speed: float  # 0 where the class has none
    timer: float  # since the last look at a lane change
    impact_x: float  # displacement by a collision, applied at the next move
    impact_y: float
    delta: float  # exponent of IDM's velocity term
    length: float
    width: float
    min_speed: float
    max_speed: float
    linear: np.ndarray  # (5,) LinearVehicle's parameters: 3 of acceleration, 2 of steering
    route_road: np.ndarray  # (ROUTE_MOST,) int16, roads; the first `route_size` count
    route_lane: np.ndarray  # (ROUTE_MOST,) int16, place of the lane in its road, or ANY_LANE
    route_size: int  # -1 where there is no route, which is not an empty one
    lane: int  # in the network
    target_lane: int
    speed_index: int  # place of a meta-action car's target speed in the grid
    number: int  # for its whole life: the ego 0, the others as they came; a logged car's is its row
    row: int  # in the Logs, where it comes from there
    yielding: int  # regulation checks spent yielding; -1 where it does not yield
    kind: int  # VEHICLE, MDP, ...
    driver: int  # TRAFFIC or EGO: whose parameters in Rules
    crashed: bool
    hit: bool  # has run over a landmark
    has_impact: bool
    checks: bool  # looks for its own collisions
    solid: bool
    controlled: bool  # by actions from outside
    changes_lanes: bool  # IDMVehicle.enable_lane_change


class Lane:
    """One lane: the fields of a LANE record; highway_env/road/lane.py."""

    start_x: float
    start_y: float
    along_x: float  # unit vector of a straight or sine lane
    along_y: float
    aside_x: float  # unit vector to the right of it
    aside_y: float
    heading: float
    length: float
    width: float
    amplitude: float  # of a sine lane
    pulsation: float
    phase: float
    centre_x: float  # of a circular lane
    centre_y: float
    radius: float
    start_phase: float
    turn: float  # 1 clockwise, as highway-env's y points down; -1 the other way
    speed_limit: float  # inf where there is none
    priority: int
    kind: int  # STRAIGHT, SINE, CIRCULAR
    road: int  # the road that it belongs to, and
    place: int  # its number in it
    forbidden: bool


class Way:
    """One road, an edge of the network's graph: lanes `first` to `first + lanes - 1`."""

    first: int
    lanes: int
    start: int  # nodes
    end: int


class Network(NamedTuple):
    """The lanes of a road and how they join; numbers of lanes are those of WorldState and export_road."""

    lanes: np.ndarray  # (L,) of LANE
    ways: np.ndarray  # (R,) of WAY, in highway-env's order
    out_of: np.ndarray  # (N, most) int64, roads that leave a node, in the graph's order; NOBODY fills up
    into: np.ndarray  # (N, most) int64, roads that arrive at it, in the graph's order
    parallel: bool  # lane k runs along +x from x = 0 with its centre on y = k * width: a highway


class Rules:
    """What does not change in an episode and acts in every frame; the drivers' as in IDMVehicle.

    Parameters with two entries are the traffic's and those of an ego that IDM drives.
    """

    target_speeds: np.ndarray  # (SPEEDS_MOST,) evenly spaced; the first `speeds` count
    acc_max: np.ndarray  # (2,)
    comfort_acc_max: np.ndarray  # (2,)
    comfort_acc_min: np.ndarray  # (2,)
    distance_wanted: np.ndarray  # (2,)
    time_wanted: np.ndarray  # (2,)
    politeness: np.ndarray  # (2,)
    min_acc_gain: np.ndarray  # (2,)
    max_braking_imposed: np.ndarray  # (2,)
    lane_change_delay: np.ndarray  # (2,)
    braking_scale: np.ndarray  # (2,) 2 sqrt(-comfort_acc_max * comfort_acc_min), of IDM's desired gap
    speeds: int
    frames: int  # a policy step
    regulation: int  # frames between two checks of a regulated road; 0 where it is not regulated
    dt_s: float
    policy_s: float  # from one policy step to the next
    square: float  # 2, as a number that the compiler cannot see: highway-env squares a speed by calling pow
    least_speed: float  # of a car under continuous control
    most_speed: float
    least_acceleration: float  # of a continuous action of -1, and of 1
    most_acceleration: float
    least_steering: float
    most_steering: float
    longitudinal: bool  # which parts an action has
    lateral: bool
    continuous: bool  # actions are controls, not meta-actions
    connected: bool  # neighbours are looked for on the lanes before and after, too


class Clock:
    """One world's own numbers: the fields of a WORLD record."""

    time_s: float
    steps: int  # frames since the reset
    road_steps: int  # frames that a regulated road has counted
    count: int  # vehicles
    things: int  # vehicles and objects
    born: int  # numbers given to cars so far
    ego: int  # number of the car that its episode is about
    log_frame: int  # of the Logs at which the world began
    rng_high: int  # PCG64's state and increment, as unsigned 64-bit halves
    rng_low: int
    rng_inc_high: int
    rng_inc_low: int
    rng_left: int  # the half of a draw that is still to be used
    rng_has_left: bool


_ARRAYS: dict[str, tuple[str, tuple[int, ...]]] = {
    "target_speeds": ("f8", (SPEEDS_MOST,)), "linear": ("f8", (5,)),
    "route_road": ("i2", (ROUTE_MOST,)), "route_lane": ("i2", (ROUTE_MOST,))}
_SMALL = {"kind": "i1", "driver": "i1", "route_size": "i2"}


def _record(kind: type) -> np.dtype[Any]:
    """The aligned record type with the fields of an annotated class."""
    codes = {float: "f8", int: "i8", bool: "?"}
    fields: list[Any] = []
    for name, hint in typing.get_type_hints(kind).items():
        if hint is np.ndarray:
            fields.append((name, *_ARRAYS.get(name, ("f8", (2,)))))
        elif name.startswith("rng_") and hint is int:
            fields.append((name, "u8"))
        else:
            fields.append((name, _SMALL.get(name, "i4" if kind is Car and hint is int else codes[hint])))
    return np.dtype((np.record, np.dtype(fields, align=True)))


CAR, LANE, WAY, RULES, WORLD = _record(Car), _record(Lane), _record(Way), _record(Rules), _record(Clock)
Cars = np.ndarray  # (V,) of CAR: one world's
