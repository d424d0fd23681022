"""The simulator's worlds beside DriveEnv's, and what can be done with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from drive_gen.envs.episode import ARRAYS
from drive_gen.envs.files import InputError
from drive_gen.envs.reference import export_state, import_state, make_stock
from drive_gen.envs.simulator.simulator import Simulator
from drive_gen.envs.vector import DriveEnv
from drive_gen.envs.world import EnvConfig, differences

SMALL = EnvConfig(vehicles=6, duration_s=6)
TOLERANCE = 1e-5  # of float32 positions some hundred metres along, where numpy rounds otherwise


def actions(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(5, size=shape)


def same(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two arrays of records are equal; what lies between their fields does not matter."""
    return all(np.array_equal(one[name], other[name], equal_nan=one[name].dtype.kind == "f")
               for name in one.dtype.names or ())


@pytest.mark.parametrize("config", [
    SMALL, EnvConfig(env="merge-v1"), EnvConfig(env="intersection-v0", duration_s=6),
    EnvConfig(env="racetrack-v0", duration_s=2), EnvConfig(env="two-way-v0")], ids=lambda config: config.env)
def test_an_episode_is_drive_envs(config: EnvConfig) -> None:
    simulator, env = Simulator(config, 2, tape=True), DriveEnv(config, record=True)
    draw = np.random.default_rng(0)
    for seed in (3, 4):
        theirs, _ = env.reset(seed=seed)
        ours = simulator.reset([seed, 99])[0, 0]
        ended = False
        while not ended:
            np.testing.assert_allclose(ours, theirs, atol=TOLERANCE)
            action = (int(draw.integers(5)) if config.actions == "meta"
                      else draw.uniform(-0.3, 0.3, env.action_space.shape).astype(np.float32))
            theirs, reward, terminated, truncated, _ = env.step(action)
            result = simulator.step(np.array([action, action]))
            ours, ended = simulator.observe()[0, 0], terminated or truncated
            assert result.reward[0] == pytest.approx(reward, abs=1e-6)
            assert (result.terminated[0], result.truncated[0]) == (terminated, truncated)
        one, other = simulator.episode(0, "random"), env.episode("random")
        for name in ARRAYS:
            np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=TOLERANCE, err_msg=name)
        assert one.source == other.source


def test_an_episode_is_the_tapes_own_memory() -> None:
    simulator = Simulator(SMALL, 2, tape=True)
    simulator.reset(0)
    simulator.step(actions(0, 2))
    assert np.shares_memory(simulator.episode(1, "x").position_m, simulator.tape.position)


def test_a_world_does_not_depend_on_the_others_or_on_threads() -> None:
    alone, many = Simulator(SMALL, 1), Simulator(SMALL, 40, threads=2)
    alone.reset([7])
    many.reset(0)
    for step in range(3):
        chosen = actions(step, 40)
        alone.step(chosen[7:8])
        many.step(chosen)
    assert same(alone.cars[0], many.cars[7])
    assert alone.observe()[0].tobytes() == many.observe()[7].tobytes()


def test_a_reset_without_a_seed_goes_on_as_highway_envs() -> None:
    stock, simulator = make_stock(SMALL), Simulator(SMALL, 1)
    stock.reset(seed=5)
    stock.reset()
    simulator.reset([5])
    simulator.reset()
    np.testing.assert_allclose(simulator.to_env(0).position, export_state(stock).position, atol=1e-9)
    assert simulator.to_env(0).rng == export_state(stock).rng


def test_only_the_worlds_that_are_named_move() -> None:
    simulator = Simulator(SMALL, 3)
    simulator.reset(0)
    before = simulator.cars.copy()
    simulator.step(actions(0, 3), np.array([1]))
    assert [same(before[world], simulator.cars[world]) for world in range(3)] == [True, False, True]
    simulator.reset([9], np.array([False, False, True]))
    assert simulator.seeds.tolist() == [0, 1, 9]


def test_snapshot_restore_and_fork() -> None:
    simulator = Simulator(SMALL, 3)
    simulator.reset(0)
    kept = simulator.snapshot()
    simulator.step(actions(0, 3))
    moved = simulator.cars.copy()
    simulator.restore(kept)
    simulator.step(actions(0, 3))
    assert same(simulator.cars, moved)
    simulator.fork(0, np.array([1, 2]))
    simulator.step([1, 1, 3])
    x = simulator.cars["x"][:, 0]
    assert x[0] == x[1] != x[2]


@pytest.mark.parametrize("env", ["highway-fast-v0", "intersection-v2", "roundabout-v1"])
def test_worlds_go_in_and_out_without_loss(env: str) -> None:
    stock = make_stock(EnvConfig(env=env))
    stock.reset(seed=1)
    stock.step(1)
    state = export_state(stock)
    simulator = Simulator(env=env)
    simulator.from_env(0, state)
    assert differences(simulator.to_env(0), state) == []
    simulator.step([1])
    stock.step(1)
    theirs = export_state(stock)
    np.testing.assert_allclose(simulator.to_env(0).position, theirs.position, atol=1e-9)
    import_state(stock, simulator.to_env(0))


def test_cars_change_hands_in_mid_episode() -> None:
    """Whoever is handed to IDM drives as highway-env's IDM; whoever is taken over does as told."""
    simulator = Simulator(SMALL, 2)
    simulator.reset([0, 0])
    simulator.step([1, 1])
    simulator.hand_over(np.array([[True] + [False] * 6, [False] * 7]), "idm")
    simulator.hand_over(np.array([[False] * 7, [False, True] + [False] * 5]), "policy")
    assert simulator.controlled.sum(1).tolist() == [0, 2]
    driver = simulator.cars["kind"][:, :2]
    assert driver[0, 0] == driver[0, 1] != driver[1, 1]


def test_an_idm_ego_is_drive_envs() -> None:
    simulator, env = Simulator(SMALL, 1, ego="idm", tape=True), DriveEnv(SMALL, record=True, ego="idm")
    simulator.reset([2])
    env.reset(seed=2)
    for _ in range(4):
        simulator.step(np.zeros(1, int))
        env.step(0)
    np.testing.assert_allclose(simulator.episode(0, "idm").position_m, env.episode("idm").position_m,
                               atol=TOLERANCE)


@pytest.mark.parametrize(("given", "message"), [
    ({"worlds": 0}, "needs 1 world or more, got 0"), ({"worlds": 10**9}, "ask for fewer worlds"),
    ({"lanes": -1}, "lanes is -1"), ({"lane": 3}, "lane"), ({"env": "highway-v9"}, "environment")])
def test_a_wrong_simulator_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Simulator(**given)


@pytest.mark.parametrize(("config", "given", "message"), [
    (SMALL, [1], r"shape \(1,\), expected \(2, 1\)"), (SMALL, [1, 5], "a number from 0 to 4"),
    (SMALL, [1.0, 2.0], "a number from 0 to 4"), (SMALL, [-1, 0], "a number from 0 to 4"),
    (EnvConfig(actions="continuous"), [[0.0, np.nan], [0.0, 0.0]], "NaN or infinity"),
    (EnvConfig(actions="continuous"), [[0.0], [0.0]], r"expected \(2, 1, 2\) of floats")])
def test_wrong_actions_never_enter_a_world(config: EnvConfig, given: list[Any], message: str) -> None:
    simulator = Simulator(config, 2)
    simulator.reset(0)
    before = simulator.cars.copy()
    with pytest.raises(InputError, match=message):
        simulator.step(given)
    assert same(simulator.cars, before)


def test_wrong_seeds_and_worlds_are_refused() -> None:
    simulator = Simulator(SMALL, 2)
    with pytest.raises(InputError, match="seeds are 2 integers"):
        simulator.reset([1, 2, 3])
    with pytest.raises(InputError, match="a seed is 0 or more"):
        simulator.reset([1, -2])
    with pytest.raises(InputError, match="numbered from 0 to 1"):
        simulator.reset(0, np.array([2]))
    with pytest.raises(InputError, match="kept no tape"):
        simulator.episode(0, "x")
