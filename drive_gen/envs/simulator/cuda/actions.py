"""Actions from outside, read on the device: the numbers that asked.Asked makes of them, to the bit.

A kernel cannot raise an error, and a look at its actions would make every step wait for the GPU. So what is
no meta-action counts as IDLE, a control that is NaN or infinite as 0, and the world's errors say so until they
are read: nothing wrong enters a world, and who wants to know asks.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import cuda

from drive_gen.envs.episode import META_ACTIONS
from drive_gen.envs.files import InputError
from drive_gen.envs.simulator.cuda.device import DeviceArray, as_device_array, on_device
from drive_gen.envs.simulator.cuda.space import BAD_CONTROL, BAD_META, Worlds
from drive_gen.envs.simulator.types import IDLE, Rules

META = len(META_ACTIONS)


class Given(NamedTuple):
    """Actions as given, and what this environment makes of them."""

    actions: DeviceArray  # (W, A) int64, or (W, A, K) float32 or float64 in [-1, 1]
    known: DeviceArray  # (5,) int64, see building.known_actions
    rules: DeviceArray  # (1,) of RULES
    single: bool  # compute in float32, as numpy does with float32 actions


@on_device
def rounded(value: float, single: bool) -> float:
    """A float64, rounded to float32 where that is the actions' precision."""
    return np.float64(np.float32(value)) if single else np.float64(value)


@on_device
def spread(value: float, least: float, most: float, single: bool) -> float:
    """[-1, 1] to [least, most], rounded after each operation; control.commands_of."""
    clipped = min(max(value, -1.0), 1.0)
    part = rounded(rounded(clipped + 1.0, single) * rounded(most - least, single), single)
    return rounded(rounded(least, single) + part / 2, single)


def take_meta(worlds: Worlds, given: Given) -> None:
    """Meta-actions of each world."""
    number = cuda.grid(1)
    if number >= worlds.clocks.size:
        return
    for agent in range(given.actions.shape[1]):
        action = given.actions[number, agent]
        if action < 0 or action >= META:
            action = IDLE
            worlds.errors[number] |= BAD_META
        worlds.meta[number, agent] = given.known[action]
    if given.actions.shape[1] == 1:  # of several cars' actions highway-env compares the tuple, to no effect
        worlds.asked[number] = worlds.meta[number, 0]


def take_controls(worlds: Worlds, given: Given) -> None:
    """Controls of each world."""
    number = cuda.grid(1)
    if number >= worlds.clocks.size:
        return
    rules, single, effort = given.rules[0], given.single, 0.0
    for agent in range(given.actions.shape[1]):
        for column in range(given.actions.shape[2]):
            value = float(given.actions[number, agent, column])
            if not math.isfinite(value):
                value = 0.0
                worlds.errors[number] |= BAD_CONTROL
            effort = rounded(effort + rounded(value * value, single), single)
            if rules.longitudinal and column == 0:
                worlds.controls[number, agent, 0] = spread(value, rules.least_acceleration,
                                                           rules.most_acceleration, single)
            else:
                worlds.controls[number, agent, 1] = spread(value, rules.least_steering, rules.most_steering,
                                                           single)
    worlds.asked[number] = rounded(math.sqrt(effort), single)


def checked(actions: Any, rules: Rules, worlds: int, agents: int) -> DeviceArray:
    """Actions on the device in their full shape, without a copy; an InputError on a wrong shape or type."""
    columns = int(rules.longitudinal) + int(rules.lateral)
    name, kinds, more = ("controls", ("float32", "float64"), (columns,)) if rules.continuous else (
        "meta-actions", ("int64",), ())
    array = as_device_array(actions, name)
    if str(array.dtype) not in kinds:
        raise InputError(f"{name} are {' or '.join(kinds)}, got {array.dtype}")
    shape = (worlds, agents, *more)
    if tuple(array.shape) != shape and not (agents == 1 and tuple(array.shape) == (worlds, *more)):
        raise InputError(f"{name} have shape {tuple(array.shape)}, expected {shape}")
    return array.reshape(shape)
