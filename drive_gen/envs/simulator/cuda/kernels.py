"""The kernels: one thread a world, calling the scalar functions that the CPU's loops call."""

from __future__ import annotations

from numba import cuda

from drive_gen.envs.simulator.batch import first_controlled, hand_to_idm, number_cars, number_newcomers
from drive_gen.envs.simulator.cuda.device import DeviceArray, on_device
from drive_gen.envs.simulator.cuda.shared import Shared
from drive_gen.envs.simulator.cuda.space import FULL, Space, Worlds
from drive_gen.envs.simulator.frame import simulate_frame
from drive_gen.envs.simulator.intersection import after_step, begin_intersection
from drive_gen.envs.simulator.nearest import Near
from drive_gen.envs.simulator.observe_own import observe_own
from drive_gen.envs.simulator.order import Scratch
from drive_gen.envs.simulator.outcome import outcome, truncated
from drive_gen.envs.simulator.reset import add_fixed, clear_world, reset_by_family
from drive_gen.envs.simulator.spawn import INTERSECTION, Spawn
from drive_gen.envs.simulator.step import decide
from drive_gen.envs.simulator.types import NOBODY

# --- what one thread does ---------------------------------------------------------------------------------


@on_device
def scratch_on(space: Space, number: int) -> Scratch:
    """A world's own scratch space."""
    return Scratch(space.order[number], space.rank[number], space.x[number], space.y[number],
                   space.close[number], space.boxes[number], space.paths[number], space.ghost[number])


@on_device
def come_and_go(worlds: Worlds, shared: Shared, space: Space, number: int, begin: bool) -> None:
    """Begin a world from its own generator, or let cars leave and come after a policy step."""
    cars, world, rules, templates = worlds.cars[number], worlds.clocks[number], shared.rules[0], shared.templates
    # Here, as no function on the device can return a tuple with a record in it.
    spawn = Spawn(shared.plan[0], templates.ego, templates.traffic, templates.last, templates.objects,
                  templates.placements, templates.behavior, templates.routes, templates.chances,
                  templates.starts, templates.exits)
    if not begin:
        if not after_step(cars, world, shared.network, rules, spawn):
            worlds.errors[number] |= FULL
        number_newcomers(cars, world)
        return
    clear_world(world)
    if spawn.plan.family == INTERSECTION:
        begin_intersection(cars, world, shared.network, rules, spawn, scratch_on(space, number))
    else:
        reset_by_family(cars, world, shared.network, spawn)
    add_fixed(cars, world, spawn)
    number_cars(cars, world)
    if shared.idm_ego:
        hand_to_idm(cars[first_controlled(cars, world)])


@on_device
def judge(worlds: Worlds, shared: Shared, number: int) -> None:
    """Reward, terminated and truncated of a world after its frames."""
    cars, world, rules, goals = worlds.cars[number], worlds.clocks[number], shared.rules[0], shared.goals[0]
    ego = first_controlled(cars, world)
    if ego == NOBODY:
        worlds.reward[number], worlds.terminated[number] = 0.0, False
        worlds.truncated[number] = truncated(world, rules, goals)
        return
    reward, through, late = outcome(cars, world, shared.network, rules, goals, ego, worlds.asked[number])
    worlds.reward[number], worlds.terminated[number], worlds.truncated[number] = reward, through, late


# --- kernels ----------------------------------------------------------------------------------------------


def step_worlds(worlds: Worlds, shared: Shared, space: Space, again: bool) -> None:
    """A policy step. With `again` a world that has ended waits to begin anew instead."""
    number = cuda.grid(1)
    if number >= worlds.clocks.size:
        return
    if again and worlds.ended[number]:
        worlds.chosen[cuda.atomic.add(worlds.waiting, 0, 1)] = number
        worlds.reward[number], worlds.ended[number] = 0.0, False
        worlds.terminated[number], worlds.truncated[number] = False, False
        return
    cars, world, rules, scratch = (worlds.cars[number], worlds.clocks[number], shared.rules[0],
                                   scratch_on(space, number))
    decide(cars, world, shared.network, rules, scratch, worlds.meta[number], worlds.controls[number])
    for _ in range(rules.frames):
        simulate_frame(cars, world, shared.network, rules, scratch)
    judge(worlds, shared, number)
    worlds.ended[number] = worlds.terminated[number] or worlds.truncated[number]
    if shared.plan[0].family == INTERSECTION:
        come_and_go(worlds, shared, space, number, False)


def begin_worlds(worlds: Worlds, shared: Shared, space: Space) -> None:
    """Begin the waiting worlds, each from its own generator."""
    place = cuda.grid(1)
    if place >= worlds.waiting[0]:
        return
    number = worlds.chosen[place]
    come_and_go(worlds, shared, space, number, True)
    worlds.ended[number] = False


def observe_worlds(worlds: Worlds, shared: Shared, space: Space) -> None:
    """What each controlled car sees, in list order; zeros where there is none. Nobody waits any longer."""
    number = cuda.grid(1)
    if number == 0:
        worlds.waiting[0] = 0
    if number >= worlds.clocks.size:
        return
    cars, world, out = worlds.cars[number], worlds.clocks[number], worlds.observation[number]
    near, row = Near(space.places[number], space.distances[number]), 0
    for car in range(world.count):
        if cars[car].controlled and row < out.shape[0]:
            observe_own(cars, world, shared.lines, car, near, out[row])
            row += 1
    for empty in range(row, out.shape[0]):
        for line in range(out.shape[1]):
            for column in range(out.shape[2]):
                out[empty, line, column] = 0.0


def seed_worlds(worlds: Worlds, fresh: tuple[DeviceArray]) -> None:
    """Give the waiting worlds the generators of (n,) of WORLD."""
    place = cuda.grid(1)
    if place < worlds.waiting[0]:
        worlds.clocks[worlds.chosen[place]] = fresh[0][place]
