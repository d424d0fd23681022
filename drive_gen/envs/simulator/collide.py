"""Collisions of oriented boxes as highway-env finds them: separating axes, now and swept over one frame.

Source: RoadObject.handle_collisions (vehicle/objects.py), are_polygons_intersecting (utils.py) and Road.step.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from drive_gen.envs.simulator.lean import lean
from drive_gen.envs.simulator.order import Scratch, sort_along
from drive_gen.envs.simulator.types import OBSTACLE, Car, Cars, Clock, Rules

SURELY_M = 1e-6  # a gap wider than this is one, whatever the rounding


# --- two boxes --------------------------------------------------------------------------------------------


@lean
def fill_corners(car: Car, corners: np.ndarray) -> None:
    """Write a box's corners into (4, 2): rear left, rear right, front right, front left."""
    for corner in range(4):
        along = car.length / 2 if corner >= 2 else -car.length / 2
        aside = car.width / 2 if corner == 1 or corner == 2 else -car.width / 2
        corners[corner, 0] = (car.cosine * along + -car.sine * aside) + car.x
        corners[corner, 1] = (car.sine * along + car.cosine * aside) + car.y


@lean
def project(corners: np.ndarray, axis_x: float, axis_y: float) -> tuple[float, float]:
    """Least and greatest coordinate of (4, 2) corners along an axis."""
    low, high = np.inf, -np.inf
    for corner in range(4):
        value = corners[corner, 0] * axis_x + corners[corner, 1] * axis_y
        low, high = min(low, value), max(high, value)
    return low, high


@lean
def interval_distance(low_a: float, high_a: float, low_b: float, high_b: float) -> float:
    """Gap between two intervals; negative where they overlap."""
    return low_b - high_a if low_a < low_b else low_a - high_b


@lean
def centre_difference(one: np.ndarray, other: np.ndarray, axis: int) -> float:
    """Difference of the mean corners along x (0) or y (1)."""
    mine: float = (one[0, axis] + one[1, axis] + one[2, axis] + one[3, axis]) / 4
    yours: float = (other[0, axis] + other[1, axis] + other[2, axis] + other[3, axis]) / 4
    return mine - yours


@lean
def overlap(one: np.ndarray, other: np.ndarray, moved_x: float, moved_y: float,
            ) -> tuple[bool, bool, float, float]:
    """Boxes (4, 2) and `one`'s displacement relative to `other` in a frame.

    Whether they touch now, whether they touch during the frame, and the displacement (x, y) that parts them:
    along the axis of least overlap, the first of equals, from `other` to `one`.
    """
    touching, will_touch = True, True
    least, part_x, part_y = np.inf, 0.0, 0.0
    centre_x, centre_y = centre_difference(one, other, 0), centre_difference(one, other, 1)
    for edge in range(8):
        corners, start = (one, edge) if edge < 4 else (other, edge - 4)
        end = (start + 1) % 4
        axis_x, axis_y = -corners[end, 1] + corners[start, 1], corners[end, 0] - corners[start, 0]
        norm = math.sqrt(axis_x * axis_x + axis_y * axis_y)
        axis_x, axis_y = axis_x / norm, axis_y / norm
        low_a, high_a = project(one, axis_x, axis_y)
        low_b, high_b = project(other, axis_x, axis_y)
        if interval_distance(low_a, high_a, low_b, high_b) > 0:
            touching = False
        swept = axis_x * moved_x + axis_y * moved_y
        low_a, high_a = (low_a + swept, high_a) if swept < 0 else (low_a, high_a + swept)
        distance = interval_distance(low_a, high_a, low_b, high_b)
        if distance > 0:
            will_touch = False
        if not touching and not will_touch:
            break
        if abs(distance) < least:
            least = abs(distance)
            side = 1.0 if centre_x * axis_x + centre_y * axis_y > 0 else -1.0
            part_x, part_y = side * axis_x, side * axis_y
    return touching, will_touch, least * part_x, least * part_y


# --- who may touch ----------------------------------------------------------------------------------------


@lean
def apart(one: Car, other: Car, dt_s: float) -> bool:
    """Whether two boxes are surely apart during the frame, along one of the first one's own axes.

    Most cars close by drive in the next lane. A gap along an axis that `overlap` would find ends its search
    with nothing, so this is no other answer, only a quicker one.
    """
    x, y = other.x - one.x, other.y - one.y
    moved_x = (one.speed * one.cosine - other.speed * other.cosine) * dt_s
    moved_y = (one.speed * one.sine - other.speed * other.sine) * dt_s
    cosine = abs(one.cosine * other.cosine + one.sine * other.sine)  # of the angle between them
    sine = abs(one.cosine * other.sine - one.sine * other.cosine)
    aside = abs(y * one.cosine - x * one.sine) - abs(moved_y * one.cosine - moved_x * one.sine)
    along = abs(x * one.cosine + y * one.sine) - abs(moved_x * one.cosine + moved_y * one.sine)
    return (aside > (one.width + other.length * sine + other.width * cosine) / 2 + SURELY_M
            or along > (one.length + other.length * cosine + other.width * sine) / 2 + SURELY_M)


@lean
def half_diagonals(one: Car, other: Car) -> float:
    """Mean of two boxes' diagonals, m: boxes farther apart cannot touch."""
    return (math.sqrt(one.length**2 + one.width**2) + math.sqrt(other.length**2 + other.width**2)) / 2


@lean
def near(one: Car, other: Car, dt_s: float) -> bool:
    """The circle check before the boxes; only `one`, the earlier in the list, lends its (signed) speed."""
    x, y = other.x - one.x, other.y - one.y
    return not math.sqrt(x * x + y * y) > half_diagonals(one, other) + one.speed * dt_s


@lean
def longest_reach(cars: Cars, world: Clock, dt_s: float) -> float:
    """No two things that are farther apart along x than this can touch in a frame, m."""
    longest, fastest = 0.0, 0.0
    for place in range(world.things):
        car: Car = cars[place]
        longest = max(longest, car.length + car.width)  # no diagonal is longer
        fastest = max(fastest, abs(car.speed))
    return longest + fastest * dt_s + SURELY_M


@lean
def mark_close(cars: Cars, world: Clock, rules: Rules, scratch: Scratch) -> bool:
    """Mark the things that may touch another in this frame; whether there are any."""
    reach, found = longest_reach(cars, world, rules.dt_s), False
    for rank in range(world.things):
        first = scratch.order[rank]
        for after in range(rank + 1, world.things):
            if scratch.x[after] - scratch.x[rank] > reach:
                break
            second = scratch.order[after]
            if ((cars[first].checks or cars[second].checks)
                    and not apart(cars[first], cars[second], rules.dt_s)):
                scratch.close[first] = scratch.close[second] = found = True
    return found


# --- what follows -----------------------------------------------------------------------------------------


@lean
def push(car: Car, x: float, y: float) -> None:
    """Set the displacement that a car's next move applies."""
    car.impact_x, car.impact_y = x, y
    car.has_impact = True


@lean
def collide_pair(one: Car, other: Car, boxes: np.ndarray, dt_s: float) -> None:
    """Set a pair's crash flags and impacts; `boxes` is (2, 4, 2) scratch. Later pairs overwrite impacts."""
    fill_corners(one, boxes[0])
    fill_corners(other, boxes[1])
    moved_x = one.speed * one.cosine * dt_s - other.speed * other.cosine * dt_s
    moved_y = one.speed * one.sine * dt_s - other.speed * other.sine * dt_s
    touching, will_touch, part_x, part_y = overlap(boxes[0], boxes[1], moved_x, moved_y)
    if will_touch and one.solid and other.solid:
        if other.kind == OBSTACLE:  # which stays where it is
            push(one, part_x, part_y)
        else:
            push(one, part_x / 2, part_y / 2)
            push(other, -part_x / 2, -part_y / 2)
    if touching:
        one.crashed = one.crashed or (one.solid and other.solid)
        other.crashed = other.crashed or (one.solid and other.solid)
        one.hit = one.hit or not one.solid
        other.hit = other.hit or not other.solid


@partial(lean, inline=False)
def collide(cars: Cars, world: Clock, rules: Rules, scratch: Scratch) -> None:
    """All pairs of a vehicle and a later thing, in list order, of which at least one looks for collisions."""
    sort_along(cars, world, scratch)
    if not mark_close(cars, world, rules, scratch):
        return
    for place in range(world.count):
        for later in range(place + 1, world.things):
            one, other = cars[place], cars[later]
            if (scratch.close[place] and scratch.close[later] and (one.checks or other.checks)
                    and near(one, other, rules.dt_s)):
                collide_pair(one, other, scratch.boxes, rules.dt_s)
    scratch.close[: world.things] = False
