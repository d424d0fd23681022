"""Rewards and ends against highway-env's. Run as a script it prints the differences as JSON."""

from __future__ import annotations

import json
import math
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))  # when run as a script from elsewhere

from simulator_worlds import Run, Step, in_plain_rounding

from drive_gen.envs.files import InputError
from drive_gen.envs.reference import replace_ego
from drive_gen.envs.simulator.goals import TERMS, goals_of
from drive_gen.envs.simulator.outcome import agent_outcome, info_terms, outcome, reward_of
from drive_gen.envs.simulator.rewards import effort, on_road, success
from drive_gen.envs.simulator.rounding import same_rounding
from drive_gen.envs.simulator.types import IDLE, LEFT, NO_ACTION, RIGHT

TOLERANCE = 1e-12
FEW: dict[str, Any] = {"vehicles_count": 6, "simulation_frequency": 5}
AGENTS = {"action": {"type": "MultiAgentAction", "action_config": {"type": "DiscreteMetaAction"}},
          "observation": {"type": "MultiAgentObservation", "observation_config": {"type": "Kinematics"}},
          "controlled_vehicles": 2}
STEERING = {"action": {"type": "MultiAgentAction",
                       "action_config": {"type": "ContinuousAction", "longitudinal": False}},
            "observation": {"type": "MultiAgentObservation", "observation_config": {"type": "Kinematics"}},
            "controlled_vehicles": 2}
CONTINUOUS = {"action": {"type": "ContinuousAction"}}
# Environment, what differs from its config, seed, policy steps, and the action of all where not random; with
# NO_ACTION, IDM drives the ego.
CASES: list[tuple[str, dict[str, Any], int, int, int | None]] = [
    ("highway-v0", {**FEW, "duration": 3}, 0, 4, None),
    ("highway-v0", {**FEW, **CONTINUOUS, "offroad_terminal": True}, 1, 6, None),
    ("highway-fast-v0", {**FEW, **AGENTS, "normalize_reward": False}, 2, 5, None),
    ("exit-v0", {**FEW, "right_lane_reward": 0.1}, 0, 18, RIGHT),
    ("exit-v1", {**FEW, "collision_reward": -1, "duration": 6}, 3, 7, None),
    ("merge-v0", {}, 0, 12, LEFT),
    ("merge-v1", {}, 4, 8, None),
    ("merge-generic-v0", {"lanes_count": 3, "before_merge_length": 70}, 0, 8, None),
    ("roundabout-v0", {"duration": 4}, 0, 5, None),
    ("roundabout-generic-v1", {}, 1, 5, None),
    ("roundabout-v0", {}, 2, 6, NO_ACTION),
    ("two-way-v0", {"policy_frequency": 5}, 5, 15, None),
    ("two-way-v0", {}, 6, 4, NO_ACTION),
    ("u-turn-v0", {}, 0, 6, None),
    ("u-turn-v1", {"normalize_reward": False}, 1, 6, None),
    ("intersection-v0", {"initial_vehicle_count": 2, "offroad_terminal": True}, 0, 9, IDLE),
    ("intersection-v2", {"initial_vehicle_count": 3, "normalize_reward": True}, 1, 4, None),
    ("intersection-multi-agent-v0", {"initial_vehicle_count": 3}, 1, 6, None),
    ("racetrack-v0", {}, 2, 10, None),
    ("racetrack-v1", {**STEERING, "terminate_off_road": False, "lane_centering_cost": 2.5}, 1, 10, None),
]


def number_of(action: Any) -> float:
    """What the compiled rewards read of an action."""
    if isinstance(action, tuple):
        return effort(np.concatenate(action)) if isinstance(action[0], np.ndarray) else float(NO_ACTION)
    if action is None:
        return float(NO_ACTION)
    return effort(action) if isinstance(action, np.ndarray) else float(action)


@cache
def rolled(case: int) -> tuple[Run, tuple[Step, ...]]:
    """A case's environment and its policy steps, to the end of the episode at most."""
    env, config, seed, count, constant = CASES[case]
    run, steps = Run(env, **config), []
    run.reset(seed)
    actions = run.actions(seed, count) if constant is None else [constant] * count
    if constant == NO_ACTION:
        replace_ego(run.stock)
        actions = [None] * count
    for action in actions:
        steps.append(run.step(action))
        if steps[-1].terminated or steps[-1].truncated:
            break
    return run, tuple(steps)


def goals_in(case: int) -> Any:
    """A fresh copy of a case's goals."""
    run, steps = rolled(case)
    return goals_of(CASES[case][0], run.world.config, steps[0].state.lane_keys)


def pairs(run: Run, step: Step, goals: Any) -> list[tuple[str, float, float]]:
    """What a policy step returned: its name, ours and highway-env's."""
    agents = [int(agent) for agent in np.flatnonzero(step.state.controlled)]
    world, action = (step.cars, step.world, run.network, step.rules, goals), number_of(step.action)
    names = TERMS[int(goals.family)]
    assert set(step.info["rewards"]) == set(names)
    found: list[Any] = [
        *zip(("reward", "terminated", "truncated"), outcome(*world, agents[0], action),
             (step.reward, step.terminated, step.truncated), strict=True),
        *zip(names, info_terms(*world, agents[0], action), [step.info["rewards"][name] for name in names],
             strict=False)]
    if "is_success" in step.info:
        found.append(("is_success", success(step.cars, goals, agents[0]), step.info["is_success"]))
    if "agents_rewards" in step.info:
        ours, ended = zip(*(agent_outcome(*world, agent, action) for agent in agents), strict=True)
        found += zip(["agents_rewards"] * len(agents), ours, step.info["agents_rewards"], strict=True)
        found += zip(["agents_terminated"] * len(agents), ended, step.info["agents_terminated"], strict=True)
    return [(name, float(mine), float(theirs)) for name, mine, theirs in found]


def differences(case: int, goals: Any, exact: bool) -> list[str]:
    """Where the compiled outcome and highway-env's part: environment, step, name and both values."""
    run, steps = rolled(case)
    return [f"{CASES[case][0]} {number} {name} {mine} {theirs}" for number, step in enumerate(steps)
            for name, mine, theirs in pairs(run, step, goals)
            if not (mine == theirs if exact else math.isclose(mine, theirs, rel_tol=0, abs_tol=TOLERANCE))]


@pytest.mark.parametrize("case", range(len(CASES)), ids=[f"{env}-{seed}" for env, _, seed, *_ in CASES])
def test_outcomes_are_highway_envs(case: int) -> None:
    assert differences(case, goals_in(case), exact=same_rounding()) == []


def test_bitwise_where_numpy_rounds_as_the_c_library() -> None:
    assert in_plain_rounding(__file__) == []


def test_the_cases_end_in_every_way() -> None:
    """Crashes, exits taken, roads left, cars through and time limits are all among what is compared."""
    ends = {f"{CASES[case][0]} {name}" for case in range(len(CASES)) for name in ends_of(case)}
    assert ends >= {"highway-fast-v0 crashed", "highway-v0 time", "highway-v0 off road", "merge-v0 through",
                    "two-way-v0 time", "intersection-v0 through", "exit-v0 success", "racetrack-v0 off road"}


def ends_of(case: int) -> set[str]:
    run, steps = rolled(case)
    last = steps[-1]
    crashed = bool(last.info["crashed"])
    names = {"crashed": crashed, "time": last.truncated, "through": last.terminated and not crashed,
             "off road": not run.world.vehicle.on_road, "success": last.info.get("is_success", False)}
    return {name for name, happened in names.items() if happened}


# --- controls ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("env", "field", "value"), [
    ("highway-v0", "weights", [-1, 0.1, 0.4000001, 0, 0]), ("highway-v0", "duration_s", 4),
    ("highway-v0", "normalize", False), ("exit-v0", "goal_lanes", -1), ("merge-v0", "end_x", 400),
    ("merge-v0", "low", -1), ("two-way-v0", "most_steps", 16), ("u-turn-v0", "slow_mps", 9),
    ("intersection-v0", "goal_lanes", -1), ("racetrack-v0", "centering_cost", 4.001)])
def test_wrong_goals_show(env: str, field: str, value: Any) -> None:
    case = [name for name, *_ in CASES].index(env)
    goals = goals_in(case)
    setattr(goals, field, value)
    assert differences(case, goals, exact=False)


def test_a_racetrack_term_needs_pythons_power() -> None:
    """x ** 2 of Python's floats is the C library's power: not x * x for about one x in a thousand."""
    draws = np.random.default_rng(0).uniform(-6, 6, 20000).tolist()
    assert any(x**2 != x * x for x in draws)


# --- by hand ----------------------------------------------------------------------------------------------


def highway() -> tuple[Run, Step, Any]:
    run, steps = rolled(0)
    return run, steps[0], goals_in(0)


@pytest.mark.parametrize(("speed", "lane", "crashed", "expected"), [
    (30, 3, False, 1.0), (20, 0, False, 2 / 3), (25, 0, False, 1.2 / 1.5), (45, 3, True, 1 / 3)])
def test_highway_rewards_by_hand(speed: float, lane: int, crashed: bool, expected: float) -> None:
    run, step, goals = highway()
    cars = step.cars.copy()
    ego = cars[0]
    ego.y, ego.heading, ego.cosine, ego.sine = 4 * lane, 0, 1, 0
    ego.speed, ego.lane, ego.target_lane, ego.crashed = speed, lane, lane, crashed
    reward, ended, _ = outcome(cars, step.world, run.network, step.rules, goals, 0, 1.0)
    assert (reward, ended) == (pytest.approx(expected), crashed)
    ego.y = -2.1  # 2 m aside is the edge
    assert outcome(cars, step.world, run.network, step.rules, goals, 0, 1.0)[0] == 0
    assert not on_road(cars, run.network, 0)


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.booleans(), st.booleans())
def test_normalized_rewards_are_shares(right: float, fast: float, crashed: bool, here: bool) -> None:
    """Of a highway, whatever the terms; leaving the road makes it 0, and a crash always costs the same."""
    _, _, goals = highway()
    reward = reward_of((float(crashed), right, fast, float(here), 0.0), goals)
    assert -1e-12 <= reward <= 1 + 1e-12
    safe = reward_of((0.0, right, fast, float(here), 0.0), goals)
    assert safe - reward == pytest.approx(2 / 3 * crashed * here)


def test_effort_by_hand() -> None:
    assert effort(np.array([3.0, -4.0])) == 5
    assert effort(np.array([-0.5])) == 0.5


def test_misuse_is_named() -> None:
    with pytest.raises(InputError, match="did you mean 'highway'"):
        goals_of("higway-v0", {}, ())
    with pytest.raises(InputError, match="no reward for continuous actions"):
        goals_of("merge-v0", CONTINUOUS, ())


if __name__ == "__main__":
    lines = [line for case in range(len(CASES)) for line in differences(case, goals_in(case), exact=True)]
    print(json.dumps({"same_rounding": same_rounding(), "differences": lines}))
