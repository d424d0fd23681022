"""One simulation frame of any of highway-env's roads: Road.act and Road.step."""

from __future__ import annotations

from functools import partial

from drive_gen.envs.simulator.collide import collide
from drive_gen.envs.simulator.control import act
from drive_gen.envs.simulator.jit import compiled
from drive_gen.envs.simulator.lean import lean
from drive_gen.envs.simulator.motion import move
from drive_gen.envs.simulator.order import Scratch, scratch_of, sort_along
from drive_gen.envs.simulator.regulation import enforce_road_rules
from drive_gen.envs.simulator.types import Cars, Clock, Network, Rules


@partial(lean, inline=False)
def simulate_frame(cars: Cars, world: Clock, network: Network, rules: Rules, scratch: Scratch) -> None:
    """All act in list order, rights of way are checked, all move, all pairs collide.

    `scratch` has the cars in order as they are now, and has them so again as they are after the frame.
    """
    for place in range(world.count):
        act(cars, world, network, rules, scratch, place)
    if rules.regulation:
        world.road_steps += 1
        if world.road_steps % rules.regulation == 0:
            enforce_road_rules(cars, world, network, scratch)
    for place in range(world.count):
        move(cars[place], network, rules)
    collide(cars, world, rules, scratch)
    world.steps += 1


@compiled
def advance(cars: Cars, world: Clock, network: Network, rules: Rules) -> None:
    """One frame in place, for who does not keep scratch space."""
    scratch = scratch_of(cars, rules)
    sort_along(cars, world, scratch)
    simulate_frame(cars, world, network, rules, scratch)
