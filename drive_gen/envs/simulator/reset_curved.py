"""How worlds on other roads begin: roundabouts, two-way, u-turn, racetracks; _make_vehicles there."""

from __future__ import annotations

from functools import partial

from drive_gen.envs.simulator import rng
from drive_gen.envs.simulator.arrivals import arrive, is_near, plan_drawn_route, randomize
from drive_gen.envs.simulator.lanes import position
from drive_gen.envs.simulator.lean import lean
from drive_gen.envs.simulator.spawn import NO_ROUTE, Placement, Spawn
from drive_gen.envs.simulator.types import NOBODY, Car, Cars, Clock, Network

TRIES, APART_M = 10, 7.0  # roundabout-generic
RACETRACK_APART_M = 20.0


@partial(lean, inline=False)
def reset_placed(cars: Cars, world: Clock, network: Network, spawn: Spawn) -> None:
    """The ego and the cars of the Spawn's placements, about where they are meant to be."""
    cars[0], world.count = spawn.ego[0], 1
    for number in range(len(spawn.placements)):
        _place(cars, world, network, spawn, spawn.placements[number])


@partial(lean, inline=False)
def _place(cars: Cars, world: Clock, network: Network, spawn: Spawn, placement: Placement) -> None:
    along = placement.along + rng.normal(world) * placement.along_spread
    speed = placement.speed + rng.normal(world) * placement.speed_spread
    arrive(cars, world, network, spawn.traffic, placement.lane, along, speed)
    car: Car = cars[world.count - 1]
    if placement.target_lane != NOBODY:
        car.target_lane = placement.target_lane
    if placement.destination != NO_ROUTE:
        plan_drawn_route(car, world, network, spawn, placement.destination)
    if placement.is_random:
        randomize(car, world, spawn)


@partial(lean, inline=False)
def reset_roundabout(cars: Cars, world: Clock, network: Network, spawn: Spawn) -> None:
    """The ego, and each of the cars for which a free place is found; RoundaboutGenericEnv."""
    cars[0], world.count = spawn.ego[0], 1
    for _ in range(spawn.plan.vehicles):
        for _ in range(TRIES):
            placement = spawn.placements[rng.integers(world, len(spawn.placements))]
            road = network.ways[network.lanes[placement.lane].road]
            lane = road.first + rng.integers(world, road.lanes)
            along = rng.uniform(world, 5.0, max(5.0, network.lanes[lane].length - 5.0))
            x, y = position(network.lanes[lane], along, 0.0)
            if not is_near(cars, world, x, y, APART_M):
                speed = placement.speed + rng.normal(world) * placement.speed_spread
                arrive(cars, world, network, spawn.traffic, lane, along, speed)
                plan_drawn_route(cars[world.count - 1], world, network, spawn, placement.destination)
                randomize(cars[world.count - 1], world, spawn)
                break


@partial(lean, inline=False)
def _random_lane(world: Clock, network: Network) -> int:
    """RoadNetwork.random_lane_index; on a lap every node is left by one road."""
    road = network.ways[network.out_of[rng.integers(world, len(network.ways)), 0]]
    lane: int = road.first + rng.integers(world, road.lanes)
    return lane


@partial(lean, inline=False)
def reset_racetrack(cars: Cars, world: Clock, network: Network, spawn: Spawn) -> None:
    """Controlled cars, a car ahead of the last of them, and any number of others that have room."""
    plan, lane = spawn.plan, 0
    for number in range(plan.controlled):
        lane = rng.integers(world, plan.lanes) if number == 0 else _random_lane(world, network)
        along = rng.uniform(world, 20.0, 50.0)
        arrive(cars, world, network, spawn.ego, lane, along, network.lanes[lane].speed_limit)
    if plan.vehicles > 0:
        after = spawn.placements[0].lane
        along = rng.uniform(world, 0.0, network.lanes[after].length)
        ahead = after + network.lanes[lane].place
        arrive(cars, world, network, spawn.traffic, ahead, along, 6.0 + rng.uniform(world, 0.0, 3.0))
        for _ in range(rng.integers(world, plan.vehicles)):
            _arrive_with_room(cars, world, network, spawn)


@partial(lean, inline=False)
def _arrive_with_room(cars: Cars, world: Clock, network: Network, spawn: Spawn) -> None:
    lane = _random_lane(world, network)
    along = rng.uniform(world, 0.0, network.lanes[lane].length)
    speed = 6.0 + rng.uniform(world, 0.0, 3.0)
    x, y = position(network.lanes[lane], along, 0.0)
    if not is_near(cars, world, x, y, RACETRACK_APART_M):
        arrive(cars, world, network, spawn.traffic, lane, along, speed)
