"""What highway-env can tell of one car: the entries of Vehicle.to_dict, compiled."""

from __future__ import annotations

import math

from drive_gen.envs.simulator.lanes import coordinates, heading_at, position, wrap
from drive_gen.envs.simulator.lean import lean
from drive_gen.envs.simulator.types import ANY_LANE, Car, Lane, Network

FEATURES = ("presence", "x", "y", "vx", "vy", "cos_h", "sin_h", "cos_d", "sin_d", "heading", "long_off",
            "lat_off", "ang_off")
PRESENCE, X, Y, VX, VY, COS_H, SIN_H, COS_D, SIN_D, HEADING, LONG_OFF, LAT_OFF, ANG_OFF = range(len(FEATURES))


@lean
def velocity(car: Car) -> tuple[float, float]:
    """m/s in the world frame, without slip angle."""
    return car.speed * car.cosine, car.speed * car.sine


@lean
def to_destination(car: Car, network: Network) -> tuple[float, float]:
    """Unit vector to the end of a car's route, 0 where it has none; Vehicle.destination_direction."""
    if car.route_size <= 0:
        return 0.0, 0.0
    place = car.route_lane[car.route_size - 1]
    first = network.ways[car.route_road[car.route_size - 1]].first
    lane: Lane = network.lanes[first + (0 if place == ANY_LANE else place)]
    end_x, end_y = position(lane, lane.length, 0.0)
    x, y = end_x - car.x, end_y - car.y
    distance = math.sqrt(x * x + y * y)
    return (x / distance, y / distance) if x != 0 or y != 0 else (0.0, 0.0)


@lean
def lane_offset(car: Car, network: Network) -> tuple[float, float, float]:
    """Metres along a car's lane and to its right, and the angle to it; Vehicle.lane_offset."""
    lane: Lane = network.lanes[car.lane]
    along, aside = coordinates(lane, car.x, car.y)
    return along, aside, wrap(car.heading - heading_at(lane, along))


@lean
def attitude(car: Car, network: Network, code: int) -> float:
    """A feature that is the same for every observer: headings and lane offsets."""
    if code == PRESENCE:
        return 1.0
    if code in (COS_H, SIN_H):
        return car.cosine if code == COS_H else car.sine
    if code in (COS_D, SIN_D):
        return to_destination(car, network)[code - COS_D]
    if code == HEADING:
        return car.heading
    return lane_offset(car, network)[code - LONG_OFF]


@lean
def spread(value: float, low: float, high: float) -> float:
    """low to -1, high to 1; utils.lmap."""
    return -1 + (value - low) * 2 / (high - low)
