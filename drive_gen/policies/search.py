"""Depth-first search over meta-action sequences on the kernel, in one compiled function.

The value of a sequence is the sum of highway-env's own rewards along it (nothing after a crash), less the
costs in `Search`, plus an estimate of what follows, `leaf_value`. The best value is exact: branches are cut
only where even full reward could not win.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drive_gen.envs.jit import compiled
from drive_gen.envs.kernel import neighbours
from drive_gen.envs.kernel_types import FASTER, IDLE, LEFT, NOBODY, RIGHT, SLOWER, Car, Rules, World
from drive_gen.envs.policy_step import differs_from_idle, reward_of, step, terminated

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
def sustained_speed(world: World, rules: Rules, search: Search, lane: int) -> float:
    """Mean speed that the car ahead on a lane allows over the horizon, up to the fastest target, m/s."""
    fastest: float = rules.target_speeds[rules.speeds - 1]
    ahead, _ = neighbours(world, rules, rules.ego, lane)
    if ahead == NOBODY:
        return fastest
    leader: Car = world[ahead]
    room = leader.x - world[rules.ego].x - search.gap_m
    return min(fastest, float(leader.speed + room / search.horizon_s))


@compiled
def leaf_value(world: World, rules: Rules, search: Search) -> float:
    """Reward expected over the horizon: the best lane's at its sustained speed, less the changes to it."""
    steps, best = search.horizon_s / (rules.frames * rules.dt_s), -np.inf
    for lane in range(rules.lanes):
        rate = reward_of(sustained_speed(world, rules, search, lane), lane, False, rules)
        changes = abs(lane - world[rules.ego].target_lane)
        best = max(best, rate * steps - search.lane_change_cost * changes)
    return best


@compiled
def too_near(behind: Car, ahead: Car, search: Search) -> bool:
    """Whether one car follows another too closely, or meets it too soon."""
    room = ahead.x - behind.x - (ahead.length + behind.length) / 2
    closing = behind.speed - ahead.speed
    return room < search.headway_s * behind.speed or room < search.time_to_collision_s * closing


@compiled
def conflict(world: World, rules: Rules, search: Search) -> bool:
    """Whether the ego is too near to a car ahead or behind, on its lane or the one it is changing to."""
    ego = world[rules.ego]
    for lane in (ego.lane, ego.target_lane):
        ahead, behind = neighbours(world, rules, rules.ego, lane)
        if ahead != NOBODY and too_near(ego, world[ahead], search):
            return True
        if behind != NOBODY and too_near(world[behind], ego, search):
            return True
    return False


@compiled
def expand(stack: np.ndarray, rules: Rules, search: Search, level: int, action: int) -> tuple[float, bool]:
    """Take an action from one level into the next; its reward, and whether the episode ended there."""
    there = stack[level + 1]
    there[:] = stack[level]
    gained = step(there, rules, action) - (0.0 if action == IDLE else search.change_cost)
    if search.caution_cost > 0 and conflict(there, rules, search):
        gained -= search.caution_cost
    return gained, terminated(there, rules)


@compiled
def search_from(world: World, rules: Rules, search: Search) -> tuple[int, float]:
    """Best first action and its value; of equals the first in ORDER. The world stays as it is.

    A loop with its own stack, since numba cannot keep self-recursive machine code on disk.
    """
    most = reward_of(np.inf, rules.lanes - 1, False, rules)
    after = search.horizon_s / (rules.frames * rules.dt_s)
    stack = np.empty((search.depth + 1, world.size), world.dtype)
    stack[0] = world
    next_place, total = np.zeros(search.depth + 1, np.int64), np.zeros(search.depth + 1)
    chosen, best, first, level = IDLE, -np.inf, IDLE, 0
    while level >= 0:
        if level == search.depth or next_place[level] == len(ORDER):
            if level == search.depth:
                value = total[level] + leaf_value(stack[level], rules, search)
                if value > best:
                    chosen, best = first, value
            level -= 1
            continue
        action = ORDER[next_place[level]]
        next_place[level] += 1
        if action != IDLE and not differs_from_idle(stack[level], rules, action):
            continue
        first = action if level == 0 else first
        gained, ended = expand(stack, rules, search, level, action)
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
