"""A policy step of one world: controlled cars decide, then frames until the next decision."""

from __future__ import annotations

import numpy as np

from drive_gen.envs.simulator.control import take_actions
from drive_gen.envs.simulator.frame import simulate_frame
from drive_gen.envs.simulator.lean import lean
from drive_gen.envs.simulator.order import Scratch, begin_order, sort_along
from drive_gen.envs.simulator.types import Car, Cars, Clock, Network, Rules

# Columns of a trace: the state before a frame, and the command that acted during it.
TRACE = ("x", "y", "heading", "speed", "crashed", "acceleration", "steering")


@lean
def decide(cars: Cars, world: Clock, network: Network, rules: Rules, scratch: Scratch, actions: np.ndarray,
           controls: np.ndarray) -> None:
    """Begin a policy step: the clock of highway-env's step(), and what controlled cars decide."""
    begin_order(scratch)
    sort_along(cars, world, scratch)
    world.time_s += rules.policy_s
    take_actions(cars, world, network, rules, scratch, actions, controls)


@lean
def policy_step(cars: Cars, world: Clock, network: Network, rules: Rules, scratch: Scratch,
                actions: np.ndarray, controls: np.ndarray) -> None:
    """One policy step in place.

    actions (A,) int64, an entry a controlled car in list order: a meta-action, or NO_ACTION to ask nothing; a
    car under direct control takes its row of controls (A, 2), m/s^2 and rad, at any action but NO_ACTION.
    """
    decide(cars, world, network, rules, scratch, actions, controls)
    for _ in range(rules.frames):
        simulate_frame(cars, world, network, rules, scratch)


@lean
def read_states(cars: Cars, world: Clock, states: np.ndarray) -> None:
    """Write (V, 5): the first columns of TRACE."""
    for place in range(world.count):
        car: Car = cars[place]
        states[place, 0], states[place, 1] = car.x, car.y
        states[place, 2], states[place, 3] = car.heading, car.speed
        states[place, 4] = 1.0 if car.crashed else 0.0


@lean
def traced_step(cars: Cars, world: Clock, network: Network, rules: Rules, scratch: Scratch,
                actions: np.ndarray, controls: np.ndarray, trace: np.ndarray) -> None:
    """`policy_step` that fills (frames, V, 7): each frame's first states, and the commands limited in it."""
    decide(cars, world, network, rules, scratch, actions, controls)
    for frame in range(rules.frames):
        read_states(cars, world, trace[frame])
        simulate_frame(cars, world, network, rules, scratch)
        for place in range(world.count):
            trace[frame, place, 5] = cars[place].acceleration
            trace[frame, place, 6] = cars[place].steering
