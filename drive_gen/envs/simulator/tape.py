"""Tape: every frame of W worlds' episodes so far, in the layout and precision of an Episode's arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drive_gen.envs.simulator.lean import lean
from drive_gen.envs.simulator.types import Car, Cars, Clock


class Tape(NamedTuple):
    """Rows are cars by their number, columns frames since the reset; W is 0 where nothing is kept."""

    position: np.ndarray  # (W, A, T, 2) float32, m
    heading: np.ndarray  # (W, A, T) float32, rad
    speed: np.ndarray  # (W, A, T) float32, m/s
    crashed: np.ndarray  # (W, A, T) bool
    valid: np.ndarray  # (W, A, T) bool
    control: np.ndarray  # (W, A, T, 2) float32, m/s^2 and rad
    commanded: np.ndarray  # (W, A, T) bool, where the control is known
    size: np.ndarray  # (W, A, 2) float32, length and width, m
    is_object: np.ndarray  # (W, A) bool


def blank_tape(worlds: int, cars: int, frames: int) -> Tape:
    """A tape for so many worlds, cars and frames."""
    shape = (worlds, cars, frames)
    return Tape(np.zeros((*shape, 2), np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.float32),
                np.zeros(shape, np.bool_), np.zeros(shape, np.bool_), np.zeros((*shape, 2), np.float32),
                np.zeros(shape, np.bool_), np.zeros((worlds, cars, 2), np.float32),
                np.zeros((worlds, cars), np.bool_))


@lean
def wipe(tape: Tape, number: int, frame: int) -> None:
    """Forget one frame of a world."""
    if frame >= tape.valid.shape[2]:
        return
    for row in range(tape.valid.shape[1]):
        for axis in range(2):
            tape.position[number, row, frame, axis] = tape.control[number, row, frame, axis] = 0.0
        tape.heading[number, row, frame] = tape.speed[number, row, frame] = 0.0
        tape.crashed[number, row, frame] = tape.valid[number, row, frame] = False
        tape.commanded[number, row, frame] = False


@lean
def rewind(tape: Tape, number: int) -> None:
    """Forget a world's episode."""
    for frame in range(tape.valid.shape[2]):
        wipe(tape, number, frame)


@lean
def keep_states(cars: Cars, world: Clock, tape: Tape, number: int) -> None:
    """Write the state of a world's cars, and of the objects that can be hit, at its present frame."""
    frame = world.steps
    if frame >= tape.valid.shape[2]:
        return
    for place in range(world.things):
        car: Car = cars[place]
        row = car.number
        if row >= tape.valid.shape[1] or not (place < world.count or car.solid):
            continue
        tape.position[number, row, frame, 0], tape.position[number, row, frame, 1] = car.x, car.y
        tape.heading[number, row, frame], tape.speed[number, row, frame] = car.heading, car.speed
        tape.crashed[number, row, frame], tape.valid[number, row, frame] = car.crashed, True
        tape.size[number, row, 0], tape.size[number, row, 1] = car.length, car.width
        tape.is_object[number, row] = place >= world.count


@lean
def keep_commands(cars: Cars, world: Clock, tape: Tape, number: int) -> None:
    """Write the commands, as limited, that acted in the frame that has just ended."""
    frame = world.steps - 1
    if frame >= tape.valid.shape[2]:
        return
    for place in range(world.count):
        row = cars[place].number
        if row < tape.valid.shape[1]:
            tape.control[number, row, frame, 0] = cars[place].acceleration
            tape.control[number, row, frame, 1] = cars[place].steering
            tape.commanded[number, row, frame] = True
