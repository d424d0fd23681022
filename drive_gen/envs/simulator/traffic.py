"""What traffic does: IDMVehicle's commands, and lane changes by MOBIL; highway_env/vehicle/behavior.py."""

from __future__ import annotations

from drive_gen.envs.simulator.lanes import clip, reachable
from drive_gen.envs.simulator.lean import lean
from drive_gen.envs.simulator.longitudinal import (
    desired_gap,
    following,
    has_target_speed,
    imagined,
    lane_distance,
    unhindered,
)
from drive_gen.envs.simulator.neighbours import leader, neighbours
from drive_gen.envs.simulator.order import Scratch
from drive_gen.envs.simulator.routes import follow_road
from drive_gen.envs.simulator.steering import steer
from drive_gen.envs.simulator.types import ANY_LANE, Car, Cars, Clock, Lane, Network, Rules, Way

SLOWEST_CHANGE_MPS = 1.0


@lean
def sign(value: int) -> int:
    """-1, 0 or 1."""
    return int(value > 0) - int(value < 0)


@lean
def leads_to_route(car: Car, network: Network, number: int) -> bool:
    """Whether a lane is on the side of the target lane on which the route's lane is."""
    target = network.lanes[car.target_lane].place
    return sign(network.lanes[number].place - target) == sign(car.route_lane[0] - target)


@lean
def others_gain(cars: Cars, network: Network, rules: Rules, place: int, new: tuple[int, int],
                old: tuple[int, int]) -> float:
    """What the followers (ahead, behind on the new lane and on the old) would gain, m/s^2."""
    return (imagined(cars, network, rules, place, new[1], place)
            - imagined(cars, network, rules, place, new[1], new[0])
            + imagined(cars, network, rules, place, old[1], old[0])
            - imagined(cars, network, rules, place, old[1], place))


@lean
def mobil(cars: Cars, world: Clock, network: Network, rules: Rules, scratch: Scratch, place: int, number: int,
          free: float, own: float) -> bool:
    """Whether a lane change is safe for the new follower, and of use.

    `free` and `own` are the car's accelerations on an empty road and on its lane as it is.
    """
    car: Car = cars[place]
    braking, politeness = -rules.max_braking_imposed[car.driver], rules.politeness[car.driver]
    new = neighbours(cars, world, network, rules, scratch, place, number)
    if imagined(cars, network, rules, place, new[1], place) < braking:
        return False
    predicted = following(cars, network, rules, place, new[0], free)
    if car.route_size > 0 and car.route_lane[0] != ANY_LANE:
        return leads_to_route(car, network, number) and not predicted < braking
    gain = predicted - own
    if politeness != 0:
        old = neighbours(cars, world, network, rules, scratch, place, car.lane)
        gain += politeness * others_gain(cars, network, rules, place, new, old)
    return not gain < rules.min_acc_gain[car.driver]


@lean
def abort_lane_change(cars: Cars, world: Clock, network: Network, rules: Rules, place: int) -> None:
    """Give a lane change up where a car close ahead is changing into the same lane.

    Cars earlier in the list show the target that they have just taken, later ones the one they had.
    """
    car: Car = cars[place]
    target = car.target_lane
    for number in range(world.count):
        other: Car = cars[number]
        if (other.target_lane == target and other.lane != target and number != place
                and has_target_speed(other)
                and 0 < lane_distance(car, other, network) < desired_gap(car, car, other, rules)):
            car.target_lane = car.lane
            return


@lean
def change_lane(cars: Cars, world: Clock, network: Network, rules: Rules, scratch: Scratch, place: int,
                free: float, own: float) -> None:
    """IDMVehicle.change_lane_policy; where both sides pass MOBIL, the right one wins."""
    car: Car = cars[place]
    lane: Lane = network.lanes[car.lane]
    if car.lane != car.target_lane:
        if network.lanes[car.target_lane].road == lane.road:
            abort_lane_change(cars, world, network, rules, place)
        return
    if not rules.lane_change_delay[car.driver] < car.timer:
        return
    car.timer = 0.0
    way: Way = network.ways[lane.road]
    for side in (car.lane - 1, car.lane + 1):
        if (way.first <= side < way.first + way.lanes and reachable(network.lanes[side], car.x, car.y)
                and abs(car.speed) >= SLOWEST_CHANGE_MPS
                and mobil(cars, world, network, rules, scratch, place, side, free, own)):
            car.target_lane = side


@lean
def act_in_traffic(cars: Cars, world: Clock, network: Network, rules: Rules, scratch: Scratch,
                   place: int) -> None:
    """IDMVehicle.act: a crashed car keeps its last command."""
    car: Car = cars[place]
    if car.crashed:
        return
    follow_road(car, network)
    free = unhindered(car, car, network, rules)
    ahead = leader(cars, world, network, rules, scratch, place, car.lane)
    acceleration = own = following(cars, network, rules, place, ahead, free)
    if car.changes_lanes:
        change_lane(cars, world, network, rules, scratch, place, free, own)
    steer(car, network, rules)
    if car.lane != car.target_lane:
        ahead = leader(cars, world, network, rules, scratch, place, car.target_lane)
        acceleration = min(own, following(cars, network, rules, place, ahead, free))
    limit = rules.acc_max[car.driver]
    car.acceleration = clip(acceleration, -limit, limit)
