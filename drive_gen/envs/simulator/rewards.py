"""The terms of highway-env's rewards, compiled; `_rewards` in each file of highway_env/envs."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from drive_gen.envs.simulator.control import half_to_even, nearest_index
from drive_gen.envs.simulator.goals import (
    EXIT,
    HIGHWAY,
    INTERSECTION,
    MERGE,
    ROUNDABOUT,
    TWO_WAY,
    U_TURN,
    Goals,
)
from drive_gen.envs.simulator.lanes import clip, coordinates, on_lane
from drive_gen.envs.simulator.lean import lean
from drive_gen.envs.simulator.types import (
    IDM,
    LEFT,
    MDP,
    RIGHT,
    VEHICLE,
    Car,
    Cars,
    Clock,
    Lane,
    Network,
    Rules,
    Way,
)

Terms = tuple[float, float, float, float, float]  # of goals.TERMS, 0 where the family has fewer
ARRIVED_M = 25.0  # along a lane out of the intersection; IntersectionEnv.has_arrived
DEFAULT_SPEEDS, DEFAULT_SLOW_MPS, DEFAULT_FAST_MPS = 3, 20.0, 30.0  # MDPVehicle.DEFAULT_TARGET_SPEEDS


@lean
def on_road(cars: Cars, network: Network, place: int) -> bool:
    """Whether a car is on its lane; RoadObject.on_road."""
    car: Car = cars[place]
    lane: Lane = network.lanes[car.lane]
    along, aside = coordinates(lane, car.x, car.y)
    return on_lane(lane, along, aside, 0.0)


@lean
def effort(controls: np.ndarray) -> float:
    """Euclidean norm of the float64 controls of a policy step, (K,)."""
    total = 0.0
    for place in range(controls.size):
        total += controls[place] * controls[place]
    return math.sqrt(total)


@lean
def speed_index(car: Car, rules: Rules) -> int:
    """Place of a car's speed in the grid of target speeds; MDPVehicle.get_speed_index.

    An IDM ego's is the place nearest to its speed; a car without a grid is measured on MDPVehicle's default.
    """
    if car.kind == MDP:
        return car.speed_index
    if car.kind == IDM:
        return nearest_index(car.speed, rules)
    share = (car.speed - DEFAULT_SLOW_MPS) / (DEFAULT_FAST_MPS - DEFAULT_SLOW_MPS)
    return half_to_even(clip(share * (DEFAULT_SPEEDS - 1), 0.0, DEFAULT_SPEEDS - 1.0))


@lean
def speed_share(speed_mps: float, goals: Goals) -> float:
    """0 at the slow end of the rewarded speeds, 1 at the fast end."""
    return (speed_mps - goals.slow_mps) / (goals.fast_mps - goals.slow_mps)


@lean
def is_goal(goals: Goals, lane: int) -> bool:
    """Whether a lane is among the goals' lanes."""
    found = False
    for place in range(goals.goal_lanes.size):
        found = found or goals.goal_lanes[place] == lane
    return found


@lean
def wanted_lane(car: Car) -> int:
    """The lane that a car steers to, where its class has one, else the one it is on."""
    return car.lane if car.kind == VEHICLE else car.target_lane


@lean
def success(cars: Cars, goals: Goals, ego: int) -> bool:
    """Whether the exit is taken; ExitEnv._is_success."""
    return is_goal(goals, wanted_lane(cars[ego]))


@lean
def arrived(cars: Cars, network: Network, goals: Goals, place: int) -> bool:
    """Whether a car has left the intersection; IntersectionEnv.has_arrived."""
    car: Car = cars[place]
    return is_goal(goals, car.lane) and coordinates(network.lanes[car.lane], car.x, car.y)[0] >= ARRIVED_M


@lean
def merging_loss(cars: Cars, world: Clock, goals: Goals) -> float:
    """Sum of the shares of their target speeds that the cars on the merging lane lack."""
    total = 0.0
    for place in range(world.count):
        car: Car = cars[place]
        if car.lane == goals.goal_lanes[0] and car.kind != VEHICLE:
            total += (car.target_speed - car.speed) / car.target_speed
    return total


@lean
def last_place(network: Network, lane: int) -> int:
    """Place of the rightmost lane of a lane's road, or 1 where there is one lane: what divides places."""
    way: Way = network.ways[network.lanes[lane].road]
    return max(way.lanes - 1, 1)


@lean
def merge_terms(cars: Cars, world: Clock, network: Network, goals: Goals, ego: int, changes: float) -> Terms:
    """MergeEnv._rewards."""
    car: Car = cars[ego]
    return (1.0 * car.crashed, 1.0 * network.lanes[car.lane].place, speed_share(car.speed, goals), changes,
            merging_loss(cars, world, goals))


@lean
def two_way_terms(car: Car, network: Network, rules: Rules) -> Terms:
    """TwoWayEnv._rewards; highway-env divides by zero where the ego is on the lane that comes towards it."""
    left = network.ways[network.lanes[car.lane].road].lanes - 1 - network.lanes[car.target_lane].place
    return (speed_index(car, rules) / (rules.speeds - 1), left / last_place(network, car.lane), 0.0, 0.0, 0.0)


@lean
def highway_terms(car: Car, network: Network, goals: Goals, here: float) -> Terms:
    """HighwayEnv._rewards."""
    right = network.lanes[wanted_lane(car)].place / last_place(network, car.lane)
    return 1.0 * car.crashed, right, clip(speed_share(car.speed * car.cosine, goals), 0.0, 1.0), here, 0.0


@lean
def racetrack_terms(car: Car, network: Network, rules: Rules, goals: Goals, action: float,
                    here: float) -> Terms:
    """RacetrackEnv._rewards."""
    _, aside = coordinates(network.lanes[car.lane], car.x, car.y)
    centred: float = 1 / (1 + goals.centering_cost * aside ** rules.square)
    return centred, action, 1.0 * car.crashed, here, 0.0


@partial(lean, inline=False)
def terms(cars: Cars, world: Clock, network: Network, rules: Rules, goals: Goals, ego: int,
          action: float) -> Terms:
    """The terms of one car's reward, in the order of goals.TERMS; see `outcome` for the action."""
    car: Car = cars[ego]
    crashed, changes = 1.0 * car.crashed, 1.0 * (action in (LEFT, RIGHT))
    if goals.family == MERGE:
        return merge_terms(cars, world, network, goals, ego, changes)
    if goals.family == TWO_WAY:
        return two_way_terms(car, network, rules)
    here, share = 1.0 * on_road(cars, network, ego), clip(speed_share(car.speed, goals), 0.0, 1.0)
    if goals.family == HIGHWAY:
        return highway_terms(car, network, goals, here)
    if goals.family == EXIT:
        right = 1.0 * network.lanes[wanted_lane(car)].place
        return crashed, 1.0 * success(cars, goals, ego), share, right, 0.0
    if goals.family == ROUNDABOUT:
        return crashed, speed_index(car, rules) / (DEFAULT_SPEEDS - 1), changes, here, 0.0
    if goals.family == U_TURN:
        return crashed, network.lanes[car.lane].place / last_place(network, car.lane), share, here, 0.0
    if goals.family == INTERSECTION:
        return crashed, share, 1.0 * arrived(cars, network, goals, ego), here, 0.0
    return racetrack_terms(car, network, rules, goals, action, here)
