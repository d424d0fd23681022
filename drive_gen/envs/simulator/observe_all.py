"""highway-env's observations of all worlds' controlled cars: compiled loops over worlds."""

from __future__ import annotations

import numpy as np

from drive_gen.envs.simulator.jit import compiled
from drive_gen.envs.simulator.nearest import Near
from drive_gen.envs.simulator.observe_collisions import DEPTH, Collisions, observe_collisions
from drive_gen.envs.simulator.observe_grid import Grid, observe_grid
from drive_gen.envs.simulator.observe_kinematics import Kinematics, observe_kinematics
from drive_gen.envs.simulator.place import Place

# Each writes what the controlled cars see, in list order, into (W, A, ...) of the worlds from a first to before
# a last; zeros where a world has fewer cars.


@compiled
def see_kinematics(cars: np.ndarray, clocks: np.ndarray, place: Place, seen: Kinematics, out: np.ndarray,
                    first: int, last: int) -> None:
    near = Near(np.zeros(seen.rows - 1, np.int64), np.zeros(seen.rows - 1))
    for number in range(first, last):
        row = 0
        for car in range(clocks[number].count):
            if cars[number, car].controlled and row < out.shape[1]:
                observe_kinematics(cars[number], clocks[number], place.network, seen, car, near,
                                   out[number, row])
                row += 1
        out[number, row:] = 0


@compiled
def see_collisions(cars: np.ndarray, clocks: np.ndarray, place: Place, seen: Collisions, out: np.ndarray,
                    first: int, last: int) -> None:
    stack = np.zeros((1 + DEPTH * place.network.out_of.shape[1], 3), np.int64)  # as stack_of
    for number in range(first, last):
        row = 0
        for car in range(clocks[number].count):
            if cars[number, car].controlled and row < out.shape[1]:
                observe_collisions(cars[number], clocks[number], place.network, place.rules, seen, car, stack,
                                   out[number, row])
                row += 1
        out[number, row:] = 0


@compiled
def see_grid(cars: np.ndarray, clocks: np.ndarray, place: Place, seen: Grid, out: np.ndarray, first: int,
              last: int) -> None:
    for number in range(first, last):
        row = 0
        for car in range(clocks[number].count):
            if cars[number, car].controlled and row < out.shape[1]:
                observe_grid(cars[number], clocks[number], place.network, seen, car, out[number, row])
                row += 1
        out[number, row:] = 0
