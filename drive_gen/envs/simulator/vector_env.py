"""SimulatorVectorEnv: the simulator's worlds as a gymnasium.vector.VectorEnv."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from drive_gen.envs.episode import META_ACTIONS
from drive_gen.envs.files import InputError
from drive_gen.envs.observe import SHAPE
from drive_gen.envs.simulator.simulator import Simulator
from drive_gen.envs.vector import BOUND
from drive_gen.envs.world import EnvConfig


class SimulatorVectorEnv(VectorEnv[np.ndarray, Any, np.ndarray]):
    """Sub-environments of one configuration, equal to DriveEnv's, stepped together.

    Rewards and ends are highway-env's, observations drive_gen's (17, 9) or, with `observation`, as Simulator
    has them, highway-env's. `autoreset_mode` is Gymnasium's:
    NEXT_STEP resets an ended world at the next step, whatever its action; SAME_STEP at once, the last
    observation and info going to infos["final_obs"] and infos["final_info"]; DISABLED leaves it to
    reset(options={"reset_mask": ...}). A reset without a seed goes on with each world's own generator, as
    highway-env's does.
    """

    def __init__(self, num_envs: int = 1, config: EnvConfig | None = None, *,
                 autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP, threads: int | None = None,
                 **overrides: Any) -> None:
        self.simulator = Simulator(config, num_envs, threads=threads, **overrides)
        if self.simulator.agents > 1:
            raise InputError("a VectorEnv has one controlled car a world; use SimulatorParallelEnv for more")
        self.num_envs = num_envs
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = {"autoreset_mode": self.autoreset_mode, "render_modes": []}
        self.single_observation_space = self.simulator.observation_space
        self.single_action_space = action_space_of(self.simulator)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._ended = np.zeros(num_envs, np.bool_)
        self._begun = np.zeros(num_envs, np.bool_)
        self._there = np.ones(num_envs, np.bool_)

    def reset(self, *, seed: int | Sequence[int | None] | None = None,
              options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin all episodes, or those of options["reset_mask"] (num_envs,) bool."""
        chosen = self._chosen(options)
        self.simulator.reset(self._seeds(seed, chosen), chosen)
        self._ended[chosen], self._begun[chosen] = False, True
        return self.simulator.observation[:, 0].copy(), self._infos()

    def step(self, actions: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """One policy step; what is handed back is the caller's own."""
        if not self._begun.all():
            raise InputError("call reset() before step() of a SimulatorVectorEnv")
        if self.autoreset_mode == AutoresetMode.DISABLED and self._ended.any():
            raise InputError(f"world {int(self._ended.argmax())} has ended; reset it with "
                             "options={'reset_mask': ...} before the next step")
        again = self._ended if self._ended.any() else None  # NEXT_STEP alone leaves any
        result = self.simulator.step(actions, again=again)
        self._ended = result.terminated | result.truncated
        observations, infos = result.observation[:, 0].copy(), self._infos()
        reward, terminated, truncated = result.reward.copy(), result.terminated.copy(), result.truncated.copy()
        if self.autoreset_mode == AutoresetMode.SAME_STEP and self._ended.any():
            observations, infos = self._begin_at_once(observations, infos)
        return observations, reward, terminated, truncated, infos

    def _begin_at_once(self, last: np.ndarray, infos: dict[str, Any]) -> tuple[np.ndarray, dict[str, Any]]:
        ended = self._ended.copy()
        final = np.full(self.num_envs, None, dtype=object)
        for number in np.flatnonzero(ended):
            final[number] = last[number]
        self.simulator.reset(None, np.flatnonzero(ended))
        self._ended[:] = False
        observations = self.simulator.observation[:, 0].copy()
        return observations, {**self._infos(), "final_obs": final, "_final_obs": ended,
                                      "final_info": infos,
                                      "_final_info": ended}

    def _infos(self) -> dict[str, Any]:
        """Figures of the egos, (num_envs,) each, with Gymnasium's masks."""
        results, there = self.simulator.results, self._there
        return {"speed": results.speed.copy(), "_speed": there, "crashed": results.crashed.copy(),
                "_crashed": there, "off_road": results.off_road.copy(), "_off_road": there,
                "seed": self.simulator.seeds.copy(), "_seed": there}

    def _chosen(self, options: dict[str, Any] | None) -> np.ndarray:
        mask = (options or {}).get("reset_mask")
        if mask is None:
            return np.arange(self.num_envs)
        mask = np.asarray(mask)
        if mask.shape != (self.num_envs,) or mask.dtype != np.bool_ or not mask.any():
            raise InputError(f"reset_mask is ({self.num_envs},) bool with a True, got {mask.dtype} of shape "
                             f"{mask.shape}")
        return np.flatnonzero(mask)

    def _seeds(self, seed: int | Sequence[int | None] | None, chosen: np.ndarray) -> Any:
        if seed is None or isinstance(seed, int | np.integer):
            return None if seed is None else int(seed) + chosen
        if len(seed) != self.num_envs:
            raise InputError(f"seed has {len(seed)} entries, expected one for each of {self.num_envs} worlds")
        given = [seed[number] for number in chosen]
        if any(value is None for value in given):
            if not all(value is None for value in given):
                raise InputError("give a seed to each world that is reset, or to none")
            return None
        return np.array(given, np.int64)


def action_space_of(simulator: Simulator) -> gymnasium.Space[Any]:
    """One controlled car's actions: a meta-action, or controls."""
    rules = simulator.place.rules
    if not rules.continuous:
        return gymnasium.spaces.Discrete(len(META_ACTIONS))
    return gymnasium.spaces.Box(-1.0, 1.0, (int(rules.longitudinal) + int(rules.lateral),), np.float32)
