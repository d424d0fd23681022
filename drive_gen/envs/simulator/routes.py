"""Which lane comes after the end of a lane; RoadNetwork.next_lane and ControlledVehicle.follow_road."""

from __future__ import annotations

import numpy as np

from drive_gen.envs.simulator.lanes import after_end, coordinates, overshoot, position
from drive_gen.envs.simulator.lean import lean
from drive_gen.envs.simulator.types import ANY_LANE, NOBODY, Car, Lane, Network, Way


@lean
def drop_first(car: Car) -> None:
    """Take the first road out of a route."""
    car.route_size -= 1
    for step in range(car.route_size):
        car.route_road[step] = car.route_road[step + 1]
        car.route_lane[step] = car.route_lane[step + 1]


@lean
def distance_to(lane: Lane, x: float, y: float) -> float:
    """L1 distance of a point from a lane, m; AbstractLane.distance."""
    along, aside = coordinates(lane, x, y)
    return overshoot(lane, along, aside)


@lean
def lane_on(network: Network, current: int, road: int, wanted: int, x: float, y: float) -> int:
    """The lane of a road that follows a lane: the one wanted or of the same number where the roads have as
    many lanes, else the closest to a point. RoadNetwork.next_lane_given_next_road.
    """
    lane: Lane = network.lanes[current]
    way: Way = network.ways[road]
    if network.ways[lane.road].lanes == way.lanes:
        return way.first + (lane.place if wanted == ANY_LANE else wanted)
    best, least = way.first, np.inf
    for number in range(way.first, way.first + way.lanes):
        distance = distance_to(network.lanes[number], x, y)
        if distance < least:
            best, least = number, distance
    return best


@lean
def closest_after(network: Network, current: int, x: float, y: float) -> int:
    """The lane nearest to a point among those that follow a lane; the lane itself at a dead end."""
    end = network.ways[network.lanes[current].road].end
    best, least = current, np.inf
    for turn in range(network.out_of.shape[1]):
        road = network.out_of[end, turn]
        if road == NOBODY:
            break
        number = lane_on(network, current, road, ANY_LANE, x, y)
        distance = distance_to(network.lanes[number], x, y)
        if distance < least:
            best, least = number, distance
    return best


@lean
def next_lane(car: Car, network: Network) -> int:
    """The lane to follow after the target lane, by the route where it goes on from there."""
    current: Lane = network.lanes[car.target_lane]
    if car.route_size > 0 and car.route_road[0] == current.road:
        drop_first(car)
    along, _ = coordinates(current, car.x, car.y)
    x, y = position(current, along, 0.0)
    if car.route_size > 0 and network.ways[car.route_road[0]].start == network.ways[current.road].end:
        return lane_on(network, car.target_lane, car.route_road[0], car.route_lane[0], x, y)
    return closest_after(network, car.target_lane, x, y)


@lean
def follow_road(car: Car, network: Network) -> None:
    """At the end of the target lane go on to the next."""
    if after_end(network.lanes[car.target_lane], car.x, car.y):
        car.target_lane = next_lane(car, network)
