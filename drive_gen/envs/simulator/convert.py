"""Between WorldState, which highway-env's worlds export, and the simulator's records; exact both ways."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np

from drive_gen.envs.files import InputError
from drive_gen.envs.simulator.rules import CLASSES, EGO_CLASS, MOST_SPEED_MPS, rules_of, traffic_classes
from drive_gen.envs.simulator.types import (
    ANY_LANE,
    CAR,
    EGO,
    IDM,
    LANDMARK,
    LINEAR,
    MDP,
    NOBODY,
    OBSTACLE,
    ROUTE_MOST,
    TRAFFIC,
    VEHICLE,
    WORLD,
    Car,
    Cars,
    Clock,
    Network,
)
from drive_gen.envs.world import RouteStep, WorldState

__all__ = ["cars_of", "rules_of", "state_after"]

ALIKE = ("heading", "speed", "length", "width", "lane", "yielding", "crashed", "hit", "has_impact", "solid",
         "controlled")  # columns of the same name and meaning on both sides
RENAMED = {"check_collisions": "checks", "enable_lane_change": "changes_lanes"}
PAIRS = {"position": ("x", "y"), "action": ("acceleration", "steering"), "impact": ("impact_x", "impact_y")}
# Columns that only some kinds of car have.
OWN = {"target_speed": (MDP, IDM, LINEAR), "speed_index": (MDP,), "timer": (IDM, LINEAR),
       "delta": (IDM, LINEAR), "linear": (LINEAR,)}
NAMES = {VEHICLE: "Vehicle", MDP: "MDPVehicle", OBSTACLE: "Obstacle", LANDMARK: "Landmark"}
WORD = 2**64

Road = tuple[str, str]


# --- in ---------------------------------------------------------------------------------------------------


def cars_of(state: WorldState, network: Network, room: int = 0) -> tuple[Cars, Clock]:
    """A world's cars (N + room,) and its clock, copies both; an InputError names what cannot be moved."""
    roads = {road: number for number, road in enumerate(_roads(state))}
    _check(state, len(roads), network)
    cars = np.zeros(len(state.classes) + room, CAR)
    taken = cars[: len(state.classes)]
    taken["kind"] = [CLASSES[name] for name in state.classes]
    taken["driver"] = [EGO if name == EGO_CLASS else TRAFFIC for name in state.classes]
    for name in (*ALIKE, "target_lane"):
        taken[name] = getattr(state, name)
    for theirs, ours in RENAMED.items():
        taken[ours] = getattr(state, theirs)
    for theirs, (first, second) in PAIRS.items():
        taken[first], taken[second] = getattr(state, theirs).T
    for name, kinds in OWN.items():
        have = np.isin(taken["kind"], kinds)
        taken[name][have] = getattr(state, name)[have]
    taken["cosine"] = [math.cos(heading) for heading in state.heading]
    taken["sine"] = [math.sin(heading) for heading in state.heading]
    taken["min_speed"], taken["max_speed"] = -MOST_SPEED_MPS, MOST_SPEED_MPS
    for car, route in zip(taken, state.routes, strict=True):
        _fill_route(car, route, roads)
    return cars, _clock_of(state)


def _roads(state: WorldState) -> list[Road]:
    """The roads of a network in highway-env's order, which is that of the network's ways."""
    return list(dict.fromkeys((start, end) for start, end, _ in state.lane_keys))


def _check(state: WorldState, roads: int, network: Network) -> None:
    if unknown := sorted(set(state.classes) - CLASSES.keys()):
        raise InputError(f"the simulator moves {', '.join(CLASSES)}, this world has {', '.join(unknown)}; "
                         "step it with highway-env itself (--engine reference)")
    if (len(state.lane_keys), roads) != (network.lanes.size, network.ways.size):
        raise InputError(f"the state has {len(state.lane_keys)} lanes on {roads} roads, the network "
                         f"{network.lanes.size} on {network.ways.size}; take both from the same environment")
    longest = max((len(route) for route in state.routes if route), default=0)
    if longest > ROUTE_MOST:
        raise InputError(f"the simulator knows routes of up to {ROUTE_MOST} roads, got {longest}; step it "
                         "with highway-env itself (--engine reference)")


def _fill_route(car: Car, route: tuple[RouteStep, ...] | None, roads: Mapping[Road, int]) -> None:
    car.route_size = NOBODY if route is None else len(route)
    for step, (start, end, lane) in enumerate(route or ()):
        car.route_road[step] = roads[start, end]
        car.route_lane[step] = ANY_LANE if lane is None else lane


def _clock_of(state: WorldState) -> Clock:
    clock = np.zeros(1, WORLD)
    numbers, rng = state.rng["state"], state.rng
    values = {"time_s": state.time, "steps": state.steps, "road_steps": state.road_steps,
              "count": state.vehicles, "things": len(state.classes),
              "rng_high": numbers["state"] // WORD, "rng_low": numbers["state"] % WORD,
              "rng_inc_high": numbers["inc"] // WORD, "rng_inc_low": numbers["inc"] % WORD,
              "rng_left": rng["uinteger"], "rng_has_left": bool(rng["has_uint32"])}
    for name, value in values.items():
        clock[name] = value
    return cast(Clock, clock[0])


# --- out --------------------------------------------------------------------------------------------------


def state_after(state: WorldState, cars: Cars, world: Clock) -> WorldState:
    """The world as it is now, for `import_state`; `state` is an earlier one of the same environment."""
    taken, roads = cars[: world.things], _roads(state)
    values: dict[str, Any] = {name: taken[name].astype(getattr(state, name).dtype) for name in ALIKE}
    values |= {theirs: taken[ours].copy() for theirs, ours in RENAMED.items()}
    for theirs, (first, second) in PAIRS.items():
        values[theirs] = np.stack((taken[first], taken[second]), axis=-1)
    values["impact"][~taken["has_impact"]] = 0.0
    values |= {name: _own_column(getattr(state, name), taken, name) for name in OWN}
    egos = taken["driver"] == EGO  # whose class computes it when asked
    values["speed_index"][egos] = [_nearest(state.target_speeds, speed) for speed in taken["speed"][egos]]
    steers = np.isin(taken["kind"], OWN["target_speed"])
    values["target_lane"] = np.where(steers, taken["target_lane"], taken["lane"]).astype(np.int64)
    return replace(state, **values, classes=_class_names(state, taken), vehicles=int(world.count),
                   routes=tuple(_route_of(car, roads) for car in taken), time=float(world.time_s),
                   steps=int(world.steps), road_steps=int(world.road_steps), rng=_generator_of(state, world))


def _own_column(like: np.ndarray, cars: Cars, name: str) -> np.ndarray:
    """A column that only some kinds have, with highway-env's way of having none for the others."""
    column = np.full((cars.size, *like.shape[1:]), -1 if like.dtype.kind == "i" else np.nan, like.dtype)
    have = np.isin(cars["kind"], OWN[name])
    column[have] = cars[name][have]
    return column


def _class_names(state: WorldState, cars: Cars) -> tuple[str, ...]:
    """highway-env's class of each car; traffic that came later is of the class of that which was there."""
    names = {**NAMES, **{CLASSES[name]: name for name in sorted(traffic_classes(state))}}
    for car in cars:
        if car.driver != EGO and car.kind not in names:
            raise InputError("no vehicle of the earlier state tells the class of those that came since; take "
                             "a state with traffic")
    return tuple(EGO_CLASS if car.driver == EGO else names[int(car.kind)] for car in cars)


def _nearest(target_speeds: np.ndarray, speed: float) -> int:
    """Place of the nearest target speed, halves to even; MDPVehicle.speed_to_index."""
    last = target_speeds.size - 1
    share = (speed - target_speeds[0]) / (target_speeds[-1] - target_speeds[0])
    return int(np.clip(np.round(share * last), 0, last))


def _route_of(car: Car, roads: list[Road]) -> tuple[RouteStep, ...] | None:
    if car.route_size < 0:
        return None
    steps = zip(car.route_road[: car.route_size], car.route_lane[: car.route_size], strict=True)
    return tuple((*roads[road], None if lane == ANY_LANE else int(lane)) for road, lane in steps)


def _generator_of(state: WorldState, world: Clock) -> dict[str, Any]:
    """The state of the world's bit generator, as numpy writes it."""
    return {**state.rng, "has_uint32": int(world.rng_has_left), "uinteger": int(world.rng_left),
            "state": {"state": int(world.rng_high) * WORD + int(world.rng_low),
                      "inc": int(world.rng_inc_high) * WORD + int(world.rng_inc_low)}}
