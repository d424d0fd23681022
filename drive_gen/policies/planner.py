"""Planner: search with a perfect model of the traffic; the ceiling of every table, and a teacher."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from drive_gen.envs.files import InputError
from drive_gen.envs.kernel_env import KernelEnv
from drive_gen.envs.kernel_state import rules_of, world_of
from drive_gen.envs.kernel_types import Rules, World
from drive_gen.envs.policy_step import step, terminated
from drive_gen.envs.vector import DriveEnv
from drive_gen.policies.policy import State
from drive_gen.policies.search import Search, search_from

Choose = Callable[[World, Rules], int]  # a meta-action for the world as it is


@dataclass
class Planner:
    """Takes the first of the best `depth` meta-actions, found by trying all on a copy of the world.

    It knows what an observation does not tell: every car's parameters and intentions. `caution` is the price,
    in rewards of one step, of a decision that ends closer to another car than `headway_s` or nearer in time
    to contact than `time_to_collision_s`; 0 gives the highest return, and passes by centimetres.
    """

    depth: int = 4
    caution: float = 1.0
    headway_s: float = 0.5
    time_to_collision_s: float = 1.5
    horizon_s: float = 4.0  # rewards after the last action are estimated this far
    gap_m: float = 15.0  # centre to centre, which that estimate keeps
    lane_change_cost: float = 0.05
    change_cost: float = 0.005  # of any action but IDLE, so that the calm one wins a tie

    def __post_init__(self) -> None:
        if not 1 <= self.depth <= 8:
            raise InputError(f"a planner's depth is 1 to 8 decisions, got {self.depth}")
        if min(self.caution, self.headway_s, self.time_to_collision_s, self.lane_change_cost,
               self.change_cost) < 0:
            raise InputError("a planner's costs and times are 0 or more")
        if not self.horizon_s > 0:
            raise InputError(f"a planner's horizon_s is above 0, got {self.horizon_s}")
        self._env: DriveEnv | KernelEnv | None = None

    def attach(self, env: DriveEnv | KernelEnv) -> None:
        """Read the worlds of this environment from now on."""
        self._env = env

    def predict(self, observation: np.ndarray, state: State | None = None,
                episode_start: np.ndarray | None = None, deterministic: bool = False,
                ) -> tuple[np.ndarray, State | None]:
        """The best meta-action, (1,); the observation (1, 17, 9) is ignored, the attached world is read."""
        if self._env is None:
            raise InputError("the planner reads the world itself: call attach(env) before predict")
        if len(observation) != 1:
            raise InputError(f"the planner drives one world at a time, got {len(observation)} observations")
        return np.array([self.plan(*world_in(self._env))[0]]), state

    @property
    def search(self) -> Search:
        """The settings as compiled code takes them."""
        return Search(int(self.depth), float(self.horizon_s), float(self.gap_m), float(self.lane_change_cost),
                      float(self.change_cost), float(self.caution), float(self.headway_s),
                      float(self.time_to_collision_s))

    def plan(self, world: World, rules: Rules) -> tuple[int, float]:
        """The best meta-action of a kernel world, which stays as it is, and its value in rewards."""
        action, value = search_from(world, rules, self.search)
        return int(action), float(value)


# The teacher: it keeps distances at which a learner's small errors are no crash.
CAREFUL = Planner(depth=3, caution=3.0, headway_s=1.0, time_to_collision_s=4.0)


def world_in(env: DriveEnv | KernelEnv) -> tuple[World, Rules]:
    """The present world of an environment, for the kernel, and its rules."""
    if isinstance(env, KernelEnv):
        return env.world()
    from drive_gen.envs.reference import export_state

    state = export_state(env.stock)
    return world_of(state), rules_of(state, env.settings)


def roll_out_world(world: World, rules: Rules, choose: Choose,
                   decisions: int) -> tuple[np.ndarray, np.ndarray]:
    """Drive a kernel world on, in place, until it ends: the actions taken and their rewards, (D,) each."""
    actions: list[int] = []
    rewards: list[float] = []
    while len(actions) < decisions and not terminated(world, rules):
        actions.append(choose(world, rules))
        rewards.append(step(world, rules, actions[-1]))
    return np.array(actions, np.int64), np.array(rewards, np.float64)
