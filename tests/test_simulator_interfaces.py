"""The simulator as Gymnasium, stable-baselines3 and PettingZoo know environments; their own checkers."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from stable_baselines3 import PPO
from stable_baselines3.common.env_checker import check_env as check_for_sb3

import drive_gen.envs.vector  # noqa: F401 (registers the ids)
from drive_gen.data.rollout import roll_out
from drive_gen.envs.episode import ARRAYS
from drive_gen.envs.files import InputError
from drive_gen.envs.reference import make_stock
from drive_gen.envs.simulator.sb3 import SimulatorVecEnv
from drive_gen.envs.simulator.single import SimulatorEnv
from drive_gen.envs.simulator.vector_env import SimulatorVectorEnv
from drive_gen.envs.vector import DriveEnv
from drive_gen.envs.world import EnvConfig
from drive_gen.policies.rules import AlwaysSlower, GapRule

SMALL = EnvConfig(vehicles=4, duration_s=2)


def ended_after(mode: AutoresetMode) -> tuple[SimulatorVectorEnv, tuple[object, ...]]:
    """Two worlds at their time limit, and what the step that took them there gave."""
    env = SimulatorVectorEnv(2, SMALL, autoreset_mode=mode)
    env.reset(seed=3)
    env.step(np.array([1, 1]))
    return env, env.step(np.array([1, 1]))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_checkers_pass() -> None:
    check_env(SimulatorEnv(SMALL), skip_render_check=True)
    check_for_sb3(SimulatorEnv(SMALL))
    check_env(SimulatorEnv(EnvConfig(vehicles=4, actions="continuous")), skip_render_check=True)


def test_ids_make_vector_environments() -> None:
    env = gymnasium.make_vec("drive_gen/highway-fast-v0", num_envs=3, vectorization_mode="vector_entry_point",
                             vehicles=4)
    observations, infos = env.reset(seed=1)
    assert env.observation_space.contains(observations)
    assert infos["seed"].tolist() == [1, 2, 3]
    observations, rewards, terminations, truncations, _ = env.step(env.action_space.sample())
    assert env.observation_space.contains(observations)
    assert rewards.shape == terminations.shape == truncations.shape == (3,)


def test_next_step_begins_again_at_the_next_step() -> None:
    env, (last, _, terminated, truncated, _) = ended_after(AutoresetMode.NEXT_STEP)
    assert truncated.all()  # type: ignore[attr-defined]
    observations, rewards, terminated, truncated, _ = env.step(np.array([4, 4]))
    assert rewards.tolist() == [0, 0]
    assert not (terminated | truncated).any()
    assert not np.array_equal(observations, last)
    assert env.simulator.clocks["steps"].tolist() == [0, 0]


def test_same_step_begins_again_at_once() -> None:
    waits, (last, *_) = ended_after(AutoresetMode.NEXT_STEP)
    waits.step(np.array([1, 1]))
    env, (observations, _, _, truncated, infos) = ended_after(AutoresetMode.SAME_STEP)
    assert truncated.all()  # type: ignore[attr-defined]
    np.testing.assert_array_equal(np.stack(infos["final_obs"]), last)  # type: ignore[index]
    assert infos["_final_obs"].all()  # type: ignore[index]
    # The same generators have gone on in the same way.
    np.testing.assert_array_equal(observations, waits.simulator.observe()[:, 0])
    assert env.simulator.clocks["steps"].tolist() == [0, 0]


def test_disabled_leaves_the_reset_to_the_caller() -> None:
    env, _ = ended_after(AutoresetMode.DISABLED)
    with pytest.raises(InputError, match="world 0 has ended"):
        env.step(np.array([1, 1]))
    env.reset(options={"reset_mask": np.array([True, False])})
    with pytest.raises(InputError, match="world 1 has ended"):
        env.step(np.array([1, 1]))
    env.reset(seed=[None, 7], options={"reset_mask": np.array([False, True])})
    assert env.simulator.seeds.tolist() == [-1, 7]
    env.step(np.array([1, 1]))


def test_wrong_use_is_told() -> None:
    env = SimulatorVectorEnv(2, SMALL)
    with pytest.raises(InputError, match="call reset"):
        env.step(np.array([1, 1]))
    with pytest.raises(InputError, match="seed has 3 entries"):
        env.reset(seed=[1, 2, 3])
    with pytest.raises(InputError, match="reset_mask is"):
        env.reset(options={"reset_mask": [1, 0]})
    with pytest.raises(InputError, match="one controlled car"):
        SimulatorVectorEnv(2, SMALL, controlled=2)


def test_ppo_trains_on_it_unchanged() -> None:
    env = SimulatorVecEnv(8, SMALL)
    env.seed(5)
    model = PPO("MlpPolicy", env, n_steps=8, batch_size=32, n_epochs=1, seed=0, device="cpu")
    before = model.policy.state_dict()["action_net.weight"].clone()
    model.learn(128)
    assert not np.array_equal(before, model.policy.state_dict()["action_net.weight"])
    assert model.ep_info_buffer is not None
    assert {info["l"] for info in model.ep_info_buffer} == {2}


def test_sb3s_ends_are_told_apart() -> None:
    env = SimulatorVecEnv(2, SMALL)
    env.seed(3)
    env.reset()
    env.step(np.array([1, 1]))
    observations, _, dones, infos = env.step(np.array([1, 1]))
    assert dones.all()
    assert [info["TimeLimit.truncated"] for info in infos] == [True, True]
    assert not np.array_equal(infos[0]["terminal_observation"], observations[0])
    assert infos[0]["episode"]["r"] > 0


def test_pettingzoos_checker_passes() -> None:
    pettingzoo = pytest.importorskip("pettingzoo.test", reason="pip install drive-gen[multi]")
    from drive_gen.envs.simulator.parallel_env import SimulatorParallelEnv

    pettingzoo.parallel_api_test(SimulatorParallelEnv(SMALL, controlled=2), num_cycles=12)
    env = SimulatorParallelEnv(SMALL, controlled=2)
    env.reset(seed=1)
    _, rewards, _, truncations, _ = env.step({"car_0": 3, "car_1": 4})
    assert rewards["car_0"] != rewards["car_1"]
    assert not any(truncations.values())
    *_, truncations, _ = env.step({"car_0": 1, "car_1": 1})
    assert all(truncations.values())
    assert env.agents == []


def test_a_roll_out_is_drive_envs() -> None:
    one, theirs = (roll_out(env, AlwaysSlower(), 4, "slower", advisor=GapRule(), explore=0.3)
                   for env in (SimulatorEnv(SMALL, record=True), DriveEnv(SMALL, record=True)))
    for name in ARRAYS:
        np.testing.assert_allclose(getattr(one[0], name), getattr(theirs[0], name), atol=1e-5, err_msg=name)
    assert one[1].return_ == pytest.approx(theirs[1].return_)
    assert one[0].source == theirs[0].source


@pytest.mark.parametrize("asked", ["highway-env", {"type": "TimeToCollision", "horizon": 6},
                                   {"type": "OccupancyGrid", "features": ["presence", "on_road"]}])
def test_worlds_can_be_seen_as_highway_env_shows_them(asked: Any) -> None:
    config = EnvConfig(vehicles=6)
    env = SimulatorVectorEnv(2, config, observation=asked)
    stock = make_stock(config).unwrapped
    if not isinstance(asked, str):
        stock.config["observation"] = asked
    theirs = stock.reset(seed=4)[0]
    seen, _ = env.reset(seed=[4, 5])
    assert env.single_observation_space == stock.observation_space
    for action in (3, 0, 1):
        np.testing.assert_allclose(seen[0], theirs, atol=1e-6)
        seen, theirs = env.step(np.array([action, 1]))[0], stock.step(action)[0]
    np.testing.assert_allclose(seen[0], theirs, atol=1e-6)
    assert (seen.shape, seen.dtype) == (env.observation_space.shape, env.observation_space.dtype)


def test_an_unknown_observation_is_told() -> None:
    with pytest.raises(InputError, match="expected drive_gen, highway-env or a config"):
        SimulatorVectorEnv(1, observation="kinematics")
    with pytest.raises(InputError, match="did you mean 'TimeToCollision'"):
        SimulatorVectorEnv(1, observation={"type": "TimeToColision"})
