"""Accelerations of the traffic: IDM and LinearVehicle's, highway_env/vehicle/behavior.py.

The one who decides may ask for another's acceleration: with the decider's parameters, the other's speeds.
What does not depend on the leader is apart (`unhindered`), since it is asked for with several leaders.
"""

from __future__ import annotations

import numpy as np

from drive_gen.envs.simulator.lanes import clip, coordinates, not_zero
from drive_gen.envs.simulator.lean import lean
from drive_gen.envs.simulator.types import LINEAR, NOBODY, OBSTACLE, VEHICLE, Car, Cars, Lane, Network, Rules


@lean
def has_target_speed(car: Car) -> bool:
    """Whether highway-env's class has one."""
    return car.kind != VEHICLE and car.kind < OBSTACLE


@lean
def lane_distance(one: Car, other: Car, network: Network) -> float:
    """Metres from one car to another along the lane of the first, centre to centre."""
    lane: Lane = network.lanes[one.lane]
    there, _ = coordinates(lane, other.x, other.y)
    here, _ = coordinates(lane, one.x, one.y)
    return there - here


@lean
def desired_gap(decider: Car, car: Car, leader: Car, rules: Rules) -> float:
    """IDM's desired distance, centre to centre, m; velocities leave the slip angle out."""
    closing = ((car.speed * car.cosine - leader.speed * leader.cosine) * car.cosine
               + (car.speed * car.sine - leader.speed * leader.sine) * car.sine)
    gap: float = (rules.distance_wanted[decider.driver] + car.speed * rules.time_wanted[decider.driver]
                  + car.speed * closing / rules.braking_scale[decider.driver])
    return gap


@lean
def idm_unhindered(decider: Car, car: Car, network: Network, rules: Rules) -> float:
    """IDM's acceleration on an empty road, m/s^2; 0 for what is no vehicle."""
    if car.kind >= OBSTACLE:
        return 0.0
    target, limit = car.target_speed, network.lanes[car.lane].speed_limit
    if limit < np.inf:
        target = clip(target, 0.0, limit)
    share: float = (max(car.speed, 0.0) / abs(not_zero(target))) ** decider.delta
    return float(rules.comfort_acc_max[decider.driver] * (1 - share))


@lean
def unhindered(decider: Car, car: Car, network: Network, rules: Rules) -> float:
    """A car's acceleration on an empty road, m/s^2, as the decider would have it."""
    if decider.kind != LINEAR:
        return idm_unhindered(decider, car, network, rules)
    target = car.target_speed if has_target_speed(car) else car.speed
    return float(decider.linear[0] * (target - car.speed))


@lean
def behind(decider: Car, car: Car, leader: Car, free: float, network: Network, rules: Rules) -> float:
    """A car's acceleration behind a leader, from that on an empty road."""
    distance = lane_distance(car, leader, network)
    if decider.kind != LINEAR:
        if car.kind >= OBSTACLE:
            return 0.0
        ratio = desired_gap(decider, car, leader, rules) / not_zero(distance)
        return float(free - rules.comfort_acc_max[decider.driver] * (ratio * ratio))
    safe = rules.distance_wanted[decider.driver] + max(car.speed, 0.0) * rules.time_wanted[decider.driver]
    slower = min(leader.speed - car.speed, 0.0)
    nearer = min(distance - safe, 0.0)
    return float(free + decider.linear[1] * slower + decider.linear[2] * nearer)


@lean
def following(cars: Cars, network: Network, rules: Rules, decider: int, leader: int, free: float) -> float:
    """The decider's own acceleration behind a leader or nobody."""
    if leader == NOBODY:
        return free
    return behind(cars[decider], cars[decider], cars[leader], free, network, rules)


@lean
def imagined(cars: Cars, network: Network, rules: Rules, decider: int, follower: int, leader: int) -> float:
    """Another's acceleration behind a leader or nobody, in the decider's mind; 0 where there is no other."""
    if follower == NOBODY:
        return 0.0
    free = unhindered(cars[decider], cars[follower], network, rules)
    if leader == NOBODY:
        return free
    return behind(cars[decider], cars[follower], cars[leader], free, network, rules)
