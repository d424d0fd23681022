"""highway-env's TimeToCollisionObservation, compiled; envs/common/observation.py and finite_mdp.py."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from drive_gen.envs.simulator.lanes import coordinates, not_zero
from drive_gen.envs.simulator.lean import lean
from drive_gen.envs.simulator.records import record_type
from drive_gen.envs.simulator.rewards import speed_index
from drive_gen.envs.simulator.types import NOBODY, Car, Cars, Clock, Lane, Network, Rules, Way

SPEEDS, LANES = 3, 3  # rows and columns: the ego's own in the middle
DEPTH = 3  # roads ahead on which a car counts
NEAR_COST = 0.5  # of the cells in which the cars' ends touch; 1 where their centres do


class Collisions:
    """Settings of a grid of times to collision: the fields of a COLLISIONS record."""

    steps: int
    step_s: float


COLLISIONS = record_type(Collisions, {})


def stack_of(network: Network) -> np.ndarray:
    """Space for the roads that `leads_to` has yet to look at: number, place in the route, depth left."""
    return np.zeros((1 + DEPTH * network.out_of.shape[1], 3), np.int64)


@lean
def push(stack: np.ndarray, size: int, road: int, place: int, depth: int) -> int:
    """Put a road on a stack; gives its size."""
    stack[size, 0], stack[size, 1], stack[size, 2] = road, place, depth
    return size + 1


@lean
def push_roads_ahead(car: Car, network: Network, road: int, place: int, depth: int, stack: np.ndarray,
                     size: int) -> int:
    """Put on a stack the roads after one, on the route from `place` on or any; gives the stack's size."""
    end = network.ways[road].end
    while place < car.route_size and car.route_road[place] == road:
        place += 1
    if place < car.route_size and network.ways[car.route_road[place]].start == end:
        return push(stack, size, car.route_road[place], place + 1, depth - 1)
    for branch in range(network.out_of.shape[1]):
        if network.out_of[end, branch] != NOBODY:
            size = push(stack, size, network.out_of[end, branch], place, depth - 1)
    return size


@lean
def leads_to(car: Car, network: Network, wanted: int, stack: np.ndarray) -> bool:
    """Whether a road lies before a car's, or ahead on its route; RoadNetwork.is_connected_road."""
    size = push(stack, 0, network.lanes[car.lane].road, 0, DEPTH)
    while size > 0:
        size -= 1
        road, place, depth = stack[size, 0], stack[size, 1], stack[size, 2]
        if road == wanted or network.ways[wanted].end == network.ways[road].start:
            return True
        if depth > 0:
            size = push_roads_ahead(car, network, road, place, depth, stack, size)
    return False


@lean
def mark(row: np.ndarray, column: int, when_s: float, cost: float, seen: Collisions) -> None:
    """Raise the cells of a time, (LANES, T): of the steps before and after it."""
    for step in (int(when_s / seen.step_s), math.ceil(when_s / seen.step_s)):
        if 0 <= step < seen.steps:
            row[column, step] = max(row[column, step], cost)


@lean
def mark_car(row: np.ndarray, ego: Car, other: Car, ahead: float, speed_mps: float, first: int, last: int,
             seen: Collisions) -> None:
    """Mark when the ego at a speed meets another car, in the columns first to last of (LANES, T)."""
    closing = not_zero(speed_mps - other.speed * (other.cosine * ego.cosine + other.sine * ego.sine))
    margin = other.length / 2 + ego.length / 2
    for offset, cost in ((0.0, 1.0), (-margin, NEAR_COST), (margin, NEAR_COST)):
        when_s = (ahead + offset) / closing
        if when_s >= 0:
            for column in range(first, last + 1):
                mark(row, column, when_s, cost, seen)


@lean
def clear(own_lane: int, lanes: int, out: np.ndarray) -> None:
    """Write 1 in the columns of lanes that the road does not have, 0 in the others."""
    for row in range(SPEEDS):
        for column in range(LANES):
            for step in range(out.shape[2]):
                out[row, column, step] = 0.0 if 0 <= own_lane - 1 + column < lanes else 1.0


@partial(lean, inline=False)
def observe_collisions(cars: Cars, world: Clock, network: Network, rules: Rules, seen: Collisions, ego: int,
                       stack: np.ndarray, out: np.ndarray) -> None:
    """Write what one car sees into (SPEEDS, LANES, T) float32; `stack` is stack_of(network), to work in.

    Rows are target speeds slower, present and faster, columns lanes left, present and right, 1 beyond the
    road's edge. (highway-env takes the count of lanes from the first controlled car's road; this, from the
    observer's own.)
    """
    car: Car = cars[ego]
    lane: Lane = network.lanes[car.lane]
    way: Way = network.ways[lane.road]
    index, here = speed_index(car, rules), coordinates(lane, car.x, car.y)[0]
    clear(lane.place, way.lanes, out)
    for place in range(world.count):
        other: Car = cars[place]
        other_lane: Lane = network.lanes[other.lane]
        if place == ego or not leads_to(car, network, other_lane.road, stack):
            continue
        ahead = coordinates(lane, other.x, other.y)[0] - here
        first, last = 0, LANES - 1  # on a road with another count of lanes it may be on any
        if network.ways[other_lane.road].lanes == way.lanes:
            first = last = other_lane.place - lane.place + 1
        for row in range(SPEEDS):
            speed_mps = rules.target_speeds[max(0, min(index - 1 + row, rules.speeds - 1))]
            if speed_mps != other.speed:
                mark_car(out[row], car, other, ahead, speed_mps, max(first, 0), min(last, LANES - 1), seen)
