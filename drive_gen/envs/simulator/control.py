"""Cars that actions from outside drive: meta-actions, controls, and an ego that IDM drives.

highway_env/vehicle/controller.py and envs/common/action.py.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from drive_gen.envs.simulator.lanes import clip, reachable
from drive_gen.envs.simulator.lean import lean
from drive_gen.envs.simulator.order import Scratch
from drive_gen.envs.simulator.routes import follow_road
from drive_gen.envs.simulator.steering import steer
from drive_gen.envs.simulator.traffic import act_in_traffic
from drive_gen.envs.simulator.types import (
    FASTER,
    LEFT,
    LOGGED,
    MDP,
    NO_ACTION,
    RIGHT,
    SLOWER,
    VEHICLE,
    Car,
    Cars,
    Clock,
    Network,
    Rules,
    Way,
)

SPEED_GAIN = 1 / 0.6  # 1/s, ControlledVehicle.KP_A


@lean
def half_to_even(value: float) -> int:
    """The nearest whole number, the even one of two, as numpy rounds."""
    below = math.floor(value)
    part = value - below
    up = part > 0.5 or (part == 0.5 and below % 2 == 1)
    return int(below) + (1 if up else 0)


@lean
def nearest_index(speed_mps: float, rules: Rules) -> int:
    """Place of the nearest target speed; MDPVehicle.speed_to_index."""
    last = rules.speeds - 1
    share = (speed_mps - rules.target_speeds[0]) / (rules.target_speeds[last] - rules.target_speeds[0])
    return half_to_even(clip(share * last, 0.0, float(last)))


@lean
def next_target_lane(car: Car, network: Network, action: int) -> int:
    """The target lane after a meta-action: the next one of its road if that is in reach."""
    if action not in (LEFT, RIGHT):
        return car.target_lane
    way: Way = network.ways[network.lanes[car.target_lane].road]
    lane = car.target_lane + (1 if action == RIGHT else -1)
    lane = max(way.first, min(lane, way.first + way.lanes - 1))
    return lane if reachable(network.lanes[lane], car.x, car.y) else car.target_lane


@lean
def next_speed_index(car: Car, rules: Rules, action: int) -> int:
    """The place of the target speed after a meta-action: beside the speed now, not beside the last target."""
    if action not in (FASTER, SLOWER):
        return car.speed_index
    index = nearest_index(car.speed, rules) + (1 if action == FASTER else -1)
    return max(0, min(index, rules.speeds - 1))


@lean
def take_meta_action(car: Car, network: Network, rules: Rules, action: int) -> None:
    """The decision of MDPVehicle.act; `act` then turns its targets into a command."""
    follow_road(car, network)
    car.target_lane = next_target_lane(car, network, action)
    if action in (FASTER, SLOWER):
        car.speed_index = next_speed_index(car, rules, action)
        car.target_speed = rules.target_speeds[car.speed_index]


@lean
def take_controls(car: Car, rules: Rules, acceleration: float, steering: float) -> None:
    """Vehicle.act with m/s^2 and rad; ContinuousAction sets the car's range of speeds each time."""
    car.acceleration, car.steering = acceleration, steering
    car.min_speed, car.max_speed = rules.least_speed, rules.most_speed


@partial(lean, inline=False)
def take_actions(cars: Cars, world: Clock, network: Network, rules: Rules, scratch: Scratch,
                 actions: np.ndarray, controls: np.ndarray) -> None:
    """What controlled cars decide as a policy step begins, (A,) actions and (A, 2) controls in list order.

    They act again with all others in every frame, so that an IDM ego decides twice in the first. A car beyond
    the last action, or with NO_ACTION, is asked nothing.
    """
    asked = 0
    for place in range(world.count):
        if not cars[place].controlled or asked == actions.size:
            continue
        action = actions[asked]
        if action != NO_ACTION:
            if cars[place].kind == MDP:
                take_meta_action(cars[place], network, rules, action)
            elif cars[place].kind == VEHICLE:
                take_controls(cars[place], rules, controls[asked, 0], controls[asked, 1])
            else:
                act_in_traffic(cars, world, network, rules, scratch, place)
        asked += 1


@lean
def act(cars: Cars, world: Clock, network: Network, rules: Rules, scratch: Scratch, place: int) -> None:
    """Choose one vehicle's command for a frame; a car under direct control keeps its last."""
    car: Car = cars[place]
    if car.kind == MDP:
        follow_road(car, network)
        steer(car, network, rules)
        car.acceleration = SPEED_GAIN * (car.target_speed - car.speed)
    elif car.kind != VEHICLE and car.kind != LOGGED:
        act_in_traffic(cars, world, network, rules, scratch, place)


def commands_of(actions: np.ndarray, rules: Rules) -> np.ndarray:
    """(..., 1 or 2) actions in [-1, 1] as (..., 2) m/s^2 and rad; ContinuousAction.get_action.

    In the actions' own precision, as highway-env computes: with float32 actions the result is rounded to it.
    """
    actions = np.clip(actions, -1, 1)
    commands = np.zeros((*actions.shape[:-1], 2))
    column = 0
    if rules.longitudinal:
        commands[..., 0] = _spread(actions[..., 0], rules.least_acceleration, rules.most_acceleration)
        column = 1
    if rules.lateral:
        commands[..., 1] = _spread(actions[..., column], rules.least_steering, rules.most_steering)
    return commands


def _spread(values: np.ndarray, least: float, most: float) -> np.ndarray:
    """[-1, 1] to [least, most]; highway_env.utils.lmap."""
    least, most = float(least), float(most)  # Python's own leave float32 as it is
    return least + (values - -1) * (most - least) / 2
