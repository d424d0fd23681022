"""Who drives ahead and behind on a lane; Road.neighbour_vehicles of highway_env/road/road.py.

Of equally near ones the last of the list is ahead and the first of the list behind. Landmarks are nobody's
neighbours, obstacles are.
"""

from __future__ import annotations

import math

import numpy as np

from drive_gen.envs.simulator.lanes import LANE_END_MARGIN_M, coordinates, on_lane
from drive_gen.envs.simulator.lean import lean
from drive_gen.envs.simulator.order import Scratch
from drive_gen.envs.simulator.types import (
    CIRCULAR,
    LANDMARK,
    NOBODY,
    Car,
    Cars,
    Clock,
    Lane,
    Network,
    Rules,
    Way,
)

LOOK_ASIDE_M = 1.0  # a car this far outside a lane still counts as being on it


@lean
def along_lane(lane: Lane, x: float, y: float) -> float:
    """Metres along a lane of a point that is on it, NaN for any other."""
    if lane.kind == CIRCULAR:  # most are off the ring, which takes no arctangent to see
        aside_x, aside_y = x - lane.centre_x, y - lane.centre_y
        offset = lane.radius - math.sqrt(aside_x * aside_x + aside_y * aside_y)
        if abs(offset) > lane.width / 2 + LOOK_ASIDE_M:
            return np.nan
    along, aside = coordinates(lane, x, y)
    return along if on_lane(lane, along, aside, LOOK_ASIDE_M) else np.nan


@lean
def beside(network: Network, road: int, place: int) -> int:
    """The lane of a road with the number that a connected lane has, or its first."""
    way: Way = network.ways[road]
    return way.first + (place if place < way.lanes else 0)


@lean
def along_connected(network: Network, number: int, x: float, y: float) -> float:
    """As `along_lane` where the point is on a lane after or before this one, in this lane's metres."""
    lane: Lane = network.lanes[number]
    way: Way = network.ways[lane.road]
    for turn in range(network.out_of.shape[1]):
        road = network.out_of[way.end, turn]
        if road == NOBODY:
            break
        along = along_lane(network.lanes[beside(network, road, lane.place)], x, y)
        if not math.isnan(along):
            return along + lane.length
    for turn in range(network.into.shape[1]):
        road = network.into[way.start, turn]
        if road == NOBODY:
            break
        before: Lane = network.lanes[beside(network, road, lane.place)]
        along = along_lane(before, x, y)
        if not math.isnan(along):
            return along + -before.length
    return np.nan


@lean
def search(cars: Cars, world: Clock, network: Network, rules: Rules, place: int,
           number: int) -> tuple[int, int]:
    """Ahead and behind on any road: a look at everybody."""
    lane: Lane = network.lanes[number]
    own, _ = coordinates(lane, cars[place].x, cars[place].y)
    ahead, behind, least, most = NOBODY, NOBODY, np.inf, -np.inf
    for other in range(world.things):
        car: Car = cars[other]
        if other == place or car.kind == LANDMARK:
            continue
        along = along_lane(lane, car.x, car.y)
        if rules.connected and math.isnan(along):
            along = along_connected(network, number, car.x, car.y)
        if own <= along <= least:
            ahead, least = other, along
        if most < along < own:
            behind, most = other, along
    return ahead, behind


@lean
def counts(cars: Cars, lane: Lane, scratch: Scratch, rank: int) -> bool:
    """Whether the thing of a rank is somebody's neighbour on a lane of a highway."""
    return bool(abs(scratch.y[rank] - lane.start_y) <= lane.width / 2 + LOOK_ASIDE_M
            and -LANE_END_MARGIN_M <= scratch.x[rank] < lane.length + LANE_END_MARGIN_M
            and cars[scratch.order[rank]].kind != LANDMARK)


@lean
def walk_ahead(cars: Cars, world: Clock, lane: Lane, scratch: Scratch, place: int) -> int:
    """Ahead on a highway: the first on the lane in the order from one's own place."""
    rank = scratch.rank[place]
    while rank > 0 and scratch.x[rank - 1] == cars[place].x:  # who is level counts as ahead
        rank -= 1
    found, at = NOBODY, lane.length + LANE_END_MARGIN_M
    while rank < world.things and scratch.x[rank] <= at:
        if scratch.order[rank] != place and counts(cars, lane, scratch, rank):
            found, at = scratch.order[rank], scratch.x[rank]
        rank += 1
    return found


@lean
def walk_behind(cars: Cars, lane: Lane, scratch: Scratch, place: int) -> int:
    """Behind on a highway: the first on the lane, backwards from one's own place."""
    rank = scratch.rank[place]
    x, found, at = scratch.x[rank], NOBODY, -np.inf
    while rank >= 0 and scratch.x[rank] >= at:
        if scratch.x[rank] < x and counts(cars, lane, scratch, rank):
            found, at = scratch.order[rank], scratch.x[rank]
        rank -= 1
    return found


@lean
def neighbours(cars: Cars, world: Clock, network: Network, rules: Rules, scratch: Scratch, place: int,
               number: int) -> tuple[int, int]:
    """The things ahead and behind on a lane, NOBODY where none."""
    if network.parallel:
        lane: Lane = network.lanes[number]
        return walk_ahead(cars, world, lane, scratch, place), walk_behind(cars, lane, scratch, place)
    return search(cars, world, network, rules, place, number)


@lean
def leader(cars: Cars, world: Clock, network: Network, rules: Rules, scratch: Scratch, place: int,
           number: int) -> int:
    """The first of `neighbours`."""
    if network.parallel:
        return walk_ahead(cars, world, network.lanes[number], scratch, place)
    return search(cars, world, network, rules, place, number)[0]
