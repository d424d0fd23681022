"""Collisions of oriented boxes as highway-env finds them: separating axes, now and swept over one frame.

Source: highway-env 1.12.1, RoadObject.handle_collisions (vehicle/objects.py) and are_polygons_intersecting
(utils.py).
"""

from __future__ import annotations

import math

import numpy as np

from drive_gen.envs.jit import compiled
from drive_gen.envs.kernel_types import Car, World


@compiled
def fill_corners(car: Car, corners: np.ndarray) -> None:
    """Write a box's corners into (4, 2): rear left, rear right, front right, front left."""
    for corner in range(4):
        along = car.length / 2 if corner >= 2 else -car.length / 2
        aside = car.width / 2 if corner == 1 or corner == 2 else -car.width / 2
        corners[corner, 0] = (car.cosine * along + -car.sine * aside) + car.x
        corners[corner, 1] = (car.sine * along + car.cosine * aside) + car.y


@compiled
def project(corners: np.ndarray, axis_x: float, axis_y: float) -> tuple[float, float]:
    """Least and greatest coordinate of (4, 2) corners along an axis."""
    low, high = np.inf, -np.inf
    for corner in range(4):
        value = corners[corner, 0] * axis_x + corners[corner, 1] * axis_y
        low, high = min(low, value), max(high, value)
    return low, high


@compiled
def interval_distance(low_a: float, high_a: float, low_b: float, high_b: float) -> float:
    """Gap between two intervals; negative where they overlap."""
    return low_b - high_a if low_a < low_b else low_a - high_b


@compiled
def centre_difference(one: np.ndarray, other: np.ndarray, axis: int) -> float:
    """Difference of the mean corners along x (0) or y (1)."""
    mine: float = (one[0, axis] + one[1, axis] + one[2, axis] + one[3, axis]) / 4
    yours: float = (other[0, axis] + other[1, axis] + other[2, axis] + other[3, axis]) / 4
    return mine - yours


@compiled
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


@compiled
def half_diagonals(one: Car, other: Car) -> float:
    """Mean of two boxes' diagonals, m: boxes farther apart cannot touch."""
    return (math.sqrt(one.length**2 + one.width**2) + math.sqrt(other.length**2 + other.width**2)) / 2


@compiled
def near(one: Car, other: Car, dt_s: float) -> bool:
    """The circle check before the boxes; only `one`, the earlier in the list, lends its (signed) speed."""
    x, y = other.x - one.x, other.y - one.y
    # No box's diagonal is longer than its length and width together: most pairs need no square root.
    if abs(x) > (one.length + one.width + other.length + other.width) / 2 + abs(one.speed) * dt_s:
        return False
    return not math.sqrt(x * x + y * y) > half_diagonals(one, other) + one.speed * dt_s


@compiled
def push(car: Car, x: float, y: float) -> None:
    """Set the displacement that a car's next move applies."""
    car.impact_x, car.impact_y = x, y
    car.has_impact = True


@compiled
def collide_pair(one: Car, other: Car, boxes: np.ndarray, dt_s: float) -> None:
    """Set a pair's crash flags and impacts; `boxes` is (2, 4, 2) scratch. Later pairs overwrite impacts."""
    fill_corners(one, boxes[0])
    fill_corners(other, boxes[1])
    moved_x = one.speed * one.cosine * dt_s - other.speed * other.cosine * dt_s
    moved_y = one.speed * one.sine * dt_s - other.speed * other.sine * dt_s
    touching, will_touch, part_x, part_y = overlap(boxes[0], boxes[1], moved_x, moved_y)
    if will_touch:
        push(one, part_x / 2, part_y / 2)
        push(other, -part_x / 2, -part_y / 2)
    if touching:
        one.crashed = True
        other.crashed = True


@compiled
def collide(world: World, dt_s: float) -> None:
    """All pairs in list order of which at least one looks for its collisions."""
    boxes = np.empty((2, 4, 2))
    for place in range(world.size):
        for later in range(place + 1, world.size):
            one, other = world[place], world[later]
            if (one.checks or other.checks) and near(one, other, dt_s):
                collide_pair(one, other, boxes, dt_s)
