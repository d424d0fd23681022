"""Planner: search with a perfect model of the traffic; the ceiling of every table, and a teacher."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from drive_gen.envs.files import InputError
from drive_gen.envs.simulator.sharing import share
from drive_gen.envs.simulator.simulator import Simulator
from drive_gen.envs.world import EnvConfig
from drive_gen.policies.policy import State
from drive_gen.policies.search import Search, search_from, search_worlds


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
        self._env: Any = None

    def attach(self, env: Any) -> None:
        """Read the worlds of a Simulator, a SimulatorEnv or a DriveEnv from now on."""
        check_planned(env.config)
        self._env = env

    def predict(self, observation: np.ndarray, state: State | None = None,
                episode_start: np.ndarray | None = None, deterministic: bool = False,
                ) -> tuple[np.ndarray, State | None]:
        """The best meta-actions (W,); the observation (W, 17, 9) is ignored, the attached worlds are read."""
        if self._env is None:
            raise InputError("the planner reads the world itself: call attach(env) before predict")
        simulator = simulator_in(self._env)
        if len(observation) > simulator.worlds:
            raise InputError(f"the planner reads {simulator.worlds} worlds, got {len(observation)} observations")
        chosen = np.zeros(simulator.worlds, np.int64)
        search = self.search
        share(lambda first, last: search_worlds(simulator.cars, simulator.clocks, simulator.place, search, chosen,
                                                first, last), len(observation), simulator.threads, SEARCH_US)
        return chosen[: len(observation)], state

    @property
    def search(self) -> Search:
        """The settings as compiled code takes them."""
        return Search(int(self.depth), float(self.horizon_s), float(self.gap_m), float(self.lane_change_cost),
                      float(self.change_cost), float(self.caution), float(self.headway_s),
                      float(self.time_to_collision_s))

    def plan(self, simulator: Simulator, world: int = 0) -> tuple[int, float]:
        """The best meta-action of one world, which stays as it is, and its value in rewards."""
        clock = simulator.clocks[world : world + 1]
        action, value = search_from(simulator.cars[world], clock, simulator.place, self.search)
        return int(action), float(value)


SEARCH_US = 500.0  # of one world, about
# The teacher: it keeps distances at which a learner's small errors are no crash.
CAREFUL = Planner(depth=3, caution=3.0, headway_s=1.0, time_to_collision_s=4.0)


def simulator_in(env: Any) -> Simulator:
    """The simulator with an environment's present worlds."""
    if isinstance(env, Simulator):
        return env
    if hasattr(env, "simulator"):
        return env.simulator  # type: ignore[no-any-return]
    from drive_gen.envs.reference import export_state

    simulator = _simulator_of(env.config)
    simulator.from_env(0, export_state(env.stock))
    return simulator


@lru_cache(maxsize=8)
def _simulator_of(config: EnvConfig) -> Simulator:
    """One world for the states of a DriveEnv."""
    return Simulator(config, 1, threads=1)


def check_planned(config: EnvConfig) -> None:
    """Refuse worlds that the search cannot judge."""
    if config.family not in ("highway", "highway-fast"):
        raise InputError(f"the planner knows highway-v0 and highway-fast-v0, not {config.env}")
    if config.actions != "meta" or (config.controlled or 1) > 1:
        raise InputError("the planner drives one car by meta-actions; set actions to meta and controlled to 1")
