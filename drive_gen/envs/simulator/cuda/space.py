"""The worlds' arrays on the device: what a step changes, and what it works in, for there are no allocations."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drive_gen.envs.observe import NEIGHBOURS, SHAPE
from drive_gen.envs.simulator.cuda.device import DeviceArray, zeros
from drive_gen.envs.simulator.order import PREDICTIONS
from drive_gen.envs.simulator.types import CAR, WORLD

BAD_META, BAD_CONTROL, FULL = 1, 2, 4  # bits of a world's errors


class Worlds(NamedTuple):
    """All that changes, an entry a world."""

    cars: DeviceArray  # (W, V) of CAR
    clocks: DeviceArray  # (W,) of WORLD
    meta: DeviceArray  # (W, A) int64, what the controlled cars are asked: numbers of META_ACTIONS
    controls: DeviceArray  # (W, A, 2) float64, m/s^2 and rad
    asked: DeviceArray  # (W,) float64, what the reward reads of the actions, see outcome.outcome
    reward: DeviceArray  # (W,) float64
    terminated: DeviceArray  # (W,) bool
    truncated: DeviceArray  # (W,) bool
    ended: DeviceArray  # (W,) bool, begins anew at the next step
    errors: DeviceArray  # (W,) uint8, bits that stay until they are read
    chosen: DeviceArray  # (W,) int64, worlds that begin anew; the first `waiting` count
    waiting: DeviceArray  # (1,) int64
    observation: DeviceArray  # (W, A, 17, 9) float32


class Space(NamedTuple):
    """Each world's Scratch and Near, which no two threads may share; see order.Scratch and nearest.Near."""

    order: DeviceArray  # (W, V) int64
    rank: DeviceArray
    x: DeviceArray  # (W, V) float64
    y: DeviceArray
    close: DeviceArray  # (W, V) bool
    boxes: DeviceArray  # (W, 2, 4, 2)
    paths: DeviceArray  # (W, V, PREDICTIONS, 3); no rows where nothing is regulated
    ghost: DeviceArray  # (W, 1) of CAR
    places: DeviceArray  # (W, NEIGHBOURS) int64
    distances: DeviceArray  # (W, NEIGHBOURS)


def bytes_of(worlds: int, room: int, agents: int, regulated: bool) -> int:
    """What so many worlds take, without the few bytes a world that its ends and errors need."""
    car = CAR.itemsize + 33 + (8 * PREDICTIONS * 3 if regulated else 0)
    agent = 4 * SHAPE[0] * SHAPE[1] + 24
    return worlds * (room * car + agents * agent + WORLD.itemsize + CAR.itemsize + 16 * NEIGHBOURS + 128)


def worlds_of(worlds: int, room: int, agents: int) -> Worlds:
    """So many worlds of so many cars, of which so many are controlled."""
    return Worlds(
        cars=zeros((worlds, room), CAR), clocks=zeros((worlds,), WORLD), meta=zeros((worlds, agents), np.int64),
        controls=zeros((worlds, agents, 2), np.float64), asked=zeros((worlds,), np.float64),
        reward=zeros((worlds,), np.float64), terminated=zeros((worlds,), np.bool_),
        truncated=zeros((worlds,), np.bool_), ended=zeros((worlds,), np.bool_),
        errors=zeros((worlds,), np.uint8), chosen=zeros((worlds,), np.int64), waiting=zeros((1,), np.int64),
        observation=zeros((worlds, agents, *SHAPE), np.float32))


def space_of(worlds: int, room: int, regulated: bool) -> Space:
    """Room to work in for so many worlds of so many cars."""
    cars, near = (worlds, room), (worlds, NEIGHBOURS)
    paths = (worlds, room if regulated else 0, PREDICTIONS, 3)

    def own(shape: tuple[int, ...], dtype: type) -> DeviceArray:
        return zeros(shape, dtype, interleaved=True)

    return Space(own(cars, np.int64), own(cars, np.int64), own(cars, np.float64), own(cars, np.float64),
                 own(cars, np.bool_), own((worlds, 2, 4, 2), np.float64), own(paths, np.float64),
                 zeros((worlds, 1), CAR), own(near, np.int64), own(near, np.float64))
