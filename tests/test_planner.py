"""The planner against a search written out, and against drivers that do not look ahead."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest

from drive_gen.data.rollout import roll_out
from drive_gen.envs.files import InputError
from drive_gen.envs.simulator.order import scratch_of
from drive_gen.envs.simulator.simulator import Simulator
from drive_gen.envs.simulator.single import SimulatorEnv
from drive_gen.envs.simulator.types import FASTER, IDLE, SLOWER
from drive_gen.envs.vector import DriveEnv
from drive_gen.envs.world import EnvConfig
from drive_gen.policies.planner import Planner, simulator_in
from drive_gen.policies.policy import Policy
from drive_gen.policies.search import conflict, leaf_value

ONE = np.zeros((1, 17, 9), np.float32)


@pytest.fixture(scope="module")
def simulator() -> Simulator:
    return Simulator(EnvConfig(), 1, threads=1)


def begun(simulator: Simulator, seed: int, actions: list[int] | None = None) -> Simulator:
    """The world of a seed after some actions."""
    simulator.reset([seed])
    for action in actions or []:
        simulator.step([action])
    return simulator


def value_of(simulator: Simulator, planner: Planner, actions: tuple[int, ...]) -> float:
    """Value of one sequence, from the definition alone; the world stays."""
    kept, place, total = simulator.snapshot(), simulator.place, 0.0
    scratch, after = scratch_of(simulator.cars[0], place.rules), planner.horizon_s / simulator.decision_s
    for number, action in enumerate(actions):
        result = simulator.step([action])
        total += result.reward[0] - (planner.change_cost if action != IDLE else 0)
        near = conflict(simulator.cars[0], simulator.clocks[0], place, scratch, planner.search)
        total -= planner.caution if planner.caution and near else 0
        if result.terminated[0]:
            total -= planner.caution * (len(actions) - number - 1 + after)
            break
    else:
        total += leaf_value(simulator.cars[0], simulator.clocks[0], place, scratch, planner.search)
    simulator.restore(kept)
    return float(total)


def driven(simulator: Simulator, planner: Planner, decisions: int) -> list[float]:
    """Rewards of the planner's drive, until its end."""
    rewards = []
    for _ in range(decisions):
        result = simulator.step([planner.plan(simulator)[0]])
        rewards.append(float(result.reward[0]))
        if result.terminated[0]:
            break
    return rewards


@pytest.mark.parametrize("caution", [0.0, 1.0])
@pytest.mark.parametrize(("seed", "before"), [(0, []), (1, [FASTER, FASTER]), (2, [FASTER] * 6),
                                              (3, [SLOWER, FASTER])])
def test_the_value_is_the_best_of_all_sequences(simulator: Simulator, seed: int, before: list[int],
                                                caution: float) -> None:
    begun(simulator, seed, before)
    planner = Planner(depth=3, caution=caution)
    values = {actions: value_of(simulator, planner, actions)
              for actions in itertools.product(range(5), repeat=3)}
    action, value = planner.plan(simulator)
    # An action that changes no target is IDLE at a higher cost: left out of the search, it never wins here.
    assert value == pytest.approx(max(values.values()), abs=1e-12)
    assert any(actions[0] == action and found == pytest.approx(value) for actions, found in values.items())


def test_planning_leaves_the_world_alone_and_repeats(simulator: Simulator) -> None:
    begun(simulator, 5)
    before = simulator.cars.tobytes()
    assert Planner().plan(simulator) == Planner().plan(simulator)
    assert simulator.cars.tobytes() == before


def test_it_brakes_or_swerves_where_going_on_crashes(simulator: Simulator) -> None:
    begun(simulator, 0, [FASTER, FASTER])
    ego, wall = simulator.cars[0, 0], simulator.cars[0, 1]
    for name, value in {"x": ego["x"] + 16, "y": ego["y"], "lane": ego["lane"], "target_lane": ego["lane"],
                        "speed": 12.0}.items():
        wall[name] = value
    kept = simulator.snapshot()
    for _ in range(4):
        simulator.step([IDLE])
    assert simulator.cars["crashed"][0, 0]
    simulator.restore(kept)
    assert len(driven(simulator, Planner(), 4)) == 4
    assert not simulator.cars["crashed"][0, 0]


def test_ten_episodes_without_a_crash_and_faster_than_the_traffic() -> None:
    """All at once: the planner reads every world of a simulator."""
    simulator, planner = Simulator(EnvConfig(), 10), Planner(depth=3)
    observations = simulator.reset(0)[:, 0]
    planner.attach(simulator)
    start, returns = simulator.egos()["x"].copy(), np.zeros(10)
    for _ in range(30):
        returns += simulator.step(planner.predict(observations)[0]).reward
    assert not simulator.egos()["crashed"].any()
    assert returns.mean() > 24
    assert ((simulator.egos()["x"] - start) / 30).mean() > 23.5  # the traffic drives at 21 to 24 m/s


def test_less_caution_earns_more(simulator: Simulator) -> None:
    def earned(planner: Planner) -> float:
        return sum(sum(driven(begun(simulator, seed), planner, 20)) for seed in range(4))

    assert earned(Planner(depth=3, caution=0.0)) > earned(Planner(depth=3, caution=1.0))


def test_it_reads_drive_env_and_the_simulator_alike() -> None:
    actions = []
    for world in (SimulatorEnv(EnvConfig()), DriveEnv(EnvConfig())):
        world.reset(seed=7)
        planner = Planner(depth=2)
        planner.attach(world)
        actions.append(planner.predict(ONE)[0].tolist())
        x = simulator_in(world).cars["x"][0].copy()
    assert actions[0] == actions[1]
    assert len(actions[0]) == 1
    assert np.allclose(x, simulator_in(world).cars["x"][0])


def test_a_rollout_is_the_same_on_the_simulator() -> None:
    config = EnvConfig(duration_s=8)
    results = [roll_out(world, Planner(depth=2), 3, "planner", advisor=Planner(depth=1), explore=0.3)
               for world in (SimulatorEnv(config, record=True), DriveEnv(config, record=True))]
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


def test_misuse_is_named(simulator: Simulator) -> None:
    planner = Planner()
    with pytest.raises(InputError, match="attach"):
        planner.predict(ONE)
    simulator.reset([0])
    planner.attach(simulator)
    with pytest.raises(InputError, match="reads 1 worlds, got 2"):
        planner.predict(np.zeros((2, 17, 9), np.float32))
    with pytest.raises(InputError, match="not merge-v0"):
        planner.attach(Simulator(env="merge-v0"))
    with pytest.raises(InputError, match="set actions to meta"):
        planner.attach(Simulator(actions="continuous"))
