"""The planner against a search written out, and against drivers that do not look ahead."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest

from drive_gen.data.rollout import roll_out
from drive_gen.envs.files import InputError
from drive_gen.envs.kernel_env import KernelEnv
from drive_gen.envs.kernel_types import FASTER, IDLE, SLOWER
from drive_gen.envs.policy_step import step, terminated
from drive_gen.envs.vector import DriveEnv
from drive_gen.envs.world import EnvConfig
from drive_gen.policies.planner import Planner, roll_out_world, world_in
from drive_gen.policies.policy import Policy
from drive_gen.policies.search import conflict, leaf_value

ONE = np.zeros((1, 17, 9), np.float32)


@pytest.fixture(scope="module")
def env() -> KernelEnv:
    return KernelEnv(EnvConfig())


def begun(env: KernelEnv, seed: int, actions: list[int] | None = None) -> tuple[np.ndarray, Any]:
    """The world of a seed after some actions."""
    env.reset(seed=seed)
    for action in actions or []:
        env.step(action)
    world, rules = env.world()
    return world.copy(), rules


def value_of(world: np.ndarray, rules: Any, planner: Planner, actions: tuple[int, ...]) -> float:
    """Value of one sequence, from the definition alone."""
    world, total = world.copy(), 0.0
    after = planner.horizon_s / (rules.frames * rules.dt_s)
    for place, action in enumerate(actions):
        total += step(world, rules, action) - (planner.change_cost if action != IDLE else 0)
        total -= planner.caution if planner.caution and conflict(world, rules, planner.search) else 0
        if terminated(world, rules):
            return total - planner.caution * (len(actions) - place - 1 + after)
    return total + leaf_value(world, rules, planner.search)


@pytest.mark.parametrize("caution", [0.0, 1.0])
@pytest.mark.parametrize(("seed", "before"), [(0, []), (1, [FASTER, FASTER]), (2, [FASTER] * 6),
                                              (3, [SLOWER, FASTER])])
def test_the_value_is_the_best_of_all_sequences(env: KernelEnv, seed: int, before: list[int],
                                                caution: float) -> None:
    world, rules = begun(env, seed, before)
    planner = Planner(depth=3, caution=caution)
    values = {actions: value_of(world, rules, planner, actions)
              for actions in itertools.product(range(5), repeat=3)}
    action, value = planner.plan(world, rules)
    # An action that changes no target is IDLE at a higher cost: left out of the search, it never wins here.
    assert value == pytest.approx(max(values.values()), abs=1e-12)
    assert any(actions[0] == action and found == pytest.approx(value) for actions, found in values.items())


def test_planning_leaves_the_world_alone_and_repeats(env: KernelEnv) -> None:
    world, rules = begun(env, 5)
    before = world.tobytes()
    assert Planner().plan(world, rules) == Planner().plan(world, rules)
    assert world.tobytes() == before


def test_it_brakes_or_swerves_where_going_on_crashes(env: KernelEnv) -> None:
    world, rules = begun(env, 0, [FASTER, FASTER])
    ego, wall = world[0], world[1]
    wall.x, wall.y, wall.lane, wall.target_lane = ego.x + 16, ego.y, ego.lane, ego.lane
    wall.speed = 12.0
    straight = world.copy()
    for _ in range(4):
        step(straight, rules, IDLE)
    assert straight[0].crashed
    _, rewards = roll_out_world(world, rules, lambda w, r: Planner().plan(w, r)[0], 4)
    assert not world[0].crashed
    assert len(rewards) == 4


def test_ten_episodes_without_a_crash_and_faster_than_the_traffic(env: KernelEnv) -> None:
    planner, returns, speeds = Planner(depth=3), [], []
    for seed in range(10):
        world, rules = begun(env, seed)
        start = world[0].x
        _, rewards = roll_out_world(world, rules, lambda w, r: planner.plan(w, r)[0], 30)
        assert len(rewards) == 30
        assert not world[0].crashed
        returns.append(rewards.sum())
        speeds.append((world[0].x - start) / 30)
    assert np.mean(returns) > 24
    assert np.mean(speeds) > 23.5  # the traffic drives at 21 to 24 m/s


def test_less_caution_earns_more(env: KernelEnv) -> None:
    def earned(planner: Planner) -> float:
        return sum(roll_out_world(*begun(env, seed), lambda w, r: planner.plan(w, r)[0], 20)[1].sum()
                   for seed in range(4))

    assert earned(Planner(depth=3, caution=0.0)) > earned(Planner(depth=3, caution=1.0))


def test_it_reads_drive_env_and_kernel_env_alike(env: KernelEnv) -> None:
    stock = DriveEnv(EnvConfig())
    actions = []
    for world in (env, stock):
        world.reset(seed=7)
        planner = Planner(depth=2)
        planner.attach(world)
        actions.append(planner.predict(ONE)[0].tolist())
    assert actions[0] == actions[1]
    assert len(actions[0]) == 1
    ours, theirs = world_in(env)[0], world_in(stock)[0]
    assert np.allclose(ours["x"], theirs["x"])


def test_a_rollout_is_the_same_on_the_kernel() -> None:
    config = EnvConfig(duration_s=8)
    results = [roll_out(world, Planner(depth=2), 3, "planner", advisor=Planner(depth=1), explore=0.3)
               for world in (KernelEnv(config), DriveEnv(config, record=True))]
    (ours, our_outcome), (theirs, their_outcome) = results
    assert np.array_equal(ours.meta_action, theirs.meta_action)
    assert np.array_equal(ours.advice, theirs.advice)
    assert np.allclose(ours.position_m, theirs.position_m, atol=1e-3)
    assert our_outcome.return_ == pytest.approx(their_outcome.return_)
    assert (our_outcome.decisions, our_outcome.truncated) == (8, True)


def test_it_is_a_policy_whose_settings_can_be_hashed() -> None:
    assert isinstance(Planner(), Policy)
    assert dataclasses.asdict(Planner(depth=5))["depth"] == 5


@pytest.mark.parametrize("bad", [{"depth": 0}, {"depth": 9}, {"caution": -1.0}, {"horizon_s": 0.0}])
def test_bad_settings_are_named(bad: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="planner"):
        Planner(**bad)


def test_misuse_is_named(env: KernelEnv) -> None:
    planner = Planner()
    with pytest.raises(InputError, match="attach"):
        planner.predict(ONE)
    env.reset(seed=0)
    planner.attach(env)
    with pytest.raises(InputError, match="one world"):
        planner.predict(np.zeros((2, 17, 9), np.float32))
