"""DriveEnv and Recorder, against highway-env and the kinematics they record."""

import copy
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as sb3_check_env

from drive_gen.data.store import read_episodes, write_episodes
from drive_gen.envs.actions import CONTROL_SCALE
from drive_gen.envs.episode import KINDS, META_ACTIONS, Episode, same
from drive_gen.envs.files import InputError
from drive_gen.envs.kinematics import step_bicycle, wrap
from drive_gen.envs.observe import observe
from drive_gen.envs.reference import EnvConfig, make_stock
from drive_gen.envs.vector import DriveEnv

SMALL = EnvConfig(vehicles=8, duration_s=6)


def drive(env: DriveEnv, seed: int, actions: list[Any]) -> tuple[Episode, list[np.ndarray]]:
    """An episode of the given actions, up to its end, and what was seen at each decision and at the end."""
    seen = [env.reset(seed=seed)[0]]
    for action in actions:
        observation, _, terminated, truncated, _ = env.step(action)
        seen.append(observation)
        if terminated or truncated:
            break
    return env.episode("test"), seen


@pytest.mark.parametrize("kwargs", [{}, {"actions": "continuous"}])
def test_both_libraries_checkers_pass(kwargs: dict[str, Any]) -> None:
    env = gymnasium.make("drive_gen/highway-fast-v0", vehicles=3, **kwargs)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped, skip_render_check=True)
        warnings.filterwarnings("ignore", message=".*unconventional shape")  # neither image nor vector
        sb3_check_env(env.unwrapped)


def test_importing_highway_env_waits_for_the_first_environment() -> None:
    code = ("import sys, gymnasium, drive_gen.envs.vector; "
            "assert 'drive_gen/merge-v1' in gymnasium.registry; print('highway_env' in sys.modules)")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_reward_and_ends_are_highway_envs() -> None:
    env, stock = DriveEnv(SMALL), make_stock(SMALL)
    env.reset(seed=4)
    stock.reset(seed=4)
    for action in (3, 0, 3, 2, 1, 4, 3, 3):
        found, expected = env.step(action), stock.step(action)
        assert found[1:4] == expected[1:4]
        assert found[4]["speed"] == expected[4]["speed"]
        if expected[2] or expected[3]:
            break
    assert found[2] or found[3]


def test_the_driver_sees_what_the_episode_shows() -> None:
    """Observing the recorded episode gives the very observations that the driver got."""
    env = DriveEnv(SMALL, record=True)
    episode, seen = drive(env, 7, [3, 2, 1, 0, 4, 1])
    frames = np.arange(len(seen)) * 5
    assert np.array_equal(observe(episode, 0, frames), np.array(seen))


def test_frames_are_highway_envs_states() -> None:
    env, stock = DriveEnv(SMALL, record=True), make_stock(SMALL)
    stock.reset(seed=7)
    actions = [3, 2, 1]
    episode, _ = drive(env, 7, actions)
    assert (episode.steps, episode.dt_s, episode.ego) == (16, 0.2, 0)
    for decision in range(len(actions) + 1):
        if decision:
            stock.step(actions[decision - 1])
        vehicles = stock.unwrapped.road.vehicles  # type: ignore[attr-defined]
        expected = np.array([(*vehicle.position, vehicle.heading, vehicle.speed) for vehicle in vehicles])
        frame = decision * 5
        found = np.column_stack((episode.position_m[:, frame], episode.heading_rad[:, frame],
                                 episode.speed_mps[:, frame]))
        assert np.array_equal(found, expected.astype(np.float32))
    assert episode.meta_action[0, [0, 5, 10]].tolist() == actions
    assert np.flatnonzero(episode.meta_known.any(0)).tolist() == [0, 5, 10]
    assert not episode.meta_known[1:].any()


def test_recorded_controls_explain_the_motion() -> None:
    episode, _ = drive(DriveEnv(SMALL, record=True), 7, [4, 2, 1, 0])
    assert episode.control_known[:, :-1].all()
    assert not episode.control_known[:, -1].any()
    assert not episode.crashed.any()  # a collision moves a car by more than its controls
    position, heading, speed = step_bicycle(
        episode.position_m[:, :-1].astype(float), episode.heading_rad[:, :-1], episode.speed_mps[:, :-1],
        episode.control[:, :-1], episode.size_m[:, :1], episode.dt_s)
    assert np.abs(position - episode.position_m[:, 1:]).max() < 2e-4
    assert np.abs(wrap(heading - episode.heading_rad[:, 1:])).max() < 1e-5
    assert np.abs(speed - episode.speed_mps[:, 1:]).max() < 1e-4


def test_a_crash_ends_the_episode_and_is_recorded() -> None:
    env = DriveEnv(EnvConfig(density=3.0, vehicles=10), record=True)
    for seed in range(20):
        episode, _ = drive(env, seed, [3] * 8)
        if episode.crashed[0, -1]:
            break
    assert episode.crashed[0, -1]
    assert episode.crashed.sum(0).max() >= 2  # the ego and whom it hit
    assert (np.diff(episode.crashed.astype(int), axis=1) >= 0).all()
    assert episode.steps < 8 * 5 + 2


def test_vehicles_come_and_go_at_the_intersection(tmp_path: Path) -> None:
    env = DriveEnv(EnvConfig("intersection-v0", vehicles=10, simulation_hz=5), record=True)
    episode, seen = drive(env, 1, [1, 0, *[4] * 8])
    assert (~episode.valid[:, 0]).any()  # came
    assert (episode.valid[:, 0] & ~episode.valid[:, -1]).any()  # left
    assert episode.valid[0].all()
    assert not episode.position_m[~episode.valid].any()
    assert episode.meta_action[0, 5] == META_ACTIONS.index("IDLE")  # there are no lane changes there
    assert observe(episode, 0, np.array([episode.steps - 1]))[0].tolist() == seen[-1].tolist()
    write_episodes(tmp_path / "store", [episode])
    assert same(read_episodes(tmp_path / "store")[0], episode)


def test_the_merges_obstacle_is_an_agent() -> None:
    episode, _ = drive(DriveEnv(EnvConfig("merge-v0", simulation_hz=5), record=True), 0, [1])
    obstacle = np.flatnonzero(episode.kind == KINDS.index("obstacle"))
    assert len(obstacle) == 1
    assert not episode.control_known[obstacle].any()
    assert episode.size_m[obstacle].tolist() == [[2, 2]]


def test_a_control_of_one_is_the_control_scale() -> None:
    env = DriveEnv(EnvConfig(vehicles=0), record=True, actions="continuous")
    episode, _ = drive(env, 0, [np.array([0.5, 0.01]), np.array([-1.0, -0.01])])
    expected = np.array([[0.5, 0.01], [-1.0, -0.01]]) * CONTROL_SCALE
    assert np.allclose(episode.control[0, [0, 5]], expected, atol=1e-6)
    assert not episode.meta_known.any()


def test_leaving_the_road_is_told() -> None:
    env = DriveEnv(EnvConfig(vehicles=0, initial_lane=0, actions="continuous"))
    env.reset(seed=0)
    told = [env.step(np.array([0.0, 0.01]))[4]["off_road"] for _ in range(12)]
    assert not told[0]
    assert told[-1]


def test_with_an_idm_ego_actions_are_ignored() -> None:
    env = DriveEnv(SMALL, record=True, ego="idm")
    one, other = drive(env, 3, [0, 0, 0])[0], drive(env, 3, [3, 3, 4])[0]
    assert same(one, other)
    assert not one.meta_known.any()
    assert type(env.stock.unwrapped.vehicle).__name__ == "IdmEgo"  # type: ignore[attr-defined]


@pytest.mark.parametrize("env", ["two-way-v0", "u-turn-v1", "roundabout-v0"])
def test_an_idm_ego_drives_everywhere(env: str) -> None:
    worlds = DriveEnv(EnvConfig(env, simulation_hz=5), ego="idm")
    worlds.reset(seed=1)
    assert np.isfinite(worlds.step(1)[1])


def test_a_copy_of_the_world_is_not_recorded() -> None:
    env = DriveEnv(SMALL, record=True)
    env.reset(seed=3)
    imagined = copy.deepcopy(env.stock.unwrapped)
    imagined.step(0)  # type: ignore[attr-defined]
    env.step(1)
    assert env.episode("test").steps == 6


def test_a_world_without_a_time_limit_gets_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drive_gen.envs.vector.LONGEST_S", 2.0)
    env = DriveEnv(EnvConfig("merge-v0", simulation_hz=5))
    env.reset(seed=0)
    assert [env.step(1)[3] for _ in range(2)] == [False, True]


def test_an_unseeded_reset_says_its_seed() -> None:
    env = DriveEnv(SMALL)
    first, info = env.reset()
    assert np.array_equal(env.reset(seed=info["seed"])[0], first)


def test_misuse_is_told_in_one_line() -> None:
    env = DriveEnv(SMALL)
    with pytest.raises(InputError, match="reset"):
        env.scene()
    env.reset(seed=0)
    for action in (5, -1):
        with pytest.raises(InputError, match="0 to 4"):
            env.step(action)
    with pytest.raises(InputError, match="record=True"):
        env.episode("test")
    with pytest.raises(InputError, match="did you mean 'lanes'"):
        DriveEnv(lane=3)
    steered = DriveEnv(SMALL, actions="continuous")
    steered.reset(seed=0)
    with pytest.raises(InputError, match="finite"):
        steered.step(np.array([np.nan, 0]))
