"""SimulatorEnv: one world of the simulator as a Gymnasium environment, in place of DriveEnv."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import gymnasium
import numpy as np

from drive_gen.envs.episode import ARRAYS, Episode, Scene
from drive_gen.envs.files import InputError
from drive_gen.envs.observe import SHAPE
from drive_gen.envs.simulator.simulator import Simulator
from drive_gen.envs.simulator.vector_env import action_space_of
from drive_gen.envs.vector import BOUND
from drive_gen.envs.world import EnvConfig, WorldState


class SimulatorEnv(gymnasium.Env[np.ndarray, Any]):
    """DriveEnv's worlds, observations, rewards and ends, at the simulator's speed.

    The same bits where numpy and the C library round alike, float32 roundings of states that agree to about
    1e-12 elsewhere. With ego="idm" IDM and MOBIL drive, and actions are ignored.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 (Env's own type)

    def __init__(self, config: EnvConfig | None = None, *, record: bool = False,
                 ego: Literal["policy", "idm"] = "policy", **overrides: Any) -> None:
        self.simulator = Simulator(config, 1, tape=record, ego=ego, threads=1, **overrides)
        if self.simulator.agents > 1:
            raise InputError("SimulatorEnv drives one car; use SimulatorParallelEnv for more")
        self.config, self.settings, self.ego = self.simulator.config, self.simulator.settings, ego
        self.record = record
        self.observation_space = self.simulator.observation_space
        self.action_space = action_space_of(self.simulator)
        self._ready = False
        self._advice: dict[int, int] = {}  # frame -> META_ACTIONS

    @property
    def decision_s(self) -> float:
        """Seconds between two decisions."""
        return self.simulator.decision_s

    @property
    def seed(self) -> int | None:
        """Seed of the present episode."""
        seed = int(self.simulator.seeds[0])
        return None if seed < 0 else seed

    def reset(self, *, seed: int | None = None,
              options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin the episode of `seed`, the same as highway-env's own; without one, a seed is drawn."""
        super().reset(seed=seed)
        chosen = int(self.np_random.integers(2**31)) if seed is None else seed
        seen = self.simulator.reset([chosen])
        self._ready = True
        self._advice.clear()
        return seen[0, 0].copy(), self._info()

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Take one decision; highway-env's reward and ends."""
        self._begun()
        result = self.simulator.step(np.asarray(action)[None])
        return (result.observation[0, 0].copy(), result.reward.item(), result.terminated.item(),
                result.truncated.item(), self._info())

    def advise(self, meta_action: int) -> None:
        """Record what a teacher would do at the present frame."""
        self._advice[int(self.simulator.clocks["steps"][0])] = int(meta_action)

    def state(self) -> WorldState:
        """The world now, as `import_state` puts it into highway-env."""
        self._begun()
        return self.simulator.to_env(0)

    def scene(self) -> Scene:
        """The world at this instant; the ego is agent 0."""
        self._begun()
        return self.simulator.scene(0)

    def episode(self, driver: str, notes: dict[str, Any] | None = None) -> Episode:
        """What has happened since the reset, by whoever is named as the driver; a copy."""
        self._begun()
        return advised(copied(self.simulator.episode(0, driver, notes)), self._advice)

    def _info(self) -> dict[str, Any]:
        results = self.simulator.results
        return {"speed": results.speed.item(), "crashed": results.crashed.item(),
                "off_road": results.off_road.item(), "seed": self.seed}

    def _begun(self) -> None:
        if not self._ready:
            raise InputError("call reset() before anything else of a SimulatorEnv")


def copied(episode: Episode) -> Episode:
    """An episode with memory of its own."""
    return replace(episode, **{name: getattr(episode, name).copy() for name in ARRAYS})


def advised(episode: Episode, advice: dict[int, int]) -> Episode:
    """The episode with a teacher's meta-actions for the ego, by frame."""
    values, known = episode.advice.copy(), episode.advice_known.copy()
    for frame, action in advice.items():
        values[0, frame], known[0, frame] = action, True
    return replace(episode, advice=values, advice_known=known)
