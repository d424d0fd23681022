"""Depth-first search over meta-action sequences on the simulator, in one compiled function.

The value of a sequence is the sum of highway-env's own rewards along it (nothing after a crash), less the
costs in `Search`, plus an estimate of what follows, `leaf_value`. The best value is exact: branches are cut
only where even full reward could not win.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drive_gen.envs.simulator.batch import first_controlled
from drive_gen.envs.simulator.control import next_speed_index, next_target_lane
from drive_gen.envs.simulator.frame import simulate_frame
from drive_gen.envs.simulator.jit import compiled
from drive_gen.envs.simulator.lanes import clip
from drive_gen.envs.simulator.neighbours import neighbours
from drive_gen.envs.simulator.order import Scratch, begin_order, scratch_of, sort_along
from drive_gen.envs.simulator.outcome import outcome, reward_of
from drive_gen.envs.simulator.place import Place
from drive_gen.envs.simulator.step import decide
from drive_gen.envs.simulator.types import FASTER, IDLE, LEFT, NOBODY, RIGHT, SLOWER, Car, Cars, Clock

ORDER = (FASTER, RIGHT, IDLE, LEFT, SLOWER)  # good ones first: more is cut


class Search(NamedTuple):
    """What to search and how to judge it. Costs are in rewards of one step at full speed."""

    depth: int  # policy steps
    horizon_s: float  # the estimate covers this long after the last step
    gap_m: float  # the estimate keeps this centre-to-centre distance to the car ahead
    lane_change_cost: float  # of the estimate, a lane
    change_cost: float  # any action but IDLE: of equals the calm one wins
    caution_cost: float  # a step that ends too near to another car; every step that a crash leaves out
    headway_s: float  # too near: bumper to bumper less than this at the speed of the car behind,
    time_to_collision_s: float  # or contact this soon if both keep their speeds


@compiled
def step(cars: Cars, world: Clock, place: Place, scratch: Scratch, actions: np.ndarray,
         controls: np.ndarray) -> tuple[float, bool]:
    """One policy step of the ego's meta-action (1,) in place, controls (1, 2) unused: reward, terminated."""
    decide(cars, world, place.network, place.rules, scratch, actions, controls)
    for _ in range(place.rules.frames):
        simulate_frame(cars, world, place.network, place.rules, scratch)
    ego = first_controlled(cars, world)
    reward, ended, _ = outcome(cars, world, place.network, place.rules, place.goals, ego,
                               float(actions[0]))
    return reward, ended


@compiled
def lane_reward(speed_mps: float, lane: int, place: Place) -> float:
    """HighwayEnv._reward of a car on the road, by its forward speed and target lane."""
    goals = place.goals
    share = clip((speed_mps - goals.slow_mps) / (goals.fast_mps - goals.slow_mps), 0.0, 1.0)
    last = max(place.network.lanes.size - 1, 1)
    return reward_of((0.0, lane / last, share, 1.0, 0.0), goals)


@compiled
def sustained_speed(cars: Cars, world: Clock, place: Place, scratch: Scratch, search: Search,
                    lane: int) -> float:
    """Mean speed that the car ahead on a lane allows over the horizon, up to the fastest target, m/s."""
    fastest: float = place.rules.target_speeds[place.rules.speeds - 1]
    ego = first_controlled(cars, world)
    ahead, _ = neighbours(cars, world, place.network, place.rules, scratch, ego, lane)
    if ahead == NOBODY:
        return fastest
    room = cars[ahead].x - cars[ego].x - search.gap_m
    return min(fastest, float(cars[ahead].speed + room / search.horizon_s))


@compiled
def leaf_value(cars: Cars, world: Clock, place: Place, scratch: Scratch, search: Search) -> float:
    """Reward expected over the horizon: the best lane's at its sustained speed, less the changes to it."""
    steps, best = search.horizon_s / (place.rules.frames * place.rules.dt_s), -np.inf
    sort_along(cars, world, scratch)
    target = cars[first_controlled(cars, world)].target_lane
    for lane in range(place.network.lanes.size):
        rate = lane_reward(sustained_speed(cars, world, place, scratch, search, lane), lane, place)
        best = max(best, rate * steps - search.lane_change_cost * abs(lane - target))
    return best


@compiled
def too_near(behind: Car, ahead: Car, search: Search) -> bool:
    """Whether one car follows another too closely, or meets it too soon."""
    room = ahead.x - behind.x - (ahead.length + behind.length) / 2
    closing = behind.speed - ahead.speed
    return room < search.headway_s * behind.speed or room < search.time_to_collision_s * closing


@compiled
def conflict(cars: Cars, world: Clock, place: Place, scratch: Scratch, search: Search) -> bool:
    """Whether the ego is too near to a car ahead or behind, on its lane or the one it is changing to."""
    sort_along(cars, world, scratch)
    number = first_controlled(cars, world)
    ego = cars[number]
    for lane in (ego.lane, ego.target_lane):
        ahead, behind = neighbours(cars, world, place.network, place.rules, scratch, number, lane)
        if ahead != NOBODY and too_near(ego, cars[ahead], search):
            return True
        if behind != NOBODY and too_near(cars[behind], ego, search):
            return True
    return False


@compiled
def differs_from_idle(car: Car, place: Place, action: int) -> bool:
    """Whether a meta-action changes a target now; one that does not is IDLE by another name."""
    if action in (FASTER, SLOWER):
        return bool(place.rules.target_speeds[next_speed_index(car, place.rules, action)] != car.target_speed)
    return action != IDLE and next_target_lane(car, place.network, action) != car.target_lane


@compiled
def expand(cars: np.ndarray, clocks: np.ndarray, place: Place, scratch: Scratch, search: Search, level: int,
           actions: np.ndarray, controls: np.ndarray) -> tuple[float, bool]:
    """Take the action (1,) from one level into the next; its reward, and whether the episode ended there."""
    there, clock = cars[level + 1], clocks[level + 1]
    there[:] = cars[level]
    clocks[level + 1] = clocks[level]
    gained, ended = step(there, clock, place, scratch, actions, controls)
    gained -= 0.0 if actions[0] == IDLE else search.change_cost
    if search.caution_cost > 0 and conflict(there, clock, place, scratch, search):
        gained -= search.caution_cost
    return gained, ended


@compiled
def search_from(world: Cars, clock: np.ndarray, place: Place, search: Search) -> tuple[int, float]:
    """Best first action and its value; of equals the first in ORDER. The world, clock (1,), stays as it is.

    A loop with its own stack, since numba cannot keep self-recursive machine code on disk.
    """
    most = lane_reward(np.inf, place.network.lanes.size - 1, place)
    after = search.horizon_s / (place.rules.frames * place.rules.dt_s)
    cars = np.empty((search.depth + 1, world.size), world.dtype)
    clocks = np.empty(search.depth + 1, clock.dtype)
    cars[0], clocks[0] = world, clock[0]
    scratch = scratch_of(world, place.rules)
    begin_order(scratch)
    actions, controls = np.zeros(1, np.int64), np.zeros((1, 2))
    next_place, total = np.zeros(search.depth + 1, np.int64), np.zeros(search.depth + 1)
    chosen, best, first, level = IDLE, -np.inf, IDLE, 0
    while level >= 0:
        if level == search.depth or next_place[level] == len(ORDER):
            if level == search.depth:
                value = total[level] + leaf_value(cars[level], clocks[level], place, scratch, search)
                if value > best:
                    chosen, best = first, value
            level -= 1
            continue
        action = ORDER[next_place[level]]
        next_place[level] += 1
        ego = first_controlled(cars[level], clocks[level])
        if action != IDLE and not differs_from_idle(cars[level, ego], place, action):
            continue
        first = action if level == 0 else first
        actions[0] = action
        gained, ended = expand(cars, clocks, place, scratch, search, level, actions, controls)
        value = total[level] + gained
        left = search.depth - level - 1 + after  # steps that this value leaves to be judged
        if ended:
            # Without the conflicts that it would go on to have, a crash could pay.
            value -= search.caution_cost * left
            if value > best:
                chosen, best = first, value
        elif value + most * left > best:
            level += 1
            total[level], next_place[level] = value, 0
    return chosen, best


@compiled
def search_worlds(cars: np.ndarray, clocks: np.ndarray, place: Place, search: Search, out: np.ndarray,
                  first: int, last: int) -> None:
    """The best first actions of the worlds from `first` to before `last` into out (W,); IDLE where the ego
    has crashed."""
    for number in range(first, last):
        ego = first_controlled(cars[number], clocks[number])
        if cars[number, ego].crashed:
            out[number] = IDLE
        else:
            out[number] = search_from(cars[number], clocks[number : number + 1], place, search)[0]
