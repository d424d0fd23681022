"""Steering to a lane: ControlledVehicle.steering_control and LinearVehicle's."""

from __future__ import annotations

import math

import numpy as np

from drive_gen.envs.simulator.lanes import clip, coordinates, heading_at, not_zero, wrap
from drive_gen.envs.simulator.lean import lean
from drive_gen.envs.simulator.types import LINEAR, STRAIGHT, Car, Lane, Network, Rules

HEADING_GAIN, LATERAL_GAIN = 1 / 0.2, 1 / 0.6  # 1/s, ControlledVehicle.KP_*
PURSUIT_S = 0.5 * 0.2  # how far ahead a lane's heading is looked up
MAX_STEERING_RAD, MAX_COURSE_RAD = np.pi / 3, np.pi / 4


@lean
def quick_wrap(angle_rad: float) -> float:
    """`wrap`, without the remainder where that would return its argument."""
    shifted = angle_rad + np.pi
    return shifted - np.pi if 0 <= shifted < 2 * np.pi else wrap(angle_rad)


@lean
def cascade(car: Car, aside: float, lane_heading: float) -> float:
    """Steering (rad) by offset (m) from a lane and its heading a little ahead."""
    speed = not_zero(car.speed)
    course = math.asin(clip(-LATERAL_GAIN * aside / speed, -1.0, 1.0))
    wanted = lane_heading + clip(course, -MAX_COURSE_RAD, MAX_COURSE_RAD)
    rate = HEADING_GAIN * quick_wrap(wanted - car.heading)
    slip = math.asin(clip(car.length / 2 / speed * rate, -1.0, 1.0))
    return math.atan(2 * math.tan(slip))


@lean
def linear(car: Car, aside: float, lane_heading: float, rules: Rules) -> float:
    """Steering (rad) that is linear in heading error and offset."""
    speed = not_zero(car.speed)
    turn = quick_wrap(lane_heading - car.heading) * car.length / speed
    shift: float = -aside * car.length / speed**rules.square
    return float(car.linear[3] * turn + car.linear[4] * shift)


@lean
def steer(car: Car, network: Network, rules: Rules) -> None:
    """Steer to the target lane."""
    lane: Lane = network.lanes[car.target_lane]
    along, aside = coordinates(lane, car.x, car.y)
    if aside == 0 and lane.kind == STRAIGHT and lane.heading == car.heading:
        car.steering = 0.0  # as all terms below then are
        return
    ahead = heading_at(lane, along + car.speed * PURSUIT_S)
    steering = linear(car, aside, ahead, rules) if car.kind == LINEAR else cascade(car, aside, ahead)
    car.steering = clip(steering, -MAX_STEERING_RAD, MAX_STEERING_RAD)
