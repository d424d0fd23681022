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
from drive_gen.language.caption import OF
from drive_gen.language.facts import KINDS, PHASES, SPEEDS, speed_band
from drive_gen.language.read_episode import phase_of
from drive_gen.language.read_scene import kind_of
from drive_gen.language.sight import Seen, Sight, Watched, clip_of, seen_of, watched


@dataclass(frozen=True, eq=False)
class Clips:
    """N clips and what is to be said of them."""

    frames: np.ndarray  # (N, F, H, W, 3) uint8
    seen: tuple[Seen, ...]
    objects: tuple[np.ndarray, ...] = ()  # of each clip as `objects_of` gives it

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


def objects_of(seen: Watched) -> np.ndarray:
    """Everybody in the picture at its start, (K, 5 + deeds) float32.

    Metres ahead and to the right of the ego; numbers of kind, role and band of speed; and of each deed the
    part of the clip in which it is done first, 0 where it is not.
    """
    clip, ego = seen.clip, seen.clip.ego
    assert ego is not None
    start = clip.scene(0)
    away = start.position_m.astype(np.float64) - start.position_m[ego]
    heading = float(start.heading_rad[ego])
    found = np.zeros((clip.agents, 5 + len(OF["what"])), np.float32)
    found[:, 0] = away @ (np.cos(heading), np.sin(heading))
    found[:, 1] = away @ (-np.sin(heading), np.cos(heading))
    found[:, 2] = [KINDS.index(kind_of(start, agent)) for agent in range(clip.agents)]
    found[:, 3] = [OF["who"].index(name) for name in seen.names]
    found[:, 4] = [SPEEDS.index(speed_band(float(speed))) for speed in start.speed_mps]
    for one in reversed(seen.found):  # the first of a kind is written last
        found[one.agent, 5 + OF["what"].index(one.what)] = 1 + PHASES.index(phase_of(one.time_s, clip))
    return found


def drivers_of(episode: Episode, sight: Sight, others: int, seed: int) -> list[int]:
    """Agents to be the ego: its own, and up to `others` more, by seed, who are there throughout."""
    frames = round(sight.duration_s / episode.dt_s) + 1
    there = np.flatnonzero(episode.valid[:, :frames].all(1) & ~episode.crashed[:, 0])
    there = there[there != episode.ego]
    draws = np.random.default_rng(np.random.SeedSequence([seed, *b"driver"]))
    chosen = draws.choice(there, min(others, len(there)), replace=False)
    return [int(episode.ego or 0), *chosen.tolist()]


def look_of(number: int, place: int, look: float, effects: tuple[str, ...], native: float) -> Look:
    """How the clip of an episode from one of its cars looks, by their numbers."""
    draws = np.random.default_rng(np.random.SeedSequence([number, place, *b"caption"]))
    plain = draws.random() < native or look == 0
    return NATIVE if plain else draw_look(int(draws.integers(2**31)), look, effects)


def clips_of(episodes: Iterable[Episode], sight: Sight, look: float = 0.0, others: int = 0,
             effects: tuple[str, ...] = ("palette", "texture", "noise"), native: float = 0.5,
             on_episode: Callable[[], None] = lambda: None) -> Clips:
    """Clips of episodes: a share `native` in the native look, the others in looks up to a strength.

    `others` more clips an episode are seen from other cars: who is ahead or to the left is another then.
    """
    roads, frames, seen, objects = OneRoad({}), [], [], []
    for number, given in enumerate(episodes):
        episode = roads.of(given)
        for place, driver in enumerate(drivers_of(episode, sight, others, number)):
            followed = replace(episode, ego=driver)
            how = look_of(number, place, look, effects, native)
            frames.append(looked_at(film_of(followed, sight, how), sight))
            scene = watched(followed, sight)
            seen.append(seen_of(scene))
            objects.append(objects_of(scene))
        on_episode()
    if not frames:
        raise InputError("no episode to describe")
    return Clips(np.stack(frames), tuple(seen), tuple(objects))
