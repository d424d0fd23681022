"""Right of way at a regulated road: RegulatedRoad of highway_env/road/regulation.py.

Where two cars' predicted ways conflict, one of them stops (its target speed is 0) until the next check.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from drive_gen.envs.simulator.lanes import coordinates, heading_at, position
from drive_gen.envs.simulator.lean import lean
from drive_gen.envs.simulator.longitudinal import has_target_speed
from drive_gen.envs.simulator.motion import be_pushed, limit_command, roll
from drive_gen.envs.simulator.order import PREDICTIONS, Scratch
from drive_gen.envs.simulator.types import (
    ANY_LANE,
    MDP,
    NOBODY,
    VEHICLE,
    Car,
    Cars,
    Clock,
    Lane,
    Network,
    Way,
)

PREDICTION_S = 0.25  # between two predictions
LENGTHEN, NARROW = 1.5, 0.9  # of a car, for what counts as a conflict


# --- predicted ways ---------------------------------------------------------------------------------------


@lean
def lane_of_step(car: Car, network: Network, step: int) -> int:
    """The lane meant by a step of a car's route: where the route leaves it open, that of the car's number."""
    way: Way = network.ways[car.route_road[step]]
    lane: Lane = network.lanes[car.lane]
    return way.first + (lane.place if car.route_lane[step] == ANY_LANE else int(car.route_lane[step]))


@lean
def along_route(car: Car, network: Network, along: float) -> tuple[int, float]:
    """The lane and the metres on it, so many metres from the start of a car's route."""
    if car.route_size <= 0:
        return car.lane, along
    step = 0
    number = lane_of_step(car, network, step)
    while step < car.route_size - 1 and along > network.lanes[number].length:
        along -= network.lanes[number].length
        step += 1
        number = lane_of_step(car, network, step)
    return number, along


@lean
def predict_along_route(car: Car, network: Network, path: np.ndarray) -> None:
    """Fill (PREDICTIONS, 3) x, y and heading along the route at constant speed."""
    start, _ = coordinates(network.lanes[car.lane], car.x, car.y)
    for sample in range(PREDICTIONS):
        number, along = along_route(car, network, start + car.speed * (PREDICTION_S * (sample + 1)))
        lane: Lane = network.lanes[number]
        path[sample, 0], path[sample, 1] = position(lane, along, 0.0)
        path[sample, 2] = heading_at(lane, along)


@lean
def predict_by_steering(car: Car, path: np.ndarray) -> None:
    """Fill (PREDICTIONS, 3) x, y and heading of a car that holds its steering and speed; the car moves."""
    car.acceleration = 0.0
    for sample in range(PREDICTIONS):
        limit_command(car)
        speed = car.speed
        roll(car, PREDICTION_S)
        be_pushed(car)
        car.speed = speed + car.acceleration * PREDICTION_S
        path[sample, 0], path[sample, 1], path[sample, 2] = car.x, car.y, car.heading


@lean
def predict(cars: Cars, world: Clock, network: Network, scratch: Scratch) -> None:
    """Every vehicle's way to come."""
    for place in range(world.count):
        if cars[place].kind == VEHICLE:
            scratch.ghost[0] = cars[place]
            predict_by_steering(scratch.ghost[0], scratch.paths[place])
        else:
            predict_along_route(cars[place], network, scratch.paths[place])


# --- conflicts --------------------------------------------------------------------------------------------


@lean
def corner_inside(one: Car, at: np.ndarray, other: Car, there: np.ndarray) -> bool:
    """Whether one of nine points of a car's box at (3,) x, y, heading is in another's; has_corner_inside.

    highway-env turns the points by the other's heading where it should turn them back. So does this.
    """
    half_length, half_width = LENGTHEN * one.length / 2, NARROW * one.width / 2
    most_along, most_aside = LENGTHEN * other.length / 2, NARROW * other.width / 2
    cosine, sine = math.cos(at[2]), math.sin(at[2])
    turn_cosine, turn_sine = math.cos(there[2]), math.sin(there[2])
    for along in (-half_length, 0.0, half_length):
        for aside in (-half_width, 0.0, half_width):
            x = (cosine * along - sine * aside) + at[0] - there[0]
            y = (sine * along + cosine * aside) + at[1] - there[1]
            if (abs(turn_cosine * x - turn_sine * y) <= most_along
                    and abs(turn_sine * x + turn_cosine * y) <= most_aside):
                return True
    return False


@lean
def in_conflict(one: Car, way: np.ndarray, other: Car, other_way: np.ndarray) -> bool:
    """Whether two cars' boxes meet on their predicted ways; RegulatedRoad.is_conflict_possible."""
    for sample in range(PREDICTIONS):
        x, y = other_way[sample, 0] - way[sample, 0], other_way[sample, 1] - way[sample, 1]
        if math.sqrt(x * x + y * y) > one.length:
            continue
        if (corner_inside(one, way[sample], other, other_way[sample])
                or corner_inside(other, other_way[sample], one, way[sample])):
            return True
    return False


@lean
def front_distance(one: Car, other: Car) -> float:
    """Metres from one car to another along the heading of the first."""
    return one.cosine * (other.x - one.x) + one.sine * (other.y - one.y)


@lean
def first_yields(one: Car, other: Car, network: Network) -> bool:
    """Whether the first of two yields: to the higher priority, else who is behind; respect_priorities."""
    mine, yours = network.lanes[one.lane].priority, network.lanes[other.lane].priority
    if mine != yours:
        return bool(mine < yours)
    return front_distance(one, other) > front_distance(other, one)


@lean
def let_go(car: Car, network: Network) -> None:
    """End a car's yielding."""
    if car.yielding >= 0:  # highway-env counts checks up to YIELD_DURATION, which is 0
        car.target_speed = network.lanes[car.lane].speed_limit
        car.yielding = NOBODY


@lean
def stop(car: Car) -> None:
    """Make a car yield; the ego, by meta-actions or controls, does as it likes."""
    if has_target_speed(car) and car.kind != MDP:
        car.target_speed = 0.0
        car.yielding = 0


@partial(lean, inline=False)
def enforce_road_rules(cars: Cars, world: Clock, network: Network, scratch: Scratch) -> None:
    """End all yielding, then find conflicts anew."""
    for place in range(world.count):
        let_go(cars[place], network)
    predict(cars, world, network, scratch)
    for place in range(world.count):
        for later in range(place + 1, world.count):
            one, other = cars[place], cars[later]
            if in_conflict(one, scratch.paths[place], other, scratch.paths[later]):
                stop(one if first_yields(one, other, network) else other)
