"""Windows to predict in: what a car saw and how it moved up to now, and where it then went."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from drive_gen.envs.episode import KINDS, Episode
from drive_gen.envs.files import InputError
from drive_gen.envs.kinematics import wrap
from drive_gen.envs.observe import observe
from drive_gen.generate.scenes import resample
from drive_gen.predict.config import PredictorConfig

Batch = dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class Windows:
    """N windows over shared rows of cars' frames, n in all."""

    observation: np.ndarray  # (n, 17, 9) float32, as in envs.observe
    motion: np.ndarray  # (n, 4) float64: x, y [m], heading [rad], speed [m/s] in the world
    starts: np.ndarray  # (N,) first row of each
    groups: np.ndarray  # (N,) str: the episodes' groups, which splits and intervals go by
    history_frames: int
    future_frames: int

    def __len__(self) -> int:
        return len(self.starts)

    def take(self, places: np.ndarray) -> Windows:
        """The windows whose numbers are given, over the same rows."""
        return Windows(self.observation, self.motion, self.starts[places], self.groups[places],
                       self.history_frames, self.future_frames)

    def gather(self, places: np.ndarray) -> Batch:
        """observation (B, H, 17, 9), motion (B, H, 4) and future (B, F, 2) in the frame of the car now.

        That frame has its origin in the car's centre at the last frame of the history, x along its heading
        and y to its right; it does not move.
        """
        steps = self.history_frames + self.future_frames
        rows = self.starts[places][:, None] + np.arange(steps)
        moved = in_frame_of(self.motion[rows], self.history_frames - 1)
        past, future = np.split(moved, [self.history_frames], axis=1)
        return {"observation": torch.from_numpy(self.observation[rows[:, : self.history_frames]]),
                "motion": torch.from_numpy(past.astype(np.float32)),
                "future": torch.from_numpy(future[..., :2].astype(np.float32))}


def in_frame_of(motion: np.ndarray, frame: int) -> np.ndarray:
    """Motion (B, T, 4) in the axes that the car has at one frame; (B, T, 4)."""
    now = motion[:, frame : frame + 1]
    away = motion[..., :2] - now[..., :2]
    cosine, sine = np.cos(now[..., 2]), np.sin(now[..., 2])
    return np.stack((away[..., 0] * cosine + away[..., 1] * sine, away[..., 1] * cosine - away[..., 0] * sine,
                     wrap(motion[..., 2] - now[..., 2]), motion[..., 3]), axis=-1)


def windows_of(episodes: Sequence[Episode], config: PredictorConfig, stride: int = 2,
               most: int | None = None, seed: int = 0) -> Windows:
    """Every window in which a car is there throughout and has not crashed, or `most` of them at random.

    Beginnings of one car's windows are `stride` frames apart. Of a car's rows only those are made that a
    window needs.
    """
    steps = config.history_frames + config.future_frames
    fine = [resample(episode, config.dt_s) for episode in episodes]
    index = [(number, agent, start) for number, episode in enumerate(fine)
             for agent, start in starts_of(episode, steps, stride)]
    if not index:
        raise InputError(f"none of the {len(fine)} episodes has {(steps - 1) * config.dt_s:.1f} s of one car "
                         "without a crash; collect longer episodes")
    if most is not None and len(index) > most:
        keep = np.random.default_rng(seed).choice(len(index), most, replace=False)
        index = [index[place] for place in np.sort(keep)]
    seen, motion, starts, rows = [], [], [], 0
    cars: dict[tuple[int, int], list[int]] = {}
    for number, agent, start in index:
        cars.setdefault((number, agent), []).append(start)
    for (number, agent), begins in cars.items():
        first, last = min(begins), max(begins) + steps
        part = motion_of(fine[number], agent)[first:last]
        seen.append(observe(fine[number], agent, np.arange(first, last)))
        motion.append(part)
        starts += [rows + begin - first for begin in begins]
        rows += len(part)
    groups = np.array([fine[number].source.group for (number, _), begins in cars.items() for _ in begins])
    return Windows(np.concatenate(seen), np.concatenate(motion), np.array(starts), groups,
                   config.history_frames, config.future_frames)


def starts_of(episode: Episode, steps: int, stride: int) -> Iterator[tuple[int, int]]:
    """(agent, first frame) of every window of so many frames."""
    for agent in np.flatnonzero(episode.kind != KINDS.index("obstacle")):
        fit = episode.valid[agent] & ~episode.crashed[agent]
        if len(fit) < steps:
            continue
        there = np.convolve(fit, np.ones(steps), "valid").round()  # frames of each window
        yield from ((int(agent), int(start)) for start in np.flatnonzero(there == steps)[::stride])


def motion_of(episode: Episode, agent: int) -> np.ndarray:
    """x, y, heading and speed of one agent at every frame; (T, 4) float64."""
    return np.column_stack((episode.position_m[agent], episode.heading_rad[agent],
                            episode.speed_mps[agent])).astype(np.float64)
