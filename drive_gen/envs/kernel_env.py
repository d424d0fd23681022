"""KernelEnv: DriveEnv's straight highways at the kernel's speed, for rollouts, training sets and search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import gymnasium
import numpy as np

from drive_gen.envs.episode import META_ACTIONS, Episode, Scene, make_episode
from drive_gen.envs.files import InputError
from drive_gen.envs.kernel_state import rules_of, state_after, world_of
from drive_gen.envs.kernel_types import IDLE, NO_ACTION, Car, Rules, World
from drive_gen.envs.observe import observe_scene
from drive_gen.envs.policy_step import TRACE, on_road, terminated, traced_step
from drive_gen.envs.vector import DriveEnv
from drive_gen.envs.world import EnvConfig, WorldState

STATE_COLUMNS = TRACE.index("acceleration")


@dataclass
class _Run:
    """One episode on the kernel."""

    begin: WorldState
    world: World
    rules: Rules
    time_s: float
    traces: list[np.ndarray]  # (frames, N, 7) a policy step
    meta: list[int]  # a policy step
    advice: dict[int, int]  # policy step -> META_ACTIONS


class KernelEnv(gymnasium.Env[np.ndarray, Any]):
    """highway-v0 and highway-fast-v0 with meta-actions and IDM traffic, stepped by the kernel.

    A DriveEnv resets the world of a seed, so the episodes are DriveEnv's: the same bits where numpy and the C
    library round alike, float32 roundings of states that agree to about 1e-12 elsewhere. What `roll_out`
    needs of a DriveEnv is here under the same names. A road or traffic that the kernel does not know raises
    InputError.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 (Env's own type)

    def __init__(self, config: EnvConfig | None = None, *, record: bool = True,
                 ego: Literal["policy", "idm"] = "policy", **overrides: Any) -> None:
        self._origin = DriveEnv(config, record=True, ego=ego, **overrides)
        self.config, self.settings = self._origin.config, self._origin.settings
        self.ego, self.record = ego, record
        self.observation_space, self.action_space = self._origin.observation_space, self._origin.action_space
        if self.config.family not in ("highway", "highway-fast"):
            raise InputError(f"the kernel has no {self.config.env}; use DriveEnv, or one of: highway-v0, "
                             "highway-fast-v0")
        self._run: _Run | None = None

    @property
    def decision_s(self) -> float:
        """Seconds between two decisions."""
        return self._origin.decision_s

    @property
    def seed(self) -> int | None:
        """Seed of the present episode."""
        return self._origin.seed

    def reset(self, *, seed: int | None = None,
              options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin the episode of `seed`, the same as highway-env's own; without one, a seed is drawn."""
        from drive_gen.envs.reference import export_state

        observation, info = self._origin.reset(seed=seed, options=options)
        state = export_state(self._origin.stock)
        self._run = _Run(state, world_of(state), rules_of(state, self.settings), state.time, [], [], {})
        return observation, info

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Take one decision; highway-env's reward and ends. With ego="idm" the action is ignored."""
        run = self._running()
        meta = IDLE if self.ego == "idm" else int(action)
        if not 0 <= meta < len(META_ACTIONS):
            raise InputError(f"a meta-action is a number from 0 to {len(META_ACTIONS) - 1}, got {action!r}")
        trace = np.empty((int(run.rules.frames), run.world.size, len(TRACE)))
        reward = traced_step(run.world, run.rules, NO_ACTION if self.ego == "idm" else meta, trace)
        run.time_s += self.decision_s
        run.traces.append(trace)
        run.meta.append(meta)
        ego: Car = run.world[run.rules.ego]
        info = {"speed": float(ego.speed), "crashed": bool(ego.crashed), "action": action,
                "off_road": not on_road(run.world, run.rules)}
        truncated = run.time_s >= self.settings["duration"]
        return self._observe(), float(reward), bool(terminated(run.world, run.rules)), truncated, info

    def advise(self, meta_action: int) -> None:
        """Record what a teacher would do at the present frame."""
        run = self._running()
        run.advice[len(run.meta)] = int(meta_action)

    def world(self) -> tuple[World, Rules]:
        """The kernel's world, to read and to copy, and its rules."""
        run = self._running()
        return run.world, run.rules

    def state(self) -> WorldState:
        """The world now, as `import_state` puts it into highway-env."""
        run = self._running()
        steps = run.begin.steps + len(run.traces) * int(run.rules.frames)
        return state_after(run.begin, run.world, run.time_s, steps)

    def scene(self) -> Scene:
        """The world at this instant; the ego is agent 0."""
        begin, world = self._origin.scene(), self._running().world
        return Scene(position_m=np.stack((world["x"], world["y"]), axis=-1).astype(np.float32),
                     heading_rad=world["heading"].astype(np.float32),
                     speed_mps=world["speed"].astype(np.float32),
                     size_m=begin.size_m, crashed=world["crashed"].copy(), agent_id=begin.agent_id,
                     kind=begin.kind, road=begin.road, ego=begin.ego)

    def episode(self, driver: str, notes: dict[str, Any] | None = None) -> Episode:
        """What has happened since the reset, by whoever is named as the driver."""
        run, begin = self._running(), self._origin.episode(driver, notes)
        world, frames = run.world, int(run.rules.frames)
        steps = len(run.traces) * frames + 1
        trace = np.zeros((steps, world.size, len(TRACE)))
        if run.traces:
            trace[:-1] = np.concatenate(run.traces)
        for column, name in enumerate(TRACE[:STATE_COLUMNS]):
            trace[-1, :, column] = world[name]
        moving = trace.transpose(1, 0, 2)  # (A, T, 7)
        known = np.tile(np.arange(steps) < steps - 1, (world.size, 1))
        decided = {} if self.ego == "idm" else dict(enumerate(run.meta))
        meta, meta_known = _of_ego(decided, world.size, steps, frames)
        advice, advice_known = _of_ego(run.advice, world.size, steps, frames)
        return make_episode(
            moving[..., :2], moving[..., 2], moving[..., 3], begin.size_m, np.ones((world.size, steps), bool),
            crashed=moving[..., 4] > 0, control=moving[..., STATE_COLUMNS:], control_known=known,
            meta_action=meta, meta_known=meta_known, advice=advice, advice_known=advice_known,
            kind=begin.kind, dt_s=begin.dt_s, road=begin.road, source=begin.source, ego=begin.ego)

    def close(self) -> None:
        """Close the environment that resets."""
        self._origin.close()

    def _observe(self) -> np.ndarray:
        scene = self.scene()
        return observe_scene(scene, scene.ego or 0)

    def _running(self) -> _Run:
        if self._run is None:
            raise InputError("call reset() before anything else of a KernelEnv")
        return self._run


def _of_ego(noted: dict[int, int], agents: int, steps: int, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Meta-actions (A, T) and where they are known, from the ego's by policy step."""
    values, known = np.zeros((agents, steps), np.int8), np.zeros((agents, steps), bool)
    for place, action in noted.items():
        values[0, place * frames], known[0, place * frames] = action, True
    return values, known
