"""Clips of episodes from above with their captions' facts: drawn once, kept as bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from drive_gen.envs.episode import Episode
from drive_gen.envs.files import InputError
from drive_gen.envs.frames.draw import draw_frame
from drive_gen.envs.frames.looks import NATIVE, Look, draw_look
from drive_gen.envs.frames.views import BirdView
from drive_gen.envs.road import Road
from drive_gen.language.sight import Seen, Sight, clip_of, seen_of


@dataclass(frozen=True, eq=False)
class Clips:
    """N clips and what is to be said of them."""

    frames: np.ndarray  # (N, F, H, W, 3) uint8
    seen: tuple[Seen, ...]

    def __len__(self) -> int:
        return len(self.seen)


def film_of(episode: Episode, sight: Sight, look: Look = NATIVE, times_s: Iterable[float] | None = None
            ) -> np.ndarray:
    """Whole pictures (F, S, S, 3) uint8 of a clip at some times, those that are looked at if not given."""
    clip, view = clip_of(episode, sight), BirdView(sight.size_px, sight.m_per_px, 0.5)
    numbers = [round(time_s / clip.dt_s) for time_s in (sight.times_s if times_s is None else times_s)]
    return np.stack([draw_frame(clip.scene(number), view, look).rgb for number in numbers])


def looked_at(film: np.ndarray, sight: Sight) -> np.ndarray:
    """The part (F, H, W, 3) uint8 of whole pictures (F, S, S, 3) that a network gets."""
    edge = (sight.size_px - sight.aside_px) // 2
    kept = film[:, :, edge : edge + sight.aside_px]
    rows = kept.reshape(len(film), -1, sight.along_px, *kept.shape[2:]).astype(np.uint16)
    return np.asarray((rows.sum(2) + sight.along_px // 2) // sight.along_px, np.uint8)


@dataclass
class OneRoad:
    """The same object for equal roads: a road's grid of pieces is built once an object."""

    known: dict[bytes, Road]

    def of(self, episode: Episode) -> Episode:
        """The episode on the road object that was seen first."""
        name = b"".join(np.asarray(lane.center_m).tobytes() for lane in episode.road.lanes)
        return replace(episode, road=self.known.setdefault(name, episode.road))


def drivers_of(episode: Episode, sight: Sight, others: int, seed: int) -> list[int]:
    """Agents to be the ego: its own, and up to `others` more, by seed, who are there throughout."""
    frames = round(sight.duration_s / episode.dt_s) + 1
    there = np.flatnonzero(episode.valid[:, :frames].all(1) & ~episode.crashed[:, 0])
    there = there[there != episode.ego]
    draws = np.random.default_rng(np.random.SeedSequence([seed, *b"driver"]))
    chosen = draws.choice(there, min(others, len(there)), replace=False)
    return [int(episode.ego or 0), *chosen.tolist()]


def clips_of(episodes: Iterable[Episode], sight: Sight, look: float = 0.0, others: int = 0,
             effects: tuple[str, ...] = ("palette", "texture", "noise"), native: float = 0.5,
             out: Callable[[int], np.ndarray] | None = None,
             on_episode: Callable[[], None] = lambda: None) -> Clips:
    """Clips of episodes: a share `native` in the native look, the others in looks up to a strength.

    `others` more clips an episode are seen from other cars: who is ahead or to the left is another then.
    """
    roads, frames, seen = OneRoad({}), [], []
    for number, given in enumerate(episodes):
        episode = roads.of(given)
        for place, driver in enumerate(drivers_of(episode, sight, others, number)):
            followed = replace(episode, ego=driver)
            draws = np.random.default_rng(np.random.SeedSequence([number, place, *b"caption"]))
            plain = draws.random() < native or look == 0
            how = NATIVE if plain else draw_look(int(draws.integers(2**31)), look, effects)
            frames.append(looked_at(film_of(followed, sight, how), sight))
            seen.append(seen_of(followed, sight))
        on_episode()
    if not frames:
        raise InputError("no episode to describe")
    return Clips(np.stack(frames), tuple(seen))
