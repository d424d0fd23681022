"""How a car moves in a frame: the modified bicycle of highway_env/vehicle/kinematics.py, and its new lane."""

from __future__ import annotations

import math

from drive_gen.envs.simulator.lanes import coordinates, heading_at, overshoot
from drive_gen.envs.simulator.lean import lean
from drive_gen.envs.simulator.steering import quick_wrap
from drive_gen.envs.simulator.types import CIRCULAR, IDM, LINEAR, SINE, Car, Lane, Network, Rules


@lean
def limit_command(car: Car) -> None:
    """Vehicle.clip_actions: a crashed car brakes, and nobody leaves the range of speeds for long."""
    if car.crashed:
        car.steering = 0.0
        car.acceleration = -1.0 * car.speed
    if car.speed > car.max_speed:
        car.acceleration = min(car.acceleration, car.max_speed - car.speed)
    elif car.speed < car.min_speed:
        car.acceleration = max(car.acceleration, car.min_speed - car.speed)


@lean
def roll(car: Car, dt_s: float) -> None:
    """Position and heading after dt_s at the present speed and steering."""
    distance = car.speed * car.cosine * dt_s, car.speed * car.sine * dt_s
    if car.steering != 0:  # else there is no slip, and the heading stays
        slip = math.atan(0.5 * math.tan(car.steering))
        course = car.heading + slip
        distance = car.speed * math.cos(course) * dt_s, car.speed * math.sin(course) * dt_s
        car.heading += car.speed * math.sin(slip) / (car.length / 2) * dt_s
        car.cosine, car.sine = math.cos(car.heading), math.sin(car.heading)
    car.x += distance[0]
    car.y += distance[1]


@lean
def be_pushed(car: Car) -> None:
    """Apply the displacement that a collision gave."""
    if car.has_impact:
        car.x += car.impact_x
        car.y += car.impact_y
        car.crashed = True
        car.has_impact = False


@lean
def farther(lane: Lane, x: float, y: float, limit: float) -> bool:
    """Whether a lane is surely farther than a limit (m + rad), by what is cheap to see."""
    if lane.kind == CIRCULAR:
        aside_x, aside_y = x - lane.centre_x, y - lane.centre_y
        return abs(lane.radius - math.sqrt(aside_x * aside_x + aside_y * aside_y)) > limit
    from_x, from_y = x - lane.start_x, y - lane.start_y
    along = from_x * lane.along_x + from_y * lane.along_y
    if along - lane.length > limit or -along > limit:
        return True
    if lane.kind == SINE:
        aside = abs(from_x * lane.aside_x + from_y * lane.aside_y)
        return aside - abs(lane.amplitude) > limit + 1e-6  # m, more than rounding
    return False


@lean
def distance_with_heading(lane: Lane, x: float, y: float, heading: float) -> float:
    """L1 distance from a lane, m, and heading error, rad; AbstractLane.distance_with_heading."""
    along, aside = coordinates(lane, x, y)
    return overshoot(lane, along, aside) + abs(quick_wrap(heading - heading_at(lane, along)))


@lean
def lane_at(car: Car, network: Network) -> int:
    """The lane of least distance, the first of equals: `closest_lane` with the present one as a guess."""
    best = car.lane
    least = distance_with_heading(network.lanes[best], car.x, car.y, car.heading)
    for number in range(network.lanes.size):
        lane: Lane = network.lanes[number]
        if number == car.lane or farther(lane, car.x, car.y, least):
            continue
        distance = distance_with_heading(lane, car.x, car.y, car.heading)
        if distance < least or (distance == least and number < best):
            best, least = number, distance
    return best


@lean
def highway_lane_at(car: Car, network: Network) -> int:
    """`lane_at` on a highway, whose lanes differ in offset alone: one of the two beside the car."""
    first: Lane = network.lanes[0]
    last = network.lanes.size - 1
    left = max(0, min(int(math.floor(car.y / first.width)), last))  # on a GPU a floor is a float
    if left == last:
        return last
    angle = abs(quick_wrap(car.heading))
    to_left = overshoot(first, car.x, car.y - network.lanes[left].start_y) + angle
    to_right = overshoot(first, car.x, car.y - network.lanes[left + 1].start_y) + angle
    return left if to_left <= to_right else left + 1


@lean
def move(car: Car, network: Network, rules: Rules) -> None:
    """Vehicle.step: one Euler step from the old speed and heading."""
    if car.kind == IDM or car.kind == LINEAR:
        car.timer += rules.dt_s
    limit_command(car)
    speed = car.speed
    roll(car, rules.dt_s)
    be_pushed(car)
    car.speed = speed + car.acceleration * rules.dt_s
    car.lane = highway_lane_at(car, network) if network.parallel else lane_at(car, network)
