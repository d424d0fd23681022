"""Driving by pictures: a behaviour transformer with eyes, which looks at the worlds it is attached to."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from drive_gen.envs.episode import Episode
from drive_gen.envs.files import InputError
from drive_gen.envs.frames.cells import cells_of
from drive_gen.envs.frames.draw import draw_frame
from drive_gen.envs.frames.looks import NATIVE, Look
from drive_gen.envs.frames.views import BirdView
from drive_gen.envs.simulator.simulator import Simulator
from drive_gen.policies.behavior import BehaviorTransformer
from drive_gen.policies.config import SightConfig, Steering
from drive_gen.policies.driver import BehaviorPolicy
from drive_gen.policies.policy import State


def frames_at(episode: Episode, frame: int, sight: SightConfig, look: Look = NATIVE) -> np.ndarray:
    """What the ego's camera saw up to a frame of an episode, (F, H, W, 3) uint8; the last is that frame.

    Before the episode's first frame the world is taken to have stood still.
    """
    view, gap = _view(sight), round(sight.gap_s / episode.dt_s)
    frames = [max(frame - gap * back, 0) for back in reversed(range(sight.frames))]
    drawn = {number: draw_frame(episode.scene(number), view, look, episode.ego).rgb for number in set(frames)}
    return np.stack([drawn[number] for number in frames])


def cells_at(episode: Episode, frame: int, sight: SightConfig) -> np.ndarray:
    """Facts of the cells of the last of those frames, (rows, columns, FACTS) float16: envs/frames/cells.py."""
    return cells_of(episode.scene(frame), _view(sight), sight.patch_px)


class SeeingPolicy:
    """A BehaviorPolicy that is shown frames of the attached worlds; the observations given are ignored."""

    def __init__(self, policy: BehaviorPolicy, look_of: Callable[[int], Look] = lambda seed: NATIVE) -> None:
        sight = policy.config.sight
        if sight is None:
            raise InputError("this behaviour transformer reads observations and no pictures")
        self.policy, self.sight, self.look_of = policy, sight, look_of
        self.config, self.steering, self.sampling = policy.config, policy.steering, policy.sampling
        self._env: Any = None

    def attach(self, env: Any) -> None:
        """Look at the worlds of a Simulator, a SimulatorEnv or a DriveEnv, which must record, from now on."""
        self._env = env

    def predict(self, observation: np.ndarray, state: State | None = None,
                episode_start: np.ndarray | None = None, deterministic: bool = False,
                ) -> tuple[np.ndarray, State | None]:
        """Actions (W,) or (W, 2) for the first W attached worlds, and the state to hand back."""
        if self._env is None:
            raise InputError("an image policy looks at the world itself: call attach(env) before predict")
        frames = np.stack([self._seen(world) for world in range(len(observation))])
        return self.policy.predict(frames, state, episode_start, deterministic)

    def _seen(self, world: int) -> np.ndarray:
        episode: Episode = (self._env.episode(world, "sight") if isinstance(self._env, Simulator)
                            else self._env.episode("sight"))
        return frames_at(episode, episode.steps - 1, self.sight, self.look_of(episode.source.seed or 0))


def policy_of(model: BehaviorTransformer, steering: Steering) -> BehaviorPolicy | SeeingPolicy:
    """Who drives by a network: as it is, or with eyes where the network reads pictures."""
    policy = BehaviorPolicy(model, steering)
    return SeeingPolicy(policy) if model.config.sight else policy


@lru_cache(maxsize=8)
def _view(sight: SightConfig) -> BirdView:
    return BirdView(sight.height_px, sight.m_per_px, sight.behind, width_px=sight.width_px)
