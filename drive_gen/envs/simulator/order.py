"""Who is where along x: a world's cars in sorted order, which finds neighbours and collisions by walking."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drive_gen.envs.simulator.jit import compiled
from drive_gen.envs.simulator.lean import lean
from drive_gen.envs.simulator.types import Cars, Clock, Rules

PREDICTIONS = 11  # of a car's way at a regulated road, one every 0.25 s


class Scratch(NamedTuple):
    """What a frame writes down for itself; one world's at a time, made once for many frames."""

    order: np.ndarray  # (V,) int64, places in the cars by x, those of equal x in list order
    rank: np.ndarray  # (V,) int64, its inverse
    x: np.ndarray  # (V,) of the cars in that order
    y: np.ndarray
    close: np.ndarray  # (V,) bool, cars that may touch another in this frame
    boxes: np.ndarray  # (2, 4, 2) corners of two cars
    paths: np.ndarray  # (V, PREDICTIONS, 3) x, y and heading to come; no rows where nothing is regulated
    ghost: np.ndarray  # (1,) of CAR, to try a car's way with


@compiled
def scratch_of(cars: Cars, rules: Rules) -> Scratch:
    """Scratch space for one world of these cars."""
    most = cars.size
    return Scratch(np.arange(most), np.arange(most), np.empty(most), np.empty(most), np.zeros(most, np.bool_),
                   np.empty((2, 4, 2)), np.empty((most if rules.regulation else 0, PREDICTIONS, 3)),
                   cars[:1].copy())


@lean
def begin_order(scratch: Scratch) -> None:
    """Start from list order: whoever filled the cars may have changed them altogether."""
    for place in range(scratch.order.size):
        scratch.order[place] = place


@lean
def sort_along(cars: Cars, world: Clock, scratch: Scratch) -> None:
    """Sort the things by x by insertion, which is quick as hardly anybody overtakes in one frame."""
    order, xs = scratch.order, scratch.x
    for rank in range(world.things):
        thing = order[rank]
        x = cars[thing].x
        before = rank - 1
        while before >= 0 and (xs[before] > x or (xs[before] == x and order[before] > thing)):
            xs[before + 1], order[before + 1] = xs[before], order[before]
            before -= 1
        xs[before + 1], order[before + 1] = x, thing
    for rank in range(world.things):
        thing = order[rank]
        scratch.rank[thing] = rank
        scratch.y[rank] = cars[thing].y
