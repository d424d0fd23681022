"""SimulatorParallelEnv: one world with several controlled cars, as PettingZoo's ParallelEnv."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from pettingzoo import ParallelEnv

from drive_gen.envs.observe import SHAPE
from drive_gen.envs.simulator.simulator import Simulator
from drive_gen.envs.simulator.types import IDLE
from drive_gen.envs.simulator.vector_env import action_space_of
from drive_gen.envs.vector import BOUND
from drive_gen.envs.world import EnvConfig


class SimulatorParallelEnv(ParallelEnv[str, np.ndarray, Any]):  # type: ignore[misc]
    """Agents car_0, car_1, ... are the controlled cars in highway-env's order.

    Each gets the reward that highway-env would give it as the ego. A car that has crashed, or is through, is
    terminated and leaves `agents`; its body stays on the road and keeps its last targets. The episode ends
    with the last of them, or for all at the time limit.
    """

    metadata: dict[str, Any] = {"name": "drive_gen", "render_modes": [], "is_parallelizable": True}  # noqa: RUF012

    def __init__(self, config: EnvConfig | None = None, **overrides: Any) -> None:
        self.simulator = Simulator(config, 1, threads=1, **overrides)
        self.possible_agents = [f"car_{number}" for number in range(self.simulator.agents)]
        self.agents: list[str] = []
        self.render_mode = None
        self.observation_spaces = {agent: self.simulator.observation_space for agent in self.possible_agents}
        self.action_spaces = {agent: action_space_of(self.simulator) for agent in self.possible_agents}

    def observation_space(self, agent: str) -> gymnasium.Space[Any]:
        """(17, 9), the same for all."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> gymnasium.Space[Any]:
        """A meta-action or controls, the same for all."""
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None,
              options: dict[str, Any] | None = None) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Begin the episode of a seed; without one, the world goes on with its own generator."""
        seen = self.simulator.reset(None if seed is None else [seed])[0].copy()
        self.agents = list(self.possible_agents)
        return self._of_agents(seen), {agent: {} for agent in self.agents}

    def step(self, actions: Mapping[str, Any]) -> tuple[
            dict[str, np.ndarray], dict[str, float], dict[str, bool], dict[str, bool], dict[str, Any]]:
        """One policy step of the agents that are left."""
        result = self.simulator.step(self._actions(actions))
        late = result.truncated.item()
        reward, through = self.simulator.judge(0)
        seen = self._of_agents(result.observation[0].copy())
        rewards, terminations = self._of_agents(reward.tolist()), self._of_agents(through.tolist())
        truncations = {agent: late and not terminations[agent] for agent in self.agents}
        infos: dict[str, Any] = {agent: {} for agent in self.agents}
        self.agents = [agent for agent in self.agents if not (terminations[agent] or late)]
        return seen, rewards, terminations, truncations, infos

    def _actions(self, actions: Mapping[str, Any]) -> np.ndarray:
        """(1, A) or (1, A, K): those who have left are asked nothing new."""
        if self.simulator.place.rules.continuous:
            rest: Any = np.zeros(self.action_spaces[self.possible_agents[0]].shape, np.float32)
        else:
            rest = IDLE
        return np.array([[actions.get(agent, rest) for agent in self.possible_agents]])

    def _of_agents(self, values: Any) -> dict[str, Any]:
        """The entries of those who are left."""
        return {agent: values[self.possible_agents.index(agent)] for agent in self.agents}
