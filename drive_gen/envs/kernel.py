"""One frame of highway-env's straight parallel-lane road, compiled: state in, state out.

Reproduces highway-env 1.12.1 frame by frame on highway-v0 and highway-fast-v0: IDM and MOBIL traffic
(vehicle/behavior.py), a meta-action or IDM ego (vehicle/controller.py), the modified bicycle
(vehicle/kinematics.py) and collisions (collide.py). float64 throughout and the same order of operations, so
states are bitwise equal wherever numpy and the C library round alike (`kernel_state.same_rounding`), and
differ by a few units in the last place elsewhere.

A world is changed in place. Lanes run along +x; lane k is centred on y = k * lane width.
"""

from __future__ import annotations

import math

import numpy as np

from drive_gen.envs.collide import collide
from drive_gen.envs.jit import compiled
from drive_gen.envs.kernel_types import FASTER, LEFT, NOBODY, RIGHT, SLOWER, Car, Rules, World

SPEED_GAIN, HEADING_GAIN, LATERAL_GAIN = 1 / 0.6, 1 / 0.2, 1 / 0.6  # 1/s, ControlledVehicle.KP_*
MAX_STEERING_RAD, MAX_COURSE_RAD = np.pi / 3, np.pi / 4
MAX_SPEED_MPS = 40.0
LANE_END_MARGIN_M = 5.0  # AbstractLane.VEHICLE_LENGTH
LOOK_ASIDE_M = 1.0  # a car this far outside a lane still counts as being on it


# --- scalars ----------------------------------------------------------------------------------------------


@compiled
def not_zero(value: float) -> float:
    """The value, or +-0.01 where it is nearer to zero than that."""
    if abs(value) > 1e-2:
        return value
    return 1e-2 if value >= 0 else -1e-2


@compiled
def wrap(angle_rad: float) -> float:
    """The angle in [-pi, pi)."""
    return (angle_rad + np.pi) % (2 * np.pi) - np.pi


@compiled
def clip(value: float, low: float, high: float) -> float:
    """The value, no less than low and no more than high."""
    return min(max(value, low), high)


@compiled
def steering_towards(offset_m: float, heading_rad: float, speed_mps: float, length_m: float) -> float:
    """Steering (rad) to the centre of a straight lane along +x; ControlledVehicle.steering_control."""
    course = math.asin(clip(-LATERAL_GAIN * offset_m / not_zero(speed_mps), -1.0, 1.0))
    wanted = clip(course, -MAX_COURSE_RAD, MAX_COURSE_RAD)
    rate = HEADING_GAIN * wrap(wanted - heading_rad)
    slip = math.asin(clip(length_m / 2 / not_zero(speed_mps) * rate, -1.0, 1.0))
    return clip(math.atan(2 * math.tan(slip)), -MAX_STEERING_RAD, MAX_STEERING_RAD)


@compiled
def free_acceleration(speed_mps: float, target_mps: float, delta: float, rules: Rules) -> float:
    """IDM's acceleration on an empty road, m/s^2."""
    target = clip(target_mps, 0.0, rules.speed_limit)
    share: float = (max(speed_mps, 0.0) / abs(not_zero(target))) ** delta
    return rules.comfort_acc_max * (1 - share)


@compiled
def nearest_index(speed_mps: float, rules: Rules) -> int:
    """Place of the nearest target speed, halves to even; MDPVehicle.speed_to_index."""
    last = rules.speeds - 1
    share = (speed_mps - rules.target_speeds[0]) / (rules.target_speeds[last] - rules.target_speeds[0])
    return int(clip(np.rint(share * last), 0.0, float(last)))


# --- lanes and neighbours ---------------------------------------------------------------------------------


@compiled
def offset_from(car: Car, rules: Rules, lane: int) -> float:
    """Metres to the right of a lane's centre."""
    return car.y - lane * rules.lane_width


@compiled
def on_lane(car: Car, rules: Rules, lane: int, margin_m: float) -> bool:
    """AbstractLane.on_lane."""
    return (abs(offset_from(car, rules, lane)) <= rules.lane_width / 2 + margin_m
            and -LANE_END_MARGIN_M <= car.x < rules.road_length + LANE_END_MARGIN_M)


@compiled
def reachable(car: Car, rules: Rules, lane: int) -> bool:
    """AbstractLane.is_reachable_from."""
    return (abs(offset_from(car, rules, lane)) <= 2 * rules.lane_width
            and 0 <= car.x < rules.road_length + LANE_END_MARGIN_M)


@compiled
def closest_lane(car: Car, rules: Rules) -> int:
    """The lane of least offset, overshoot and heading error (metres plus radians); the first of equals."""
    past, before = max(car.x - rules.road_length, 0.0), max(0.0 - car.x, 0.0)
    angle = abs(wrap(car.heading))
    best, least = 0, np.inf
    for lane in range(rules.lanes):
        distance = abs(offset_from(car, rules, lane)) + past + before + angle
        if distance < least:
            best, least = lane, distance
    return best


@compiled
def neighbours(world: World, rules: Rules, vehicle: int, lane: int) -> tuple[int, int]:
    """The vehicles ahead and behind on a lane (NOBODY where none); Road.neighbour_vehicles.

    Of equals the last of the list is ahead, the first of the list behind.
    """
    x, ahead, behind = world[vehicle].x, NOBODY, NOBODY
    least, most = np.inf, -np.inf
    for other in range(world.size):
        there = world[other].x
        if x <= there:
            if there <= least and other != vehicle and on_lane(world[other], rules, lane, LOOK_ASIDE_M):
                ahead, least = other, there
        elif there > most and on_lane(world[other], rules, lane, LOOK_ASIDE_M):
            behind, most = other, there
    return ahead, behind


# --- deciding ---------------------------------------------------------------------------------------------


@compiled
def desired_gap(follower: Car, leader: Car, rules: Rules) -> float:
    """IDM's desired distance, centre to centre, m; velocities leave the slip angle out."""
    closing = ((follower.speed * follower.cosine - leader.speed * leader.cosine) * follower.cosine
               + (follower.speed * follower.sine - leader.speed * leader.sine) * follower.sine)
    braking = -rules.comfort_acc_max * rules.comfort_acc_min
    return (rules.distance_wanted + follower.speed * rules.time_wanted
            + follower.speed * closing / (2 * math.sqrt(braking)))


@compiled
def idm(world: World, rules: Rules, follower: int, leader: int, delta: float) -> float:
    """Acceleration of `follower` behind `leader`, with a decider's exponent; 0 where there is no follower."""
    if follower == NOBODY:
        return 0.0
    car: Car = world[follower]
    acceleration = free_acceleration(car.speed, car.target_speed, delta, rules)
    if leader != NOBODY:
        ratio = desired_gap(car, world[leader], rules) / not_zero(world[leader].x - car.x)
        acceleration -= rules.comfort_acc_max * (ratio * ratio)
    return acceleration


@compiled
def mobil(world: World, rules: Rules, vehicle: int, lane: int) -> bool:
    """Whether a lane change is safe for the new follower and gains speed; IDMVehicle.mobil, no politeness."""
    delta = world[vehicle].delta
    ahead, behind = neighbours(world, rules, vehicle, lane)
    if idm(world, rules, behind, vehicle, delta) < -rules.max_braking_imposed:
        return False
    old_ahead, _ = neighbours(world, rules, vehicle, world[vehicle].lane)
    gain = idm(world, rules, vehicle, ahead, delta) - idm(world, rules, vehicle, old_ahead, delta)
    return not gain < rules.min_acc_gain


@compiled
def abort_lane_change(world: World, rules: Rules, vehicle: int) -> None:
    """Give a lane change up where a car close ahead is changing into the same lane.

    Cars earlier in the list show the target they have just taken, later ones the one they had.
    """
    car: Car = world[vehicle]
    target = car.target_lane
    for place in range(world.size):
        other: Car = world[place]
        if (place != vehicle and other.lane != target and other.target_lane == target
                and 0 < other.x - car.x < desired_gap(car, other, rules)):
            car.target_lane = car.lane
            return


@compiled
def change_lane(world: World, rules: Rules, vehicle: int) -> None:
    """IDMVehicle.change_lane_policy; where both sides pass MOBIL, the right one wins."""
    car: Car = world[vehicle]
    if car.lane != car.target_lane:
        abort_lane_change(world, rules, vehicle)
        return
    if not rules.lane_change_delay < car.timer:
        return
    car.timer = 0.0
    for side in (car.lane - 1, car.lane + 1):
        if (0 <= side < rules.lanes and reachable(car, rules, side) and abs(car.speed) >= 1
                and mobil(world, rules, vehicle, side)):
            car.target_lane = side


@compiled
def steer(car: Car, rules: Rules) -> None:
    """Steer to the target lane."""
    offset = offset_from(car, rules, car.target_lane)
    car.steering = steering_towards(offset, car.heading, car.speed, car.length)


@compiled
def act_idm(world: World, rules: Rules, vehicle: int) -> None:
    """IDMVehicle.act: crashed cars keep their last command."""
    car: Car = world[vehicle]
    if car.crashed:
        return
    change_lane(world, rules, vehicle)
    steer(car, rules)
    ahead, _ = neighbours(world, rules, vehicle, car.lane)
    acceleration = idm(world, rules, vehicle, ahead, car.delta)
    if car.lane != car.target_lane:
        ahead, _ = neighbours(world, rules, vehicle, car.target_lane)
        acceleration = min(acceleration, idm(world, rules, vehicle, ahead, car.delta))
    car.acceleration = clip(acceleration, -rules.acc_max, rules.acc_max)


@compiled
def next_target_lane(car: Car, rules: Rules, action: int) -> int:
    """The target lane after a meta-action: the next one if it exists and is in reach."""
    if action not in (LEFT, RIGHT):
        return car.target_lane
    lane = max(0, min(car.target_lane + (1 if action == RIGHT else -1), rules.lanes - 1))
    return lane if reachable(car, rules, lane) else car.target_lane


@compiled
def next_speed_index(car: Car, rules: Rules, action: int) -> int:
    """The place of the target speed after a meta-action: beside the speed now, not beside the last target."""
    if action not in (FASTER, SLOWER):
        return car.speed_index
    index = nearest_index(car.speed, rules) + (1 if action == FASTER else -1)
    return max(0, min(index, rules.speeds - 1))


@compiled
def take_meta_action(car: Car, rules: Rules, action: int) -> None:
    """The decision of MDPVehicle.act; `act` then turns its targets into a command."""
    car.target_lane = next_target_lane(car, rules, action)
    if action in (FASTER, SLOWER):
        car.speed_index = next_speed_index(car, rules, action)
        car.target_speed = rules.target_speeds[car.speed_index]


@compiled
def act(world: World, rules: Rules, vehicle: int) -> None:
    """Choose one vehicle's command."""
    car: Car = world[vehicle]
    if car.is_idm:
        act_idm(world, rules, vehicle)
    else:
        steer(car, rules)
        car.acceleration = SPEED_GAIN * (car.target_speed - car.speed)


# --- moving -----------------------------------------------------------------------------------------------


@compiled
def limit_command(car: Car) -> None:
    """Vehicle.clip_actions: a crashed car brakes, and nobody passes +-40 m/s for long."""
    if car.crashed:
        car.steering = 0.0
        car.acceleration = -1.0 * car.speed
    if car.speed > MAX_SPEED_MPS:
        car.acceleration = min(car.acceleration, MAX_SPEED_MPS - car.speed)
    elif car.speed < -MAX_SPEED_MPS:
        car.acceleration = max(car.acceleration, -MAX_SPEED_MPS - car.speed)


@compiled
def move(car: Car, rules: Rules) -> None:
    """Vehicle.step: one Euler step of the modified bicycle, from the old speed and heading."""
    if car.is_idm:
        car.timer += rules.dt_s
    limit_command(car)
    slip = math.atan(0.5 * math.tan(car.steering))
    speed, course = car.speed, car.heading + slip
    car.x += speed * math.cos(course) * rules.dt_s
    car.y += speed * math.sin(course) * rules.dt_s
    if car.has_impact:
        car.x += car.impact_x
        car.y += car.impact_y
        car.crashed = True
        car.has_impact = False
    car.heading += speed * math.sin(slip) / (car.length / 2) * rules.dt_s
    car.speed += car.acceleration * rules.dt_s
    car.cosine = math.cos(car.heading)
    car.sine = math.sin(car.heading)
    car.lane = closest_lane(car, rules)


@compiled
def advance(world: World, rules: Rules) -> None:
    """One simulation frame: all act in list order, all move, all pairs collide."""
    for vehicle in range(world.size):
        act(world, rules, vehicle)
    for vehicle in range(world.size):
        move(world[vehicle], rules)
    collide(world, rules.dt_s)
