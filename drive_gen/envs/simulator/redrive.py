"""An episode driven again by its cars' controls, in the simulator: what it makes of them, and who touches whom."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from drive_gen.envs.episode import Episode
from drive_gen.envs.road import Road
from drive_gen.envs.simulator.collide import collide
from drive_gen.envs.simulator.jit import compiled
from drive_gen.envs.simulator.lanes import closest_lane
from drive_gen.envs.simulator.motion import move
from drive_gen.envs.simulator.order import begin_order, scratch_of, sort_along
from drive_gen.envs.simulator.road_network import network_of_road
from drive_gen.envs.simulator.types import CAR, RULES, VEHICLE, WORLD, Car, Cars, Clock, Network, Rules


class Redriven(NamedTuple):
    """What controls make of the agents of an episode; where an agent is not, entries mean nothing."""

    states: np.ndarray  # (A, T, 4) float64: x, y [m], heading [rad], speed [m/s], in the world frame
    touching: np.ndarray  # (A, T) bool, whether the simulator finds it to touch another


def redrive(episode: Episode, control: np.ndarray | None = None, valid: np.ndarray | None = None) -> Redriven:
    """Drive every agent from its first valid state on, by controls (A, T, 2) while it is valid (A, T).

    The episode's own where they are not given. No speed is too high, and who touches another drives on.
    """
    there = np.ascontiguousarray(episode.valid if valid is None else valid)
    given = np.ascontiguousarray(episode.control if control is None else control, np.float64)
    begins = there.argmax(1)[:, None, None]
    motion = np.concatenate((episode.position_m, episode.heading_rad[..., None], episode.speed_mps[..., None]), -1)
    first = np.take_along_axis(motion, begins, 1)[:, 0].astype(np.float64)
    found = Redriven(np.zeros((*there.shape, 4)), np.zeros(there.shape, np.bool_))
    rules = np.zeros(1, RULES)[0]
    rules["dt_s"] = episode.dt_s
    cars, world = np.zeros(max(episode.agents, 1), CAR), np.zeros(1, WORLD)[0]
    _drive(cars, world, _network(episode.road), rules, np.ascontiguousarray(first),
           episode.size_m.astype(np.float64), given, there, found)
    return found


@lru_cache(maxsize=16)
def _network(road: Road) -> Network:
    return network_of_road(road)


@compiled
def _come(car: Car, network: Network, row: int, state: np.ndarray, size: np.ndarray) -> None:
    car.row, car.number, car.kind, car.route_size = row, row, VEHICLE, -1
    car.x, car.y, car.heading, car.speed = state[0], state[1], state[2], state[3]
    car.cosine, car.sine = np.cos(car.heading), np.sin(car.heading)
    car.length, car.width = size[0], size[1]
    car.min_speed, car.max_speed = -np.inf, np.inf
    car.checks, car.solid = True, True
    car.crashed, car.has_impact = False, False
    car.lane = closest_lane(network, car.x, car.y, car.heading)


@compiled
def _drive(cars: Cars, world: Clock, network: Network, rules: Rules, first: np.ndarray, size: np.ndarray,
           control: np.ndarray, valid: np.ndarray, found: Redriven) -> None:
    """Fill `found`: first states (A, 4), sizes (A, 2), controls (A, T, 2)."""
    agents, frames = valid.shape
    begun = np.zeros(agents, np.bool_)
    scratch = scratch_of(cars, rules)
    for frame in range(frames):
        kept = 0
        for place in range(world.count):
            if valid[cars[place].row, frame]:
                if kept != place:
                    cars[kept] = cars[place]
                kept += 1
        for row in range(agents):
            if valid[row, frame] and not begun[row]:
                _come(cars[kept], network, row, first[row], size[row])
                begun[row] = True
                kept += 1
        world.count = kept
        world.things = kept
        begin_order(scratch)
        sort_along(cars, world, scratch)
        for place in range(kept):
            car: Car = cars[place]
            state = found.states[car.row, frame]
            state[0], state[1], state[2], state[3] = car.x, car.y, car.heading, car.speed
            found.touching[car.row, frame] = car.crashed
            car.crashed, car.has_impact = False, False
            car.acceleration, car.steering = control[car.row, frame, 0], control[car.row, frame, 1]
        for place in range(kept):
            move(cars[place], network, rules)
        collide(cars, world, rules, scratch)
