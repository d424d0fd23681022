"""drive_gen's own observation (drive_gen.envs.observe), compiled: the same numbers from a world's records.

An Episode holds float32, so positions, headings, speeds and sizes are rounded to it first.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from drive_gen.envs.observe import AHEAD_SCALE_M, ASIDE_SCALE_M, COLUMNS, RANGE_M, ROWS
from drive_gen.envs.simulator.lean import lean
from drive_gen.envs.simulator.lines import ROUNDING_M, Lines, frame_on, nearest_line
from drive_gen.envs.simulator.nearest import Near, keep
from drive_gen.envs.simulator.types import Car, Cars, Clock


@lean
def single(value: float) -> float:
    """The nearest float32, as a float64."""
    return np.float64(np.float32(value))


@lean
def near_cars(cars: Cars, world: Clock, ego: int, course: float, near: Near) -> int:
    """Note the nearest vehicles and solid objects in sight; gives how many there are."""
    kept, cosine, sine = 0, math.cos(course), math.sin(course)
    x, y = single(cars[ego].x), single(cars[ego].y)
    for place in range(world.things):
        car: Car = cars[place]
        if place == ego or not (place < world.count or car.solid):
            continue
        east, south = single(car.x) - x, single(car.y) - y
        if abs(east) > RANGE_M + ROUNDING_M or abs(south) > RANGE_M + ROUNDING_M:
            continue
        distance = math.hypot(east * cosine + south * sine, -east * sine + south * cosine)
        if distance <= RANGE_M:
            kept = keep(near, kept, place, distance)
    return kept


@lean
def write_ego(car: Car, lines: Lines, number: int, out: np.ndarray) -> float:
    """Write the ego's row; gives its lane's heading."""
    line: Any = lines.lines[number]
    _, aside, course = frame_on(lines, number, single(car.x), single(car.y))
    out[0], out[1], out[2] = 1.0, single(car.speed) / 20, math.sin(single(car.heading) - course)
    out[3], out[4], out[5] = aside / line.width, line.left / 4, line.right / 4
    out[6], out[7], out[8] = min(line.limit, 40.0) / 30, single(car.length) / 5, line.width / 4
    return course


@lean
def write_neighbour(car: Car, ego: Car, course: float, out: np.ndarray) -> None:
    """Write one neighbour's row, in the frame of the ego's lane."""
    cosine, sine = math.cos(course), math.sin(course)
    east, south = single(car.x) - single(ego.x), single(car.y) - single(ego.y)
    turned, own_turned = single(car.heading) - course, single(ego.heading) - course
    speed, own_speed = single(car.speed), single(ego.speed)
    out[0] = 1.0
    out[1] = (east * cosine + south * sine) / AHEAD_SCALE_M
    out[2] = (-east * sine + south * cosine) / ASIDE_SCALE_M
    out[3] = (speed * math.cos(turned) - own_speed * math.cos(own_turned)) / 10
    out[4] = (speed * math.sin(turned) - own_speed * math.sin(own_turned)) / 5
    out[5] = math.sin(turned)
    out[6], out[7], out[8] = single(car.length) / 5, single(car.width) / 2, speed / 20


@partial(lean, inline=False)
def observe_own(cars: Cars, world: Clock, lines: Lines, ego: int, near: Near, out: np.ndarray) -> None:
    """Write what one car sees into (17, 9) float32; observe.observe_scene of the world on its Road.

    `near` is near_of(NEIGHBOURS), to work in.
    """
    car: Car = cars[ego]
    number = nearest_line(lines, single(car.x), single(car.y), single(car.heading))
    course = write_ego(car, lines, number, out[0])
    kept = near_cars(cars, world, ego, course, near)
    for row in range(kept):
        write_neighbour(cars[near.places[row]], car, course, out[1 + row])
    for row in range(1 + kept, ROWS):
        for column in range(COLUMNS):
            out[row, column] = 0.0
