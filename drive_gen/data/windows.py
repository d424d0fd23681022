"""Training windows: K decisions of one agent, with what it saw, did, should have done, and got."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from drive_gen.data.progress import progress_bar
from drive_gen.data.store import iterate_episodes, read_index
from drive_gen.envs.actions import (
    CONTROL_SCALE,
    LEFT,
    RIGHT,
    SLOWER,
    TARGET_SPEEDS_MPS,
    frames_per_decision,
    infer_controls,
    infer_meta,
)
from drive_gen.envs.episode import KINDS, Episode
from drive_gen.envs.files import InputError
from drive_gen.envs.geometry import all_leads
from drive_gen.envs.observe import SHAPE, observe
from drive_gen.envs.reward import DISCOUNT, returns_to_go, rewards


@dataclass(frozen=True)
class WindowConfig:
    """What a window is. `target_speeds_mps` is the grid that inferred FASTER and SLOWER step through."""

    steps: int = 20  # K, decisions a window
    decision_s: float = 1.0
    actions: Literal["meta", "continuous"] = "meta"
    target_speeds_mps: tuple[float, ...] = TARGET_SPEEDS_MPS
    agents: Literal["ego", "all", "auto"] = "auto"  # auto: the ego where an episode has one, else all
    min_steps: int = 4  # agents that are there for fewer decisions are left out
    mirror: bool = False  # batches show each window left-right mirrored half of the time
    discount: float = DISCOUNT

    def __post_init__(self) -> None:
        if not 1 <= self.min_steps <= self.steps:
            raise InputError(f"min_steps must be from 1 to steps ({self.steps}), got {self.min_steps}")


class Trajectory(NamedTuple):
    """The n decisions of one agent while it was there."""

    observation: np.ndarray  # (n, 17, 9) float32
    action: np.ndarray  # (n,) int64, or (n, 2) float32 in units of CONTROL_SCALE, within [-1, 1]
    label: np.ndarray  # as action: the advice where there is some, else the action
    label_known: np.ndarray  # (n,) bool
    return_: np.ndarray  # (n, 3) float32, returns to go
    return_known: np.ndarray  # (n,) bool, False up to the last advice: the return is not the teacher's


class Windows(torch.utils.data.Dataset[dict[str, Tensor]]):
    """Every window of K decisions over shared arrays; shorter trajectories give one, padded on the right.

    An item is a dict: observation (K, 17, 9), action and label (K,) int64 or (K, 2) float32, return_ (K, 3),
    and what of it counts: label_known, return_known and valid (K,), zero with all else in the padding.
    `sources` are lists of episodes, of which batches can be mixed in given shares.
    """

    def __init__(self, sources: Sequence[Iterable[Episode]], config: WindowConfig) -> None:
        self.config = config
        counts: list[int] = []  # decisions of each trajectory
        origins: list[int] = []  # source of each trajectory
        found: list[Trajectory] = []
        for origin, episodes in enumerate(sources):
            for episode in episodes:
                for trajectory in trajectories(episode, config):
                    found.append(trajectory)
                    counts.append(len(trajectory.action))
                    origins.append(origin)
        if not found:
            raise InputError(f"no agent in the episodes is there for {config.min_steps} decisions of "
                             f"{config.decision_s} s; collect more, or lower min_steps")
        self.arrays = {name: torch.from_numpy(np.concatenate([getattr(each, name) for each in found]))
                       for name in Trajectory._fields}
        self.starts, self.stops, self.origins = _index(np.array(counts), np.array(origins), config.steps)

    @classmethod
    def read(cls, folders: Path | Sequence[Path], config: WindowConfig, split: str = "train",
             progress: bool = True) -> Windows:
        """The windows of stores' episodes of one split; each folder is a source."""
        paths = [folders] if isinstance(folders, Path) else list(folders)
        counts = [sum(row.split == split for row in read_index(path)) for path in paths]
        if not sum(counts):
            raise InputError(f"no {split} episodes in {', '.join(map(str, paths))}; collect more episodes")
        with progress_bar(shown=progress) as bar:
            task = bar.add_task(f"reading {split} windows", total=sum(counts))

            def counted(path: Path) -> Iterator[Episode]:
                for episode in iterate_episodes(path, split):
                    yield episode
                    bar.advance(task)

            return cls([counted(path) for path in paths], config)

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, item: int) -> dict[str, Tensor]:
        return {name: tensor[0] for name, tensor in self.gather(np.array([range(len(self))[item]])).items()}

    def gather(self, items: np.ndarray) -> dict[str, Tensor]:
        """The windows whose numbers are given, as tensors (B, K, ...)."""
        rows = self.starts[items][:, None] + np.arange(self.config.steps)
        valid = rows < self.stops[items][:, None]
        places = torch.from_numpy(np.minimum(rows, self.stops[items][:, None] - 1))
        batch = {name: array[places] for name, array in self.arrays.items()}
        batch["valid"] = torch.from_numpy(valid)
        if not valid.all():
            for tensor in batch.values():
                tensor[~batch["valid"]] = 0
        return batch

    def batch(self, size: int, generator: np.random.Generator,
              shares: Sequence[float] | None = None) -> dict[str, Tensor]:
        """Windows drawn at random, with replacement; `shares` says how much of a batch each source gives."""
        items = self._draw(size, generator, shares)
        batch = self.gather(items)
        if not self.config.mirror:
            return batch
        return mirrored(batch, torch.from_numpy(generator.random(size) < 0.5))

    def batches(self, size: int, generator: np.random.Generator,
                shares: Sequence[float] | None = None) -> Iterator[dict[str, Tensor]]:
        """Batches without end."""
        while True:
            yield self.batch(size, generator, shares)

    def _draw(self, size: int, generator: np.random.Generator,
              shares: Sequence[float] | None) -> np.ndarray:
        """Numbers of windows; (size,)."""
        if shares is None:
            return generator.integers(len(self), size=size)
        first = np.searchsorted(self.origins, np.arange(len(shares) + 1))  # windows lie by source
        held = np.diff(first)
        weights = np.where(held > 0, np.asarray(shares, dtype=np.float64), 0)
        if first[-1] != len(self) or not weights.sum() > 0:
            raise InputError(f"shares {list(shares)} do not fit sources of {held.tolist()} windows")
        origin = generator.choice(len(shares), size=size, p=weights / weights.sum())
        return np.asarray(first[origin] + generator.integers(held[origin]))


def trajectories(episode: Episode, config: WindowConfig) -> Iterator[Trajectory]:
    """The trajectories of the episode's agents that are long enough."""
    if config.agents == "ego" or (config.agents == "auto" and episode.ego is not None):
        chosen = [] if episode.ego is None else [episode.ego]
    else:
        chosen = np.flatnonzero(episode.kind != KINDS.index("obstacle")).tolist()
    near = all_leads(episode) if len(chosen) > 1 else None
    for agent in chosen:
        for frames in decision_runs(episode, agent, config.decision_s):
            if len(frames) >= config.min_steps:
                paid = rewards(episode, agent, frames, config.decision_s, near.of(agent) if near else None)
                yield _trajectory(episode, agent, frames, paid, config)


def decision_runs(episode: Episode, agent: int, decision_s: float) -> list[np.ndarray]:
    """Frames of an agent's decisions, one array for each time that it is there without a gap.

    Decisions begin with the agent, or in step with those recorded. Each has its whole interval, in which
    only a crash, the last decision's, may happen.
    """
    interval = frames_per_decision(episode, decision_s)
    valid, crashed = episode.valid[agent], episode.crashed[agent]
    runs = []
    for start, stop in np.flatnonzero(np.diff(valid.astype(np.int8), prepend=0, append=0)).reshape(-1, 2):
        known = np.flatnonzero(episode.meta_known[agent, start:stop])
        first = start + (known[0] % interval if len(known) else 0)
        frames = np.arange(first, stop - interval, interval)
        runs.append(frames[~crashed[frames]])
    return [frames for frames in runs if len(frames)]


def mirrored(batch: dict[str, Tensor], flip: Tensor) -> dict[str, Tensor]:
    """The windows (B, K, ...) with left and right exchanged where `flip` (B,) is True."""
    turned = dict(batch)
    mirrors = {"observation": mirror_observation, "action": mirror_action, "label": mirror_action}
    for name, mirror in mirrors.items():
        turned[name] = batch[name].clone()
        turned[name][flip] = mirror(batch[name][flip])
    return turned


def mirror_observation(observation: Tensor) -> Tensor:
    """What the mirrored driver sees on the mirrored road; (..., 17, 9), the columns as in `envs.observe`."""
    signs = torch.ones(SHAPE)
    signs[0, [2, 3]] = -1  # heading error, offset
    signs[1:, [2, 4, 5]] = -1  # aside, speed across, heading error
    turned = observation * signs
    turned[..., 0, 4], turned[..., 0, 5] = observation[..., 0, 5], observation[..., 0, 4]  # lanes aside
    return turned


def mirror_action(action: Tensor) -> Tensor:
    """Meta-actions (...) int64 with the sides exchanged, or controls (..., 2) with the steering turned."""
    if action.is_floating_point():
        return action * torch.tensor([1.0, -1.0])
    sides = torch.arange(LEFT, SLOWER + 1)
    sides[[LEFT, RIGHT]] = sides[[RIGHT, LEFT]]
    return sides[action]


def _trajectory(episode: Episode, agent: int, frames: np.ndarray, paid: np.ndarray,
                config: WindowConfig) -> Trajectory:
    """The decisions at the frames given, `paid` (n, 3)."""
    present = np.flatnonzero(episode.valid[:, frames].any(1))  # the others cannot be seen
    seen = observe(episode.only(present), int(np.searchsorted(present, agent)), frames)
    done = _meta_actions(episode, agent, frames, config)
    advised = episode.advice_known[agent, frames]
    followed = ~advised | (episode.advice[agent, frames] == done)
    interval = frames_per_decision(episode, config.decision_s)
    crash = bool(episode.crashed[agent, frames[-1] : frames[-1] + interval + 1].any())
    action, label = done, np.where(advised, episode.advice[agent, frames], done)
    known = np.ones(len(frames), bool)
    if config.actions == "continuous":  # advice is a meta-action, so it labels no control
        scaled = infer_controls(episode, agent, frames, config.decision_s) / np.array(CONTROL_SCALE)
        action = label = np.clip(scaled, -1, 1)
        known = followed
    kind = np.float32 if config.actions == "continuous" else np.int64
    return Trajectory(observation=seen, action=action.astype(kind), label=label.astype(kind),
                      label_known=known, return_=returns_to_go(paid, crash, config.discount),
                      # Hidden for all decisions up to the last advice, not only where the agent did
                      # otherwise: a hidden return would else say that the teacher disagrees, which no driver
                      # can know. After it the teacher drove itself (a handover), and the return is its own.
                      return_known=~np.logical_or.accumulate(advised[::-1])[::-1])


def _meta_actions(episode: Episode, agent: int, frames: np.ndarray, config: WindowConfig) -> np.ndarray:
    """The meta-actions recorded, and those inferred where none are; (n,)."""
    known, recorded = episode.meta_known[agent, frames], episode.meta_action[agent, frames]
    if known.all():
        return np.asarray(recorded)
    inferred = infer_meta(episode, agent, frames, config.target_speeds_mps, config.decision_s)
    return np.where(known, recorded, inferred)


def _index(counts: np.ndarray, origins: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First row of each window, the row after its trajectory's last, and its source; each (windows,)."""
    stops = counts.cumsum()
    windows = np.maximum(counts - steps, 0) + 1  # one at each start; a short trajectory has one
    within = np.arange(windows.sum()) - np.repeat(windows.cumsum() - windows, windows)
    starts = np.repeat(stops - counts, windows) + within
    return starts, np.repeat(stops, windows), np.repeat(origins, windows)
