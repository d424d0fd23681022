"""A car's arrival in a world: position, lane, behaviour and route as highway-env's constructors set them."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from drive_gen.envs.simulator import rng
from drive_gen.envs.simulator.lanes import closest_lane, heading_at, position
from drive_gen.envs.simulator.lean import lean
from drive_gen.envs.simulator.spawn import LINEAR_PARAMETERS, RANDOM, Spawn
from drive_gen.envs.simulator.types import (
    ANY_LANE,
    LINEAR,
    MDP,
    NOBODY,
    ROUTE_MOST,
    VEHICLE,
    Car,
    Cars,
    Clock,
    Network,
)


@partial(lean, inline=False)
def arrive(cars: Cars, world: Clock, network: Network, template: Cars, lane: int, along: float,
           speed: float) -> None:
    """Add a car, else as its template, on a lane's centre as the world's last; RoadObject.make_on_lane."""
    place = world.count
    cars[place] = template[0]
    car: Car = cars[place]
    world.count = place + 1
    car.x, car.y = position(network.lanes[lane], along, 0.0)
    car.heading, car.speed = heading_at(network.lanes[lane], along), speed
    car.cosine, car.sine = math.cos(car.heading), math.sin(car.heading)
    car.lane = closest_lane(network, car.x, car.y, car.heading)
    car.target_lane = car.lane
    if car.kind != VEHICLE and car.kind != MDP:
        car.target_speed = speed
        car.timer = (car.x + car.y) * np.pi % car.timer


@partial(lean, inline=False)
def randomize(car: Car, world: Clock, spawn: Spawn) -> None:
    """IDMVehicle.randomize_behavior and LinearVehicle's."""
    ranges = spawn.behavior
    if car.kind == LINEAR:
        for number in range(LINEAR_PARAMETERS):
            car.linear[number] = ranges[0, number] + rng.random(world) * ranges[1, number]
    car.delta = ranges[0, LINEAR_PARAMETERS] + ranges[1, LINEAR_PARAMETERS] * rng.random(world)


@partial(lean, inline=False)
def plan_route(car: Car, network: Network, spawn: Spawn, destination: int) -> None:
    """ControlledVehicle.plan_route_to a destination of the routes' table."""
    lane = network.lanes[car.lane]
    car.route_road[0], car.route_lane[0] = lane.road, lane.place
    size = 1
    node = network.ways[lane.road].end
    while size < ROUTE_MOST and spawn.routes[destination, node, size - 1] != NOBODY:
        car.route_road[size], car.route_lane[size] = spawn.routes[destination, node, size - 1], ANY_LANE
        size += 1
    car.route_size = size


@partial(lean, inline=False)
def plan_drawn_route(car: Car, world: Clock, network: Network, spawn: Spawn, destination: int) -> None:
    """As plan_route; RANDOM draws one of the traffic's destinations."""
    if destination == RANDOM:
        destination = rng.integers(world, spawn.plan.destinations)
    plan_route(car, network, spawn, destination)


@partial(lean, inline=False)
def is_near(cars: Cars, world: Clock, x: float, y: float, distance_m: float) -> bool:
    """Whether a vehicle of the world is nearer to a point than that."""
    for place in range(world.count):  # noqa: SIM110, numba knows no any()
        if distance(cars[place], x, y) < distance_m:
            return True
    return False


@partial(lean, inline=False)
def distance(car: Car, x: float, y: float) -> float:
    """Metres from a car's centre to a point."""
    return math.sqrt((car.x - x) * (car.x - x) + (car.y - y) * (car.y - y))
