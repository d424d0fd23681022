"""How an intersection's worlds begin, and who leaves and comes after a policy step; IntersectionEnv."""

from __future__ import annotations

from functools import partial

from drive_gen.envs.simulator import rng
from drive_gen.envs.simulator.arrivals import arrive, distance, is_near, plan_route, randomize
from drive_gen.envs.simulator.frame import simulate_frame
from drive_gen.envs.simulator.jit import compiled
from drive_gen.envs.simulator.lanes import coordinates, position
from drive_gen.envs.simulator.lean import lean
from drive_gen.envs.simulator.order import Scratch, begin_order, scratch_of
from drive_gen.envs.simulator.spawn import INTERSECTION, RANDOM, Spawn
from drive_gen.envs.simulator.types import MDP, Car, Cars, Clock, Network, Rules

APART_M, EGO_APART_M = 15.0, 20.0
OPPOSITE = 2  # roads further
EGO_M, CHALLENGER_M = 60.0, 60.0  # along the road in
LEAVING_LENGTHS = 4  # a car that is so many of its lengths from the end has left


@partial(lean, inline=False)
def after_step(cars: Cars, world: Clock, network: Network, rules: Rules, spawn: Spawn) -> bool:
    """Let cars leave and come after a policy step, where the family has that; IntersectionEnv.step.

    False where a car came for which there was no room: it is left out, and the world is not highway-env's.
    """
    if spawn.plan.family != INTERSECTION:
        return True
    _clear(cars, world, network, spawn)
    return _spawn(cars, world, network, spawn, 0.0, 1.0, 1.0, spawn.plan.spawn_probability, False)


@compiled
def reset_intersection(cars: Cars, world: Clock, network: Network, rules: Rules, spawn: Spawn) -> None:
    """`begin_intersection`, for who does not keep scratch space."""
    begin_intersection(cars, world, network, rules, spawn, scratch_of(cars, rules))


@partial(lean, inline=False)
def begin_intersection(cars: Cars, world: Clock, network: Network, rules: Rules, spawn: Spawn,
                       scratch: Scratch) -> None:
    """Traffic that has driven for 3 s, a challenger from a random road, and the egos with room about them."""
    begin_order(scratch)
    for number in range(len(spawn.starts)):
        _spawn(cars, world, network, spawn, spawn.starts[number], 1.0, 1.0, 0.6, False)
    for _ in range(spawn.plan.regulated_frames):
        simulate_frame(cars, world, network, rules, scratch)
    world.time_s, world.steps = 0.0, 0
    _spawn(cars, world, network, spawn, CHALLENGER_M, 0.1, 0.0, 1.0, True)
    for number in range(spawn.plan.controlled):
        _add_ego(cars, world, network, spawn, number)


@partial(lean, inline=False)
def _spawn(cars: Cars, world: Clock, network: Network, spawn: Spawn, along: float, along_spread: float,
           speed_spread: float, probability: float, straight: bool) -> bool:
    """Perhaps add a car on a random road in; False where there is no room for it. _spawn_vehicle there."""
    if rng.random(world) > probability:
        return True
    entry, destination = rng.two_of_four(world)
    if straight:
        destination = (entry + OPPOSITE) % 4
    lane = spawn.placements[entry].lane
    along = along + 5.0 + rng.normal(world) * along_spread
    speed = 8.0 + rng.normal(world) * speed_spread
    x, y = position(network.lanes[lane], along, 0.0)
    if is_near(cars, world, x, y, APART_M):
        return True
    if world.count == len(cars):
        return False
    arrive(cars, world, network, spawn.traffic, lane, along, speed)
    plan_route(cars[world.count - 1], network, spawn, destination)
    randomize(cars[world.count - 1], world, spawn)
    world.things = world.count
    return True


@partial(lean, inline=False)
def _add_ego(cars: Cars, world: Clock, network: Network, spawn: Spawn, number: int) -> None:
    """A controlled car; the traffic near it goes."""
    lane = spawn.placements[number % 4].lane
    destination = spawn.plan.ego_destination
    if destination == RANDOM:
        destination = 1 + rng.integers(world, 3)
    along = EGO_M + 5.0 * (1.0 + rng.normal(world))
    arrive(cars, world, network, spawn.ego, lane, along, network.lanes[lane].speed_limit)
    ego: Car = cars[world.count - 1]
    if ego.kind == MDP:
        plan_route(ego, network, spawn, destination)
    x, y, kept = ego.x, ego.y, 0
    for place in range(world.count):
        if cars[place].controlled or not distance(cars[place], x, y) < EGO_APART_M:
            cars[kept] = cars[place]
            kept += 1
    world.count = kept


@partial(lean, inline=False)
def _clear(cars: Cars, world: Clock, network: Network, spawn: Spawn) -> None:
    """Remove traffic that has left, or has no route; the others' order stays. _clear_vehicles there."""
    kept = 0
    for place in range(world.count):
        car: Car = cars[place]
        if car.controlled or not (car.route_size < 0 or _is_leaving(car, network, spawn)):
            cars[kept] = car
            kept += 1
    world.count, world.things = kept, kept


@partial(lean, inline=False)
def _is_leaving(car: Car, network: Network, spawn: Spawn) -> bool:
    lane = network.lanes[car.lane]
    if not spawn.exits[lane.road]:
        return False
    along, _ = coordinates(lane, car.x, car.y)
    return bool(along >= lane.length - LEAVING_LENGTHS * car.length)
