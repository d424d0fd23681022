"""Cars that do again what a log says: Logs, and how they come, move and go."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drive_gen.envs.simulator.collide import collide
from drive_gen.envs.simulator.control import act
from drive_gen.envs.simulator.lanes import closest_lane
from drive_gen.envs.simulator.lean import lean
from drive_gen.envs.simulator.motion import lane_at, move
from drive_gen.envs.simulator.order import Scratch, begin_order, sort_along
from drive_gen.envs.simulator.types import LOGGED, NOBODY, Car, Cars, Clock, Network, Rules

MOST_SPEED_MPS, IDM_DELTA = 40.0, 4.0  # highway-env's Vehicle.MAX_SPEED and IDMVehicle.DELTA


class Logs(NamedTuple):
    """One recording's cars, a row each; frames are those of the worlds."""

    motion: np.ndarray  # (R, T, 4) float64: x, y [m], heading [rad], speed [m/s]
    valid: np.ndarray  # (R, T) bool
    about: np.ndarray  # (R, 3) float64: length, width [m], and the greatest speed [m/s], which IDM aims at


def no_logs() -> Logs:
    """Those of worlds without any."""
    return Logs(np.zeros((0, 0, 4)), np.zeros((0, 0), np.bool_), np.zeros((0, 3)))


@lean
def put(car: Car, logs: Logs, frame: int) -> None:
    """Put a car where its row has it at a frame."""
    row = car.row
    car.x, car.y = logs.motion[row, frame, 0], logs.motion[row, frame, 1]
    car.speed = logs.motion[row, frame, 3]
    heading = logs.motion[row, frame, 2]
    if heading != car.heading:
        car.heading, car.cosine, car.sine = heading, np.cos(heading), np.sin(heading)


@lean
def come(cars: Cars, world: Clock, network: Network, logs: Logs, row: int, frame: int) -> bool:
    """Let a row's car come as the last of the list; False where there is no room."""
    if world.count == cars.size:
        return False
    car: Car = cars[world.count]
    car.row, car.number = row, row
    car.heading, car.cosine, car.sine = 0.0, 1.0, 0.0
    put(car, logs, frame)
    car.acceleration, car.steering, car.timer = 0.0, 0.0, 0.0
    car.length, car.width, car.target_speed = logs.about[row, 0], logs.about[row, 1], logs.about[row, 2]
    car.crashed, car.hit, car.has_impact, car.checks, car.solid = False, False, False, False, True
    car.controlled, car.changes_lanes = False, False
    car.kind, car.route_size, car.yielding = LOGGED, -1, NOBODY
    car.min_speed, car.max_speed, car.delta = -MOST_SPEED_MPS, MOST_SPEED_MPS, IDM_DELTA
    car.lane = closest_lane(network, car.x, car.y, car.heading)
    car.target_lane = car.lane
    world.count += 1
    world.things = world.count
    return True


@lean
def come_and_go(cars: Cars, world: Clock, network: Network, logs: Logs, scratch: Scratch) -> bool:
    """At the present frame those whose rows have ended go, and those whose rows begin come.

    A car that others drive stays when its row ends. False where there was no room for one.
    """
    frame = world.log_frame + world.steps
    last = frame >= logs.valid.shape[1]
    kept = 0
    for place in range(world.count):
        if cars[place].kind == LOGGED and (last or not logs.valid[cars[place].row, frame]):
            continue
        if kept != place:
            cars[kept] = cars[place]
        kept += 1
    changed, room = kept != world.count, True
    world.count = kept
    world.things = kept
    for row in range(logs.valid.shape[0] if not last else 0):
        if logs.valid[row, frame] and not logs.valid[row, frame - 1]:
            room = come(cars, world, network, logs, row, frame) and room
            changed = True
    if changed:
        begin_order(scratch)
        sort_along(cars, world, scratch)
    return room


@lean
def stop_at_standstill(car: Car, rules: Rules) -> None:
    """Let brakes end at a standstill, as envs.replay does: nobody reverses in recorded traffic."""
    car.acceleration = max(car.acceleration, -max(car.speed, 0.0) / rules.dt_s)


@lean
def simulate_logged_frame(cars: Cars, world: Clock, network: Network, rules: Rules, logs: Logs,
                          scratch: Scratch) -> bool:
    """`frame.simulate_frame` among logged cars, who then come and go; False where there was no room."""
    for place in range(world.count):
        act(cars, world, network, rules, scratch, place)
    frame = world.log_frame + world.steps + 1
    for place in range(world.count):
        car: Car = cars[place]
        if car.kind != LOGGED:
            stop_at_standstill(car, rules)
            move(car, network, rules)
        elif frame < logs.valid.shape[1] and logs.valid[car.row, frame]:
            put(car, logs, frame)
            car.lane = lane_at(car, network)
    collide(cars, world, rules, scratch)
    world.steps += 1
    return come_and_go(cars, world, network, logs, scratch)


@lean
def begin_logged(cars: Cars, world: Clock, network: Network, logs: Logs) -> bool:
    """Fill a world with the cars that are there at its first frame."""
    world.count, world.things, world.steps, world.time_s = 0, 0, 0, 0.0
    world.born, world.road_steps = logs.valid.shape[0], 0
    room = True
    for row in range(logs.valid.shape[0]):
        if logs.valid[row, world.log_frame]:
            room = come(cars, world, network, logs, row, world.log_frame) and room
    return room
