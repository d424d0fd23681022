"""highway-env's KinematicObservation and ExitObservation, compiled; envs/common/observation.py."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from drive_gen.envs.simulator.features import (
    COS_D,
    FEATURES,
    HEADING,
    SIN_D,
    VY,
    X,
    attitude,
    spread,
    velocity,
)
from drive_gen.envs.simulator.lanes import clip, coordinates
from drive_gen.envs.simulator.lean import lean
from drive_gen.envs.simulator.nearest import Near, keep
from drive_gen.envs.simulator.records import record_type
from drive_gen.envs.simulator.types import NOBODY, Car, Cars, Clock, Lane, Network

COLUMNS_MOST = len(FEATURES)
PERCEPTION_M = 200.0  # AbstractEnv.PERCEPTION_DISTANCE


class Kinematics:
    """Settings of a table of cars: the fields of a KINEMATICS record."""

    features: np.ndarray  # (COLUMNS_MOST,) int64, places in features.FEATURES; the first `columns` count
    ranged: np.ndarray  # (COLUMNS_MOST,) 1 where low to high is mapped to -1 to 1
    low: np.ndarray  # (COLUMNS_MOST,)
    high: np.ndarray  # (COLUMNS_MOST,)
    columns: int
    rows: int  # the ego's included
    absolute: bool
    clip: bool
    see_behind: bool
    intentions: bool  # the others' destinations are shown
    objects: bool
    exit_lane: int  # the ego's x is the place along this lane; NOBODY for none


KINEMATICS = record_type(Kinematics, {
    "features": ("i8", COLUMNS_MOST), "ranged": ("u1", COLUMNS_MOST), "low": ("f8", COLUMNS_MOST),
    "high": ("f8", COLUMNS_MOST)})


@lean
def near_along(cars: Cars, world: Clock, network: Network, seen: Kinematics, ego: int,
               near: Near) -> int:
    """Note the cars nearest along the ego's lane; gives how many there are. Road.close_objects_to."""
    car: Car = cars[ego]
    lane: Lane = network.lanes[car.lane]
    here, kept = coordinates(lane, car.x, car.y)[0], 0
    for place in range(world.things if seen.objects else world.count):
        other: Car = cars[place]
        x, y = other.x - car.x, other.y - car.y
        if place == ego or not math.sqrt(x * x + y * y) < PERCEPTION_M:
            continue
        ahead = coordinates(lane, other.x, other.y)[0] - here
        if (seen.see_behind and place < world.count) or -2 * car.length < ahead:
            kept = keep(near, kept, place, abs(ahead))
    return kept


@lean
def scaled(value: float, seen: Kinematics, column: int) -> float:
    """A value on the scale of its column."""
    if seen.ranged[column]:
        value = spread(value, seen.low[column], seen.high[column])
        if seen.clip:
            value = clip(value, -1.0, 1.0)
    return value


@lean
def write_row(car: Car, network: Network, seen: Kinematics, motion: tuple[float, float, float, float],
              vehicle: bool, intentions: bool, out: np.ndarray) -> None:
    """Write one car's features, with x, y, vx and vy as given.

    Where highway-env's objects lack a feature, its table has NaN.
    """
    for column in range(seen.columns):
        code = seen.features[column]
        if X <= code <= VY:
            value = motion[code - X]
        elif not vehicle and code >= HEADING:
            value = np.nan
        elif code in (COS_D, SIN_D) and not (vehicle and intentions):
            value = 0.0
        else:
            value = attitude(car, network, code)
        out[column] = value if math.isnan(value) else scaled(value, seen, column)


@partial(lean, inline=False)
def observe_kinematics(cars: Cars, world: Clock, network: Network, seen: Kinematics, ego: int, near: Near,
                       out: np.ndarray) -> None:
    """Write what one car sees into (rows, columns) float32: itself, then others, by distance along its lane.

    `near` is near_of(rows - 1), to work in.
    """
    car: Car = cars[ego]
    (own_vx, own_vy), x = velocity(car), car.x
    if seen.exit_lane != NOBODY:
        x = coordinates(network.lanes[seen.exit_lane], car.x, car.y)[0]
    write_row(car, network, seen, (x, car.y, own_vx, own_vy), True, True, out[0])
    kept = near_along(cars, world, network, seen, ego, near)
    for row in range(kept):
        other: Car = cars[near.places[row]]
        vehicle = near.places[row] < world.count
        vx, vy = velocity(other) if vehicle else (0.0, 0.0)
        motion = ((other.x, other.y, vx, vy) if seen.absolute
                  else (other.x - car.x, other.y - car.y, vx - own_vx, vy - own_vy))
        write_row(other, network, seen, motion, vehicle, seen.intentions, out[1 + row])
    for row in range(1 + kept, seen.rows):
        for column in range(seen.columns):
            out[row, column] = 0.0
