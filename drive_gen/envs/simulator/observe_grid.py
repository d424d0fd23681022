"""highway-env's OccupancyGridObservation, compiled; highway_env/envs/common/observation.py."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from drive_gen.envs.simulator.features import FEATURES, VY, X, Y, attitude, spread, velocity
from drive_gen.envs.simulator.lanes import clip, coordinates, position
from drive_gen.envs.simulator.lean import lean
from drive_gen.envs.simulator.records import record_type
from drive_gen.envs.simulator.types import CIRCULAR, Car, Cars, Clock, Lane, Network

LAYERS = (*FEATURES, "on_road")
ON_ROAD = len(FEATURES)
PERCEPTION_M = 100.0  # lanes are drawn as far to both sides
ROUNDING = 1e-6  # more than what rounding does to metres and radians


class Grid:
    """Settings of a grid around a car: the fields of a GRID record."""

    features: np.ndarray  # (len(LAYERS),) int64, places in LAYERS; the first `layers` count
    ranged: np.ndarray  # (len(FEATURES),) 1 where low to high is mapped to -1 to 1
    low: np.ndarray  # (len(FEATURES),)
    high: np.ndarray  # (len(FEATURES),)
    start_x: float  # m from the observer
    start_y: float
    step_x: float  # m, of a cell
    step_y: float
    aligned: bool  # axes are the observer's, not the world's
    clip: bool
    as_image: bool
    layers: int


GRID = record_type(Grid, {"features": ("i8", len(LAYERS)), "ranged": ("u1", len(FEATURES)),
                          "low": ("f8", len(FEATURES)), "high": ("f8", len(FEATURES))})


@lean
def write_cell(grid: Grid, observer: Car, x: float, y: float, value: float, layer: np.ndarray) -> None:
    """Set the cell of a place, m from the observer in world axes, if it is in the grid."""
    if grid.aligned:
        x, y = observer.cosine * x + observer.sine * y, -observer.sine * x + observer.cosine * y
    row, column = math.floor((x - grid.start_x) / grid.step_x), math.floor((y - grid.start_y) / grid.step_y)
    if not (0 <= row < layer.shape[0] and 0 <= column < layer.shape[1]):
        return
    if grid.clip or grid.as_image:
        value = clip(value, -1.0, 1.0)
    layer[row, column] = (value + 1) / 2 * 255 if grid.as_image else value


@lean
def ranged_and_back(value: float, grid: Grid, code: int) -> float:
    """A coordinate after its way to -1 to 1 and back, as highway-env rounds it."""
    if not grid.ranged[code]:
        return value
    low, high = grid.low[code], grid.high[code]
    back: float = low + (spread(value, low, high) + 1) * (high - low) / 2
    return back


@lean
def draw_cars(cars: Cars, world: Clock, network: Network, grid: Grid, ego: int, code: int,
              layer: np.ndarray) -> None:
    """Write a feature of all vehicles; of those in one cell the first of the list."""
    observer: Car = cars[ego]
    own_vx, own_vy = velocity(observer)
    for place in range(world.count - 1, -1, -1):
        car: Car = cars[place]
        x, y, (vx, vy) = car.x - observer.x, car.y - observer.y, velocity(car)
        motion = (x, y, vx - own_vx, vy - own_vy)
        value = motion[code - X] if X <= code <= VY else attitude(car, network, code)
        if grid.ranged[code]:
            value = spread(value, grid.low[code], grid.high[code])
        write_cell(grid, observer, ranged_and_back(x, grid, X), ranged_and_back(y, grid, Y), value, layer)


@lean
def reach_of(grid: Grid, layer: np.ndarray) -> float:
    """No cell is farther from the observer, m."""
    x = max(abs(grid.start_x), abs(grid.start_x + layer.shape[0] * grid.step_x))
    y = max(abs(grid.start_y), abs(grid.start_y + layer.shape[1] * grid.step_y))
    return math.sqrt(x * x + y * y) + ROUNDING


@lean
def turn_in_reach(lane: Lane, observer: Car, reach_m: float) -> float:
    """Angle from the observer's direction within which a circular lane may be in reach; below 0 for none."""
    x, y = observer.x - lane.centre_x, observer.y - lane.centre_y
    distance, radius = math.sqrt(x * x + y * y), lane.radius
    if abs(distance - radius) > reach_m:
        return -1.0
    if distance < ROUNDING:
        return np.pi
    cosine = (distance * distance + radius * radius - reach_m * reach_m) / (2 * distance * radius)
    return math.acos(max(-1.0, cosine)) + ROUNDING if cosine < 1 else ROUNDING


@lean
def draw_point(lane: Lane, grid: Grid, observer: Car, along: float, from_observer_m: float, turn: float,
               layer: np.ndarray) -> None:
    """Write 1 at a point of a lane; on a circular one, if it is within `turn` of the observer's direction."""
    if lane.kind == CIRCULAR:
        turned = abs(from_observer_m) / lane.radius
        if abs(turned - 2 * np.pi * np.rint(turned / (2 * np.pi))) > turn:
            return
    x, y = position(lane, along, 0.0)
    write_cell(grid, observer, x - observer.x, y - observer.y, 1.0, layer)


@lean
def reach_along(lane: Lane, origin: float, aside: float, reach_m: float) -> tuple[float, float]:
    """Metres along a lane from and to which its points may be in reach of a place in its coordinates."""
    if lane.kind == CIRCULAR:
        return 0.0, lane.length
    if abs(aside) > reach_m + 2 * abs(lane.amplitude):
        return 0.0, -np.inf
    return max(0.0, origin - reach_m), min(lane.length, origin + reach_m)


@partial(lean, inline=False)
def draw_lane(lane: Lane, grid: Grid, observer: Car, reach_m: float, layer: np.ndarray) -> None:
    """Write 1 at points a cell apart along a lane, as np.arange spaces them; those beyond its ends mean them.

    Only those near the grid are looked at, and the outermost two, which may stand for the ends.
    """
    origin, aside = coordinates(lane, observer.x, observer.y)
    turn = turn_in_reach(lane, observer, reach_m) if lane.kind == CIRCULAR else 0.0
    low, high = reach_along(lane, origin, aside, reach_m)
    if turn < 0 or high < 0:
        return
    start, step = origin - PERCEPTION_M, min(grid.step_x, grid.step_y)
    spacing, outermost = start + step - start, math.ceil((origin + PERCEPTION_M - start) / step) - 1
    first, last = math.floor((low - start) / spacing) - 1, math.ceil((high - start) / spacing) + 1
    for place in range(max(0, first), min(outermost, last) + 1):
        along = clip(start + place * spacing, 0.0, lane.length)
        draw_point(lane, grid, observer, along, along - origin, turn, layer)
    for place in (0, outermost):
        along = clip(start + place * spacing, 0.0, lane.length)
        draw_point(lane, grid, observer, along, along - origin, turn, layer)


@partial(lean, inline=False)
def observe_grid(cars: Cars, world: Clock, network: Network, grid: Grid, ego: int, out: np.ndarray) -> None:
    """Write what one car sees into (C, rows, columns), float32 or, of a grid as_image, uint8."""
    for layer in range(grid.layers):
        for row in range(out.shape[1]):
            for column in range(out.shape[2]):
                out[layer, row, column] = 0
        if grid.features[layer] != ON_ROAD:
            draw_cars(cars, world, network, grid, ego, grid.features[layer], out[layer])
            continue
        reach_m = reach_of(grid, out[layer])
        for number in range(network.lanes.size):
            draw_lane(network.lanes[number], grid, cars[ego], reach_m, out[layer])
