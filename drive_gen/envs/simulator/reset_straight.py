"""How worlds on straight roads begin: highway, exit, merge; _create_vehicles and _make_vehicles there."""

from __future__ import annotations

from functools import partial

from drive_gen.envs.simulator import rng
from drive_gen.envs.simulator.arrivals import arrive, plan_route, randomize
from drive_gen.envs.simulator.lean import lean
from drive_gen.envs.simulator.spawn import RANDOM, Spawn
from drive_gen.envs.simulator.types import Cars, Clock, Network

EGO_MPS = 25.0
EGO_M, APART_M, TRIES = 30.0, 15.0, 10  # merge-generic
MERGE_CARS = ((90.0, 29.0), (70.0, 31.0), (5.0, 31.5))  # m along and m/s


@partial(lean, inline=False)
def _queue(cars: Cars, world: Clock, network: Network, template: Cars, lane: int, speed: float,
           spacing: float, crowding: float) -> None:
    """Add a car ahead of all others, which is ahead of the last; Vehicle.create_random.

    The lanes begin at x = 0 and run along +x, so that the last car's metres along the new lane are its x.
    """
    room = spacing * (12 + 1.0 * speed) * crowding
    last = cars[world.count - 1].x if world.count else 3 * room
    arrive(cars, world, network, template, lane, last + room * rng.uniform(world, 0.9, 1.1), speed)


@partial(lean, inline=False)
def reset_highway(cars: Cars, world: Clock, network: Network, spawn: Spawn) -> None:
    """Each controlled car, followed by its share of the traffic."""
    plan = spawn.plan
    for number in range(plan.controlled):
        lane = rng.integers(world, plan.lanes) if plan.ego_lane == RANDOM else plan.ego_lane
        _queue(cars, world, network, spawn.ego, lane, EGO_MPS, plan.ego_spacing, plan.crowding)
        share = plan.vehicles // plan.controlled + (number < plan.vehicles % plan.controlled)
        for _ in range(share):
            lane = rng.integers(world, plan.lanes)
            limit = network.lanes[lane].speed_limit
            speed = rng.uniform(world, 0.7 * limit, 0.8 * limit)
            _queue(cars, world, network, spawn.traffic, lane, speed, plan.spacing, plan.crowding)
            randomize(cars[world.count - 1], world, spawn)


@partial(lean, inline=False)
def reset_exit(cars: Cars, world: Clock, network: Network, spawn: Spawn) -> None:
    """Controlled cars on the leftmost lane; traffic at its lane's limit, more of it further to the right."""
    plan = spawn.plan
    for _ in range(plan.controlled):
        _queue(cars, world, network, spawn.ego, 0, EGO_MPS, plan.ego_spacing, plan.crowding)
    for _ in range(plan.vehicles):
        lane = rng.weighted(world, spawn.chances)
        limit = network.lanes[lane].speed_limit
        _queue(cars, world, network, spawn.traffic, lane, limit, plan.spacing, plan.crowding)
        plan_route(cars[world.count - 1], network, spawn, plan.destination)


@partial(lean, inline=False)
def reset_merge(cars: Cars, world: Clock, network: Network, spawn: Spawn) -> None:
    """The ego and three cars on the highway; the merging one is the Spawn's last."""
    cars[0], world.count = spawn.ego[0], 1
    for along, speed in MERGE_CARS:
        lane = rng.integers(world, spawn.plan.lanes)
        along += rng.uniform(world, -5.0, 5.0)
        arrive(cars, world, network, spawn.traffic, lane, along, speed + rng.uniform(world, -1.0, 1.0))


@partial(lean, inline=False)
def reset_merge_generic(cars: Cars, world: Clock, network: Network, spawn: Spawn) -> None:
    """The ego, and each of the cars for which a free place is found."""
    cars[0], world.count = spawn.ego[0], 1
    for _ in range(spawn.plan.vehicles):
        for _ in range(TRIES):
            lane = rng.integers(world, spawn.plan.lanes)
            along = rng.uniform(world, 0.0, spawn.plan.within_m)
            if _is_free(cars, world, network.lanes[lane].start_y, along):
                speed = 30.0 + rng.uniform(world, -2.0, 2.0)
                arrive(cars, world, network, spawn.traffic, lane, along, speed)
                break


@partial(lean, inline=False)
def _is_free(cars: Cars, world: Clock, y: float, along: float) -> bool:
    """Whether every car of the lane with this y, a highway's from x = 0, is far enough."""
    for place in range(world.count):
        if cars[place].y == y and not abs(along - cars[place].x) > APART_M:
            return False
    return True
