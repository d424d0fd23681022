"""SimulatorVecEnv: the simulator's worlds as stable-baselines3's VecEnv, for PPO and the others unchanged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvStepReturn

from drive_gen.envs.files import InputError
from drive_gen.envs.observe import SHAPE
from drive_gen.envs.simulator.simulator import Simulator
from drive_gen.envs.simulator.vector_env import action_space_of
from drive_gen.envs.vector import BOUND
from drive_gen.envs.world import EnvConfig


class SimulatorVecEnv(VecEnv):  # type: ignore[misc]
    """W worlds of one configuration. Ended ones begin anew at once, as stable-baselines3 expects: the last
    observation is in info["terminal_observation"], and a time limit in info["TimeLimit.truncated"].

    Infos hold "episode" (return "r", decisions "l") at an episode's end, as its Monitor writes them.
    """

    def __init__(self, num_envs: int, config: EnvConfig | None = None, *, threads: int | None = None,
                 **overrides: Any) -> None:
        self.simulator = Simulator(config, num_envs, threads=threads, **overrides)
        if self.simulator.agents > 1:
            raise InputError("a VecEnv has one controlled car a world; use SimulatorParallelEnv for more")
        super().__init__(num_envs, self.simulator.observation_space, action_space_of(self.simulator))
        self._actions: np.ndarray = np.zeros(0)
        self._returns, self._lengths = np.zeros(num_envs), np.zeros(num_envs, np.int64)

    def reset(self) -> np.ndarray:
        """Begin all episodes, of the seeds given by `seed` before; else each goes on with its generator."""
        given = [seed for seed in self._seeds if seed is not None]
        self.simulator.reset(np.array(given) if len(given) == self.num_envs else None)
        self._reset_seeds()
        self._returns[:], self._lengths[:] = 0.0, 0
        self.reset_infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        return self.simulator.observation[:, 0].copy()

    def step_async(self, actions: np.ndarray) -> None:
        """Keep the actions for `step_wait`."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """One policy step."""
        result = self.simulator.step(self._actions)
        reward, terminated, truncated = result.reward.copy(), result.terminated.copy(), result.truncated.copy()
        crashed, done = result.crashed.copy(), terminated | truncated
        observations = result.observation[:, 0].copy()
        self._returns += reward
        self._lengths += 1
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        ended = np.flatnonzero(done)
        if ended.size:
            for number in ended.tolist():
                infos[number] = self._last_info(number, observations, terminated, truncated, crashed)
            self.simulator.reset(None, ended)
            observations = self.simulator.observation[:, 0].copy()
            self._returns[ended], self._lengths[ended] = 0.0, 0
        return observations, reward.astype(np.float32), done, infos

    def _last_info(self, number: int, observations: np.ndarray, terminated: np.ndarray,
                   truncated: np.ndarray, crashed: np.ndarray) -> dict[str, Any]:
        return {"terminal_observation": observations[number].copy(),
                "TimeLimit.truncated": bool(truncated[number] and not terminated[number]),
                "episode": {"r": float(self._returns[number]), "l": int(self._lengths[number]), "t": 0.0},
                "crashed": bool(crashed[number])}

    def close(self) -> None:
        """Nothing is open."""

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """The simulator's attribute, the same for all worlds."""
        if attr_name == "render_mode":  # VecEnv asks before there is a simulator
            return [None for _ in self._get_indices(indices)]
        return [getattr(self.simulator, attr_name) if hasattr(self.simulator, attr_name)
                else getattr(self, attr_name) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Refused: the worlds share one configuration."""
        raise InputError(f"{attr_name} cannot be set: all worlds share one configuration; make another")

    def env_method(self, method_name: str, *method_args: Any, indices: VecEnvIndices = None,
                   **method_kwargs: Any) -> list[Any]:
        """The simulator's method, called once for each world named, its number first."""
        method = getattr(self.simulator, method_name)
        return [method(number, *method_args, **method_kwargs) for number in self._get_indices(indices)]

    def env_is_wrapped(self, wrapper_class: type[gymnasium.Wrapper[Any, Any, Any, Any]],
                       indices: VecEnvIndices = None) -> list[bool]:
        """Nothing is wrapped; episodes' returns are noted as a Monitor would."""
        from stable_baselines3.common.monitor import Monitor

        return [wrapper_class is Monitor for _ in self._get_indices(indices)]

    def get_images(self) -> Sequence[np.ndarray | None]:
        """Worlds are drawn from their scenes (envs.render), not here."""
        return [None] * self.num_envs
