"""A policy step on the kernel: the ego's meta-action, the frames until the next, and highway-env's reward."""

from __future__ import annotations

import numpy as np

from drive_gen.envs.jit import compiled
from drive_gen.envs.kernel import (
    act_idm,
    advance,
    clip,
    next_speed_index,
    next_target_lane,
    on_lane,
    take_meta_action,
)
from drive_gen.envs.kernel_types import FASTER, IDLE, NO_ACTION, SLOWER, Car, Rules, World

# Columns of a trace: the state before a frame, and the command that acted during it.
TRACE = ("x", "y", "heading", "speed", "crashed", "acceleration", "steering")


@compiled
def ego_acts(world: World, rules: Rules, action: int) -> None:
    """The ego's own act at the start of a policy step; it acts again with all others in every frame.

    An IDM ego that is given any action so decides twice in the first frame, as highway-env's does.
    """
    if action == NO_ACTION:
        return
    if world[rules.ego].is_idm:
        act_idm(world, rules, rules.ego)
    else:
        take_meta_action(world[rules.ego], rules, action)


@compiled
def on_road(world: World, rules: Rules) -> bool:
    """Whether the ego is on its lane."""
    ego: Car = world[rules.ego]
    return on_lane(ego, rules, ego.lane, 0.0)


@compiled
def reward_of(speed_mps: float, lane: int, crashed: bool, rules: Rules) -> float:
    """HighwayEnv._reward on the road, by the ego's forward speed and target lane."""
    share = clip((speed_mps - rules.slow_mps) / (rules.fast_mps - rules.slow_mps), 0.0, 1.0)
    right = rules.right_lane_reward * (lane / max(rules.lanes - 1, 1))
    total = (rules.collision_reward if crashed else 0.0) + right + rules.high_speed_reward * share
    if rules.normalize_reward:
        best = rules.high_speed_reward + rules.right_lane_reward
        return (total - rules.collision_reward) / (best - rules.collision_reward)
    return total


@compiled
def reward(world: World, rules: Rules) -> float:
    """HighwayEnv._reward of the present state."""
    ego: Car = world[rules.ego]
    if not on_road(world, rules):
        return 0.0
    return reward_of(ego.speed * ego.cosine, ego.target_lane, ego.crashed, rules)


@compiled
def terminated(world: World, rules: Rules) -> bool:
    """HighwayEnv._is_terminated."""
    ego: Car = world[rules.ego]
    return ego.crashed or (rules.offroad_terminal and not on_road(world, rules))


@compiled
def step(world: World, rules: Rules, action: int) -> float:
    """One policy step in place; the reward of the state reached."""
    ego_acts(world, rules, action)
    for _ in range(rules.frames):
        advance(world, rules)
    return reward(world, rules)


@compiled
def read_states(world: World, states: np.ndarray) -> None:
    """Write (N, 5): the first columns of TRACE."""
    for vehicle in range(world.size):
        car: Car = world[vehicle]
        states[vehicle, 0], states[vehicle, 1] = car.x, car.y
        states[vehicle, 2], states[vehicle, 3] = car.heading, car.speed
        states[vehicle, 4] = 1.0 if car.crashed else 0.0


@compiled
def traced_step(world: World, rules: Rules, action: int, trace: np.ndarray) -> float:
    """`step` that fills (frames, N, 7): each frame's first states, and the commands as limited during it."""
    ego_acts(world, rules, action)
    for frame in range(rules.frames):
        read_states(world, trace[frame])
        advance(world, rules)
        for vehicle in range(world.size):
            trace[frame, vehicle, 5] = world[vehicle].acceleration
            trace[frame, vehicle, 6] = world[vehicle].steering
    return reward(world, rules)


@compiled
def simulate(world: World, rules: Rules, actions: np.ndarray) -> np.ndarray:
    """Take (D,) meta-actions in place, or fewer if the episode ends; the rewards (D,), 0 after its end."""
    rewards = np.zeros(actions.size)
    for place in range(actions.size):
        if terminated(world, rules):
            break
        rewards[place] = step(world, rules, actions[place])
    return rewards


@compiled
def differs_from_idle(world: World, rules: Rules, action: int) -> bool:
    """Whether a meta-action changes a target now; one that does not is IDLE by another name."""
    ego: Car = world[rules.ego]
    if action in (FASTER, SLOWER):
        return bool(rules.target_speeds[next_speed_index(ego, rules, action)] != ego.target_speed)
    return action != IDLE and next_target_lane(ego, rules, action) != ego.target_lane
