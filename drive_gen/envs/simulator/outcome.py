"""What a policy step is worth and whether it is the last, compiled; `_reward`, `_is_terminated` and the like.

`ego` is the car that highway-env calls `env.vehicle`, the first controlled one. `action` is what some rewards
read of the actions: the one meta-action's number in the environment's own action space (lane changes cost
something in merge and roundabout), or `rewards.effort` of all controls (racetrack). For several agents'
meta-actions it is NO_ACTION, as highway-env then compares a tuple and charges nothing. Controls are float64:
of float32 ones highway-env computes a racetrack's reward in float32 where the lane is straight.
"""

from __future__ import annotations

from functools import partial

from drive_gen.envs.simulator.goals import EXIT, INTERSECTION, MERGE, TERMS_MOST, TWO_WAY, Goals
from drive_gen.envs.simulator.lanes import clip
from drive_gen.envs.simulator.lean import lean
from drive_gen.envs.simulator.rewards import Terms, arrived, on_road, terms
from drive_gen.envs.simulator.types import Car, Cars, Clock, Network, Rules

ARRIVED, ON_ROAD = 2, 3  # places of terms, the same in all families that have them


@lean
def normalized(total: float, goals: Goals) -> float:
    """A sum of terms on the scale of 0 to 1, where the environment normalizes."""
    return (total - goals.low) / (goals.high - goals.low) if goals.normalize else total


@lean
def reward_of(parts: Terms, goals: Goals) -> float:
    """`_reward` from the terms, and IntersectionEnv._agent_reward."""
    total = 0.0
    for place in range(TERMS_MOST):
        total += goals.weights[place] * parts[place]
    if goals.family == INTERSECTION:
        total = (goals.weights[ARRIVED] if parts[ARRIVED] > 0 else total) * parts[ON_ROAD]
        return normalized(total, goals)
    total = normalized(total, goals)
    if goals.family == EXIT:
        return clip(total, 0.0, 1.0) if goals.normalize else total
    if goals.family == MERGE or goals.family == TWO_WAY:
        return total
    return total * parts[ON_ROAD]


@partial(lean, inline=False)
def agent_outcome(cars: Cars, world: Clock, network: Network, rules: Rules, goals: Goals, agent: int,
                  action: float) -> tuple[float, bool]:
    """One controlled car's own reward, and whether it crashed or got through.

    In an intersection these are `agents_rewards` and `agents_terminated`; elsewhere what highway-env would
    return with this car as its ego.
    """
    car: Car = cars[agent]
    reward = reward_of(terms(cars, world, network, rules, goals, agent, action), goals)
    if goals.family == INTERSECTION:
        return reward, car.crashed or arrived(cars, network, goals, agent)
    off = goals.offroad_ends and not on_road(cars, network, agent)
    return reward, car.crashed or car.x > goals.end_x or off


@lean
def shared_outcome(cars: Cars, world: Clock, network: Network, rules: Rules, goals: Goals,
                   action: float) -> tuple[float, bool]:
    """The intersection's mean reward of the controlled cars, and whether one crashed or all arrived."""
    total, agents, crashed, all_arrived = 0.0, 0, False, True
    for place in range(world.count):
        if cars[place].controlled:
            total += reward_of(terms(cars, world, network, rules, goals, place, action), goals)
            agents += 1
            crashed = crashed or cars[place].crashed
            all_arrived = all_arrived and arrived(cars, network, goals, place)
    return total / agents, crashed or all_arrived


@lean
def truncated(world: Clock, rules: Rules, goals: Goals) -> bool:
    """`_is_truncated`, or gymnasium's TimeLimit."""
    return (world.time_s >= goals.duration_s
            or (goals.most_steps > 0 and world.steps >= goals.most_steps * rules.frames))


@partial(lean, inline=False)
def outcome(cars: Cars, world: Clock, network: Network, rules: Rules, goals: Goals, ego: int,
            action: float) -> tuple[float, bool, bool]:
    """Reward, terminated and truncated of the state that a policy step has reached."""
    ended = truncated(world, rules, goals)
    if goals.family != INTERSECTION:
        reward, through = agent_outcome(cars, world, network, rules, goals, ego, action)
        return reward, through, ended
    reward, through = shared_outcome(cars, world, network, rules, goals, action)
    return reward, through or (goals.offroad_ends and not on_road(cars, network, ego)), ended


@partial(lean, inline=False)
def info_terms(cars: Cars, world: Clock, network: Network, rules: Rules, goals: Goals, ego: int,
               action: float) -> Terms:
    """The terms in info["rewards"]: the ego's, or in an intersection the mean of the controlled cars'."""
    if goals.family != INTERSECTION:
        return terms(cars, world, network, rules, goals, ego, action)
    crashed, fast, out, here, agents = 0.0, 0.0, 0.0, 0.0, 0
    for place in range(world.count):
        if cars[place].controlled:
            parts = terms(cars, world, network, rules, goals, place, action)
            crashed, fast, out, here = crashed + parts[0], fast + parts[1], out + parts[2], here + parts[3]
            agents += 1
    return crashed / agents, fast / agents, out / agents, here / agents, 0.0
