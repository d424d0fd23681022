"""A world's beginning: from its generator's state to cars on the road, as highway-env's reset."""

from __future__ import annotations

from functools import partial

import numpy as np

from drive_gen.envs.simulator import rng
from drive_gen.envs.simulator import spawn as kinds
from drive_gen.envs.simulator.intersection import reset_intersection
from drive_gen.envs.simulator.jit import compiled
from drive_gen.envs.simulator.lean import lean
from drive_gen.envs.simulator.reset_curved import reset_placed, reset_racetrack, reset_roundabout
from drive_gen.envs.simulator.reset_straight import (
    reset_exit,
    reset_highway,
    reset_merge,
    reset_merge_generic,
)
from drive_gen.envs.simulator.spawn import Spawn, capacity_of
from drive_gen.envs.simulator.types import CAR, WORLD, Cars, Clock, Network, Rules


@compiled
def reset_world(cars: Cars, world: Clock, network: Network, rules: Rules, spawn: Spawn) -> None:
    """Fill a world of `capacity_of(spawn)` cars, or more, with a fresh start, drawn from its generator."""
    clear_world(world)
    if spawn.plan.family == kinds.INTERSECTION:
        reset_intersection(cars, world, network, rules, spawn)
    else:
        reset_by_family(cars, world, network, spawn)
    add_fixed(cars, world, spawn)


@lean
def clear_world(world: Clock) -> None:
    """The clock before anybody has come."""
    world.time_s, world.steps, world.road_steps = 0.0, 0, 0
    world.count, world.things = 0, 0


@partial(lean, inline=False)
def reset_by_family(cars: Cars, world: Clock, network: Network, spawn: Spawn) -> None:
    """The vehicles of every family but the intersection, whose traffic has driven before."""
    family = spawn.plan.family
    if family == kinds.HIGHWAY:
        reset_highway(cars, world, network, spawn)
    elif family == kinds.EXIT:
        reset_exit(cars, world, network, spawn)
    elif family == kinds.MERGE:
        reset_merge(cars, world, network, spawn)
    elif family == kinds.MERGE_GENERIC:
        reset_merge_generic(cars, world, network, spawn)
    elif family == kinds.PLACED:
        reset_placed(cars, world, network, spawn)
    elif family == kinds.ROUNDABOUT_GENERIC:
        reset_roundabout(cars, world, network, spawn)
    else:
        reset_racetrack(cars, world, network, spawn)


@lean
def add_fixed(cars: Cars, world: Clock, spawn: Spawn) -> None:
    """The vehicle that comes last and the road's objects, the same in each world."""
    for vehicle in range(len(spawn.last)):
        cars[world.count] = spawn.last[vehicle]
        world.count += 1
    world.things = world.count + len(spawn.objects)
    for place in range(len(spawn.objects)):
        cars[world.count + place] = spawn.objects[place]


def new_world(seed: int, network: Network, rules: Rules, spawn: Spawn) -> tuple[np.ndarray, np.ndarray]:
    """The world that highway-env's reset(seed=seed) gives: (capacity_of(spawn),) of CAR and (1,) of WORLD."""
    cars, worlds = np.zeros(capacity_of(spawn), CAR), np.zeros(1, WORLD)
    rng.seed_worlds(worlds, [seed])
    reset_world(cars, worlds[0], network, rules, spawn)
    return cars, worlds
